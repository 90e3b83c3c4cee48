"""Mels back to noise and forward again."""

from __future__ import annotations

import pytest
import torch

from tests.tiny import SPEC, acoustic_model, generator
from tts.inversion import invert, regenerate

IDS, LENGTHS = torch.tensor([[3, 1, 4], [9, 2, 0]]), torch.tensor([3, 2])
FRAMES = torch.tensor([21, 15])
OPTIONS = [
    {},
    {"prior_on_mean": True},
    {"prior_on_mean": True, "condition_on_mean": False, "preconditioned": False},
]


def calm_model(**options):
    """A model whose velocity is smooth enough to be solved in a few dozen evaluations."""
    model = acoustic_model(**options)
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.mul_(0.4)
    return model


def mels():
    mask = (torch.arange(21) < FRAMES[:, None])[:, None]
    log_mel = 1.5 * torch.randn(2, SPEC.n_mels, 21, generator=generator()) - 4
    return torch.where(mask, log_mel, 0.0), mask


@pytest.mark.parametrize("options", OPTIONS)
def test_backward_then_forward_agrees_to_the_tolerance(options):
    """rk45 at 1e-5 in the network's float32: the round trip ends within a thousandth."""
    model = calm_model(**options)
    log_mel, mask = mels()
    found = invert(model, IDS, LENGTHS, log_mel, FRAMES, tolerance=1e-5)
    again = regenerate(model, IDS, LENGTHS, found, tolerance=1e-5)
    error = ((again - log_mel) * mask).abs().max() / model.mel_deviation
    assert float(error) < 1e-3
    assert not (found.noise * ~mask).any()
    # It went somewhere on the way.
    assert float((found.noise - model.standardise(log_mel)).abs().mul(mask).max()) > 0.1


def test_noise_of_what_was_synthesised_is_the_noise_it_came_from():
    """A mel made from drawn noise leads back to it."""
    model = calm_model(prior_on_mean=True)
    model.spec = SPEC.model_copy(update={"log_floor": 1e-30})
    durations = torch.full((2, 7), 3)
    durations[1, 5:] = 0
    frames = durations.sum(1)
    made = model.synthesise(
        IDS, LENGTHS, [1, 2], durations=durations, steps=60, method="rk4", temperature=1.0
    )
    found = invert(
        model, IDS, LENGTHS, made.log_mel, frames, durations=durations, steps=60, method="rk4"
    )
    expected = model.white_noise(made.mask, [1, 2])
    torch.testing.assert_close(found.noise, expected, rtol=0, atol=2e-3)


def test_another_speaker_changes_the_mel_and_the_same_does_not():
    """The noise is carried over, around either speaker's mean."""
    model = calm_model(speakers=("ann", "bob"), prior_on_mean=True)
    log_mel, mask = mels()
    ann, bob = torch.tensor([0, 0]), torch.tensor([1, 1])
    found = invert(model, IDS, LENGTHS, log_mel, FRAMES, speaker=ann)
    same = regenerate(model, IDS, LENGTHS, found, speaker=ann)
    other = regenerate(model, IDS, LENGTHS, found, speaker=bob)
    assert float(((same - log_mel) * mask).abs().max()) < 2e-3
    assert float(((other - log_mel) * mask).abs().max()) > 0.05


def test_items_of_a_batch_are_inverted_as_they_are_alone():
    """Padding changes no noise."""
    model = calm_model()
    log_mel = mels()[0].float()
    together = invert(model, IDS, LENGTHS, log_mel, FRAMES, method="rk4", steps=8)
    alone = invert(
        model, IDS[1:, :2], LENGTHS[1:], log_mel[1:, :, :15], FRAMES[1:], method="rk4", steps=8
    )
    torch.testing.assert_close(together.noise[1, :, :15], alone.noise[0], rtol=0, atol=1e-4)
