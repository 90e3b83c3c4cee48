"""Velocity, data and noise in terms of one another, and guidance."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.flow import (
    CosinePath,
    LinearPath,
    VariancePreservingPath,
    data_to_noise,
    data_to_velocity,
    guided,
    noise_to_data,
    noise_to_velocity,
    solve,
    velocity_to_data,
    velocity_to_noise,
)

DOUBLE = torch.float64
PATHS = st.one_of(
    st.floats(0, 0.5).map(LinearPath),
    st.just(CosinePath()),
    st.floats(0.01, 1).map(lambda low: VariancePreservingPath(low, 10 * low + 1)),
)
NUMBERS = st.floats(-5, 5)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(PATHS, st.floats(0.01, 0.99), NUMBERS, NUMBERS)
def test_each_quantity_gives_back_the_other_two(path, time, noise, data):
    """For x_t and dx_t made from known noise and data, every conversion finds the known value."""
    x_0, x_1 = torch.full((1, 1), noise, dtype=DOUBLE), torch.full((1, 1), data, dtype=DOUBLE)
    t = torch.tensor([time], dtype=DOUBLE)
    x, v = path.sample(x_0, x_1, t), path.velocity(x_0, x_1, t)
    for found, known in (
        (velocity_to_data(x, t, v, path), x_1),
        (velocity_to_noise(x, t, v, path), x_0),
        (data_to_noise(x, t, x_1, path), x_0),
        (data_to_velocity(x, t, x_1, path), v),
        (noise_to_data(x, t, x_0, path), x_1),
        (noise_to_velocity(x, t, x_0, path), v),
    ):
        torch.testing.assert_close(found, known, rtol=1e-8, atol=1e-8)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(PATHS, st.floats(0.01, 0.99), NUMBERS, NUMBERS)
def test_round_trips_return_any_velocity(path, time, state, velocity):
    """v -> x_1 -> v, v -> x_0 -> v and v -> x_1 -> x_0 -> v, for velocities off any path too."""
    x, v = torch.full((1, 1), state, dtype=DOUBLE), torch.full((1, 1), velocity, dtype=DOUBLE)
    t = torch.tensor(time, dtype=DOUBLE)
    data, noise = velocity_to_data(x, t, v, path), velocity_to_noise(x, t, v, path)
    for found in (
        data_to_velocity(x, t, data, path),
        noise_to_velocity(x, t, noise, path),
        noise_to_velocity(x, t, data_to_noise(x, t, data, path), path),
    ):
        torch.testing.assert_close(found, v, rtol=1e-7, atol=1e-7)


def test_straight_path_has_the_known_short_forms():
    """x_1 = x + (1 - t) v and x_0 = x - t v, with one time an item."""
    x, v = torch.randn(3, 2, 4), torch.randn(3, 2, 4)
    t = torch.tensor([0.0, 0.25, 1.0])
    time = t[:, None, None]
    torch.testing.assert_close(velocity_to_data(x, t, v), x + (1 - time) * v)
    torch.testing.assert_close(velocity_to_noise(x, t, v), x - time * v)


def test_at_the_ends_the_state_is_the_estimate():
    """x_0 = x at t = 0 and x_1 = x at t = 1, whatever the velocity."""
    x, v = torch.randn(2, 3), torch.randn(2, 3)
    assert torch.equal(velocity_to_noise(x, torch.tensor(0.0), v), x)
    assert torch.equal(velocity_to_data(x, torch.tensor(1.0), v), x)


def counted(value):
    calls = []

    def field(t, x):
        calls.append(1)
        return torch.full_like(x, value)

    return field, calls


@pytest.mark.parametrize(("scale", "moved"), [(0, 1.0), (1, 3.0), (2.5, 6.0), (-1, -1.0)])
def test_guidance_extrapolates_from_unconditional_to_conditional(scale, moved):
    """u = 1 and c = 3 are guided to 1 + 2 scale."""
    conditional, unconditional = counted(3.0)[0], counted(1.0)[0]
    x = solve(guided(conditional, unconditional, scale), torch.zeros(1, 2), [0.0, 1.0]).x
    torch.testing.assert_close(x, torch.full((1, 2), moved))


def test_guidance_without_effect_costs_one_call():
    """At scales 0 and 1 only the field that counts is called."""
    (conditional, c_calls), (unconditional, u_calls) = counted(3.0), counted(1.0)
    guided(conditional, unconditional, 1.0)(torch.tensor(0.0), torch.zeros(1, 1))
    assert (len(c_calls), len(u_calls)) == (1, 0)
    guided(conditional, unconditional, 0.0)(torch.tensor(0.0), torch.zeros(1, 1))
    assert (len(c_calls), len(u_calls)) == (1, 1)
