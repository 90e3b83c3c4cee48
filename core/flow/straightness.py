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


def bends(
    field: Field, x_0: Tensor, steps: int = 50, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Squared distance of the velocity from the whole displacement, item by item.

    The mean over t of the first result is the straightness of Liu et al. (2023, section 2.2),
    S = int E |(x_1 - x_0) - u(t, x_t)|^2 dt, taken by the midpoint rule along the midpoint method's
    solution; divided by the second it has no unit and is 0 for straight paths at constant speed.

    Args:
        field: u(t, x).
        x_0: Noise (B, ...).
        steps: Equal steps of the solution, N; the field is called 2 N times.
        mask: Real elements, broadcastable to x_0, or None for all.

    Returns:
        Mean over an item's elements of |(x_1 - x_0) - u|^2 at t = (i + 1/2) / N, (B, N), and of
        |x_1 - x_0|^2, (B,); float64 on the CPU.

    Raises:
        InputError: See `solve`.
    """
    seen: list[Tensor] = []

    def watched(t: Tensor, x: Tensor) -> Tensor:
        velocity = field(t, x)
        seen.append(velocity)
        return velocity

    x_1 = solve(watched, x_0, make_grid("uniform", steps), "midpoint").x
    whole = x_1 - x_0
    real = torch.ones_like(x_0) if mask is None else mask.expand_as(x_0).to(x_0.dtype)

    def size(difference: Tensor) -> Tensor:
        # Summed in float32, because not every accelerator has float64.
        squares = (difference.square() * real).flatten(1).sum(1) / real.flatten(1).sum(1)
        return squares.cpu().double()

    return torch.stack([size(whole - u) for u in seen[1::2]], dim=1), size(whole)


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
