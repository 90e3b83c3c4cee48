"""The differentiable likelihood whose cost is measured is the library's, and so is its slope."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from benchmarks.likelihood_cost import gradient, likelihood, make_batch, relative_variance
from core.flow import make_grid
from tests.tiny import acoustic_model, generator
from tts.likelihood import mel_log_likelihood


@pytest.fixture(scope="module")
def model():
    return acoustic_model()


@pytest.fixture(scope="module")
def batch(model):
    return make_batch(model, [[3, 7, 5], [9, 2]])


def test_differentiable_likelihood_is_that_of_the_library(model, batch):
    """Two ways to the same number: with a graph and without."""
    loss = likelihood(model, batch, 0, 2, "rk4")
    known = mel_log_likelihood(
        model, batch.ids, batch.lengths, batch.log_mel, batch.durations.sum(1),
        make_grid("uniform", 2), "rk4", durations=batch.durations, seeds=[0, 1],
    )  # fmt: skip
    assert float(loss.detach()) == pytest.approx(-float(known.nats_per_dim.mean()), abs=1e-5)


def test_gradient_of_the_likelihood_is_its_slope(model, batch):
    """Central difference along a random direction in all weights, to 2 %."""
    loss = partial(likelihood, model, batch, steps=2, method="euler")
    slope = gradient(model, loss, 0)
    direction = torch.randn(slope.shape, generator=generator(1))

    def moved(distance):
        parts = direction.split([p.numel() for p in model.parameters()])
        with torch.no_grad():
            for parameter, part in zip(model.parameters(), parts, strict=True):
                parameter.add_(distance * part.view_as(parameter))
        return float(loss(0).detach())

    step = 1e-3
    above, below = moved(step), moved(-2 * step)
    moved(step)
    assert (above - below) / (2 * step) == pytest.approx(float(slope @ direction), rel=0.02)


def test_relative_variance_is_that_of_known_noise():
    """Gradients (3, 4) + N(0, 0.5^2) in two dimensions: 0.5 / 25, within 10 %."""

    def drawn(seed):
        return torch.tensor([3.0, 4.0]) + 0.5 * torch.randn(2, generator=generator(seed))

    found, _ = relative_variance(drawn, 2000)
    assert found == pytest.approx(0.5 / 25, rel=0.1)
