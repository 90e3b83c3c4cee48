"""The adaptive solver: accuracy, one clock an item, nodes, and giving up in words."""

from __future__ import annotations

import math

import pytest
import torch
from torchdiffeq import odeint

from core.errors import InputError
from core.flow import GaussianOracle, make_grid, solve

DOUBLE = torch.float64


def pulse(t, x):
    """Smooth but for a sharp pulse at t = 0.6, so that steps get rejected."""
    t = t.reshape(-1, *[1] * (x.ndim - 1))
    return 30 / (1 + (200 * (t - 0.6)).square()) * torch.cos(x) - x


def decay(t, x):
    """x' = -rate x, every item with its own rate."""
    rates = torch.logspace(0, 2, 4, dtype=x.dtype)
    return -rates[: len(x), None] * x


def state(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE) + 0.5


def rk45(field, x_0, grid=(0.0, 1.0), tol=1e-7, **options):
    return solve(field, x_0, grid, "rk45", rtol=tol, atol=tol, **options)


@pytest.mark.parametrize("tol", [1e-4, 1e-6, 1e-8, 1e-10])
def test_error_follows_the_tolerance(tol):
    """The Gaussian flow ends within a few tolerances of its closed form."""
    oracle = GaussianOracle(0.3, 0.1)
    x_0 = state(5, 7)
    error = (rk45(oracle.velocity, x_0, tol=tol).x - (0.3 + 0.1 * x_0)).abs().max()
    assert error < 5 * tol


@pytest.mark.parametrize("tol", [1e-5, 1e-8])
def test_solution_and_cost_equal_torchdiffeq(tol):
    """A sharp pulse, with rejected steps: both are exact to the tolerance, at about one cost."""
    calls = []
    x_0 = state(1, 6)
    ours = rk45(pulse, x_0, tol=tol)
    odeint(
        lambda t, x: calls.append(t) or pulse(t, x),
        x_0,
        torch.tensor([0.0, 1.0], dtype=DOUBLE),
        rtol=tol,
        atol=tol,
        method="dopri5",
    )
    exact = odeint(pulse, x_0, torch.tensor([0.0, 1.0], dtype=DOUBLE), rtol=1e-12, atol=1e-12)[-1]
    assert (ours.x - exact).abs().max() < 20 * tol
    assert ours.nfe < 1.3 * len(calls)


def test_first_stage_is_the_last_of_the_step_before():
    """6 evaluations an attempt, 2 to begin; after a rejection the slope at the old state stays.

    Every attempt's stages are re-computed here from the state they started at: the second stage is
    at t + h / 5 and x + h k_1 / 5, which shows the k_1 that was used.
    """
    calls = []

    def recorded(t, x):
        slope = pulse(t, x)
        calls.append((t.clone(), x.clone(), slope))
        return slope

    x_0 = state(1, 6)
    solution = rk45(recorded, x_0, tol=1e-5)
    assert solution.nfe == len(calls)
    assert (len(calls) - 2) % 6 == 0
    attempts = [calls[i : i + 6] for i in range(2, len(calls), 6)]
    t, x, slope = torch.zeros(1, dtype=DOUBLE), x_0, calls[0][2]
    rejections = 0
    for attempt, following in zip(attempts, [*attempts[1:], None], strict=True):
        step = (attempt[0][0] - t) * 5
        torch.testing.assert_close(attempt[0][1], x + step / 5 * slope, rtol=1e-12, atol=1e-12)
        arrival, new, last = attempt[-1]
        if following is None or following[0][0] > arrival:
            t, x, slope = arrival, new, last
        else:
            rejections += 1
    assert rejections >= 2


def test_batch_takes_the_steps_of_its_items_alone():
    """Items a hundredfold apart in speed: each as alone, the cost that of the slowest."""
    x_0 = state(4, 3)
    together = rk45(decay, x_0)
    alone = [
        rk45(lambda t, x, i=i: decay(t, x.expand(4, 3))[i : i + 1], x_0[i : i + 1])
        for i in range(4)
    ]
    assert torch.equal(together.x, torch.cat([single.x for single in alone]))
    assert together.nfe == max(single.nfe for single in alone)
    assert min(single.nfe for single in alone) < together.nfe / 3


def test_permuting_a_batch_permutes_the_solution():
    """No item is treated by its place."""
    x_0 = state(4, 5) * torch.tensor([1.0, 5.0, 0.01, 20.0])[:, None]
    order = torch.tensor([2, 0, 3, 1])
    x = rk45(pulse, x_0).x
    assert torch.equal(rk45(pulse, x_0[order]).x, x[order])


def test_padding_changes_nothing_under_a_mask():
    """The error norm is over real elements, whatever stands and moves in the padding."""
    x_0 = state(2, 3, 8)
    mask = torch.ones(2, 1, 8, dtype=torch.bool)
    mask[1, :, 3:] = False
    x_0 = torch.where(mask, x_0, 20.0)
    padded = rk45(pulse, x_0, tol=1e-4, mask=mask)
    short = rk45(pulse, x_0[1:, :, :3], tol=1e-4)
    torch.testing.assert_close(padded.x[1:, :, :3], short.x, rtol=0, atol=1e-13)
    unmasked = rk45(pulse, x_0, tol=1e-4)
    assert (unmasked.x[1:, :, :3] - short.x).abs().max() > 1e-9


