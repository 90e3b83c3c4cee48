"""Noise schedules: what they hold, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.flow import make_grid, time_to_noise_level
from vocoder.wavegrad.schedules import (
    PUBLISHED_STEPS,
    check_betas,
    fibonacci,
    geometric,
    linear,
    noise_levels,
    parse_schedule,
    published,
    sampling_times,
)

betas = st.floats(1e-7, 0.5)


@pytest.mark.parametrize(
    ("steps", "alpha_bar"),
    [(6, 0.9285), (7, 0.9285), (12, 0.9105), (25, 0.7185), (50, 0.726), (100, 0.643)],
)
def test_published_schedules_end_with_the_published_power(steps, alpha_bar):
    """To the four digits they were measured with."""
    assert float(np.prod(1 - published(steps).numpy())) == pytest.approx(alpha_bar, abs=5e-5)


@pytest.mark.parametrize("steps", [*PUBLISHED_STEPS, 1, 2, 3, 10, 37, 400])
def test_every_number_of_steps_has_an_ascending_schedule(steps):
    """Inside (0, 1): those of 12 and 50 steps did not ascend, that of 1000 held a negative one."""
    made = published(steps).numpy()
    assert len(made) == steps
    assert made[0] > 0
    assert made[-1] < 1
    assert (np.diff(made) > 0).all()


def test_schedule_of_1000_steps_stays_within_the_levels_of_training():
    """It is the schedule of training."""
    assert torch.equal(published(1000), linear(1000))
    assert float((1 - published(1000)).prod()) == pytest.approx(0.0066, abs=5e-5)


def test_fibonacci_numbers_in_units_of_the_first():
    """1, 2, 3, 5, 8, ...: the 25th is 121393 by Binet's formula."""
    golden = (1 + 5**0.5) / 2
    n = np.arange(2, 27)
    binet = np.round(golden**n / 5**0.5)
    np.testing.assert_allclose(fibonacci(25).numpy() * 1e6, binet, rtol=1e-12)
    assert float(fibonacci(25, 1e-6, 9e-6)[-1]) == pytest.approx(0.446, abs=5e-4)
    assert float((1 - fibonacci(25, 1e-6, 9e-6)).prod()) == pytest.approx(0.250, abs=5e-4)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 300), betas, betas)
def test_linear_and_geometric_schedules_reach_from_end_to_end(steps, one, other):
    """Ascending, equally spaced or in equal ratios, their levels falling from 1."""
    first, last = sorted((one, other))
    for made, curve in ((linear, np.linspace), (geometric, np.geomspace)):
        schedule = made(steps, first, last)
        expected = curve(first, last, steps) if steps > 1 else np.array([last])
        np.testing.assert_allclose(schedule.numpy(), expected, rtol=1e-9)
        levels = noise_levels(schedule)
        assert len(levels) == steps + 1
        assert levels[0] == 1
        assert bool((levels.diff() < 0).all())


@settings(max_examples=50, deadline=None)
@given(st.lists(betas, min_size=1, max_size=30))
def test_times_of_a_schedule_are_those_of_its_levels(values):
    """In the solver's order, and back to the signal's power."""
    text = "betas:" + ",".join(repr(value) for value in sorted(values))
    times = sampling_times(text, 4)
    kept = time_to_noise_level(times).numpy()[::-1] ** 2
    assert times[-1] == 1
    assert times[0] > 0
    np.testing.assert_allclose(kept, np.cumprod([1.0, *(1 - np.sort(values))]), rtol=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(betas, min_size=2, max_size=30, unique=True), st.data())
def test_schedule_that_does_not_ascend_is_refused_with_its_index(values, data):
    """The first that lies below the one before it."""
    values = sorted(values)
    index = data.draw(st.integers(1, len(values) - 1))
    values[index - 1], values[index] = values[index], values[index - 1]
    fall = next(n for n in range(1, len(values)) if values[n] < values[n - 1])
    with pytest.raises(InputError, match=rf"^beta {fall + 1} is .* betas must ascend"):
        check_betas(values)


@pytest.mark.parametrize("value", [0.0, 1.0, -1e-6, 2.0, float("nan"), float("inf")])
def test_beta_outside_is_refused_with_its_index(value):
    """Whatever stands beside it."""
    with pytest.raises(InputError, match=r"beta 2 is .*; it must lie inside \(0, 1\)"):
        check_betas([1e-4, value, 0.1])


def test_names_take_their_numbers():
    """With defaults, and without a look at the steps."""
    assert torch.equal(parse_schedule("linear:10", 3), linear(10))
    assert torch.equal(parse_schedule("linear:10:1e-4:0.05", 3), linear(10, 1e-4, 0.05))
    assert torch.equal(parse_schedule("fibonacci:25", 3), published(25))
    assert torch.equal(parse_schedule("geometric:5", 3), published(5))
    assert parse_schedule("betas: 1e-6, 1e-3,0.1", 3).tolist() == [1e-6, 1e-3, 0.1]
    assert torch.equal(parse_schedule("published", 12), published(12))


def test_time_grids_are_taken_too():
    """As `make_grid` makes them."""
    assert torch.equal(sampling_times("sway:-1", 5), make_grid("sway:-1", 5))
    assert torch.equal(sampling_times("0,0.2,1", 5), make_grid("0,0.2,1"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("lineer:6", "unknown grid 'lineer', did you mean 'linear'"),
        ("linear", "give linear:STEPS or linear:STEPS:BETA:BETA"),
        ("linear:six", "give linear:STEPS"),
        ("linear:6:1e-6", "give linear:STEPS"),
        ("linear:0", "steps is 0, allowed is 1 to 10000"),
        ("linear:6:1e-2:1e-6", "beta 2 is 0.008.*, below beta 1, 0.01; betas must ascend"),
        ("linear:6:1e-6:big", "'big' is not a number"),
        ("geometric:6:0:1e-2", r"beta 1 is 0; it must lie inside \(0, 1\)"),
        ("fibonacci:99", r"beta 30 is 1.34627; it must lie inside \(0, 1\)"),
        ("betas:", "'' is not a number"),
        ("betas:0.1,x", "'x' is not a number"),
        ("published:6", "'published' takes no number"),
    ],
)
def test_faulty_names_are_refused_in_a_sentence(text, sentence):
    """That names what is allowed."""
    with pytest.raises(InputError, match=sentence):
        sampling_times(text, 6)


def test_schedule_without_steps_is_refused():
    """A number of steps that is none."""
    with pytest.raises(InputError, match="steps is 0"):
        sampling_times("published", 0)
    with pytest.raises(InputError, match="unknown noise schedule 'uniform'"):
        parse_schedule("uniform", 6)
