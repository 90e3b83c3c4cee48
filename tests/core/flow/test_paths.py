"""Paths: derivatives against autograd, limits, regression, and the bridge to noise levels."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from core.errors import InputError
from core.flow import (
    CosinePath,
    GaussianOracle,
    LinearPath,
    VariancePreservingPath,
    expand_time,
    noise_level_scale,
    noise_level_to_time,
    noise_to_velocity,
    solve,
    time_to_noise_level,
)

DOUBLE = torch.float64
PATHS = [
    LinearPath(),
    LinearPath(0.1),
    CosinePath(),
    VariancePreservingPath(),
    VariancePreservingPath(1e-3, 10.0),
]
TIMES = torch.linspace(0.01, 0.99, 99, dtype=DOUBLE)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


@pytest.mark.parametrize("path", PATHS, ids=str)
@pytest.mark.parametrize("name", ["alpha", "sigma"])
def test_derivatives_equal_autograd(path, name):
    """alpha_dot and sigma_dot against d/dt of alpha and sigma."""
    t = TIMES.clone().requires_grad_()
    (expected,) = torch.autograd.grad(getattr(path, name)(t).sum(), t)
    torch.testing.assert_close(
        getattr(path, f"{name}_dot")(TIMES), expected, rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_velocity_is_the_derivative_of_the_sample(path):
    """d/dt of x_t for fixed noise and data, one time an item."""
    x_0, x_1 = randn(99, 2, 3), randn(99, 2, 3, seed=1)
    _, expected = torch.autograd.functional.jvp(
        lambda t: path.sample(x_0, x_1, t), TIMES, torch.ones_like(TIMES)
    )
    torch.testing.assert_close(path.velocity(x_0, x_1, TIMES), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_wronskian_is_positive(path):
    """Velocity, data and noise determine one another inside (0, 1)."""
    assert bool((path.wronskian(TIMES) > 0).all())


@pytest.mark.parametrize("sigma_min", [0.0, 0.1])
def test_linear_path_runs_from_noise_to_data(sigma_min):
    """x_0 at t = 0; x_1 + sigma_min x_0 at t = 1; a constant velocity between."""
    path = LinearPath(sigma_min)
    x_0, x_1 = randn(4, 3), randn(4, 3, seed=1)
    start, end = torch.tensor(0.0, dtype=DOUBLE), torch.tensor(1.0, dtype=DOUBLE)
    assert torch.equal(path.sample(x_0, x_1, start), x_0)
    torch.testing.assert_close(path.sample(x_0, x_1, end), x_1 + sigma_min * x_0)
    for t in (start, end):
        torch.testing.assert_close(
            path.velocity(x_0, x_1, t), path.sample(x_0, x_1, end) - path.sample(x_0, x_1, start)
        )


@pytest.mark.parametrize("path", [CosinePath(), *PATHS[3:]], ids=str)
def test_variance_is_preserved(path):
    """alpha^2 + sigma^2 = 1, with data at t = 1."""
    total = path.alpha(TIMES).square() + path.sigma(TIMES).square()
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-14)
    assert float(path.alpha(torch.ones((), dtype=DOUBLE))) == pytest.approx(1)
    assert float(path.sigma(torch.zeros((), dtype=DOUBLE))) == pytest.approx(1, abs=4e-3)


def test_variance_preserving_path_is_wavegrads_schedule():
    """Product of sqrt(1 - beta_n), betas linear from 1e-6 to 1e-2 in 1000 steps, to 1 %."""
    betas = torch.linspace(1e-6, 1e-2, 1000, dtype=DOUBLE)
    levels = (1 - betas).cumprod(0).sqrt()
    t = 1 - torch.arange(1, 1001, dtype=DOUBLE) / 1000
    path = VariancePreservingPath(1e-3, 10.0)
    torch.testing.assert_close(path.alpha(t), levels, rtol=1e-2, atol=0)
    assert bool((path.alpha(TIMES).diff() > 0).all())


@pytest.mark.parametrize("sigma_min", [0.0, 0.1])
@pytest.mark.parametrize("time", [0.1, 0.5, 0.8])
def test_regressing_the_velocity_on_the_state_gives_the_marginal_field(sigma_min, time):
    """Slope of dx_t on x_t is (t s^2 - (1 - sigma) sigma_t) / Var x_t, within 4 SE."""
    mean, deviation, count = 0.5, 0.3, 200_000
    x_0, x_1 = randn(count), mean + deviation * randn(count, seed=1)
    path = LinearPath(sigma_min)
    t = torch.tensor(time, dtype=DOUBLE)
    x, u = path.sample(x_0, x_1, t), path.velocity(x_0, x_1, t)
    slope = float(((x - x.mean()) * (u - u.mean())).mean() / x.var())
    residual = u - u.mean() - slope * (x - x.mean())
    error = float(residual.std() / x.std() / count**0.5)
    left = 1 - (1 - sigma_min) * time
    variance = left**2 + time**2 * deviation**2
    assert slope == pytest.approx(
        (time * deviation**2 - (1 - sigma_min) * left) / variance, abs=4 * error
    )
    if sigma_min == 0:
        oracle = GaussianOracle(mean, deviation)
        points = torch.tensor([0.0, 1.0], dtype=DOUBLE)
        assert float(oracle.velocity(t, points).diff()) == pytest.approx(slope, abs=4 * error)


def test_noise_level_bridge_goes_there_and_back():
    """Time and level are inverse to each other, 0 and 1 fixed."""
    levels = torch.linspace(0, 1, 101, dtype=DOUBLE)
    torch.testing.assert_close(time_to_noise_level(noise_level_to_time(levels)), levels)
    assert noise_level_to_time(levels)[[0, -1]].tolist() == [0, 1]


def test_noise_level_bridge_maps_wavegrads_state_to_the_straight_path():
    """y = l y_0 + sqrt(1 - l^2) eps is the scaled x_t of the straight path."""
    data, noise = randn(50), randn(50, seed=1)
    level = torch.rand(50, generator=torch.Generator().manual_seed(2), dtype=DOUBLE)
    y = level * data + (1 - level**2).sqrt() * noise
    t = noise_level_to_time(level)
    x = LinearPath().sample(noise, data, t)
    torch.testing.assert_close(noise_level_scale(t) * x, y)


def test_wavegrad_network_sampled_as_a_flow_transports_the_gaussian():
    """The optimal noise predictor of N(0, s^2) data, through the bridge, ends with deviation s.

    From level l_0: y = x scale has deviation sqrt(l_0^2 s^2 + 1 - l_0^2), and the flow map is the
    ratio of deviations since everything is linear.
    """
    s = 0.3

    def predicted_noise(y, level):
        rest = (1 - level**2).sqrt()
        return rest * y / (level**2 * s**2 + rest**2)

    def field(t, x):
        noise = predicted_noise(x * noise_level_scale(t), time_to_noise_level(t))
        return noise_to_velocity(x, t, noise)

    t_0 = float(noise_level_to_time(torch.tensor(0.05, dtype=DOUBLE)))
    x_0 = randn(6, 2)
    start = math.sqrt((1 - t_0) ** 2 + t_0**2 * s**2)
    # Up to just before t = 1, where the ratio is that of the deviations there.
    end = 1 - 1e-9
    grid = torch.linspace(t_0, end, 400, dtype=DOUBLE)
    x = solve(field, x_0, grid, "rk4").x
    torch.testing.assert_close(x, x_0 * s / start, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("s", "steps"), [(0.1, 4), (0.5, 6), (2.0, 9)])
def test_euler_in_the_noise_level_is_ddim_and_a_product_of_cosines(s, steps):
    """For y = x_1 + sigma eps, dy / d sigma = eps*: our Euler on decreasing sigmas equals DDIM.

    DDIM in variance-preserving form: y0 = (z - sqrt(1 - abar) eps) / sqrt(abar), then
    sqrt(abar') y0 + sqrt(1 - abar') eps, with z = y sqrt(abar). The end's deviation is s times the
    product of cosines between the (s, sigma_i); equal steps in atan(sigma / s) are the best.
    """
    generator = torch.Generator().manual_seed(steps)
    sigmas = (
        torch.rand(steps + 1, generator=generator, dtype=DOUBLE).sort(descending=True).values * 5
    )
    sigmas[-1] = 0
    start = randn(7, 2)

    def field(sigma, y):
        return sigma * y / (s**2 + sigma**2)

    ours = solve(field, start, sigmas, "euler").x
    z = start / (1 + sigmas[0] ** 2).sqrt()
    for sigma, following in pairwise(sigmas):
        abar, next_abar = 1 / (1 + sigma**2), 1 / (1 + following**2)
        noise = field(sigma, z / abar.sqrt())
        y_0 = (z - (1 - abar).sqrt() * noise) / abar.sqrt()
        z = next_abar.sqrt() * y_0 + (1 - next_abar).sqrt() * noise
    torch.testing.assert_close(ours, z, rtol=0, atol=1e-14)

    def deviation(nodes):
        start_deviation = (s**2 + nodes[:1] ** 2).sqrt().reshape(1, 1)
        return float(solve(field, start_deviation, nodes, "euler").x)

    angles = torch.atan2(sigmas, torch.full_like(sigmas, s))
    assert deviation(sigmas) == pytest.approx(s * float(angles.diff().cos().prod()), rel=1e-12)
    best = s * torch.tan(torch.linspace(float(angles[0]), 0, steps + 1, dtype=DOUBLE))
    assert deviation(best) > deviation(sigmas)


def test_times_are_spread_over_the_items():
    """(B,) becomes (B, 1, 1); a scalar and what is broadcastable already stay."""
    x = torch.zeros(3, 2, 5)
    assert expand_time(torch.zeros(3), x).shape == (3, 1, 1)
    assert expand_time(torch.zeros(1), x).shape == (1, 1, 1)
    assert expand_time(torch.zeros(()), x).shape == ()
    assert expand_time(torch.zeros(3, 1, 1), x).shape == (3, 1, 1)
    with pytest.raises(InputError, match="5 times for a batch of 3"):
        expand_time(torch.zeros(5), x)


@pytest.mark.parametrize("sigma_min", [-0.1, 1.0, math.nan])
def test_bad_sigma_min_is_refused(sigma_min):
    """Allowed is 0 to below 1."""
    with pytest.raises(InputError, match="sigma_min"):
        LinearPath(sigma_min)


@pytest.mark.parametrize("betas", [(-1.0, 2.0), (2.0, 1.0), (0.0, math.inf), (math.nan, 1.0)])
def test_bad_betas_are_refused(betas):
    """Allowed is 0 <= beta_min < beta_max."""
    with pytest.raises(InputError, match="beta_min"):
        VariancePreservingPath(*betas)
