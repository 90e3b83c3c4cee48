"""Rumble taken out of recordings."""

from __future__ import annotations

import numpy as np

from core.errors import InputError

ORDER = 2
HIGHEST_HZ = 1000.0


def check_cutoff(cutoff_hz: float, where: str = "cutoff_hz") -> None:
    """Refuse a cutoff that would take out speech.

    Raises:
        InputError: It lies outside 0 to 1,000 Hz; `where` names it.
    """
    if not 0 <= cutoff_hz <= HIGHEST_HZ:
        raise InputError(f"{where} is {cutoff_hz:g} Hz; allowed: 0 to {HIGHEST_HZ:g} Hz")


def high_pass(waveform: np.ndarray, sample_rate_hz: int, cutoff_hz: float) -> np.ndarray:
    """Take out what lies below a frequency; phases stay.

    A Butterworth filter of order 2 runs forwards and backwards: the amplitude at frequency f is
    multiplied by 1 / (1 + (cutoff / f)^4), at the cutoff by a half.

    Args:
        waveform: (L,).
        sample_rate_hz: Its rate.
        cutoff_hz: 0 to 1,000; 0 changes nothing.

    Returns:
        (L,), of the same type.

    Raises:
        InputError: The cutoff is out of range.
    """
    check_cutoff(cutoff_hz)
    if not cutoff_hz:
        return waveform
    # It takes longer to import than most callers live.
    from scipy.signal import butter, sosfiltfilt

    sections = butter(ORDER, cutoff_hz, "highpass", fs=sample_rate_hz, output="sos")
    # A filter's start is mended with the recording's own, of which there may be little.
    padding = min(sample_rate_hz // 10, len(waveform) - 1)
    return np.asarray(sosfiltfilt(sections, waveform, padlen=padding), dtype=waveform.dtype)
