"""How far the mel spectrogram of a copy is from its original's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from core.audio.mel import MelExtractor, MelSpec
from core.errors import InputError
from tts.evaluation.waveforms import Waveform, to_samples

DECIBELS_PER_NEPER = 20.0 / math.log(10.0)


@dataclass(frozen=True)
class MelDistance:
    """Two distances between log mels; 0 for equal ones.

    Attributes:
        log_mel_l1: Mean absolute difference of the natural logs, over bands and frames.
        spectral_db: Root mean square over the bands of the difference in dB, mean over frames.
    """

    log_mel_l1: float
    spectral_db: float


@lru_cache(maxsize=4)
def extractor(spec: MelSpec) -> MelExtractor:
    """The extractor of a contract, made once."""
    return MelExtractor(spec)


def log_mel(waveform: Waveform, spec: MelSpec) -> Tensor:
    """Log mel (n_mels, T) of a waveform (L,) at the contract's rate.

    Raises:
        InputError: The waveform is not one row of finite floats, or empty.
    """
    samples = torch.from_numpy(to_samples(waveform))
    if not len(samples):
        raise InputError("the waveform is empty; a mel needs samples")
    mel: Tensor = extractor(spec)(samples[None])[0]
    return mel


def mel_distance(reference: Waveform, degraded: Waveform, spec: MelSpec) -> MelDistance:
    """Compare the log mels of two waveforms, frame by frame.

    Args:
        reference: The original (L,) in [-1, 1] at the contract's rate.
        degraded: The copy, of the same length to two hops; what is beyond the shorter one's
            frames is left out.
        spec: The contract.

    Raises:
        InputError: A waveform is empty or not finite, or their lengths differ.
    """
    original, copy = log_mel(reference, spec), log_mel(degraded, spec)
    if abs(original.shape[1] - copy.shape[1]) > 2:
        raise InputError(
            f"a mel distance compares a copy with its original, but they have {copy.shape[1]} and "
            f"{original.shape[1]} frames"
        )
    frames = min(original.shape[1], copy.shape[1])
    difference = copy[:, :frames] - original[:, :frames]
    per_frame = difference.square().mean(0).sqrt() * DECIBELS_PER_NEPER
    return MelDistance(float(difference.abs().mean()), float(per_frame.mean()))
