"""Loudness against the standard's own calibration."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest
import torch

from core.audio.loudness import loudness_gain, measure_loudness, normalize_loudness
from core.errors import InputError

RATE = 48000


def tone(seconds: float, amplitude: float = 1.0, frequency_hz: float = 997.0) -> torch.Tensor:
    time = torch.arange(round(seconds * RATE)) / RATE
    return amplitude * torch.sin(2 * math.pi * frequency_hz * time)


def test_a_full_scale_tone_of_997_hz_has_minus_3_lufs() -> None:
    """BS.1770-4, annex 1: 0 dBFS at 997 Hz in one channel reads -3.01 LKFS."""
    assert measure_loudness(tone(2), RATE) == pytest.approx(-3.01, abs=0.05)


def test_loudness_follows_the_gain_in_decibels() -> None:
    """Ten decibels less are ten LUFS less."""
    quiet = measure_loudness(tone(2, 10 ** (-10 / 20)), RATE)
    assert quiet == pytest.approx(measure_loudness(tone(2), RATE) - 10, abs=1e-3)


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.399, 0.4, 0.401, 1.0])
def test_short_clips_are_as_loud_as_long_ones(seconds: float) -> None:
    """Also under the standard's block of 0.4 s."""
    assert measure_loudness(tone(seconds), RATE) == pytest.approx(-3.01, abs=0.3)


@pytest.mark.parametrize("target", [-30.0, -23.0, -16.0])
def test_normalisation_reaches_the_target(target: float) -> None:
    """Measured again, the loudness is the wanted one."""
    made = normalize_loudness(tone(1, 0.03), RATE, target)
    assert measure_loudness(made, RATE) == pytest.approx(target, abs=0.01)


def test_normalisation_keeps_peaks_in_range_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """A quiet noise with one click cannot be made loud; it is not clipped either."""
    caplog.set_level(logging.INFO)
    waveform = 0.001 * torch.randn(RATE, generator=torch.Generator().manual_seed(0))
    waveform[100] = 0.5
    gain = loudness_gain(waveform, RATE, -16.0)
    made = normalize_loudness(waveform, RATE, -16.0)
    assert gain.limited
    assert float(made.abs().max()) == pytest.approx(0.99, abs=1e-6)
    assert "instead of -16.0" in caplog.text
    torch.testing.assert_close(made / made[100], waveform / waveform[100])


@pytest.mark.parametrize("samples", [0, 1, 100, RATE])
def test_silence_is_left_alone(samples: int) -> None:
    """Nothing times any gain is nothing; what matters is that no NaN comes out."""
    silence = torch.zeros(samples)
    assert measure_loudness(silence, RATE) == -math.inf
    assert torch.equal(normalize_loudness(silence, RATE), silence)


def test_sound_under_the_absolute_gate_counts_as_silence() -> None:
    """-70 LUFS is the standard's gate; hiss below it is not blown up."""
    hiss = tone(1, 1e-5)
    assert torch.equal(normalize_loudness(hiss, RATE), hiss)


def test_normalisation_keeps_the_kind_of_array() -> None:
    """numpy in, numpy out, and the type of number stays."""
    made = normalize_loudness(tone(1).numpy(), RATE)
    assert isinstance(made, np.ndarray)
    assert made.dtype == np.float32


@pytest.mark.parametrize("target", [1.0, -71.0, math.nan])
def test_an_absurd_target_is_refused(target: float) -> None:
    """Loudness lies between the gate and full scale."""
    with pytest.raises(InputError, match="target_lufs"):
        normalize_loudness(tone(1), RATE, target)


def test_loudness_of_a_batch_is_refused() -> None:
    """One sound at a time; channels would have to be weighted."""
    with pytest.raises(InputError, match=r"\(2, 100\)"):
        measure_loudness(torch.zeros(2, 100), RATE)
