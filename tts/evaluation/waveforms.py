"""Waveforms as the metrics take them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from core.audio.resample import resample
from core.errors import InputError

Waveform: TypeAlias = Tensor | np.ndarray

# The rate of telephone-grade wide band, which recognisers, DNSMOS and PESQ are made for.
SPEECH_RATE_HZ = 16_000
# 16-bit recordings cannot hold anything quieter.
SILENT_PEAK = 2.0**-16


def to_samples(waveform: Waveform) -> np.ndarray:
    """Bring a waveform to one kind of array.

    Args:
        waveform: (L,) floats in [-1, 1]; beyond that it is cut, as a sound card would.

    Returns:
        (L,) float32 in [-1, 1].

    Raises:
        InputError: It is not one-dimensional, not of floats, or not finite.
    """
    array = waveform.detach().cpu().numpy() if isinstance(waveform, Tensor) else waveform
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.floating):
        raise InputError(
            f"a waveform must be one row of floats, not {array.dtype} of shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise InputError("the waveform holds values that are not finite numbers")
    samples: np.ndarray = np.clip(array, -1.0, 1.0).astype(np.float32)
    return samples


def at_speech_rate(waveform: Waveform, sample_rate_hz: int) -> np.ndarray:
    """A waveform at 16 kHz.

    Args:
        waveform: (L,).
        sample_rate_hz: Its rate.

    Returns:
        (about L * 16000 / sample_rate_hz,) float32 in [-1, 1].

    Raises:
        InputError: See `to_samples`; or the rate is absurd.
    """
    samples = torch.from_numpy(to_samples(waveform))
    # Resampling may overshoot what was within the limits.
    return to_samples(resample(samples, sample_rate_hz, SPEECH_RATE_HZ))


def require_sound(
    samples: np.ndarray, sample_rate_hz: int, least_seconds: float, metric: str
) -> None:
    """Refuse what a metric cannot judge.

    Raises:
        InputError: The waveform is empty, shorter than `least_seconds`, or silent.
    """
    if not len(samples):
        raise InputError(f"the waveform is empty; {metric} needs sound")
    seconds = len(samples) / sample_rate_hz
    if seconds < least_seconds:
        raise InputError(
            f"the waveform lasts {seconds:.3f} s; {metric} needs {least_seconds:g} s or more"
        )
    if np.abs(samples).max() < SILENT_PEAK:
        raise InputError(f"the waveform is silent; {metric} needs sound")
