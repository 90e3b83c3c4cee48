"""Taking noise out of mels."""

from __future__ import annotations

import math

import torch

from tests.tiny import acoustic_model, generator
from tts.denoising import NoiseReduction


def reduction(*levels):
    made = NoiseReduction(len(levels))
    made.floor.copy_(torch.tensor(levels)[:, None].log())
    return made


def everywhere(mel):
    return torch.ones_like(mel[:, :1], dtype=torch.bool)


def test_powers_of_independent_sounds_are_taken_apart():
    """Speech of amplitude 3 and noise of amplitude 4 add up to 5: subtracted, 3 is left."""
    together = torch.tensor([[[math.log(5.0)]]])
    left = reduction(4.0)(together, 1.0, everywhere(together))
    torch.testing.assert_close(left.exp(), torch.tensor([[[3.0]]]))


def test_noise_alone_keeps_a_tenth():
    """20 dB less, not silence: where nothing but noise is, also with more than all of it gone."""
    mel = torch.tensor([[[0.5, 0.1]]]).log()
    left = reduction(0.5)(mel, 4.0, everywhere(mel))
    torch.testing.assert_close(left.exp(), torch.tensor([[[0.05, 0.01]]]))


def test_nothing_is_taken_without_noise_or_strength():
    """Exactly nothing: of an unmeasured corpus, and at strength 0."""
    mel = torch.randn(2, 3, 7, generator=generator())
    assert torch.equal(NoiseReduction(3)(mel, 16.0, everywhere(mel)), mel)
    assert torch.equal(reduction(1.0, 2.0, 3.0)(mel, 0.0, everywhere(mel)), mel)


def test_power_that_is_kept_is_averaged_over_five_frames():
    """Around one frame of noise in clean speech each of five frames loses a fifth of its power; at
    the edge there are fewer to share it."""
    mel = torch.full((1, 1, 12), 1e6).log()
    mel[0, 0, [0, 6]] = -20.0
    change = (reduction(1.0)(mel, 1.0, everywhere(mel)) - mel)[0, 0].mul(2).exp()
    noisy, clean = 0.1**2, 1.0
    expected = torch.tensor([(noisy + 2 * clean) / 3, (noisy + 3 * clean) / 4])
    torch.testing.assert_close(change[:2], expected)
    fifth = torch.full((5,), (noisy + 4 * clean) / 5)
    torch.testing.assert_close(change[4:9], fifth)
    torch.testing.assert_close(change[9:], torch.ones(3))


def test_padding_does_not_change_what_is_real():
    """An utterance beside a longer one comes out as it does alone."""
    mel = torch.randn(1, 3, 9, generator=generator())
    made = reduction(1.0, 0.5, 2.0)
    alone = made(mel, 1.0, everywhere(mel))
    padded = torch.nn.functional.pad(mel, (0, 4), value=-3.0)
    mask = everywhere(padded) & (torch.arange(13) < 9)
    torch.testing.assert_close(made(padded, 1.0, mask)[..., :9], alone)


def test_noise_is_the_quietest_twentieth_of_real_frames_by_band():
    """Of levels 1 to 100 in each band, shuffled, that is 5; padding does not count."""
    order = torch.randperm(100, generator=generator())
    levels = torch.stack([order + 1.0, 1000.0 * (order.flip(0) + 1)])
    mel = torch.cat([levels, torch.full((2, 40), 1e-5)], dim=1).log().reshape(2, 2, 70)
    mel = mel.transpose(0, 1)
    mask = torch.ones(2, 1, 70, dtype=torch.bool)
    mask[1, 0, 30:] = False
    made = NoiseReduction(2)
    made.measure_corpus(mel, mask)
    torch.testing.assert_close(made.floor.exp(), torch.tensor([[5.0], [5000.0]]))


def test_model_takes_out_its_own_corpus_s_noise():
    """What it says with a strength is what it says without, reduced."""
    model = acoustic_model()
    model.noise_reduction.floor.fill_(0.0)
    ids, lengths = torch.tensor([[3, 4, 5]]), torch.tensor([3])
    plain = model.synthesise(ids, lengths, [0], denoise=0.0).log_mel
    made = model.synthesise(ids, lengths, [0], denoise=2.0).log_mel
    floor = math.log(model.spec.log_floor)
    truth = model.noise_reduction(plain, 2.0, everywhere(plain)).clamp_min(floor)
    assert (made - plain).abs().max() > 0.1
    unfloored = plain > floor + 1e-3
    torch.testing.assert_close(made[unfloored], truth[unfloored])
