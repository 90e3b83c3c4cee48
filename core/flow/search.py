"""Search for the time grid of a few steps that makes an objective smallest.

The objective may be anything that maps a grid to a number: a distance of mels on a fixed batch, a
closed form. It is taken as it is, so it has to fix its own noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.errors import InputError
from core.flow.grids import make_grid

Objective = Callable[[Tensor], float]
"""Maps a grid (N + 1,), float64 from 0 to 1, to the number to make small."""


@dataclass(frozen=True)
class Trial:
    """One grid that was tried and what the objective said."""

    grid: Tensor
    objective: float


@dataclass(frozen=True)
class GridSearch:
    """Outcome of a search.

    Attributes:
        grid: The best grid (N + 1,).
        objective: The objective there.
        history: All trials in their order.
        converged: Whether the moves became as small as asked, rather than the budget used up.
    """

    grid: Tensor
    objective: float
    history: tuple[Trial, ...]
    converged: bool


def search_grid(
    objective: Objective,
    steps: int,
    *,
    starts: Sequence[str | Sequence[float] | Tensor] = ("uniform",),
    max_trials: int = 1000,
    first_move: float = 0.5,
    last_move: float = 1e-3,
    progress: Callable[[Trial, int], None] | None = None,
) -> GridSearch:
    """Pattern search (Hooke & Jeeves, 1961) over the logarithms of the grid's increments.

    The starting grids are tried first and the search goes on from the best of them. It lengthens
    or shortens one increment after another by a factor exp(move), all being rescaled to end at 1,
    leaps on along what helped, and halves the move when nothing does. So it never accepts a worse
    grid, needs no derivative and takes any finite objective; a value that is not finite counts as
    worse than all.

    Args:
        objective: What to make small; called about 2 N times a round.
        steps: Steps N of the grid, at least 1.
        starts: Grids to begin from, as `make_grid` takes them.
        max_trials: Most calls of the objective, at least one for each start.
        first_move: First change of a log-increment; a quarter to one is sensible.
        last_move: Stop when moves are smaller; 1e-3 moves nodes by about that share of a step.
        progress: Called after each trial with it and the number of trials so far.

    Returns:
        The best grid, its objective and all trials.

    Raises:
        InputError: An argument out of range, a start of other length, or an objective that is
            finite on none of the starts.
    """
    if not 0 < last_move <= first_move <= 5:
        raise InputError(f"moves {first_move} to {last_move}: allowed is 0 < last <= first <= 5")
    grids = [make_grid(start, steps) for start in starts]
    if not grids or any(len(grid) != steps + 1 for grid in grids):
        raise InputError(f"give at least one start, each of {steps} steps: got {list(starts)!r}")
    if max_trials < len(grids):
        raise InputError(f"max_trials is {max_trials}: {len(grids)} starts need as many")
    run = _Search(objective, max_trials, progress)
    for grid in grids:
        run.try_grid(grid)
    if not math.isfinite(run.best.objective):
        raise InputError("the objective is not finite on any starting grid")
    converged = steps == 1 or run.descend(first_move, last_move)
    return GridSearch(run.best.grid, run.best.objective, tuple(run.history), converged)


class _BudgetSpent(Exception):
    pass


@dataclass
class _Search:
    objective: Objective
    max_trials: int
    progress: Callable[[Trial, int], None] | None
    history: list[Trial] = field(default_factory=list)
    best: Trial = field(default_factory=lambda: Trial(torch.empty(0), math.inf))

    def try_grid(self, grid: Tensor) -> float:
        """Evaluate a grid and remember it."""
        if len(self.history) >= self.max_trials:
            raise _BudgetSpent
        value = float(self.objective(grid.clone()))
        trial = Trial(grid, value if math.isfinite(value) else math.inf)
        self.history.append(trial)
        if trial.objective < self.best.objective or not self.best.grid.numel():
            self.best = trial
        if self.progress is not None:
            self.progress(trial, len(self.history))
        return trial.objective

    def descend(self, move: float, last_move: float) -> bool:
        """Improve on the best grid; True when the moves have become small enough."""
        base, value = self.best.grid.diff().log(), self.best.objective
        try:
            while move >= last_move:
                point, reached = self._explore(base, value, move)
                if reached >= value:
                    move /= 2
                    continue
                while reached < value:
                    leap = 2 * point - base
                    base, value = point, reached
                    point, reached = self._explore(leap, self._value(leap), move)
        except _BudgetSpent:
            return False
        return True

    def _value(self, log_increments: Tensor) -> float:
        grid = torch.cat([torch.zeros(1).double(), log_increments.softmax(0).cumsum(0)])
        grid[-1] = 1.0
        return self.try_grid(grid) if bool((grid.diff() > 0).all()) else math.inf

    def _explore(self, point: Tensor, value: float, move: float) -> tuple[Tensor, float]:
        """Move one log-increment after another, keeping what helps."""
        for index in range(len(point)):
            for change in (move, -move):
                moved = point.clone()
                moved[index] += change
                reached = self._value(moved)
                if reached < value:
                    point, value = moved, reached
                    break
        return point, value
