"""Mel-consistent sampling."""

from __future__ import annotations

import itertools

import pytest
import torch

from core.audio.stft import Stft
from tests.tiny import SPEC, generator, waveform
from vocoder.consistency import impose_mel, mel_consistent
from vocoder.envelope import MelEnvelope

ENVELOPE = MelEnvelope(SPEC)
STFT = Stft(SPEC.n_fft, SPEC.hop_samples)
FRAMES = 40


def speech(seed=0):
    return torch.from_numpy(waveform(FRAMES * SPEC.hop_samples, seed))[None]


def noise(seed=0, batch=1):
    return 0.1 * torch.randn(batch, FRAMES * SPEC.hop_samples, generator=generator(seed))


def log_mel(wave):
    """Of the STFT itself, whose frames at the ends see zeros and no mirror image."""
    return (ENVELOPE.bank @ STFT(wave).abs()).clamp_min(SPEC.log_floor).log()


def distance(wave, wanted):
    return float((log_mel(wave) - wanted).abs().mean())


@pytest.mark.parametrize("momentum", [0.0, 0.95])
def test_rounds_bring_the_mel_closer(momentum):
    """From noise, the log-mel distance falls with the rounds, to a fraction of what it was."""
    wanted = log_mel(speech())
    rounds = (0, 1, 4, 16, 64)
    made = [impose_mel(noise(), wanted, ENVELOPE, STFT, n, momentum) for n in rounds]
    distances = [distance(wave, wanted) for wave in made]
    assert all(b < a for a, b in itertools.pairwise(distances)), distances
    assert distances[-1] < 0.15 * distances[0]


def test_momentum_gets_there_in_fewer_rounds():
    """Going past each projection converges faster than stopping at it."""
    wanted = log_mel(speech())
    plain, fast = (
        distance(impose_mel(noise(), wanted, ENVELOPE, STFT, 30, momentum), wanted)
        for momentum in (0.0, 0.95)
    )
    assert fast < plain


@pytest.mark.parametrize("momentum", [0.0, 0.95])
def test_consistent_waveform_is_left_alone(momentum):
    """A waveform that already has the wanted mel is a fixed point."""
    wave = speech()
    kept = impose_mel(wave, log_mel(wave), ENVELOPE, STFT, 5, momentum)
    torch.testing.assert_close(kept, wave, rtol=0, atol=1e-5)


def test_no_rounds_return_the_waveform():
    """Zero rounds are the identity."""
    wave = noise()
    assert torch.equal(impose_mel(wave, log_mel(speech()), ENVELOPE, STFT, 0, 0.95), wave)


def test_one_round_scales_a_louder_copy_down():
    """Twice the waveform has twice the mel: the first round halves it."""
    # A tone of bin 8 has nothing in the bins of DC and of half the rate, which no band covers.
    wave = 0.3 * torch.sin(torch.pi / 4 * torch.arange(FRAMES * 16))[None]
    halved = impose_mel(2 * wave, log_mel(wave), ENVELOPE, STFT, 1, 0.0)
    inner = slice(64, -64)
    torch.testing.assert_close(halved[:, inner], wave[:, inner], rtol=0, atol=1e-5)


def test_bins_without_a_band_keep_their_level():
    """A tone above f_max is neither raised nor lowered by a mel that cannot know it."""
    spec = SPEC.model_copy(update={"f_max_hz": 2000.0})
    envelope = MelEnvelope(spec)
    time = torch.arange(FRAMES * 16) / 8000
    tone = 0.2 * torch.sin(2 * torch.pi * 3500 * time)[None]
    wanted = torch.full((1, 6, FRAMES), 1.0)
    kept = impose_mel(tone, wanted, envelope, STFT, 3, 0.0)
    bin_of_tone = 28
    before, after = (STFT(x).abs()[0, bin_of_tone, 4:-4] for x in (tone, kept))
    torch.testing.assert_close(after, before, rtol=0.02, atol=0)


def test_silence_stays_finite():
    """Neither a silent waveform nor a silent mel divides by zero."""
    floor = torch.full((1, 6, FRAMES), SPEC.log_floor).log()
    for wave, wanted in ((0 * noise(), log_mel(speech())), (noise(), floor)):
        assert torch.isfinite(impose_mel(wave, wanted, ENVELOPE, STFT, 10, 0.95)).all()


def test_padded_item_is_treated_as_alone():
    """Rounds on a padded batch equal rounds on each item."""
    frames = 25
    wanted = torch.cat([log_mel(speech()), log_mel(speech(1))])
    wave = noise(batch=2)
    wave[1, frames * 16 :] = 0
    mask = (torch.arange(FRAMES) < torch.tensor([[FRAMES], [frames]]))[:, None]
    together = impose_mel(wave, wanted, ENVELOPE, STFT, 5, 0.95, mask)
    alone = impose_mel(wave[1:, : frames * 16], wanted[1:, :, :frames], ENVELOPE, STFT, 5, 0.95)
    torch.testing.assert_close(together[1, : frames * 16], alone[0], rtol=0, atol=1e-5)
    assert together[1, frames * 16 :].abs().max() == 0


@pytest.mark.parametrize("time", [0.0, 0.5, 0.99, 1.0])
def test_no_rounds_leave_the_velocity_alone(time):
    """x + (1 - t) v, uncorrected, leads back to v."""
    velocity = noise(3)
    field = mel_consistent(
        lambda t, x: velocity, log_mel(speech()), ENVELOPE, STFT, rounds=0, momentum=0.0
    )
    torch.testing.assert_close(field(torch.tensor(time), noise()), velocity, rtol=0, atol=1e-4)


@pytest.mark.parametrize("time", [0.0, 0.5, 0.9])
def test_corrected_velocity_leads_to_the_corrected_endpoint(time):
    """x + (1 - t) u' is what the rounds make of x + (1 - t) v; t may be one an item."""
    wanted, x, velocity = log_mel(speech()), noise(), noise(3)
    field = mel_consistent(lambda t, x: velocity, wanted, ENVELOPE, STFT, rounds=4, momentum=0.5)
    corrected = field(torch.tensor(time), x)
    endpoint = impose_mel(x + (1 - time) * velocity, wanted, ENVELOPE, STFT, 4, 0.5)
    torch.testing.assert_close(x + (1 - time) * corrected, endpoint, rtol=0, atol=1e-5)
    torch.testing.assert_close(field(torch.tensor([time]), x), corrected)
