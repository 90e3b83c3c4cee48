"""How straight a flow's paths are, and the time grid that shares their bends out evenly."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch import Tensor

from core.errors import InputError
from core.flow.fields import Field
from core.flow.grids import make_grid
from core.flow.solvers import solve

TRACE_STEPS = 100


def straightness(field: Field, x_0: Tensor, steps: int = TRACE_STEPS) -> Tensor:
    """Distance of the velocity from the whole displacement, along an Euler solution.

    S(t) = E |u(t, x_t) - (x_1 - x_0)| (RFWave: Liu, Dai & Wu, 2024), in root mean
    square over an item's elements and mean over items; 0 on a straight path at constant speed.

    Args:
        field: u(t, x).
        x_0: Noise (B, ...).
        steps: Equal steps of the solution.

    Returns:
        S at i / steps for i = 0 to steps - 1, (steps,) float64 on the CPU.

    Raises:
        InputError: See `solve`.
    """
    states = solve(field, x_0, make_grid("uniform", steps), trajectory=True).trajectory
    assert states is not None
    whole = (states[-1] - states[0]).double()
    values = []
    for before, after in itertools.pairwise(states):
        bend = steps * (after.double() - before.double()) - whole
        values.append(bend.flatten(1).square().mean(1).sqrt().mean())
    return torch.stack(values).cpu()


def equal_straightness_grid(profile: Tensor, steps: int) -> Tensor:
    """The grid whose steps all have the same share of the paths' bends (RFWave, 2024).

    With C(t) the integral of S from 0 to t, node k of N stands where C = k / N of C(1).

    Args:
        profile: S at equal steps, from `straightness`; 0 everywhere gives equal steps.
        steps: Steps N of the grid.

    Returns:
        (steps + 1,) float64 from 0 to 1.

    Raises:
        InputError: The profile is no row of finite numbers that are not negative, or `steps` is
            out of range.
    """
    values = profile.double().tolist() if profile.ndim == 1 else []
    if not values or not all(math.isfinite(value) and value >= 0 for value in values):
        raise InputError("a profile of straightness is a row of finite numbers, none negative")
    uniform = make_grid("uniform", steps)
    total = sum(values)
    if total == 0:
        return uniform
    reached = np.concatenate([[0.0], np.cumsum(values)])
    times = np.linspace(0.0, 1.0, len(reached))
    # Where nothing bends, C stands still, and any of its times would do: take the first.
    reached, first = np.unique(reached, return_index=True)
    nodes = torch.from_numpy(np.interp(uniform.numpy() * reached[-1], reached, times[first]))
    nodes[0], nodes[-1] = 0.0, 1.0
    return make_grid(nodes)
