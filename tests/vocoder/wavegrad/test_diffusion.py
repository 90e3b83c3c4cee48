"""The chain and the ODE against closed forms, with estimates of the noise that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.flow import noise_level_scale, solve
from tests.tiny import generator
from vocoder.wavegrad.diffusion import ancestral, probability_flow
from vocoder.wavegrad.schedules import linear, noise_levels, published, sampling_times

SPREAD = 0.4


def arbitrary(y, level):
    """An estimate of the noise that is nothing but smooth."""
    level = level.reshape(-1, 1)
    return torch.tanh(y * (1 + level)) + 0.3 * torch.sin(7 * y.roll(1, 1)) * (1 - level)


def of_gaussian(y, level):
    """E[eps | y] for data of deviation SPREAD: the covariance of eps and y over y's variance."""
    level = level.reshape(-1, 1)
    noise = 1 - level.square()
    return noise.sqrt() * y / (level.square() * SPREAD**2 + noise)


def ddim(y, betas):
    """Song et al. (2021), equation 12 with eta 0, step by step in numpy's float64."""
    kept = np.cumprod([1.0, *(1 - betas.numpy())])
    for n in range(len(betas), 0, -1):
        noise = arbitrary(y, torch.tensor(kept[n] ** 0.5)).numpy()
        data = (y.numpy() - np.sqrt(1 - kept[n]) * noise) / np.sqrt(kept[n])
        y = torch.from_numpy(np.sqrt(kept[n - 1]) * data + np.sqrt(1 - kept[n - 1]) * noise)
    return y


@pytest.mark.parametrize("steps", [1, 6, 7, 12, 25, 50, 100])
def test_ddim_is_euler_on_the_straight_path(steps):
    """To 1e-12 in float64, for any estimate of the noise."""
    white = torch.randn(3, 40, generator=generator(), dtype=torch.float64)
    times = sampling_times("published", steps)
    start = white / noise_level_scale(times[0])
    euler = solve(probability_flow(arbitrary, 1e-3), start, times, "euler").x
    torch.testing.assert_close(euler, ddim(white, published(steps)), rtol=0, atol=1e-12)


def test_velocity_carries_a_gaussian_to_a_gaussian():
    """The exact field keeps quantiles, so noise of deviation 1 ends SPREAD times as wide."""
    white = torch.randn(2, 9, generator=generator(), dtype=torch.float64)
    nodes = torch.linspace(0.01, 1, 300, dtype=torch.float64)
    deviation = (0.99**2 + 0.01**2 * SPREAD**2) ** 0.5
    end = solve(probability_flow(of_gaussian, 1e-4), deviation * white, nodes, "rk4").x
    torch.testing.assert_close(end, SPREAD * white, rtol=1e-7, atol=0)


def test_field_is_held_before_the_noisiest_level():
    """No division by zero at t = 0: the first step is DDIM's from the noisiest level."""
    white = torch.randn(2, 9, generator=generator(), dtype=torch.float64)
    level = torch.tensor(0.08, dtype=torch.float64)
    noise = arbitrary(white, level)
    data = (white - (1 - level**2).sqrt() * noise) / level
    made = probability_flow(arbitrary, 0.08)(torch.zeros((), dtype=torch.float64), white)
    torch.testing.assert_close(made, data - noise)


def chain_variance(betas):
    """Of the chain's end, by conditioning joint Gaussians of (y_0, y_(n-1), y_n) in numpy.

    The estimate of y_0 is its mean given y_n; each step draws y_(n-1) given y_n and that estimate.
    """
    kept = np.cumprod([1.0, *(1 - betas.numpy())])
    variance = 1.0
    for n in range(len(betas), 0, -1):
        estimate = np.sqrt(kept[n]) * SPREAD**2 / (kept[n] * SPREAD**2 + 1 - kept[n])
        # Given y_0: y_(n-1) has variance v, y_n = sqrt(alpha) y_(n-1) + sqrt(beta) z.
        alpha, v = kept[n] / kept[n - 1], 1 - kept[n - 1]
        covariance = np.array([[v, np.sqrt(alpha) * v], [np.sqrt(alpha) * v, 1 - kept[n]]])
        gain = covariance[0, 1] / covariance[1, 1]
        slope = np.sqrt(kept[n - 1]) * estimate + gain * (1 - np.sqrt(kept[n]) * estimate)
        rest = covariance[0, 0] - gain * covariance[1, 0]
        variance = slope**2 * variance + rest
    return variance


@pytest.mark.parametrize("steps", [1, 6, 25, 100])
def test_chain_of_a_gaussian_has_the_variance_of_its_recursion(steps):
    """The chain is linear here: its end's variance is the sum of squared answers to each draw."""
    betas = published(steps)
    levels = noise_levels(betas).flip(0)
    impulses = torch.eye(
        steps, dtype=torch.float64
    )  # The start, and a draw after all but the last.

    def draw(step):
        return impulses[:, step + 1 : step + 2]

    end = ancestral(of_gaussian, impulses[:, :1], levels, draw, clamp=False)
    assert float(end.square().sum()) == pytest.approx(chain_variance(betas), rel=1e-10)


def test_fine_chain_ends_with_the_variance_of_the_data():
    """On the schedule of training; by the linearity above, from 1000 answers."""
    steps = 1000
    levels = noise_levels(linear(steps)).flip(0)
    impulses = torch.eye(steps, dtype=torch.float64)
    end = ancestral(
        of_gaussian,
        impulses[:, :1],
        levels,
        lambda step: impulses[:, step + 1 : step + 2],
        clamp=False,
    )
    assert float(end.square().sum()) == pytest.approx(SPREAD**2, rel=2e-2)


def test_clamp_holds_every_estimate():
    """With it no end beyond 1; without it there is."""
    white = 3 * torch.randn(2, 50, generator=generator(), dtype=torch.float64)
    levels = noise_levels(published(6)).flip(0)

    def draw(step):
        return torch.zeros_like(white)

    held = ancestral(lambda y, level: 0 * y, white, levels, draw, clamp=True)
    free = ancestral(lambda y, level: 0 * y, white, levels, draw, clamp=False)
    assert held.abs().max() == 1
    assert free.abs().max() > 2


def test_clamped_velocity_differs_only_where_an_estimate_leaves_the_range():
    """There y_0 is 1 or -1, and the noise as it was estimated."""
    white = torch.randn(2, 50, generator=generator(), dtype=torch.float64)
    t = torch.tensor(0.6, dtype=torch.float64)
    level = torch.tensor(0.6 / 0.52**0.5, dtype=torch.float64)
    noise = arbitrary(white / 0.52**0.5, level)
    free, held = (probability_flow(arbitrary, 0.1, clamp=c)(t, white) for c in (False, True))
    left = (free + noise).abs() > 1
    assert 0 < left.sum() < left.numel()
    torch.testing.assert_close(held[~left], free[~left])
    torch.testing.assert_close((held + noise)[left], (free + noise)[left].sign())


def test_last_step_adds_no_noise():
    """A draw after all steps but the last."""
    asked = []

    def draw(step):
        asked.append(step)
        return torch.zeros(1, 4, dtype=torch.float64)

    start = torch.zeros(1, 4, dtype=torch.float64)
    ancestral(arbitrary, start, noise_levels(published(6)).flip(0), draw, clamp=True)
    assert asked == [0, 1, 2, 3, 4]
