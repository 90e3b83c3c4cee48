"""Another sample rate for the same sound."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from core.errors import InputError

MIN_RATE_HZ, MAX_RATE_HZ = 1000, 384000


def check_rate(sample_rate_hz: int, where: str = "sample_rate_hz") -> None:
    """Refuse a sample rate that no recording has.

    Raises:
        InputError: The rate lies outside 1,000 to 384,000 Hz; `where` names it.
    """
    if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
        raise InputError(
            f"{where} is {sample_rate_hz} Hz; allowed: {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz"
        )


def resample(waveform: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """Change the sample rate with soxr's high-quality filter; not differentiable.

    Args:
        waveform: (..., L) float.
        from_hz: Its rate.
        to_hz: The rate wanted.

    Returns:
        (..., round(L * to_hz / from_hz)) of the same type and device; the very waveform when the
        rates are equal.

    Raises:
        InputError: A rate lies outside 1,000 to 384,000 Hz.
    """
    check_rate(from_hz, "from_hz")
    check_rate(to_hz, "to_hz")
    if from_hz == to_hz:
        return waveform
    import soxr

    samples = (2 * waveform.shape[-1] * to_hz + from_hz) // (2 * from_hz)
    source = waveform.detach().to("cpu", torch.float32)
    rows = source.reshape(math.prod(waveform.shape[:-1]), waveform.shape[-1]).numpy()
    out = np.zeros((len(rows), samples), dtype=np.float32)
    for row, target in zip(rows, out, strict=True):
        made = soxr.resample(row, from_hz, to_hz)[:samples]
        target[: len(made)] = made
    return torch.from_numpy(out).to(waveform).reshape(*waveform.shape[:-1], samples)
