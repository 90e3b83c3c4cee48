"""The likelihood of mels: a silent decoder leaves a Gaussian flow, whose density is known."""

from __future__ import annotations

import math

import pytest
import torch

from core.errors import InputError
from core.flow import make_grid
from tests.tiny import SPEC, acoustic_model, generator
from tts.likelihood import mel_log_likelihood

GRID = make_grid("uniform", 12)
IDS = torch.tensor([[3, 7, 5], [9, 2, 0]])
ID_LENGTHS = torch.tensor([3, 2])
FRAMES = torch.tensor([8, 6])
MELS = 1.5 * torch.randn(2, SPEC.n_mels, 8, generator=generator(1)) - 4


def gaussian_model(**changes):
    """A model whose decoder answers nothing: only the best linear velocity is left."""
    model = acoustic_model(**changes)
    torch.nn.init.zeros_(model.decoder.out.weight)
    torch.nn.init.zeros_(model.decoder.out.bias)
    return model


def closed_form(model, durations):
    """Nats (B,) of independent normal elements, from torch.distributions.

    A linear flow ends at the mean m + sigma_min p with variance s^2 + sigma_min^2, p being the
    prior's mean; the standardisation turns that into another normal.
    """
    tokens, lengths = model.with_blanks(IDS, ID_LENGTHS)
    _, mean, mask = model.field(model.encode(tokens, lengths), durations)
    centre = mean + model.config.sigma_min * model.prior_mean(mean)
    deviation = (model.residual_variance + model.config.sigma_min**2).sqrt()
    normal = torch.distributions.Normal(
        model.mel_mean + model.mel_deviation * centre, model.mel_deviation * deviation
    )
    return (normal.log_prob(MELS) * mask).sum((1, 2)).detach()


def durations_with_blanks():
    return torch.tensor([[1, 2, 1, 1, 1, 1, 1], [1, 2, 1, 1, 1, 0, 0]])


@pytest.mark.parametrize("divergence", ["exact", "hutchinson"])
@pytest.mark.parametrize("changes", [{}, {"prior_on_mean": True, "sigma_min": 0.2}], ids=str)
def test_likelihood_of_a_silent_decoder_is_that_of_its_gaussian(divergence, changes):
    """Density of N(mean, variance) a band, in the mel's own units, to 1e-5 of a nat an element."""
    model = gaussian_model(**changes)
    durations = durations_with_blanks()
    result = mel_log_likelihood(
        model, IDS, ID_LENGTHS, MELS, FRAMES, GRID, durations=durations,
        divergence=divergence, probes=2, seeds=[1, 2],
    )  # fmt: skip
    expected = closed_form(model, durations)
    torch.testing.assert_close(result.nats, expected, rtol=0, atol=1e-3)
    elements = SPEC.n_mels * FRAMES
    torch.testing.assert_close(result.bits_per_dim, -expected / elements / math.log(2))
    # The Jacobian is diagonal, and Rademacher probes are exact on such.
    assert float(result.standard_error.max()) < 1e-4


def test_likelihood_with_rk45_agrees_with_the_closed_form():
    """As above, by the adaptive solver."""
    model, durations = gaussian_model(), durations_with_blanks()
    result = mel_log_likelihood(
        model, IDS, ID_LENGTHS, MELS, FRAMES, [0.0, 1.0], "rk45", durations=durations,
        seeds=[1, 2], rtol=1e-6, atol=1e-6,
    )  # fmt: skip
    torch.testing.assert_close(result.nats, closed_form(model, durations), rtol=0, atol=1e-3)


