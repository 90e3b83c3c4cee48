"""Which times a flow is trained at (WaveODE's schedules for reflow; Liu et al., 2022, section 2.3).

"uniform" is ordinary flow matching. "t0" trains the velocity at the noise alone, which one Euler
step needs (one-step distillation); an integer k at the k times that k uniform Euler steps visit
(k-step distillation); "t1" at the data alone, which one step from data back to noise needs. What a
model never saw in training it cannot be asked for: `check_schedule_steps` refuses it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.errors import InputError, unknown_name
from core.flow.grids import make_grid

TIME_SCHEDULES: tuple[str, ...] = ("uniform", "t0", "t1")
"""Named schedules; an integer number of steps is the other kind."""
MAX_SCHEDULE_STEPS = 1000


def check_time_schedule(schedule: str | int) -> str | int:
    """Refuse what is no schedule.

    Args:
        schedule: "uniform", "t0", "t1" or a number of Euler steps, 1 to 1000.

    Returns:
        The same.

    Raises:
        InputError: It is something else.
    """
    if isinstance(schedule, str) and schedule not in TIME_SCHEDULES:
        choices = [*TIME_SCHEDULES, "a number of Euler steps such as 4"]
        raise unknown_name("time schedule", schedule, choices)
    whole = isinstance(schedule, int) and not isinstance(schedule, bool)
    if not isinstance(schedule, str) and not (whole and 1 <= schedule <= MAX_SCHEDULE_STEPS):
        raise InputError(
            f"{schedule!r} is no time schedule: give {', '.join(TIME_SCHEDULES)} or a number of "
            f"Euler steps from 1 to {MAX_SCHEDULE_STEPS}"
        )
    return schedule


def draw_times(schedule: str | int, batch: int, device: torch.device | str | None = None) -> Tensor:
    """Training times of a batch, drawn with torch's global generator.

    They are stratified: one in each of B equal parts of the schedule, in random order, so that a
    batch covers it while each time alone has the schedule's distribution.

    Args:
        schedule: As in `check_time_schedule`.
        batch: B.
        device: Where they are drawn.

    Returns:
        (B,) float32: uniform in [0, 1]; 0; 1; or j / k with j uniform in 0..k-1.
    """
    check_time_schedule(schedule)
    if schedule == "t0":
        return torch.zeros(batch, device=device)
    if schedule == "t1":
        return torch.ones(batch, device=device)
    order = torch.randperm(batch, device=device)
    uniform = (order + torch.rand(batch, device=device)) / batch
    if isinstance(schedule, str):
        return uniform
    # In float32 the largest draws round up to 1, which belongs to no step.
    return (uniform * schedule).floor().clamp_max(schedule - 1) / schedule


def schedule_steps(schedule: str | int) -> int | None:
    """The only number of Euler steps a model of this schedule can take; None where any will do."""
    if isinstance(schedule, int):
        return schedule
    return 1 if schedule == "t0" else None


def required_sampling(schedule: str | int) -> dict[str, int | str]:
    """What a model of this schedule needs of its sampling's configuration: steps, method, grid."""
    steps = schedule_steps(schedule)
    return {} if steps is None else {"steps": steps, "method": "euler", "grid": "uniform"}


def check_schedule_steps(schedule: str | int, grid: Tensor, method: str) -> None:
    """Refuse to sample a model at times that it was not trained at.

    Args:
        schedule: That it was trained with.
        grid: The nodes that are asked for, from 0 to 1, (N + 1,).
        method: The solver that is asked for.

    Raises:
        InputError: The steps are others than the schedule's, or it knows no way from noise to data.
    """
    if schedule == "t1":
        raise InputError(
            "this model was trained with time_schedule t1: it knows the step from data to noise, "
            "not the way from noise to data"
        )
    steps = schedule_steps(schedule)
    if steps is None:
        return
    wanted = make_grid("uniform", steps)
    same = len(grid) == len(wanted) and torch.allclose(grid.to(wanted), wanted, rtol=0, atol=1e-8)
    if method != "euler" or not same:
        raise InputError(
            f"this model was trained with time_schedule {schedule}: it takes steps {steps}, method "
            f"euler and grid uniform, not {len(grid) - 1} steps of {method} on "
            f"{'that' if same else 'another'} grid"
        )