def test_trajectory_stops_at_every_node():
    """States at the nodes are within the tolerance of the flow map, and t is the node itself."""
    oracle = GaussianOracle(-0.2, 0.3)
    grid = make_grid("sway", 7)
    x_0 = state(2, 4)
    seen = []
    solution = rk45(
        lambda t, x: seen.append(t) or oracle.velocity(t, x), x_0, grid, trajectory=True
    )
    assert solution.trajectory is not None
    expected = torch.stack([oracle.flow_map(t, x_0) for t in grid])
    torch.testing.assert_close(solution.trajectory, expected, rtol=0, atol=1e-6)
    assert set(grid.tolist()) <= set(torch.cat(seen).tolist())


def test_inner_nodes_cost_nothing_unless_asked_for():
    """Without the trajectory only the ends of the grid count."""
    fine, ends = make_grid("uniform", 50), [0.0, 1.0]
    x_0 = state(2, 4)
    field = GaussianOracle(0.0, 0.3).velocity
    assert torch.equal(rk45(field, x_0, fine).x, rk45(field, x_0, ends).x)
    assert rk45(field, x_0, fine, trajectory=True).nfe > rk45(field, x_0, fine).nfe


def test_backwards_inverts_forwards():
    """From data to noise on the reversed grid."""
    field = GaussianOracle(0.3, 0.2).velocity
    x_0 = state(3, 4)
    x_1 = rk45(field, x_0, tol=1e-9).x
    torch.testing.assert_close(rk45(field, x_1, [1.0, 0.0], tol=1e-9).x, x_0, rtol=0, atol=1e-7)


def test_float32_reaches_float32_accuracy():
    """Tolerances near rounding error do not hang."""
    oracle = GaussianOracle(0.3, 0.1)
    x_0 = state(3, 4).float()
    x = rk45(oracle.velocity, x_0, tol=1e-6).x
    assert x.dtype == torch.float32
    torch.testing.assert_close(x, 0.3 + 0.1 * x_0, rtol=0, atol=1e-5)


def test_still_field_costs_little():
    """u = 0 has no scale of its own; 4 attempts suffice."""
    solution = rk45(lambda t, x: torch.zeros_like(x), state(2, 2))
    assert torch.equal(solution.x, state(2, 2))
    assert solution.nfe < 60


def test_empty_batch_and_empty_items_come_back():
    """No items, or items of no elements, are solved without a fuss."""
    assert rk45(decay, torch.zeros(0, 3)).x.shape == (0, 3)
    assert rk45(lambda t, x: x, torch.zeros(2, 0)).x.shape == (2, 0)


def test_field_that_is_not_finite_at_the_start_is_named():
    """NaN never enters the loop."""
    with pytest.raises(InputError, match="not finite for item 1"):
        rk45(lambda t, x: x * torch.tensor([[1.0], [math.nan]]), state(2, 3))


def test_field_that_stops_being_finite_is_named_with_its_time():
    """The solve walks up to the bad time, then says so."""

    def field(t, x):
        return torch.where(t[:, None] > 0.5, math.nan, x)

    with pytest.raises(InputError, match=r"not finite for item 0 at t = 0\.[45]"):
        rk45(field, state(1, 3))


def test_solution_that_blows_up_ends_with_advice():
    """x' = x^2 reaches infinity at t = 1 / x_0 = 0.5."""
    with pytest.raises(InputError, match=r"stuck on item 0 at t = 0\.5.*(loosen|fixed-step)"):
        rk45(lambda t, x: x**2, torch.full((1, 2), 2.0, dtype=DOUBLE))


def test_hopeless_field_gives_up_after_the_allowed_steps():
    """White noise in place of a field never meets a tolerance."""
    generator = torch.Generator().manual_seed(0)

    def field(t, x):
        return 1e3 * torch.randn(x.shape, generator=generator, dtype=x.dtype)

    with pytest.raises(InputError, match="stuck on item 0"):
        rk45(field, torch.zeros(1, 2, dtype=DOUBLE), tol=1e-6)


@pytest.mark.parametrize(
    ("rtol", "atol"), [(-1e-3, 1e-3), (1e-3, 0.0), (math.nan, 1e-3), (1e-3, math.inf)]
)
def test_bad_tolerances_are_refused(rtol, atol):
    """The values and what is allowed are named."""
    with pytest.raises(InputError, match="allowed is rtol >= 0 and atol > 0"):
        solve(decay, state(4, 3), [0.0, 1.0], "rk45", rtol=rtol, atol=atol)


def test_state_without_a_batch_is_refused():
    """A clock for each item needs items."""
    with pytest.raises(InputError, match="batch"):
        rk45(lambda t, x: x, torch.tensor(1.0))
