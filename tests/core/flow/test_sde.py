"""The stochastic sampler keeps the ODE's marginals; the reference's formula, a known fault, not."""

from __future__ import annotations

import math

import pytest
import torch

from core.errors import InputError
from core.flow import CosinePath, GaussianOracle, LinearPath, make_grid, solve
from core.flow.sde import sample, sde_strength, solve_sde, step_seeds

DEVIATION = 0.3
ORACLE = GaussianOracle(deviation=DEVIATION)


def draws(count, seed=0):
    """Independent standard normals, (count,), another at every call."""
    generator = torch.Generator().manual_seed(seed)
    return lambda step=0: torch.randn(count, generator=generator)


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
def test_marginal_deviation_is_the_datas(strength):
    """Gaussian toy: 0.300 within 0.002, whatever the strength, where the original gives 0.281."""
    noise = draws(50_000)
    grid = make_grid("uniform", 600)
    found = solve_sde(ORACLE.velocity, noise(), grid, strength, noise)
    assert found.nfe == 600
    assert float(found.x.std()) == pytest.approx(DEVIATION, abs=0.002)


def test_known_fault_of_the_original_drift():
    """With 0.5 t (1 - t) v - 0.5 (2 - t) x over (1 - t)^2 as its score: 0.281 for sigma_var = 1."""
    noise = draws(50_000)
    x, count = noise(), 600
    for start in range(count):
        t = torch.tensor(start / count)
        velocity = ORACLE.velocity(t, x)
        diffusion = 1 - t
        pull = (0.5 * t * (1 - t) * velocity - 0.5 * (2 - t) * x) / (1 - t) ** 2
        drift = velocity + 0.5 * diffusion**2 * pull
        x = x + drift / count + diffusion * math.sqrt(1 / count) * noise()
    assert float(x.std()) == pytest.approx(0.281, abs=0.002)


def test_step_is_that_of_euler_and_maruyama_in_the_limit():
    """Mean and deviation of one tiny step are those of the equation.

    Score of the Gaussian marginal by autograd: drift v + g^2 / 2 score, diffusion g.
    """
    strength, t, dt = 0.7, 0.4, 1e-5
    x = torch.tensor([0.8], dtype=torch.float64, requires_grad=True)
    variance = (1 - t) ** 2 + (t * DEVIATION) ** 2
    score = torch.autograd.grad(-0.5 * x.square().sum() / variance, x)[0]
    x = x.detach()
    time = torch.tensor(t, dtype=torch.float64)
    g = strength * (1 - t)
    drift = ORACLE.velocity(time, x) + 0.5 * g**2 * score

    def step(z):
        grid = torch.tensor([t, t + dt], dtype=torch.float64)
        return solve_sde(ORACLE.velocity, x, grid, strength, lambda _: torch.full_like(x, z)).x

    torch.testing.assert_close((step(0.0) - x) / dt, drift, rtol=1e-4, atol=1e-4)
    spread = (step(1.0) - step(0.0)) / math.sqrt(dt)
    torch.testing.assert_close(spread, torch.full_like(x, g), rtol=1e-4, atol=0)


