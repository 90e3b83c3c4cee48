"""Fixed-step solvers against closed forms and torchdiffeq."""

from __future__ import annotations

import math

import pytest
import torch
from torchdiffeq import odeint

from core.errors import InputError
from core.flow import METHODS, SOLVERS, GaussianOracle, make_grid, solve

DOUBLE = torch.float64


def cosine_field(t, x):
    """x' = x cos t, with x(1) = x_0 exp(sin 1)."""
    return x * torch.cos(t)


def cubic_field(t, x):
    """x' = -x^3 / 2, with x(t) = x_0 / sqrt(1 + t x_0^2)."""
    return -0.5 * x**3


PROBLEMS = {
    "cosine": (cosine_field, lambda x: x * math.exp(math.sin(1.0))),
    "cubic": (cubic_field, lambda x: x / (1 + x.square()).sqrt()),
}


def state(seed=0, shape=(4, 3)):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE) + 0.5


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("method", METHODS)
def test_fixed_step_error_falls_with_the_claimed_order(method, problem):
    """|log2(e_128 / e_256) - order| < 0.1."""
    field, exact = PROBLEMS[problem]
    x_0 = state()
    errors = [
        (solve(field, x_0, make_grid("uniform", n), method).x - exact(x_0)).abs().max()
        for n in (128, 256)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(METHODS[method].order, abs=0.1)


@pytest.mark.parametrize("method", SOLVERS)
def test_constant_field_is_exact_in_one_step(method):
    """x(1) = x_0 + c for u = c."""
    x_0, slope = state(), state(1)
    x = solve(lambda t, x: slope, x_0, [0.0, 1.0], method).x
    torch.testing.assert_close(x, x_0 + slope, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("method", "nfe"), [("euler", 10), ("midpoint", 20), ("heun", 20), ("rk4", 40)]
)
def test_nfe_is_steps_times_stages_and_counts_the_calls(method, nfe):
    """Ten steps cost 10, 20, 20 and 40 evaluations."""
    calls = []
    solution = solve(lambda t, x: calls.append(t) or x, state(), make_grid("uniform", 10), method)
    assert solution.nfe == len(calls) == nfe


@pytest.mark.parametrize(
    ("method", "theirs"), [("euler", "euler"), ("midpoint", "midpoint"), ("heun", "heun2")]
)
def test_steps_equal_torchdiffeq(method, theirs):
    """The same method on the same uneven grid gives the same states at every node."""
    grid = make_grid("sway:-0.7", 9)
    ours = solve(cosine_field, state(), grid, method, trajectory=True)
    expected = odeint(cosine_field, state(), grid, method=theirs)
    torch.testing.assert_close(ours.trajectory, expected, rtol=0, atol=1e-13)
    torch.testing.assert_close(ours.x, expected[-1], rtol=0, atol=1e-13)


def test_rk4_agrees_with_torchdiffeq_dopri5():
    """Both are at rounding error of a smooth nonlinear problem (their "rk4" is the 3/8 rule)."""
    field = lambda t, x: torch.sin(3 * x) + t  # noqa: E731
    ours = solve(field, state(), make_grid("uniform", 1000), "rk4").x
    theirs = odeint(field, state(), torch.tensor([0.0, 1.0]).double(), rtol=1e-12, atol=1e-12)[-1]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
@pytest.mark.parametrize("method", METHODS)
def test_stage_times_are_the_grid_bit_for_bit(method, dtype):
    """Stages with c = 0 and c = 1 see the nodes rounded once, in the dtype of x, never added up."""
    grid = make_grid("uniform", 100)
    seen = []
    solve(lambda t, x: seen.append(t) or x * 0, torch.zeros(1, 1, dtype=dtype), grid, method)
    assert all(t.ndim == 0 and t.dtype == dtype for t in seen)
    times = torch.stack(seen).reshape(100, -1)
    for column, c in zip(times.T, METHODS[method].c, strict=True):
        if c in (0, 1):
            nodes = grid[int(c) : 100 + int(c)]
            assert torch.equal(column, nodes.to(dtype))


def test_steps_are_measured_on_the_grid_not_in_the_dtype_of_x():
    """In float16, 1000 Euler steps of u = 1 land on 1 only if each step is the grid's own."""
    grid = 1 + make_grid("uniform", 1000) / 1000  # neighbours are equal in float16
    x = solve(lambda t, x: torch.ones_like(x), torch.zeros(1, 1, dtype=torch.float16), grid).x
    assert float(x) == pytest.approx(1e-3, rel=0.05)


def test_grid_given_as_numbers_keeps_its_digits():
    """A list of Python floats is the same grid as its float64 tensor."""
    nodes = [0.0, 1 / 3, 0.9, 1.0]
    as_list = solve(cosine_field, state(), nodes, "heun").x
    as_tensor = solve(cosine_field, state(), torch.tensor(nodes, dtype=DOUBLE), "heun").x
    assert torch.equal(as_list, as_tensor)


def test_inverting_undoes_sampling_at_the_fifth_order():
    """rk4 forth and back errs by h^5: from 16 to 32 steps the round trip improves 32 times."""
    errors = []
    for steps in (16, 32):
        grid = make_grid("uniform", steps)
        there = solve(cosine_field, state(), grid, "rk4").x
        back = solve(cosine_field, there, grid.flip(0), "rk4").x
        errors.append(float((back - state()).abs().max()))
    assert errors[1] < 1e-8
    assert 25 < errors[0] / errors[1] < 40


@pytest.mark.parametrize("method", SOLVERS)
def test_trajectory_begins_at_x_0_and_ends_at_x(method):
    """One state a node, shape (nodes, *x.shape); without asking there is none."""
    grid = make_grid("power:2", 5)
    solution = solve(GaussianOracle().velocity, state(), grid, method, trajectory=True)
    assert solution.trajectory is not None
    assert solution.trajectory.shape == (6, 4, 3)
    assert torch.equal(solution.trajectory[0], state())
    assert torch.equal(solution.trajectory[-1], solution.x)
    assert solve(GaussianOracle().velocity, state(), grid, method).trajectory is None


@pytest.mark.parametrize("method", SOLVERS)
def test_gradient_flows_through_the_solve(method):
    """d x(1) / d w of x' = w x is x(1)."""
    weight = torch.tensor(0.7, dtype=DOUBLE, requires_grad=True)
    x = solve(
        lambda t, x: weight * x, state(), make_grid("uniform", 64), method, rtol=1e-9, atol=1e-9
    ).x
    (gradient,) = torch.autograd.grad(x.sum(), weight)
    expected = float(state().sum()) * math.exp(0.7)
    assert float(gradient) == pytest.approx(expected, rel=1.5e-2 if method == "euler" else 1e-4)


@pytest.mark.parametrize("method", SOLVERS)
def test_solve_runs_in_inference_mode_and_leaves_x_0_alone(method):
    """Sampling needs no gradients and writes nothing in place."""
    x_0 = state()
    with torch.inference_mode():
        solve(cosine_field if method in METHODS else lambda t, x: x, x_0, [0.0, 1.0], method)
    assert torch.equal(x_0, state())


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ([0.0, 0.5, 0.5, 1.0], r"0\.5, 0\.5"),
        ([0.0, 0.7, 0.5, 1.0], "strictly increasing or decreasing"),
        ([0.0, math.nan, 1.0], "finite"),
        ([0.0, math.inf], "finite"),
        ([0.5], "2 nodes"),
        ([[0.0, 1.0]], "2 nodes"),
    ],
)
def test_bad_grids_are_refused_in_one_sentence(grid, said):
    """A grid must be finite and strictly monotone."""
    with pytest.raises(InputError, match=said) as caught:
        solve(cosine_field, state(), grid)
    assert "\n" not in str(caught.value)


def test_unknown_method_is_refused_with_the_nearest():
    """The known methods and the likeliest one are named."""
    with pytest.raises(InputError, match=r"'hein'.*did you mean 'heun'\?.*rk45"):
        solve(cosine_field, state(), [0.0, 1.0], "hein")


def test_integer_state_is_refused():
    """Integers would be truncated in silence."""
    with pytest.raises(InputError, match="int64"):
        solve(cosine_field, torch.ones(2, 2, dtype=torch.int64), [0.0, 1.0])


@pytest.mark.parametrize("method", SOLVERS)
def test_field_of_another_shape_is_refused(method):
    """It would broadcast and give a wrong answer without a word."""
    with pytest.raises(InputError, match=r"\(4, 1\) for a state of shape \(4, 3\)"):
        solve(lambda t, x: x[:, :1], state(), [0.0, 1.0], method)
