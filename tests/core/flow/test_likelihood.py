"""Likelihood against densities known in closed form; sign, mask and probes each have their test."""

from __future__ import annotations

import math

import pytest
import torch

from core.errors import InputError
from core.flow import (
    GaussianOracle,
    gaussian_log_prob,
    log_likelihood,
    make_grid,
    rademacher_probes,
    seeded_noise,
    solve,
)

DOUBLE = torch.float64
GRID = make_grid("uniform", 64)
ORACLE = GaussianOracle(0.3, 0.5)


def data(*shape, seed=0):
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)
    return ORACLE.mean + ORACLE.deviation * noise


def matrix(size, seed=0):
    """Not symmetric, with a trace of its own."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, size, generator=generator, dtype=DOUBLE) / 2 + torch.eye(size)


def linear(a):
    """u = A x on flattened items: p_1 is N(0, E E^T) with E = exp(A), div u = tr A everywhere."""
    return lambda t, x: (x.flatten(1) @ a.T).reshape(x.shape)


@pytest.mark.parametrize("method", ["rk4", "rk45"])
@pytest.mark.parametrize("divergence", ["exact", "hutchinson"])
def test_gaussian_flow_has_the_normal_density(method, divergence):
    """Sum of log N(x; m, s^2) on a tensor (5, 3, 4), to 1e-6; Rademacher is exact on a diagonal."""
    x = data(5, 3, 4)
    result = log_likelihood(
        ORACLE.velocity,
        x,
        GRID,
        method,
        divergence=divergence,
        probes=3,
        seeds=range(5),
        rtol=1e-9,
        atol=1e-9,
    )
    expected = torch.distributions.Normal(0.3, 0.5).log_prob(x).sum((1, 2))
    torch.testing.assert_close(result.nats, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(result.nats_per_dim, expected / 12, rtol=0, atol=1e-7)
    torch.testing.assert_close(result.bits_per_dim, -expected / 12 / math.log(2), rtol=0, atol=1e-7)
    torch.testing.assert_close(result.standard_error, torch.zeros_like(expected), rtol=0, atol=1e-9)
    torch.testing.assert_close(result.x_0, (x - 0.3) / 0.5, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["rk4", "rk45"])
def test_linear_flow_has_the_density_of_its_matrix(method):
    """x' = A x with a full matrix: N(0, e^A e^A^T), whose log-determinant is twice the trace."""
    a = matrix(6)
    x = data(4, 2, 3)
    transport = torch.linalg.matrix_exp(a)
    expected = torch.distributions.MultivariateNormal(
        torch.zeros(6, dtype=DOUBLE), transport @ transport.T
    ).log_prob(x.flatten(1))
    result = log_likelihood(linear(a), x, GRID, method, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(result.nats, expected, rtol=0, atol=1e-5)


def test_density_of_a_nonlinear_flow_integrates_to_one():
    """u = sin(3 x) + t in one dimension: the density on a line sums to 1."""
    line = torch.linspace(-8, 12, 4001, dtype=DOUBLE)[:, None]
    result = log_likelihood(lambda t, x: torch.sin(3 * x) + t, line, GRID)
    assert float(result.nats.exp().sum() * 20 / 4000) == pytest.approx(1, abs=1e-6)


def test_hutchinson_estimates_without_bias_and_states_its_error():
    """Off-diagonal matrix: the mean over probes is within 4 of its own standard errors."""
    a = matrix(6, seed=3)
    x = data(4, 6)
    grid = make_grid("uniform", 6)
    exact = log_likelihood(linear(a), x, grid)
    estimate = log_likelihood(
        linear(a), x, grid, divergence="hutchinson", probes=400, seeds=[5, 6, 7, 8]
    )
    deviations = (estimate.nats - exact.nats).abs() / estimate.standard_error
    assert float(deviations.max()) < 4
    assert float(deviations.min()) > 1e-3
    assert exact.standard_error.tolist() == [0] * 4
    # The probe is kept through the solve, so the deviation is that of one quadratic form.
    known = (hutchinson_variance(a) / 400) ** 0.5
    assert estimate.standard_error.tolist() == pytest.approx([known] * 4, rel=0.15)


def hutchinson_variance(a):
    """2 (|A_s|_F^2 - sum a_ii^2) with A_s = (A + A^T) / 2."""
    symmetric = (a + a.T) / 2
    return float(2 * (symmetric.square().sum() - symmetric.diagonal().square().sum()))


def test_rademacher_probes_have_the_known_variance():
    """Var of eps^T A eps over 200,000 probes is 2 (|A_s|^2 - sum a_ii^2), within 2 %."""
    a = matrix(6, seed=1)
    probes = rademacher_probes(torch.ones(1, 6, dtype=torch.bool), 200_000, [0]).double()[:, 0]
    assert set(probes.unique().tolist()) == {-1, 1}
    values = ((probes @ a) * probes).sum(1)
    assert float(values.var()) == pytest.approx(hutchinson_variance(a), rel=0.02)
    error = 4 * (hutchinson_variance(a) / 200_000) ** 0.5
    assert float(values.mean()) == pytest.approx(float(a.trace()), abs=error)


def test_one_probe_has_no_known_error():
    """NaN, rather than a zero that would claim exactness."""
    result = log_likelihood(
        linear(matrix(3)), data(2, 3), GRID, divergence="hutchinson", seeds=[1, 2]
    )
    assert bool(result.standard_error.isnan().all())
    assert bool(result.nats.isfinite().all())


def padded(lengths, width=3, seed=0):
    longest = max(lengths)
    mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
    return data(len(lengths), width, longest, seed=seed) * mask[:, None], mask[:, None]


def smoothing(mask=None):
    """A convolution over time, so that padding would leak if it were let."""
    kernel = torch.randn(3, 3, 3, generator=torch.Generator().manual_seed(1), dtype=DOUBLE) / 3

    def field(t, x):
        inside = x if mask is None else x * mask
        drift = t.reshape(-1, 1, 1) + 0.5 * x
        return torch.tanh(torch.nn.functional.conv1d(inside, kernel, padding=1)) + drift

    return field


@pytest.mark.parametrize("method", ["rk4", "rk45"])
@pytest.mark.parametrize("divergence", ["exact", "hutchinson"])
def test_padding_and_batch_change_nothing(method, divergence):
    """Each item of a padded batch has the likelihood, error and noise it has alone."""
    lengths, seeds = [5, 2, 4], [11, 12, 13]
    x, mask = padded(lengths)
    options = {"method": method, "divergence": divergence, "probes": 4, "rtol": 1e-6, "atol": 1e-6}
    grid = make_grid("uniform", 12)
    batch = log_likelihood(smoothing(mask), x, grid, mask=mask, seeds=seeds, **options)
    for i, length in enumerate(lengths):
        alone = log_likelihood(
            smoothing(), x[i : i + 1, :, :length], grid, seeds=seeds[i : i + 1], **options
        )
        for name in ("nats", "nats_per_dim", "bits_per_dim", "standard_error"):
            torch.testing.assert_close(
                getattr(batch, name)[i], getattr(alone, name)[0], rtol=0, atol=1e-9
            )
        torch.testing.assert_close(batch.x_0[i, :, :length], alone.x_0[0], rtol=0, atol=1e-9)
        assert not batch.x_0[i, :, length:].any()


def test_what_stands_in_the_padding_does_not_matter():
    """Even NaN there counts for nothing, where the field looks only at real elements."""
    x, mask = padded([5, 2])
    dirty = torch.where(mask, x, math.nan)
    clean = log_likelihood(ORACLE.velocity, x, GRID, mask=mask)
    assert torch.equal(log_likelihood(ORACLE.velocity, dirty, GRID, mask=mask).nats, clean.nats)
    expected = torch.distributions.Normal(0.3, 0.5).log_prob(x[1, :, :2]).sum()
    torch.testing.assert_close(clean.nats[1], expected, rtol=0, atol=1e-6)


def test_permuting_a_batch_permutes_the_likelihood():
    """Items keep their own probes through their seeds."""
    x, order = data(3, 4), torch.tensor([2, 0, 1])
    a = linear(matrix(4))
    first = log_likelihood(a, x, GRID, divergence="hutchinson", probes=2, seeds=[1, 2, 3])
    second = log_likelihood(a, x[order], GRID, divergence="hutchinson", probes=2, seeds=[3, 1, 2])
    torch.testing.assert_close(second.nats, first.nats[order], rtol=0, atol=1e-12)


def test_samples_come_back_to_their_noise():
    """x_0 of the result is the noise that sampling started from."""
    noise = seeded_noise([1, 2], [(3, 4), (3, 4)]).double()
    grid = make_grid("uniform", 32)
    x_1 = solve(smoothing_free, noise, grid, "rk4").x
    result = log_likelihood(smoothing_free, x_1, grid)
    torch.testing.assert_close(result.x_0, noise, rtol=0, atol=1e-6)


def smoothing_free(t, x):
    return torch.sin(x + t) - 0.3 * x


def test_prior_can_be_of_another_deviation():
    """With u = 0 the likelihood is the prior's: N(0, 2^2) against torch.distributions."""
    x = data(3, 4)
    result = log_likelihood(
        lambda t, x: torch.zeros_like(x),
        x,
        [0.0, 1.0],
        prior_log_prob=lambda x, mask: gaussian_log_prob(x, mask, deviation=2.0),
    )
    expected = torch.distributions.Normal(0.0, 2.0).log_prob(x).sum(1)
    torch.testing.assert_close(result.nats, expected)


def test_uneven_grid_is_gone_through_backwards():
    """A grid that is fine beside the noise is fine there too when inverted, and counts the same."""
    grid = make_grid("power:1.5", 200)
    result = log_likelihood(ORACLE.velocity, data(2, 3), grid, "midpoint")
    assert result.nfe == 400
    torch.testing.assert_close(result.nats, ORACLE.log_prob(data(2, 3)), rtol=0, atol=1e-3)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_likelihood_needs_no_gradients_around_it(context):
    """It differentiates inside by itself, and leaves neither graph nor parameter gradients."""
    layer = torch.nn.Linear(4, 4).double()
    with context():
        x = data(2, 4)
        mask = torch.ones(2, 4, dtype=torch.bool)
        result = log_likelihood(lambda t, x: layer(x), x, make_grid("uniform", 4), mask=mask)
    expected = log_likelihood(lambda t, x: layer(x), data(2, 4), make_grid("uniform", 4))
    torch.testing.assert_close(result.nats, expected.nats)
    assert not expected.nats.requires_grad
    assert layer.weight.grad is None


def test_bad_arguments_are_refused_in_one_sentence():
    """Each names the value and what is allowed."""
    x = data(2, 3)

    def refused(said, **options):
        with pytest.raises(InputError, match=said) as caught:
            log_likelihood(
                ORACLE.velocity, options.pop("x", x), options.pop("grid", GRID), **options
            )
        assert "\n" not in str(caught.value)

    refused("did you mean 'exact'", divergence="exakt")
    refused("one seed an item: none for 2", divergence="hutchinson")
    refused("one seed an item: 3 for 2", divergence="hutchinson", seeds=[1, 2, 3])
    refused("probes is 0", divergence="hutchinson", seeds=[1, 2], probes=0)
    refused("item 1 is all padding", mask=torch.tensor([[True], [False]]))
    refused(r"mask of shape \(2, 4\)", mask=torch.ones(2, 4, dtype=torch.bool))
    refused("increase from noise to data", grid=[1.0, 0.0])
    refused("no dimensions beside the batch", x=torch.zeros(3))
    refused("unknown method", method="rk5")
