"""How far the pitch of a copy is from its original's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from tts.evaluation.extra import need
from tts.evaluation.waveforms import Waveform, require_sound, to_samples

F_MIN_HZ, F_MAX_HZ = 65.0, 600.0
FRAME_SAMPLES, HOP_SAMPLES = 1024, 256
LEAST_SECONDS = 0.1


@dataclass(frozen=True)
class PitchDistance:
    """Two distances between pitch tracks; 0 for equal ones.

    Attributes:
        f0_rmse_cents: Root mean square difference where both are voiced, in cents (100 to a
            semitone); NaN when no frame is voiced in both.
        voicing_error: Share of frames voiced in one and not in the other, 0 to 1.
    """

    f0_rmse_cents: float
    voicing_error: float


def _track(samples: np.ndarray, sample_rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Fundamental frequency in Hz and whether voiced, per frame."""
    frequency, voiced, _ = need("librosa").pyin(
        samples,
        fmin=F_MIN_HZ,
        fmax=F_MAX_HZ,
        sr=sample_rate_hz,
        frame_length=FRAME_SAMPLES,
        hop_length=HOP_SAMPLES,
    )
    return frequency, voiced


def pitch_distance(reference: Waveform, degraded: Waveform, sample_rate_hz: int) -> PitchDistance:
    """Compare pitch tracks frame by frame, as pYIN finds them (Mauch & Dixon 2014).

    Args:
        reference: The original (L,) in [-1, 1], at least 0.1 s.
        degraded: The copy in the same time; what is beyond the shorter one is left out.
        sample_rate_hz: Rate of both, 8,000 to 32,000 Hz, which its frames are made for.

    Raises:
        InputError: A waveform is too short, silent or not finite, or the rate is out of range.
    """
    if not 8_000 <= sample_rate_hz <= 32_000:
        raise InputError(f"the rate is {sample_rate_hz} Hz; pitch needs 8000 to 32000 Hz")
    pair = [to_samples(waveform) for waveform in (reference, degraded)]
    for samples in pair:
        require_sound(samples, sample_rate_hz, LEAST_SECONDS, "pitch")
    length = min(len(samples) for samples in pair)
    (f_one, voiced_one), (f_two, voiced_two) = (
        _track(samples[:length], sample_rate_hz) for samples in pair
    )
    both = voiced_one & voiced_two
    cents = 1200.0 * np.log2(f_two[both] / f_one[both])
    rmse = float(np.sqrt(np.square(cents).mean())) if both.any() else float("nan")
    return PitchDistance(rmse, float((voiced_one != voiced_two).mean()))
