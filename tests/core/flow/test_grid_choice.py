"""Which grid is taken: the caller's, the one found for so many steps, the default."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from core.errors import InputError
from core.flow import check_grids, choose_grid, grid_text, make_grid

DEFAULTS = SimpleNamespace(method="euler", grid="sway:-1", grids={"2": "0,0.3,1"})


@pytest.mark.parametrize(
    ("grid", "steps", "method", "expected"),
    [
        (None, 2, "euler", "0,0.3,1"),
        (None, 3, "euler", "sway:-1"),
        ("uniform", 2, "euler", "uniform"),
        # Found with Euler's method, which says nothing of another's best.
        (None, 2, "heun", "sway:-1"),
    ],
)
def test_found_grid_serves_its_steps_and_solver_alone(grid, steps, method, expected):
    """The caller's word goes before it."""
    assert choose_grid(DEFAULTS, grid, steps, method) == expected


def test_grid_text_is_read_back():
    """Bit for bit."""
    grid = make_grid("sway:-0.7", 7)
    assert torch.equal(make_grid(grid_text(grid)), grid)
    assert grid_text(make_grid("uniform", 4)) == "0.0,0.25,0.5,0.75,1.0"


@pytest.mark.parametrize(
    ("grids", "said"),
    [
        ({"3": "0,0.5,1"}, "'0,0.5,1' of 2 steps stands under '3'"),
        ({"02": "0,0.5,1"}, "under '02'"),
        ({"two": "0,0.5,1"}, "under 'two'"),
        ({"two": "uniform"}, "whole number of steps"),
        ({"2": "0,0.5,0.4"}, "last 1"),
    ],
)
def test_grids_under_other_numbers_are_refused(grids, said):
    """In one sentence; those under their own number come back."""
    assert check_grids({"2": "0,0.5,1", "4": "cosine"}) == {"2": "0,0.5,1", "4": "cosine"}
    with pytest.raises(InputError, match=said):
        check_grids(grids)
