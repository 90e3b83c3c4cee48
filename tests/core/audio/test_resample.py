"""Resampling keeps what both rates can hold."""

from __future__ import annotations

import math

import pytest
import torch

from core.audio.resample import resample
from core.errors import InputError


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(48000, 22050), (22050, 16000), (8000, 22050), (44100, 48000)]
)
def test_resampling_a_sine_gives_the_sine_at_the_new_rate(from_hz: int, to_hz: int) -> None:
    """sin(2 pi f n / rate) at either rate; the ends ring and are left out."""
    old = torch.sin(2 * math.pi * 440 / from_hz * torch.arange(from_hz, dtype=torch.float64))
    new = torch.sin(2 * math.pi * 440 / to_hz * torch.arange(to_hz, dtype=torch.float64))
    made = resample(old, from_hz, to_hz)
    assert made.shape == new.shape
    assert made.dtype == torch.float64
    torch.testing.assert_close(made[500:-500], new[500:-500], atol=1e-4, rtol=0)


def test_resampling_removes_what_the_lower_rate_cannot_hold() -> None:
    """A tone of 10 kHz is gone at 16 kHz instead of folding down to 6 kHz."""
    tone = torch.sin(2 * math.pi * 10000 / 48000 * torch.arange(48000, dtype=torch.float64))
    assert float(resample(tone, 48000, 16000)[500:-500].abs().max()) < 1e-3


@pytest.mark.parametrize("samples", [0, 1, 2, 999])
def test_resampled_length_is_the_rounded_ratio(samples: int) -> None:
    """round(L * to / from), also for nothing at all, and for every channel."""
    made = resample(torch.ones(2, 3, samples), 44100, 22050)
    assert made.shape == (2, 3, (samples + 1) // 2)


def test_resampling_to_the_same_rate_changes_nothing() -> None:
    """The very tensor comes back."""
    waveform = torch.rand(100)
    assert resample(waveform, 22050, 22050) is waveform


@pytest.mark.parametrize("rate", [0, -1, 999, 2**31])
def test_absurd_rates_are_refused(rate: int) -> None:
    """No recording has them."""
    with pytest.raises(InputError, match=f"{rate} Hz"):
        resample(torch.zeros(10), rate, 22050)
    with pytest.raises(InputError, match=f"{rate} Hz"):
        resample(torch.zeros(10), 22050, rate)
