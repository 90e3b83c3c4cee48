"""Straightness against the Gaussian oracle, whose paths are known in closed form."""

from __future__ import annotations

import math

import pytest
import torch

from core.errors import InputError
from core.flow import GaussianOracle, equal_straightness_grid, make_grid, straightness

NOISE = torch.tensor([[1.0, -1.0], [0.5, 2.0]], dtype=torch.float64)


@pytest.mark.parametrize("deviation", [0.2, 1.0, 3.0])
def test_straightness_is_that_of_the_closed_form(deviation):
    """x_t = t m + sqrt(V_t) x_0, so S(t) = |d sqrt(V_t)/dt - (s - 1)| rms(x_0)."""
    oracle = GaussianOracle(0.7, deviation)
    steps = 4000
    found = straightness(oracle.velocity, NOISE, steps)
    t = torch.arange(steps, dtype=torch.float64) / steps
    slope = (t * deviation**2 - (1 - t)) / oracle.variance(t).sqrt()
    size = NOISE.square().mean(1).sqrt().mean()
    torch.testing.assert_close(found, (slope - (deviation - 1)).abs() * size, rtol=0, atol=5e-3)


def test_straight_paths_have_none_and_equal_steps():
    """The reflowed oracle; equal steps are exact."""
    profile = straightness(GaussianOracle(0.7, 0.2).reflowed_velocity, NOISE)
    assert float(profile.max()) < 1e-12
    assert torch.equal(equal_straightness_grid(torch.zeros(100), 7), make_grid("uniform", 7))


@pytest.mark.parametrize("steps", [2, 4])
def test_equal_straightness_grid_of_the_oracle(steps):
    """At s = 1, C(t) = g(t) = 1 - sqrt(V_t) up to 1/2 and 2 g(1/2) - g(t) after it.

    Two steps meet at 1/2 by symmetry; of four, the first ends where g(t) = g(1/2) / 2.
    """
    profile = straightness(GaussianOracle(0.0, 1.0).velocity, NOISE, 4000)
    grid = equal_straightness_grid(profile, steps)
    root = 1 - (1 - math.sqrt(0.5)) / 2
    # (1 - t)^2 + t^2 = root^2.
    quarter = (1 - math.sqrt(2 * root**2 - 1)) / 2
    expected = [0, 0.5, 1] if steps == 2 else [0, quarter, 0.5, 1 - quarter, 1]
    torch.testing.assert_close(grid, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-3)


def test_each_step_has_the_same_share():
    """Of any profile, also where parts of it are 0: the integral over each step is 1 / N."""
    profile = torch.tensor([3.0, 0, 0, 1, 5, 0, 2, 0], dtype=torch.float64)
    grid = equal_straightness_grid(profile, 5)
    assert grid[0] == 0
    assert grid[-1] == 1
    fine = torch.arange(80_000, dtype=torch.float64).add(0.5) / 80_000
    step = torch.bucketize(fine, grid[1:-1])
    mass = profile.repeat_interleave(10_000)
    shares = torch.stack([mass[step == k].sum() for k in range(5)]) / mass.sum()
    torch.testing.assert_close(shares, torch.full_like(shares, 0.2), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "profile", [[], [1.0, math.nan], [1.0, -0.1], [math.inf], [[1.0, 2.0], [1.0, 2.0]]]
)
def test_bad_profile_is_refused(profile):
    """Empty, not finite, negative or no row."""
    with pytest.raises(InputError, match="finite numbers, none negative"):
        equal_straightness_grid(torch.tensor(profile), 4)
