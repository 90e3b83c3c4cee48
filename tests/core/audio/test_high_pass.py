"""Rumble goes, speech stays."""

from __future__ import annotations

import numpy as np
import pytest

from core.audio.high_pass import high_pass
from core.errors import InputError

RATE = 22050


@pytest.mark.parametrize("frequency", [15.0, 60.0, 120.0, 1000.0])
def test_tones_keep_their_phase_and_the_amplitude_of_a_butterworth(frequency):
    """1 / (1 + (60 / f)^4) of it, away from the ends."""
    time = np.arange(4 * RATE) / RATE
    tone = np.sin(2 * np.pi * frequency * time + 0.3).astype(np.float32)
    left = high_pass(tone, RATE, 60.0)
    assert left.dtype == np.float32
    middle = slice(RATE, -RATE)
    expected = tone / (1 + (60.0 / frequency) ** 4)
    np.testing.assert_allclose(left[middle], expected[middle], atol=2e-3)


def test_zero_changes_nothing_and_short_sounds_are_no_trouble():
    """Not even the array; a filter needs a few samples to begin with."""
    wave = np.ones(3, dtype=np.float32)
    assert high_pass(wave, RATE, 0.0) is wave
    assert np.isfinite(high_pass(wave, RATE, 60.0)).all()
    assert high_pass(wave[:1], RATE, 60.0).shape == (1,)


@pytest.mark.parametrize("cutoff", [-1.0, 1001.0, float("nan")])
def test_cutoff_out_of_range_is_refused(cutoff):
    """With what is allowed."""
    with pytest.raises(InputError, match="0 to 1000 Hz"):
        high_pass(np.zeros(10), RATE, cutoff)
