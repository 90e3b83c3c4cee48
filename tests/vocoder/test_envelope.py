"""The envelope that a mel implies, against noises whose spectra are known."""

from __future__ import annotations

import math

import pytest
import torch

from core.audio.mel import MelExtractor, MelSpec, mel_filterbank
from core.audio.stft import Stft
from tests.tiny import generator
from vocoder.envelope import MelEnvelope

SPEC = MelSpec(
    sample_rate_hz=8000, n_fft=256, hop_samples=64, win_samples=256, n_mels=16, f_max_hz=4000.0
)
DEVIATION = 0.05
WINDOW_POWER = 3 / 8 * 256
"""A Hann window's energy: white noise of deviation 1 has this mean square in every inner bin."""
INNER = slice(2, -2)


def white(frames, seed=0, batch=1):
    return DEVIATION * torch.randn(batch, 64 * frames, generator=generator(seed))


def steady_mel(waveform):
    """The log of the mean mel: what a long noise has on the average."""
    mel = MelExtractor(SPEC)(waveform).exp().mean(dim=(0, 2), keepdim=True)
    return mel.log()


def mean_square(waveform, n_fft=256):
    return Stft(n_fft, 64)(waveform).abs().square().mean(dim=(0, 2))


def test_envelope_of_white_noise_is_its_mean_magnitude():
    """The mean of a Rayleigh magnitude is sqrt(pi) / 2 of its root mean square."""
    envelope = MelEnvelope(SPEC)(steady_mel(white(1500)))[0, :, 0]
    expected = math.sqrt(math.pi) / 2 * DEVIATION * math.sqrt(WINDOW_POWER)
    torch.testing.assert_close(envelope, torch.full((129,), expected), rtol=0.04, atol=0)


def test_envelope_follows_a_filter():
    """Noise through 1 + z^-1 / 2 has magnitude |1 + e^-iw / 2| times that of white noise."""
    noise = white(1500)
    filtered = noise + 0.5 * torch.nn.functional.pad(noise, (1, 0))[:, :-1]
    envelope = MelEnvelope(SPEC)(steady_mel(filtered))[0, :, 0]
    w = torch.arange(129) * math.pi / 128
    gain = (1.25 + torch.cos(w)).sqrt()
    expected = gain * math.sqrt(math.pi) / 2 * DEVIATION * math.sqrt(WINDOW_POWER)
    # The bands are wide at the top: beside the end of the slope they blur it.
    torch.testing.assert_close(envelope[2:110], expected[2:110], rtol=0.08, atol=0)


def test_measured_gain_turns_magnitudes_into_deviations():
    """On white noise with its steady mel the envelope becomes the root mean square of every bin."""
    noise = white(1500)
    mel = steady_mel(noise).expand(1, -1, 1500)
    envelope = MelEnvelope(SPEC)
    envelope.measure_gain(noise, mel)
    torch.testing.assert_close(envelope(mel)[0, :, 0].square(), mean_square(noise))
    inner = envelope.gain[INNER]
    torch.testing.assert_close(
        inner.mean(), torch.tensor(2 / math.sqrt(math.pi)), rtol=0.02, atol=0
    )


def test_gain_is_measured_where_there_is_sound():
    """Silence between noises says nothing about the ratio of STFT and envelope."""
    noise = white(400)
    mel = steady_mel(noise).expand(1, -1, 400)
    silence = torch.full((1, 16, 400), math.log(SPEC.log_floor))
    alone, mixed = MelEnvelope(SPEC), MelEnvelope(SPEC)
    alone.measure_gain(noise, mel)
    mixed.measure_gain(
        torch.cat([noise, torch.zeros_like(noise)], dim=1), torch.cat([mel, silence], dim=2)
    )
    torch.testing.assert_close(mixed.gain, alone.gain, rtol=0.03, atol=0)


@pytest.mark.parametrize("n_fft", [256, 128])
def test_resized_envelope_fits_a_smaller_transform(n_fft):
    """The mean square of a noise's STFT is proportional to the window's length."""
    noise = white(1500)
    mel = steady_mel(noise).expand(1, -1, 1500)
    envelope = MelEnvelope(SPEC)
    envelope.measure_gain(noise, mel)
    resized = envelope.resize(envelope(mel), n_fft)[0, INNER, 0].square()
    ratio = mean_square(noise, n_fft)[INNER] / resized
    assert float(ratio.mean()) == pytest.approx(1.0, abs=0.02)
    assert float((ratio - 1).abs().max()) < 0.25


def test_resized_envelope_knows_the_window_from_the_transform():
    """With a window of 128 in a transform of 256, frames of 128 have the same mean square."""
    spec = SPEC.model_copy(update={"win_samples": 128})
    envelope = MelEnvelope(spec)
    flat = torch.ones(1, 129, 3)
    torch.testing.assert_close(envelope.resize(flat, 128), torch.ones(1, 65, 3))
    torch.testing.assert_close(envelope.resize(flat, 256), math.sqrt(2) * flat)


def test_uncovered_bins_take_the_nearest_band():
    """DC and the bins above f_max have the envelope of the covered bin next to them."""
    spec = SPEC.model_copy(update={"f_max_hz": 3000.0, "f_min_hz": 200.0})
    module = MelEnvelope(spec)
    assert not module.covered[0]
    assert not module.covered[-1]
    envelope = module(torch.randn(1, 16, 4, generator=generator()))[0]
    inside = module.covered.nonzero().flatten()
    first, last = int(inside[0]), int(inside[-1])
    torch.testing.assert_close(envelope[:first], envelope[first].expand(first, 4))
    torch.testing.assert_close(envelope[last:], envelope[last].expand(129 - last, 4))


@pytest.mark.filterwarnings("ignore:Empty filters")
def test_bands_narrower_than_a_bin_do_not_divide_by_zero():
    """A contract with more bands than its transform can tell apart still has an envelope."""
    spec = SPEC.model_copy(update={"n_mels": 250})
    assert float(mel_filterbank(spec).sum(dim=1).min()) == 0
    module = MelEnvelope(spec)
    envelope = module(torch.full((1, 250, 2), -3.0))
    assert torch.isfinite(envelope).all()
    assert envelope.min() > 0


def test_envelope_is_computed_in_full_precision():
    """bfloat16 autocast does not reach it."""
    module = MelEnvelope(SPEC)
    mel = torch.randn(1, 16, 5, generator=generator())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = module(mel)
    torch.testing.assert_close(half, module(mel), rtol=1e-6, atol=0)
