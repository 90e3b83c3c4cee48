"""Logistic densities, entropies and divergences against scipy and quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from core.audio.stft import Stft
from tests.tiny import generator
from vocoder.iaf.losses import (
    cross_entropy,
    log_prob,
    logistic_entropy,
    logistic_log_prob,
    logistic_noise,
    power_loss,
)
from vocoder.iaf.wavenet import Affine


def affine(shift, log_scale, samples=1):
    """One distribution, repeated."""
    ones = torch.ones(1, samples, dtype=torch.float64)
    return Affine(shift * ones, log_scale * ones)


def test_log_density_is_scipys():
    """Also far out in the tails, where the naive formula overflows."""
    z = torch.tensor([-800.0, -30.0, -1.0, 0.0, 0.5, 30.0, 800.0], dtype=torch.float64)
    expected = torch.from_numpy(stats.logistic.logpdf(z.numpy()))
    torch.testing.assert_close(logistic_log_prob(z), expected, rtol=1e-12, atol=0)
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)[None]
    found = log_prob(x, affine(0.4, -0.7, 7))
    expected = stats.logistic.logpdf(x.numpy(), 0.4, math.exp(-0.7))
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=1e-12, atol=0)


def test_noise_has_the_logistic_distribution():
    """Quantile by quantile: Phi(n) is the same probability on both sides; finite in float32."""
    normal = torch.tensor([-5.0, -1.0, 0.0, 0.3, 4.0], dtype=torch.float64)
    expected = stats.logistic.ppf(stats.norm.cdf(normal.numpy()))
    torch.testing.assert_close(logistic_noise(normal), torch.from_numpy(expected))
    assert torch.isfinite(logistic_noise(torch.tensor([-9.0, 9.0]))).all()


@pytest.mark.parametrize("log_scale", [-9.0, -0.5, 0.0, 1.3])
def test_entropy_is_that_of_scipy_and_of_samples(log_scale):
    """ln s + 2, in closed form and by Monte Carlo."""
    found = float(logistic_entropy(torch.tensor(log_scale, dtype=torch.float64)))
    assert found == pytest.approx(stats.logistic.entropy(scale=math.exp(log_scale)), abs=1e-12)
    draws = stats.logistic.rvs(scale=math.exp(log_scale), size=200_000, random_state=0)
    surprise = -stats.logistic.logpdf(draws, scale=math.exp(log_scale))
    error = surprise.std() / math.sqrt(len(draws))
    assert found == pytest.approx(surprise.mean(), abs=4 * error)


def test_cross_entropy_is_the_integral():
    """Adaptive quadrature of -p ln q; the estimate's error falls under a thousandth."""
    p, q = stats.logistic(0.3, math.exp(-0.4)), stats.logistic(-0.5, math.exp(0.6))
    truth, _ = integrate.quad(lambda x: -p.pdf(x) * q.logpdf(x), -40, 40)
    torch.manual_seed(0)
    found = cross_entropy(affine(0.3, -0.4, 2000), affine(-0.5, 0.6, 2000), draws=8)
    assert found.mean().item() == pytest.approx(truth, abs=3e-3)


def test_cross_entropy_of_a_distribution_with_itself_is_its_entropy():
    """So the divergence of equals is zero; its draws are stratified and vary little."""
    torch.manual_seed(0)
    same = affine(0.2, -3.0, 2000)
    divergence = cross_entropy(same, same, draws=16) - logistic_entropy(same.log_scale)
    assert abs(divergence.mean().item()) < 4 * divergence.std().item() / math.sqrt(2000)
    assert divergence.std() < 0.3
    alone = cross_entropy(same, same, draws=1)
    assert alone.std() > 3 * divergence.std()


def test_draws_at_the_ends_stay_finite():
    """In float32 the uniform draws come as close to 0 and 1 as they can."""
    one = Affine(torch.zeros(1, 4), torch.zeros(1, 4))
    zeros = pytest.MonkeyPatch()
    for value in (0.0, 1.0):
        zeros.setattr(torch, "rand", lambda shape, value=value, **_: torch.full(shape, value))
        assert torch.isfinite(cross_entropy(one, one, draws=1)).all()
    zeros.undo()


def test_power_loss_is_in_units_of_white_noise():
    """Against silence: the mean square of a power that is exponential of mean 1, which is 2."""
    stft, deviation = Stft(64, 16), torch.tensor(0.05)
    noise = 0.05 * torch.randn(1, 16 * 4000, generator=generator())
    found = float(power_loss(noise, torch.zeros_like(noise), stft, deviation))
    # The two real bins at the ends have a mean square of 3.
    assert found == pytest.approx((31 * 2 + 2 * 3) / 33, rel=0.05)
    assert float(power_loss(noise, noise, stft, deviation)) == 0
    assert np.isclose(float(power_loss(-noise, noise, stft, deviation)), 0)
