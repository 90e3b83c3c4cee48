"""Solve dx/dt = u(t, x) from the first node of a grid to the last.

A solver knows a field, a state, a grid and a method; networks, paths and the making of grids are
not its concern. Grids may run either way: increasing to sample, decreasing to invert.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from core.errors import InputError, unknown_name
from core.flow.adaptive import solve_rk45, weighted_sum
from core.flow.fields import Field
from core.flow.tableaus import METHODS, Tableau

ADAPTIVE = "rk45"
SOLVERS: tuple[str, ...] = (*METHODS, ADAPTIVE)
"""Every method name that `solve` takes."""


@dataclass(frozen=True)
class Solution:
    """Where a solve ended.

    Attributes:
        x: The state at the last node, shape and dtype of x_0.
        nfe: Number of function evaluations: calls of the field, the most any item needed.
        trajectory: States at all nodes, (nodes, *x.shape), when asked for.
    """

    x: Tensor
    nfe: int
    trajectory: Tensor | None = None


def solve(
    field: Field,
    x_0: Tensor,
    grid: Tensor | Sequence[float],
    method: str = "euler",
    *,
    rtol: float = 1e-5,
    atol: float = 1e-5,
    mask: Tensor | None = None,
    trajectory: bool = False,
) -> Solution:
    """Integrate a field over a grid.

    Gradients flow through the result wherever they are enabled.

    Args:
        field: u(t, x). Fixed-step methods call it with t 0-d, "rk45" with one time an item (B,);
            t has the dtype and device of x.
        x_0: State at the first node, (B, ...), floating.
        grid: Times, strictly increasing or strictly decreasing. Fixed-step methods take one step
            between neighbours. "rk45" chooses its own steps from the first to the last node; only
            with `trajectory` does it also stop at the nodes between.
        method: "euler", "midpoint", "heun", "rk4" or "rk45".
        rtol: Relative tolerance of "rk45", item by item.
        atol: Absolute tolerance of "rk45", above 0.
        mask: Real elements, bool, broadcastable to x_0; "rk45" measures its error on them only, so
            that padding does not change its steps. Fixed-step methods have no use for it.
        trajectory: Keep the states at all nodes.

    Returns:
        The solution; it does not depend on what else is in the batch, if the field's does not.

    Raises:
        InputError: An unknown method, a grid that is not monotone, a state that is not floating, a
            field of another shape than its state, or (adaptive) tolerances that are not allowed or
            cannot be met.

    Example:
        >>> solve(lambda t, x: x, torch.ones(1), torch.linspace(0, 1, 5), "rk4").nfe
        16
    """
    if method not in SOLVERS:
        raise unknown_name("method", method, SOLVERS)
    nodes = _checked_nodes(grid)
    if not x_0.is_floating_point():
        raise InputError(f"x_0 has dtype {x_0.dtype}: a solver needs a floating-point state")
    field = _same_shape(field)
    if method == ADAPTIVE:
        x, nfe, states = solve_rk45(field, x_0, nodes, rtol, atol, mask, trajectory)
    else:
        x, nfe, states = _solve_fixed(field, x_0, nodes, METHODS[method], trajectory)
    return Solution(x, nfe, torch.stack(states) if trajectory else None)


def _solve_fixed(
    field: Field, x: Tensor, nodes: Tensor, tableau: Tableau, trajectory: bool
) -> tuple[Tensor, int, list[Tensor]]:
    # Stage times come from the grid itself, in float64: adding steps up would drift.
    c = torch.tensor(tableau.c, dtype=torch.float64)
    times = torch.outer(nodes[:-1], 1 - c) + torch.outer(nodes[1:], c)
    times = times.to(device=x.device, dtype=x.dtype)
    states = [x]
    for stage_times, (start, end) in zip(times, pairwise(nodes.tolist()), strict=True):
        step = end - start
        slopes: list[Tensor] = []
        for t, weights in zip(stage_times, tableau.a, strict=True):
            slopes.append(field(t, weighted_sum(x, step, weights, slopes)))
        x = weighted_sum(x, step, tableau.b, slopes)
        if trajectory:
            states.append(x)
    return x, tableau.stages * (len(nodes) - 1), states


def _same_shape(field: Field) -> Field:
    """The field, refusing what would otherwise broadcast in silence."""

    def checked(t: Tensor, x: Tensor) -> Tensor:
        slope = field(t, x)
        if slope.shape != x.shape:
            raise InputError(
                f"the field returned shape {tuple(slope.shape)} for a state of shape "
                f"{tuple(x.shape)}: they must be equal"
            )
        return slope

    return checked


def _checked_nodes(grid: Tensor | Sequence[float]) -> Tensor:
    nodes = torch.as_tensor(grid, dtype=torch.float64, device="cpu").detach()
    if nodes.ndim != 1 or len(nodes) < 2:
        raise InputError(f"a grid of shape {tuple(nodes.shape)} is no grid: give 2 nodes or more")
    values = nodes.tolist()
    steps = nodes.diff()
    if not all(map(math.isfinite, values)) or not bool((steps > 0).all() or (steps < 0).all()):
        shown = values if len(values) <= 12 else [*values[:6], "...", *values[-5:]]
        raise InputError(f"grid {shown} must be finite and strictly increasing or decreasing")
    return nodes
