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


def test_powers_of_independent_sounds_are_taken_apart():
    """Speech of amplitude 3 and noise of amplitude 4 add up to 5: subtracted, 3 is left."""
    together = torch.tensor([[[math.log(5.0)]]])
    left = reduction(4.0)(together, 1.0)
    torch.testing.assert_close(left.exp(), torch.tensor([[[3.0]]]))


def test_noise_alone_keeps_a_tenth():
    """20 dB less, not silence: where nothing but noise is, also with more than all of it gone."""
    mel = torch.tensor([[[0.5, 0.1]]]).log()
    left = reduction(0.5)(mel, 4.0)
    torch.testing.assert_close(left.exp(), torch.tensor([[[0.05, 0.01]]]))


def test_nothing_is_taken_without_noise_or_strength():
    """Exactly nothing: of an unmeasured corpus, and at strength 0."""
    mel = torch.randn(2, 3, 7, generator=generator())
    assert torch.equal(NoiseReduction(3)(mel, 16.0), mel)
    assert torch.equal(reduction(1.0, 2.0, 3.0)(mel, 0.0), mel)


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
    truth = model.noise_reduction(plain, 2.0).clamp_min(floor)
    assert (made - plain).abs().max() > 0.1
    unfloored = plain > floor + 1e-3
    torch.testing.assert_close(made[unfloored], truth[unfloored])
