"""The Gaussian oracle against sampling, integration and search.

x_0 ~ N(0, 1), x_1 ~ N(m, s^2) independent, x_t = (1 - t) x_0 + t x_1.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from core.errors import InputError
from core.flow import GaussianOracle, LinearPath, make_grid, solve

DOUBLE = torch.float64
ORACLES = [GaussianOracle(0.3, 0.1), GaussianOracle(-1.0, 0.5), GaussianOracle(2.0, 3.0)]


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


@pytest.mark.parametrize("oracle", ORACLES, ids=str)
def test_solving_the_velocity_follows_the_flow_map(oracle):
    """rk4 in 512 steps reaches t m + sqrt(V_t) x_0, so x_1 = m + s x_0, to 1e-8."""
    x_0 = randn(5, 3)
    grid = make_grid("uniform", 512)
    solution = solve(oracle.velocity, x_0, grid, "rk4", trajectory=True)
    assert solution.trajectory is not None
    expected = torch.stack([oracle.flow_map(t, x_0) for t in grid])
    torch.testing.assert_close(solution.trajectory, expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(solution.x, oracle.mean + oracle.deviation * x_0, rtol=0, atol=1e-8)


@pytest.mark.parametrize("oracle", ORACLES, ids=str)
def test_flow_map_moves_with_the_velocity(oracle):
    """d/dt of the flow map is the velocity there: the map is the solution, not only near it."""
    t = torch.linspace(0, 1, 11, dtype=DOUBLE)
    x_0 = randn(11, 2)
    x, slope = torch.autograd.functional.jvp(
        lambda time: oracle.flow_map(time, x_0), t, torch.ones_like(t)
    )
    torch.testing.assert_close(oracle.velocity(t, x), slope, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("oracle", ORACLES, ids=str)
def test_one_euler_step_returns_the_mean(oracle):
    """Why one evaluation needs reflow: u(0, x) = m - x."""
    x = solve(oracle.velocity, randn(50, 2), [0.0, 1.0], "euler").x
    torch.testing.assert_close(x, torch.full_like(x, oracle.mean), rtol=0, atol=1e-15)


@pytest.mark.parametrize("oracle", ORACLES, ids=str)
@pytest.mark.parametrize("steps", [1, 3])
def test_reflowed_velocity_is_exact_in_one_euler_step(oracle, steps):
    """v = m + (s - 1)(x - t m) / (1 - t + t s) carries x_0 to m + s x_0 along straight lines."""
    x_0 = randn(20, 2)
    x_1 = oracle.mean + oracle.deviation * x_0
    x = solve(oracle.reflowed_velocity, x_0, make_grid("uniform", steps), "euler").x
    torch.testing.assert_close(x, x_1, rtol=0, atol=4e-15 * max(1, oracle.deviation))
    t = torch.rand(20, generator=torch.Generator().manual_seed(1), dtype=DOUBLE)
    path = LinearPath()
    residual = path.velocity(x_0, x_1, t) - oracle.reflowed_velocity(t, path.sample(x_0, x_1, t))
    assert residual.abs().max() < 2e-14


@pytest.mark.parametrize("oracle", ORACLES, ids=str)
def test_loss_at_a_time_is_what_sampling_measures(oracle):
    """E|x_1 - x_0 - u|^2 = s^2 / V_t, within 4 SE of 200,000 pairs."""
    x_0 = randn(200_000)
    x_1 = oracle.mean + oracle.deviation * randn(200_000, seed=1)
    for time in (0.1, 0.5, 0.9):
        t = torch.tensor(time, dtype=DOUBLE)
        x = (1 - time) * x_0 + time * x_1
        losses = (x_1 - x_0 - oracle.velocity(t, x)).square()
        error = 4 * float(losses.std()) / 200_000**0.5
        assert float(losses.mean()) == pytest.approx(float(oracle.loss(t)), abs=error)


@pytest.mark.parametrize("deviation", [0.1, 1.0, 3.0])
def test_loss_floor_is_half_pi_s(deviation):
    """The mean of s^2 / V_t over uniform t, by the midpoint rule, is pi s / 2."""
    oracle = GaussianOracle(0.0, deviation)
    t = (torch.arange(100_000, dtype=DOUBLE) + 0.5) / 100_000
    assert oracle.loss_floor() == pytest.approx(math.pi * deviation / 2, rel=1e-14)
    assert float(oracle.loss(t).mean()) == pytest.approx(oracle.loss_floor(), rel=1e-7)


@pytest.mark.parametrize(("deviation", "sigma_min"), [(0.5, 0.1), (1.0, 0.3)])
def test_loss_floor_with_noise_left_is_s_times_an_arc_tangent(deviation, sigma_min):
    """Var u - Cov(u, x)^2 / Var x, what the best predictor leaves at a time, over all times.

    The moments are those of the path's own coefficients; times go by the midpoint rule.
    """
    oracle = GaussianOracle(0.0, deviation)
    t = (torch.arange(100_000, dtype=DOUBLE) + 0.5) / 100_000
    path = LinearPath(sigma_min)
    alpha, sigma, a, b = path.alpha(t), path.sigma(t), path.alpha_dot(t), path.sigma_dot(t)
    s2 = deviation**2
    rest = a**2 * s2 + b**2 - (a * alpha * s2 + b * sigma) ** 2 / (alpha**2 * s2 + sigma**2)
    assert float(rest.mean()) == pytest.approx(oracle.loss_floor(sigma_min), rel=1e-7)
    expected = deviation * math.atan(deviation / sigma_min)
    assert oracle.loss_floor(sigma_min) == pytest.approx(expected, rel=1e-14)
    if (deviation, sigma_min) == (0.5, 0.1):
        assert oracle.loss_floor(sigma_min) == pytest.approx(0.6867, abs=5e-5)


@pytest.mark.parametrize("deviation", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("spec", ["uniform", "cosine", "power:1.5"])
@pytest.mark.parametrize("steps", [1, 2, 6])
def test_euler_deviation_is_a_product_of_cosines(deviation, spec, steps):
    """Terminal deviation by running Euler on x_0 = 1 with mean 0: everything is linear."""
    oracle = GaussianOracle(0.0, deviation)
    grid = make_grid(spec, steps)
    x = solve(oracle.velocity, torch.ones(1, 1, dtype=DOUBLE), grid, "euler").x
    assert float(x) == pytest.approx(oracle.euler_deviation(grid), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("deviation", [0.05, 0.1, 0.3, 0.7, 1.0, 2.5])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_equal_angles_reach_s_cos_to_the_n(deviation, steps):
    """On the optimal grid Euler really ends at s cos^N(pi / 2N): 0 for N = 1, s / 2 for N = 2."""
    oracle = GaussianOracle(0.0, deviation)
    x = solve(
        oracle.velocity, torch.ones(1, 1, dtype=DOUBLE), oracle.optimal_grid(steps), "euler"
    ).x
    known = deviation * math.cos(math.pi / (2 * steps)) ** steps
    assert float(x) == pytest.approx(known, rel=1e-12, abs=1e-12)
    assert oracle.optimal_deviation(steps) == pytest.approx(known, rel=1e-14)
    if steps == 2:
        assert float(x) == pytest.approx(deviation / 2, rel=1e-12)


@pytest.mark.parametrize("deviation", [0.1, 1.0, 4.0])
def test_no_random_grid_beats_equal_angles(deviation):
    """200 random grids of 5 steps, some of them close to the best."""
    oracle = GaussianOracle(0.0, deviation)
    generator = torch.Generator().manual_seed(0)
    best = oracle.optimal_deviation(5)
    for trial in range(200):
        noise = torch.rand(5, generator=generator, dtype=DOUBLE)
        increments = oracle.optimal_grid(5).diff() * (1 + noise / (1 + trial % 20))
        nodes = torch.cat([torch.zeros(1, dtype=DOUBLE), increments.cumsum(0)])
        assert oracle.euler_deviation(nodes / nodes[-1]) <= best + 1e-15


def test_grid_of_few_steps_pays_for_data_of_low_variance():
    """s = 0.1, N = 6: uniform .0429, best .0812, truth .1."""
    oracle = GaussianOracle(0.0, 0.1)
    assert oracle.euler_deviation(make_grid("uniform", 6)) == pytest.approx(0.0429, abs=5e-5)
    assert oracle.euler_deviation(oracle.optimal_grid(6)) == pytest.approx(0.0812, abs=5e-5)


def test_log_prob_is_the_normal_density():
    """Against torch.distributions."""
    x = randn(4, 3, 2)
    expected = torch.distributions.Normal(0.3, 0.5).log_prob(x).sum((1, 2))
    torch.testing.assert_close(GaussianOracle(0.3, 0.5).log_prob(x), expected)


def test_small_network_learns_down_to_the_floor():
    """Flow matching with the straight path on N(0.5, 0.5^2) reaches pi s / 2 within 3 %.

    The last 100 losses, on fresh pairs, are compared with those of the exact velocity on the same
    pairs: the shared noise falls out, so 3 % can be told apart.
    """
    torch.manual_seed(0)
    oracle, path = GaussianOracle(0.5, 0.5), LinearPath()
    network = nn.Sequential(
        nn.Linear(2, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1)
    )
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    steps = 500
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    excess, floor = [], oracle.loss_floor()
    for step in range(steps):
        t = (torch.arange(1024) + torch.rand(1024)) / 1024
        x_0 = torch.randn(1024, 1)
        x_1 = oracle.mean + oracle.deviation * torch.randn(1024, 1)
        x, target = path.sample(x_0, x_1, t), path.velocity(x_0, x_1, t)
        loss = (network(torch.cat([x, t[:, None]], dim=1)) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step >= steps - 100:
            best = (oracle.velocity(t, x) - target).square().mean()
            excess.append(float(loss.detach() - best))
    assert -0.01 * floor < sum(excess) / len(excess) < 0.03 * floor


@pytest.mark.parametrize(
    ("mean", "deviation"), [(0.0, 0.0), (0.0, -1.0), (math.nan, 1.0), (0.0, math.inf)]
)
def test_bad_oracle_is_refused(mean, deviation):
    """A deviation above 0 and a finite mean."""
    with pytest.raises(InputError, match="deviation above 0"):
        GaussianOracle(mean, deviation)
