"""The best linear velocity against regression by the joint covariance of everything drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core.flow import LinearPath
from tests.tiny import generator
from tts.velocity import GaussianVelocity

CASES = [(0.0, 0.0, 0.0), (0.0, 0.1, 0.0), (0.2, 0.0, 0.7), (0.0, 0.3, -1.1)]


@pytest.mark.parametrize(("sigma_min", "sigma", "prior_mean"), CASES)
@pytest.mark.parametrize("time", [0.0, 0.35, 0.9, 1.0])
def test_velocity_is_the_regression_of_the_target_on_the_state(sigma_min, sigma, prior_mean, time):
    """Least squares over a symmetric sample with exactly the law's moments.

    Points of (x_1, x_0, eps) at +-sqrt(3) along the axes have mean and covariance of the Gaussian,
    and ordinary least squares sees nothing else.
    """
    mean, deviation = 0.6, 0.8
    points = math.sqrt(3) * np.concatenate([np.eye(3), -np.eye(3)])
    x_1, x_0, eps = mean + deviation * points[:, 0], prior_mean + points[:, 1], points[:, 2]
    state = time * x_1 + (1 - (1 - sigma_min) * time) * x_0 + sigma * eps
    target = x_1 - (1 - sigma_min) * x_0
    design = np.stack([np.ones(6), state], axis=1)
    weights, *_ = np.linalg.lstsq(design, target, rcond=None)
    left = float(np.mean((target - design @ weights) ** 2))

    linear = GaussianVelocity(
        LinearPath(sigma_min), sigma, torch.tensor(deviation**2, dtype=torch.float64), mean,
        prior_mean,
    )  # fmt: skip
    t = torch.tensor(time, dtype=torch.float64)
    x = torch.linspace(-2, 2, 5, dtype=torch.float64)
    found = linear.velocity(t, linear.offset(t, x))
    expected = torch.from_numpy(weights[0] + weights[1] * x.numpy())
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert float(linear.rest(t)) == pytest.approx(math.sqrt(left), rel=1e-9)


def test_state_variance_is_that_of_drawn_states():
    """A million states drawn along the path with noise added, to 1 %."""
    draw = generator(1)
    linear = GaussianVelocity(LinearPath(), 0.4, torch.tensor(0.49))
    x_1, x_0, eps = torch.randn(3, 1_000_000, generator=draw)
    state = 0.3 * 0.7 * x_1 + 0.7 * x_0 + 0.4 * eps
    expected = float(state.var())
    assert float(linear.state_variance(torch.tensor(0.3))) == pytest.approx(expected, rel=0.01)
