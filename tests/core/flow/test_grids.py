"""Time grids: what they promise, and what they refuse."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.flow import GRIDS, make_grid

SPECS = st.one_of(
    st.sampled_from(GRIDS),
    st.floats(-1, 2 / (math.pi - 2)).map(lambda v: f"sway:{v!r}"),
    st.floats(0.2, 5).map(lambda v: f"power:{v!r}"),
    st.floats(0.01, 100).map(lambda v: f"equal-angle:{v!r}"),
)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(SPECS, st.integers(1, 64))
def test_every_grid_increases_from_exactly_0_to_exactly_1(spec, steps):
    """(N + 1,) float64 nodes, the ends exact."""
    grid = make_grid(spec, steps)
    assert grid.shape == (steps + 1,)
    assert grid.dtype == torch.float64
    assert grid[0] == 0
    assert grid[-1] == 1
    assert bool((grid.diff() > 0).all())


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=20))
def test_explicit_nodes_come_back_as_given(increments):
    """As numbers, as a tensor and as text, whatever `steps` says."""
    total = sum(increments)
    nodes = [0.0, *[sum(increments[: i + 1]) / total for i in range(len(increments) - 1)], 1.0]
    expected = torch.tensor(nodes, dtype=torch.float64)
    text = ",".join(map(repr, nodes))
    for given_nodes in (nodes, expected, text):
        assert torch.equal(make_grid(given_nodes, 7), expected)


@pytest.mark.parametrize(
    ("spec", "steps", "expected"),
    [
        ("uniform", 4, [0, 0.25, 0.5, 0.75, 1]),
        ("cosine", 3, [0, 1 - math.sqrt(3) / 2, 0.5, 1]),
        ("power:3", 2, [0, 0.125, 1]),
        ("power", 2, [0, 0.25, 1]),
        ("sway:0", 5, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ("sway:1", 2, [0, math.sqrt(0.5), 1]),
        # Equal angles at s = 1: tan(22.5 degrees) = sqrt 2 - 1 and t / (1 - t) = tan a.
        ("equal-angle:1", 4, [0, 1 - math.sqrt(0.5), 0.5, math.sqrt(0.5), 1]),
        # At s = 1/2 half-way is 45 degrees: t s = 1 - t.
        ("equal-angle:0.5", 2, [0, 2 / 3, 1]),
    ],
)
def test_grid_has_the_known_nodes(spec, steps, expected):
    """Values worked out by hand."""
    torch.testing.assert_close(
        make_grid(spec, steps), torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-15
    )


@pytest.mark.parametrize("steps", [1, 5, 16])
def test_sway_of_minus_one_is_the_cosine_grid(steps):
    """u - (cos(pi u / 2) - 1 + u) = 1 - cos(pi u / 2)."""
    torch.testing.assert_close(make_grid("sway", steps), make_grid("cosine", steps))


@pytest.mark.parametrize("deviation", [0.05, 0.3, 1.0, 4.0])
def test_equal_angle_grid_has_equal_angles(deviation):
    """The angle of (1 - t, t s) grows by pi / 2N a step, measured by the cross and dot products."""
    t = make_grid(f"equal-angle:{deviation}", 7)
    p = torch.stack([1 - t, t * deviation], dim=1)
    cross = p[:-1, 0] * p[1:, 1] - p[:-1, 1] * p[1:, 0]
    angles = torch.atan2(cross, (p[:-1] * p[1:]).sum(1))
    torch.testing.assert_close(angles, torch.full_like(angles, math.pi / 14), rtol=1e-12, atol=0)


def test_uniform_nodes_are_the_nearest_fractions():
    """Node i of N is i / N bit for bit."""
    assert make_grid("uniform", 49).tolist() == [i / 49 for i in range(50)]


@pytest.mark.parametrize(
    ("grid", "steps", "said"),
    [
        ("unifrom", 4, "'unifrom'.*did you mean 'uniform'"),
        ("karras", 4, "'karras'.*equal-angle"),
        ("cosine:2", 4, "'cosine' takes no number"),
        ("power:fast", 4, "'fast' is not a number"),
        ("power:0", 4, "exponent must be above 0"),
        ("power:inf", 4, "exponent must be above 0"),
        ("power:500", 100, "nodes must increase"),
        ("sway:-1.1", 4, "strength must be from -1 to 1.7519"),
        ("sway:2", 4, "strength must be"),
        ("equal-angle:-1", 4, "deviation must be above 0"),
        ("equal-angle:nan", 4, "deviation must be above 0"),
        ("0,0.5,0.4,1", 4, "nodes must increase"),
        ("0,x,1", 4, "'x' is not a number"),
        ("0,nan,1", 4, "nodes must increase"),
        ("0.1,1", 4, "first node must be 0"),
        ([0.0, 0.5], 4, "last 1"),
        ([1.0, 0.0], 4, "first node must be 0"),
        ([0.0], 4, "2 to"),
        ([[0.0, 1.0]], 4, "one row"),
        ("uniform", 0, "steps is 0"),
        ("uniform", 10_001, "steps is 10001"),
        ("uniform", 2.0, "whole number"),
        ("uniform", True, "whole number"),
        ("uniform", None, "whole number"),
    ],
)
def test_bad_grid_is_refused_in_one_sentence(grid, steps, said):
    """The value and what is allowed are named."""
    with pytest.raises(InputError, match=said) as caught:
        make_grid(grid, steps)
    assert "\n" not in str(caught.value)