def test_likelihood_takes_the_durations_of_alignment_search():
    """With none given, the Gaussian's density is largest over all ways to hold three tokens.

    Alignment search maximises a unit-variance score, which is the density when s = 1.
    """
    model = gaussian_model(blanks=False)
    model.residual_variance.fill_(1.0)
    one = (IDS[:1], ID_LENGTHS[:1], MELS[:1, :, :5], torch.tensor([5]), [0, 0.5, 1])
    found = mel_log_likelihood(model, *one, seeds=[0])
    splits = [[a, b, 5 - a - b] for a in range(1, 4) for b in range(1, 5 - a)]
    nats = [
        float(mel_log_likelihood(model, *one, durations=torch.tensor([s]), seeds=[0]).nats)
        for s in splits
    ]
    assert float(found.nats) == pytest.approx(max(nats), abs=1e-3)


def run(model, items, frames, seeds, **choices):
    return mel_log_likelihood(
        model, IDS[items], ID_LENGTHS[items], MELS[items], frames, make_grid("uniform", 2),
        seeds=seeds, probes=2, **choices,
    )  # fmt: skip


@pytest.mark.parametrize("divergence", ["exact", "hutchinson"])
def test_likelihood_of_a_batch_equals_singles(divergence):
    """A wakeful model: an item alone, or padded beside a longer one, has the same likelihood."""
    model = acoustic_model()
    together = run(model, slice(0, 2), FRAMES, [4, 9], divergence=divergence)
    alone = mel_log_likelihood(
        model, IDS[1:, :2], ID_LENGTHS[1:], MELS[1:, :, :6], FRAMES[1:], make_grid("uniform", 2),
        seeds=[9], probes=2, divergence=divergence,
    )  # fmt: skip
    for name in ("nats", "bits_per_dim", "standard_error"):
        ours, theirs = getattr(together, name)[1:], getattr(alone, name)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_likelihood_does_not_see_padding():
    """Other values behind the end of an item change nothing."""
    model, spoilt = acoustic_model(), MELS.clone()
    spoilt[1, :, 6:] = 50.0
    seeds, grid = [4, 9], make_grid("uniform", 2)
    clean = mel_log_likelihood(model, IDS, ID_LENGTHS, MELS, FRAMES, grid, seeds=seeds)
    other = mel_log_likelihood(model, IDS, ID_LENGTHS, spoilt, FRAMES, grid, seeds=seeds)
    assert torch.equal(clean.nats, other.nats)


def test_likelihood_runs_in_inference_mode():
    """The same number as outside, from tensors that were made inside."""
    model = acoustic_model()
    outside = run(model, slice(0, 2), FRAMES, [4, 9])
    with torch.inference_mode():
        inside = run(model, slice(0, 2), FRAMES.clone(), [4, 9])
    assert torch.equal(outside.nats, inside.nats)


def test_likelihood_leaves_the_parameters_without_gradients():
    """Only the state is differentiated."""
    model = acoustic_model()
    run(model, slice(0, 2), FRAMES, [4, 9])
    assert all(parameter.grad is None for parameter in model.parameters())


def test_likelihood_of_a_speaker_is_its_own():
    """A model of two voices gives each another density, and needs to be told whose."""
    model = acoustic_model(speakers=("ann", "bob"))
    ann = run(model, slice(0, 2), FRAMES, [4, 9], speaker=torch.tensor([0, 0]))
    bob = run(model, slice(0, 2), FRAMES, [4, 9], speaker=torch.tensor([1, 1]))
    assert float((ann.nats - bob.nats).abs().min()) > 1e-3
    with pytest.raises(InputError, match="2 speakers"):
        run(model, slice(0, 2), FRAMES, [4, 9])


def test_likelihood_refuses_durations_of_another_length():
    """They would score another stretch of the mel."""
    wrong = durations_with_blanks() + 1
    with pytest.raises(ValueError, match=r"sum to \[15, 13\] for \[8, 6\]"):
        run(acoustic_model(), slice(0, 2), FRAMES, [4, 9], durations=wrong)


def test_likelihood_refuses_what_the_solver_refuses():
    """One sentence from below comes through."""
    with pytest.raises(InputError, match="hutchinson needs one seed an item"):
        run(acoustic_model(), slice(0, 2), FRAMES, None)
