"""The mel contract: one description and one extractor for every model of the project."""

from __future__ import annotations

import hashlib
import json
import math
from functools import lru_cache

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from core.audio.stft import full_precision, hann_window
from core.config import Config
from core.errors import InputError


class MelSpec(Config):
    """What a log-mel spectrogram is made of; two models fit together when theirs are equal.

    Magnitudes (not powers) through Slaney's mel scale and area normalisation, then the natural log.
    The defaults are the format of HiFi-GAN at 22,050 Hz.

    Attributes:
        sample_rate_hz: Of the waveform.
        n_fft: Length of the Fourier transform in samples.
        hop_samples: From one frame to the next.
        win_samples: Length of the Hann window.
        n_mels: Bands.
        f_min_hz: Lower edge of the lowest band.
        f_max_hz: Upper edge of the highest band.
        log_floor: Smaller mel values are raised to it before the log.
    """

    sample_rate_hz: int = Field(22050, ge=1000, le=384000)
    n_fft: int = Field(1024, ge=16, le=65536)
    hop_samples: int = Field(256, ge=1, le=65536)
    win_samples: int = Field(1024, ge=2, le=65536)
    n_mels: int = Field(80, ge=1, le=1024)
    f_min_hz: float = Field(0.0, ge=0)
    f_max_hz: float = Field(8000.0, gt=0)
    log_floor: float = Field(1e-5, ge=1e-30, le=1)

    @model_validator(mode="after")
    def _check(self) -> MelSpec:
        if not self.f_min_hz < self.f_max_hz <= self.sample_rate_hz / 2:
            raise InputError(
                f"f_min_hz < f_max_hz <= sample_rate_hz / 2 does not hold for "
                f"{self.f_min_hz}, {self.f_max_hz} and {self.sample_rate_hz / 2}"
            )
        if not self.hop_samples + 1 < self.win_samples <= self.n_fft:
            raise InputError(
                f"hop_samples + 1 < win_samples <= n_fft does not hold for "
                f"{self.hop_samples}, {self.win_samples} and {self.n_fft}"
            )
        return self

    def require_same(self, other: MelSpec, ours: str = "this", theirs: str = "the other") -> None:
        """Refuse a partner that speaks another kind of mel.

        Args:
            other: The partner's contract.
            ours: Name of the owner of this one, for the sentence.
            theirs: Name of the partner.

        Raises:
            InputError: A field differs; it is named with both values.
        """
        own, foreign = self.model_dump(), other.model_dump()
        differing = [name for name in own if own[name] != foreign[name]]
        if differing:
            facts = ", ".join(
                f"{name} is {own[name]} in {ours} and {foreign[name]} in {theirs}"
                for name in differing
            )
            raise InputError(f"{ours} and {theirs} do not speak the same mel: {facts}")

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that differ when any field does."""
        canonical = json.dumps(self.model_dump(), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


# Slaney's scale: three mels to every 200 Hz up to 1 kHz, then 27 mels to every factor of 6.4.
_BREAK_HZ = 1000.0
_LINEAR_HZ = 200.0 / 3.0
_LOG_STEP = math.log(6.4) / 27.0


def _to_mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _LINEAR_HZ
    return _BREAK_HZ / _LINEAR_HZ + math.log(hz / _BREAK_HZ) / _LOG_STEP


def _to_hz(mel: np.ndarray) -> np.ndarray:
    beyond = np.maximum(mel - _BREAK_HZ / _LINEAR_HZ, 0.0)
    return np.minimum(mel * _LINEAR_HZ, _BREAK_HZ) * np.exp(_LOG_STEP * beyond)


@lru_cache(maxsize=32)
def _filterbank(spec: MelSpec) -> np.ndarray:
    # librosa has the same, but takes as long to import as PyTorch does.
    ends = _to_mel(spec.f_min_hz), _to_mel(spec.f_max_hz)
    edges = _to_hz(np.linspace(*ends, spec.n_mels + 2))[:, None]
    bins = np.arange(spec.n_fft // 2 + 1) * (spec.sample_rate_hz / spec.n_fft)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    area = 2.0 / (edges[2:] - edges[:-2])
    weights: np.ndarray = np.clip(np.minimum(rising, falling), 0.0, None) * area
    return weights.astype(np.float32)


def mel_filterbank(spec: MelSpec) -> Tensor:
    """Weights of every Fourier bin in every mel band (Slaney's Auditory Toolbox, 1998).

    Args:
        spec: The contract.

    Returns:
        (n_mels, n_fft // 2 + 1) float32, a fresh tensor on the default device.
    """
    return torch.tensor(_filterbank(spec))


class MelExtractor(nn.Module):
    """Waveform to log-mel spectrogram, batched and differentiable.

    The waveform is filled up with zeros to T >= 1 whole hops and by (n_fft - hop) / 2 samples on
    both sides, mirrored as in HiFi-GAN or with zeros when it is too short to mirror. It computes in
    float32 (float64 for float64 input), also under autocast, and holds nothing for a checkpoint.

    Args:
        spec: The contract.
    """

    window: Tensor
    filters: Tensor

    def __init__(self, spec: MelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("window", hann_window(spec.win_samples, spec.n_fft), persistent=False)
        self.register_buffer("filters", mel_filterbank(spec), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Log-mel spectrogram.

        Args:
            waveform: (B, L) in [-1, 1], any L.

        Returns:
            (B, n_mels, max(1, ceil(L / hop))), natural log.
        """
        spec = self.spec
        hops = max(1, -(-waveform.shape[-1] // spec.hop_samples))
        left = (spec.n_fft - spec.hop_samples) // 2
        right = spec.n_fft - spec.hop_samples - left
        with torch.autocast(waveform.device.type, enabled=False):
            x = full_precision(waveform)
            x = functional.pad(x, (0, hops * spec.hop_samples - x.shape[-1]))
            mode = "reflect" if x.shape[-1] > right else "constant"
            x = functional.pad(x, (left, right), mode=mode)
            frames = x.unfold(-1, spec.n_fft, spec.hop_samples) * self.window.to(x.dtype)
            magnitude = torch.fft.rfft(frames).abs().transpose(1, 2)  # (B, n_fft // 2 + 1, T)
            mel: Tensor = self.filters.to(x.dtype) @ magnitude
            return mel.clamp_min(spec.log_floor).log()
