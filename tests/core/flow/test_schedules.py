"""Training times have their schedule's distribution, and other steps than its own are refused."""

from __future__ import annotations

import pytest
import torch

from core.errors import InputError
from core.flow import make_grid, solve
from core.flow.schedules import (
    check_schedule_steps,
    check_time_schedule,
    draw_times,
    required_sampling,
    schedule_steps,
)


def draws(schedule, batch=8, count=4000):
    torch.manual_seed(0)
    return torch.stack([draw_times(schedule, batch) for _ in range(count)])


def test_uniform_times_are_stratified_and_each_is_uniform():
    """One in every eighth; every place of the batch has mean 1/2 and variance 1/12."""
    found = draws("uniform")
    strata = (8 * found.sort(dim=1).values).floor()
    assert torch.equal(strata, torch.arange(8.0).expand_as(strata))
    torch.testing.assert_close(found.mean(0), torch.full((8,), 0.5), rtol=0, atol=0.02)
    torch.testing.assert_close(found.var(0), torch.full((8,), 1 / 12), rtol=0.05, atol=0)


@pytest.mark.parametrize(("schedule", "time"), [("t0", 0.0), ("t1", 1.0)])
def test_one_step_schedules_stay_at_their_end(schedule, time):
    """The only time at which one step evaluates the field."""
    assert draw_times(schedule, 5).tolist() == [time] * 5


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 10])
@pytest.mark.parametrize("batch", [1, 8])
def test_step_schedule_draws_the_times_that_euler_visits_equally_often(steps, batch):
    """The truth is what the solver itself asks the field for, to the last bit."""
    visited = []
    zero = torch.zeros(1)
    solve(lambda t, x: visited.append(float(t)) or x, zero, make_grid("uniform", steps))
    values, counts = draws(steps, batch).unique(return_counts=True)
    assert values.tolist() == visited
    share = counts / counts.sum()
    torch.testing.assert_close(share, torch.full((steps,), 1 / steps), rtol=0.1, atol=0)


def test_draw_that_rounds_to_one_belongs_to_the_last_step(monkeypatch):
    """15 + (1 - 2^-24) is 16 in float32."""
    monkeypatch.setattr(torch, "rand", lambda n, device=None: torch.full((n,), 1 - 2**-24))
    assert float(draw_times(4, 16).max()) == 0.75


@pytest.mark.parametrize(("schedule", "steps"), [("t0", 1), (1, 1), (4, 4)])
def test_other_steps_than_the_schedules_are_refused(schedule, steps):
    """Also as many steps on another grid, or of another method."""
    assert schedule_steps(schedule) == steps
    check_schedule_steps(schedule, make_grid("uniform", steps), "euler")
    refused = [
        ("uniform", steps + 1, "euler"),
        ("uniform", steps, "heun"),
        ("uniform", steps, "rk45"),
        ("uniform", steps, "sde"),
    ]
    for grid, count, method in refused + [("power:2", steps, "euler")] * (steps > 1):
        with pytest.raises(InputError, match=f"time_schedule {schedule}: it takes steps {steps},"):
            check_schedule_steps(schedule, make_grid(grid, count), method)


def test_model_of_the_reverse_step_cannot_sample():
    """It has seen t = 1 alone."""
    with pytest.raises(InputError, match="from data to noise"):
        check_schedule_steps("t1", make_grid("uniform", 1), "euler")


def test_uniform_schedule_takes_any_steps():
    """And asks nothing of the configuration."""
    check_schedule_steps("uniform", make_grid("sway", 3), "rk45")
    assert required_sampling("uniform") == {}
    assert required_sampling(4) == {"steps": 4, "method": "euler", "grid": "uniform"}


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("t2", "unknown time schedule 't2'; allowed: uniform, t0, t1, a number of Euler steps"),
        ("unifrom", "did you mean 'uniform'"),
        (0, "^0 is no time schedule: give uniform, t0, t1 or a number of Euler steps from 1 to"),
        (1001, "1001 is no"),
        (True, "True is no"),
        (0.5, "0.5 is no"),
    ],
)
def test_what_is_no_schedule_is_refused(schedule, said):
    """In one sentence."""
    with pytest.raises(InputError, match=said):
        check_time_schedule(schedule)
