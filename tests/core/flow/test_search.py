"""Grid search against the optimum that is known, its budget and its manners."""

from __future__ import annotations

import math

import pytest
import torch

from core.errors import InputError
from core.flow import GaussianOracle, make_grid, search_grid, solve


def loss_of(oracle):
    return lambda grid: -math.log(oracle.euler_deviation(grid))


@pytest.mark.parametrize("deviation", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("steps", [2, 3, 6])
def test_search_finds_the_equal_angle_grid(deviation, steps):
    """From the uniform grid to the known nodes within 1e-6, without knowing anything of angles."""
    oracle = GaussianOracle(0.0, deviation)
    result = search_grid(loss_of(oracle), steps, max_trials=3000, last_move=1e-8)
    assert result.converged
    torch.testing.assert_close(result.grid, oracle.optimal_grid(steps), rtol=0, atol=1e-6)
    assert result.objective == pytest.approx(-math.log(oracle.optimal_deviation(steps)), abs=1e-12)


def test_search_through_the_solver_improves_few_steps():
    """The objective is what a run of Euler on fixed noise gives; s = 0.1, N = 4."""
    oracle = GaussianOracle(0.5, 0.1)
    noise = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    wanted = 0.5 + 0.1 * noise

    def objective(grid):
        return float((solve(oracle.velocity, noise, grid).x - wanted).abs().mean())

    result = search_grid(objective, 4)
    torch.testing.assert_close(result.grid, oracle.optimal_grid(4), rtol=0, atol=1e-3)
    assert result.objective < 0.6 * objective(make_grid("uniform", 4))


def test_best_start_is_taken_up():
    """With the optimum among the starts nothing better is found, and it is kept bit for bit."""
    oracle = GaussianOracle(0.0, 0.2)
    best = oracle.optimal_grid(5)
    result = search_grid(loss_of(oracle), 5, starts=["uniform", best, "sway"])
    assert torch.equal(result.grid, best)
    assert [trial.objective for trial in result.history[:3]] == [
        loss_of(oracle)(make_grid(start, 5)) for start in ("uniform", best, "sway")
    ]


def test_budget_is_kept_and_the_best_so_far_returned():
    """The objective is called no more often than allowed; all calls are told of."""
    calls, seen = [], []
    oracle = GaussianOracle(0.0, 0.1)

    def objective(grid):
        calls.append(grid)
        return loss_of(oracle)(grid)

    result = search_grid(
        objective, 6, max_trials=25, progress=lambda trial, count: seen.append((trial, count))
    )
    assert len(calls) == len(result.history) == 25
    assert not result.converged
    assert seen == list(zip(result.history, range(1, 26), strict=True))
    assert result.objective == min(trial.objective for trial in result.history)
    assert result.objective < result.history[0].objective


def test_tried_grids_are_all_valid():
    """Even an objective that drives nodes together is only ever shown increasing grids."""
    result = search_grid(lambda grid: float(grid[1]), 3, max_trials=400)
    for trial in result.history:
        assert trial.grid[0] == 0
        assert trial.grid[-1] == 1
        assert bool((trial.grid.diff() > 0).all())


def test_objective_may_fail_on_some_grids():
    """A value that is not finite is worse than any."""

    def objective(grid):
        return math.nan if grid[1] > 0.55 else -float(grid[1])

    result = search_grid(objective, 2, last_move=1e-6)
    assert float(result.grid[1]) == pytest.approx(0.55, abs=1e-5)


def test_objective_cannot_spoil_the_search_by_writing_into_its_grid():
    """Each call gets a copy."""

    def objective(grid):
        value = float((grid[1] - 0.3) ** 2)
        grid.zero_()
        return value

    assert float(search_grid(objective, 2).grid[1]) == pytest.approx(0.3, abs=1e-3)


def test_single_step_has_nothing_to_search():
    """One call, the only grid."""
    result = search_grid(lambda grid: 1.0, 1)
    assert result.grid.tolist() == [0, 1]
    assert len(result.history) == 1
    assert result.converged


def test_bad_arguments_are_refused():
    """Starts of other length, no starts, budgets and moves out of range, hopeless objectives."""
    with pytest.raises(InputError, match="each of 4 steps"):
        search_grid(lambda grid: 0.0, 4, starts=["0,0.5,1"])
    with pytest.raises(InputError, match="at least one start"):
        search_grid(lambda grid: 0.0, 4, starts=[])
    with pytest.raises(InputError, match="max_trials is 1"):
        search_grid(lambda grid: 0.0, 4, starts=["uniform", "sway"], max_trials=1)
    with pytest.raises(InputError, match="0 < last <= first"):
        search_grid(lambda grid: 0.0, 4, last_move=0.0)
    with pytest.raises(InputError, match="not finite on any"):
        search_grid(lambda grid: math.nan, 4)
