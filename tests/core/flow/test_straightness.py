"""Straightness against the Gaussian oracle, whose paths are known in closed form."""

from __future__ import annotations

import math

import pytest
import torch

from core.errors import InputError
from core.flow import (
    GaussianOracle,
    bends,
    equal_straightness_grid,
    make_grid,
    solve,
    straightness,
)

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


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 0.3), (1.0, 0.5), (-2.0, 3.0)])
def test_bends_of_the_gaussian_flow_have_their_closed_form(mean, deviation):
    """Paths are t m + r(t) x_0 with r^2 = V_t, so S is the integral of r'^2 less (s - 1)^2."""
    oracle = GaussianOracle(mean, deviation)
    fine = torch.linspace(0, 1, 200_001, dtype=torch.float64)
    slopes = oracle.variance(fine).sqrt().diff() / fine.diff()
    excess = float(slopes.square().mean()) - (deviation - 1) ** 2
    x_0 = torch.randn(4, 20_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    squares, whole = bends(oracle.velocity, x_0, 200)
    size = x_0.square().mean(1)
    torch.testing.assert_close(squares.mean(1), excess * size, rtol=1e-3, atol=0)
    displacement = mean**2 + (deviation - 1) ** 2 * size + 2 * mean * (deviation - 1) * x_0.mean(1)
    torch.testing.assert_close(whole, displacement, rtol=1e-3, atol=0)


def test_reflow_makes_the_gaussian_flow_straight():
    """Regression on its pairs, with nothing known of them, finds a field without bends."""
    oracle = GaussianOracle(0.5, 0.3)
    x_0 = torch.randn(4000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x_1 = solve(oracle.velocity, x_0, make_grid("uniform", 50), "rk4").x

    def second(t, x):
        """Least squares of x_1 - x_0 on x_t: exact where all is Gaussian."""
        state, target = x_0 + t * (x_1 - x_0), x_1 - x_0
        offset = state - state.mean()
        slope = (offset * target).sum() / offset.square().sum()
        return target.mean() + slope * (x - state.mean())

    before, after = (bends(field, x_0, 50)[0].mean() for field in (oracle.velocity, second))
    assert before > 0.1
    assert after < 1e-6
    t, x = torch.tensor(0.4, dtype=torch.float64), x_0[:5]
    torch.testing.assert_close(second(t, x), oracle.reflowed_velocity(t, x), rtol=1e-4, atol=1e-4)


def test_reflow_with_a_network_straightens_a_mixture():
    """A network on pairs of the mixture's exact flow bends less, and one step lands nearer."""
    centres, deviation = torch.tensor([[-1.5, 0.0], [1.5, 0.0]]), 0.3

    def exact(t, x):
        variance = (1 - t) ** 2 + (t * deviation) ** 2
        offset = x[:, None] - t * centres
        weight = (-0.5 * offset.square().sum(2, keepdim=True) / variance).softmax(1)
        slope = (t * deviation**2 - (1 - t)) / variance
        return (weight * (centres + slope * offset)).sum(1)

    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(3, 64), torch.nn.SiLU(), torch.nn.Linear(64, 64), torch.nn.SiLU(),
        torch.nn.Linear(64, 2),
    )  # fmt: skip
    x_0 = torch.randn(4096, 2)
    x_1 = solve(exact, x_0, make_grid("uniform", 100), "midpoint").x
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(400):
        batch = torch.randint(len(x_0), (512,))
        t, start, end = torch.rand(512, 1), x_0[batch], x_1[batch]
        guess = network(torch.cat([start + t * (end - start), t], dim=1))
        optimiser.zero_grad()
        (guess - (end - start)).square().mean().backward()
        optimiser.step()

    def second(t, x):
        return network(torch.cat([x, t.expand(len(x), 1)], dim=1)).detach()

    test = torch.randn(2000, 2)
    figures = []
    for field in (exact, second):
        squares, whole = bends(field, test, 50)
        ends = [solve(field, test, make_grid("uniform", n), "euler").x for n in (1, 100)]
        figures.append((squares.mean() / whole.mean(), (ends[0] - ends[1]).square().mean()))
    assert figures[1][0] < 0.5 * figures[0][0]
    assert figures[1][1] < 0.5 * figures[0][1]


def test_bends_of_a_straight_field_are_zero_and_padding_does_not_count():
    """An item's figures are those it has alone."""
    x_0 = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(1))
    squares, whole = bends(lambda t, x: torch.full_like(x, 2.0), x_0, 10)
    assert squares.max() < 1e-10
    torch.testing.assert_close(whole, torch.full((2,), 4.0, dtype=torch.float64))
    mask = torch.ones(2, 1, 8, dtype=torch.bool)
    mask[1, :, 5:] = False
    field = lambda t, x: torch.where(mask[: len(x), :, : x.shape[2]], -x * t, 7.0)  # noqa: E731
    together = bends(field, x_0, 10, mask)
    alone = bends(lambda t, x: -x * t, x_0[1:, :, :5], 10)
    torch.testing.assert_close(together[0][1:], alone[0])
    torch.testing.assert_close(together[1][1:], alone[1])