@pytest.mark.parametrize("path", [LinearPath(), CosinePath(), LinearPath(sigma_min=0.1)])
def test_covariance_is_kept_for_shaped_noise_on_every_path(path):
    """Two correlated dimensions: prior N(m, S), data N(0, C), exact in float64.

    The sampler is affine in state and noise, so mean and covariance follow without sampling.
    """
    root = torch.tensor([[1.0, 0.0], [0.8, 0.5]], dtype=torch.float64)
    data = torch.tensor([[0.3, -0.1], [-0.1, 0.2]], dtype=torch.float64)
    prior = root @ root.T
    identity = torch.eye(2, dtype=torch.float64)

    def field(t, x):
        alpha, sigma = path.alpha(t), path.sigma(t)
        total = alpha**2 * data + sigma**2 * prior
        cross = path.alpha_dot(t) * alpha * data + path.sigma_dot(t) * sigma * prior
        slope = torch.linalg.solve(total, cross)
        return (x - sigma * centre) @ slope + path.sigma_dot(t) * centre

    covariance = prior
    centre = torch.tensor([0.7, -1.2], dtype=torch.float64)
    mean = centre
    for start in range(400):
        grid = torch.tensor([start / 400, (start + 1) / 400], dtype=torch.float64)
        still, zero = lambda _: torch.zeros(2, 2), torch.zeros(2, 2, dtype=torch.float64)
        offset = solve_sde(field, zero, grid, 1.0, still, path, centre).x
        state = solve_sde(field, identity, grid, 1.0, still, path, centre).x - offset
        fresh = solve_sde(field, zero, grid, 1.0, lambda _: root.T, path, centre).x - offset
        covariance = state.T @ covariance @ state + fresh.T @ fresh
        mean = mean @ state + offset[0]
    one = torch.ones((), dtype=torch.float64)
    wanted = path.alpha(one) ** 2 * data + path.sigma(one) ** 2 * prior
    torch.testing.assert_close(covariance, wanted, rtol=0, atol=4e-3)
    torch.testing.assert_close(mean, path.sigma(one) * centre, rtol=0, atol=4e-3)


def test_no_noise_is_left_in_the_result():
    """One step from t = 0 has no noise at its end: the endpoint estimate itself."""
    noise = draws(1000)
    x_0, grid = noise(), make_grid("uniform", 1)
    found = solve_sde(ORACLE.velocity, x_0, grid, 2.0, noise).x
    expected = solve(ORACLE.velocity, x_0, grid, "euler").x
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_strength_zero_is_eulers_method():
    """Nothing is random then."""
    x_0, grid = draws(50)(), make_grid("sway", 6)
    found = solve_sde(ORACLE.velocity, x_0, grid, 0.0, draws(50, seed=1)).x
    expected = solve(ORACLE.velocity, x_0, grid, "euler").x
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def prior(seeds):
    made = [torch.randn(64, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(made)


def sampled(seeds, method, steps=5):
    def fresh(step):
        return prior(step_seeds(seeds, step))

    return sample(ORACLE.velocity, prior(seeds), make_grid("uniform", steps), method, fresh)


def test_noise_of_an_item_is_its_own():
    """The same seed gives the same sample alone and in any batch; another seed another."""
    together, alone = sampled([3, 4, 3], "sde:0.5").x, sampled([4], "sde:0.5").x
    assert torch.equal(together[1], alone[0])
    assert torch.equal(together[0], together[2])
    assert not torch.allclose(together[0], together[1])


def test_given_noise_alone_is_not_carried_stochastically():
    """Nothing would say what noise to add; along the ODE it can be carried."""
    with pytest.raises(InputError, match="'sde' draws noise at every step.*by euler"):
        sample(ORACLE.velocity, prior([0]), make_grid("uniform", 2), "sde")


def test_noise_of_steps_and_seeds_is_independent():
    """No two of many seeds and steps share a stream, nor does a step share one with its prior."""
    made = [seed for step in range(50) for seed in step_seeds(range(50), step)]
    assert len(set(made) | set(range(50))) == 51 * 50


def test_other_methods_are_the_solvers():
    """Bit for bit."""
    found = sampled([0], "midpoint", steps=3)
    expected = solve(ORACLE.velocity, prior([0]), make_grid("uniform", 3), "midpoint")
    assert torch.equal(found.x, expected.x)
    assert found.nfe == expected.nfe


def test_strength_is_read_from_the_method():
    """1 when it is not given; no strength when the method is another."""
    assert [sde_strength(name) for name in ("sde", "sde:0.5", "euler")] == [1.0, 0.5, None]


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("sde:-1", "'sde:-1': the strength must be from 0 to 10"),
        ("sde:11", "from 0 to 10"),
        ("sde:nan", "from 0 to 10"),
        ("sde:", "'' is not a number"),
        ("sde:strong", "'strong' is not a number"),
        ("sdf", r"did you mean 'sde\[:strength\]'|allowed: .*sde"),
        ("eular", "did you mean 'euler'"),
    ],
)
def test_bad_methods_and_strengths_are_refused(method, said):
    """In one sentence."""
    with pytest.raises(InputError, match=said):
        sampled([0], method)
