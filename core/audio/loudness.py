"""Loudness as ears judge it (ITU-R BS.1770-4), measured and brought to a target."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from torch import Tensor

from core.audio.resample import check_rate
from core.errors import InputError

BLOCK_SECONDS = 0.4
MAX_PEAK = 0.99

WaveT = TypeVar("WaveT", Tensor, np.ndarray)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gain:
    """What brings a waveform to a loudness.

    Attributes:
        factor: To multiply the waveform with.
        lufs: Loudness before; minus infinity for silence, which keeps factor 1.
        limited: Whether the peak forbade the full gain, so that the result is quieter than wanted.
    """

    factor: float
    lufs: float
    limited: bool


def measure_loudness(waveform: Tensor | np.ndarray, sample_rate_hz: int) -> float:
    """Integrated, gated loudness of a waveform (BS.1770-4, eq. 7).

    Args:
        waveform: (L,). Less than one gating block of 0.4 s is measured as if it went on repeating.
        sample_rate_hz: Its rate.

    Returns:
        LUFS; minus infinity when everything lies under the absolute gate of -70 LUFS.

    Raises:
        InputError: The rate is absurd or the waveform not one-dimensional.
    """
    check_rate(sample_rate_hz)
    samples = _numpy(waveform)
    if not samples.any():
        return -math.inf
    # pyloudnorm imports scipy.signal, which takes longer than most callers live.
    from pyloudnorm import Meter

    block = math.ceil(BLOCK_SECONDS * sample_rate_hz) + 1
    if len(samples) < block:
        samples = np.resize(samples, block)
    with np.errstate(divide="ignore", invalid="ignore"):
        lufs = float(Meter(sample_rate_hz).integrated_loudness(samples))
    return -math.inf if math.isnan(lufs) else lufs


def loudness_gain(
    waveform: Tensor | np.ndarray,
    sample_rate_hz: int,
    target_lufs: float = -23.0,
    max_peak: float = MAX_PEAK,
) -> Gain:
    """The gain that brings a waveform to a loudness without its peak passing a limit.

    Args:
        waveform: (L,).
        sample_rate_hz: Its rate.
        target_lufs: Loudness wanted, -70 to 0.
        max_peak: Largest absolute sample allowed afterwards.

    Returns:
        The gain and what is known about it.

    Raises:
        InputError: The target is out of range, the rate absurd or the waveform not one-dimensional.
    """
    if not -70 <= target_lufs <= 0:
        raise InputError(f"target_lufs is {target_lufs}; allowed: -70 to 0")
    lufs = measure_loudness(waveform, sample_rate_hz)
    if math.isinf(lufs):
        return Gain(1.0, lufs, False)
    factor = 10 ** ((target_lufs - lufs) / 20)
    highest = max_peak / float(np.abs(_numpy(waveform)).max())
    return Gain(min(factor, highest), lufs, factor > highest)


def normalize_loudness(
    waveform: WaveT,
    sample_rate_hz: int,
    target_lufs: float = -23.0,
    max_peak: float = MAX_PEAK,
) -> WaveT:
    """Bring a waveform to a loudness; silence stays silence and no peak passes the limit.

    Where the peak forbids the full gain, the result is quieter than wanted and the log says so.

    Args:
        waveform: (L,).
        sample_rate_hz: Its rate.
        target_lufs: Loudness wanted, -70 to 0.
        max_peak: Largest absolute sample allowed afterwards.

    Returns:
        (L,), of the same kind and type.

    Raises:
        InputError: As `loudness_gain`.
    """
    gain = loudness_gain(waveform, sample_rate_hz, target_lufs, max_peak)
    if gain.limited:
        reached = gain.lufs + 20 * math.log10(gain.factor)
        _log.info(
            "loudness %.1f LUFS instead of %.1f, to keep the peak at %.2f",
            reached,
            target_lufs,
            max_peak,
        )
    scaled: WaveT = waveform * gain.factor
    return scaled


def _numpy(waveform: Tensor | np.ndarray) -> np.ndarray:
    samples = waveform.detach().cpu().numpy() if isinstance(waveform, Tensor) else waveform
    if samples.ndim != 1:
        raise InputError(f"a waveform of shape {tuple(samples.shape)} is not mono: give (L,)")
    return np.asarray(samples, dtype=np.float64)
