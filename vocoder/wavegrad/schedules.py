"""Noise schedules: variances beta_1 ... beta_N that a diffusion adds, the smallest beside the data.

Step n keeps alpha_n = 1 - beta_n of the signal's power, and alpha-bar_n is their product up to n;
the noise level l_n = sqrt(alpha-bar_n) is what WaveGrad is told, l_0 = 1 being clean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from core.errors import InputError, unknown_name
from core.flow import make_grid, noise_level_to_time
from core.flow.grids import GRIDS, MAX_STEPS

PUBLISHED = "published"
EXPLICIT = "betas"
FIRST_BETA, LAST_BETA = 1e-6, 6e-2
# Defaults of the two numbers after a schedule's steps.
_LIMITS = {
    "linear": (1e-6, 1e-2),
    "fibonacci": (1e-6, 2e-6),
    "geometric": (FIRST_BETA, LAST_BETA),
}
SCHEDULES: tuple[str, ...] = (PUBLISHED, EXPLICIT, *_LIMITS)
"""Names that `parse_schedule` knows; all but the first take numbers after a colon."""

_SHORT = {
    6: (1e-6, 1.893e-5, 1.194e-4, 1.005e-3, 1.109e-2, 6e-2),
    7: (1e-6, 5e-6, 1.893e-5, 1e-4, 1e-3, 1.11e-2, 6e-2),
}
# The signal's power that these end with, as published.
_LAST_ALPHA_BAR = {12: 0.9105, 50: 0.726, 100: 0.643}
PUBLISHED_STEPS: tuple[int, ...] = (6, 7, 12, 25, 50, 100, 1000)


def check_betas(betas: Sequence[float] | Tensor) -> Tensor:
    """A schedule from its variances.

    Args:
        betas: beta_1 ... beta_N, the one beside the data first; equal neighbours are allowed.

    Returns:
        (N,) float64.

    Raises:
        InputError: There are none or too many, or one is not inside (0, 1) or below the one before
            it; the sentence tells which, counting from 1.
    """
    values = torch.as_tensor(betas, dtype=torch.float64, device="cpu").detach().clone()
    if values.ndim != 1 or not 1 <= len(values) <= MAX_STEPS:
        raise InputError(f"a schedule of shape {tuple(values.shape)}: give 1 to {MAX_STEPS} betas")
    before = 0.0
    for index, beta in enumerate(values.tolist(), 1):
        if not 0 < beta < 1:
            raise InputError(f"beta {index} is {beta:g}; it must lie inside (0, 1)")
        if beta < before:
            raise InputError(
                f"beta {index} is {beta:g}, below beta {index - 1}, {before:g}; betas must ascend"
            )
        before = beta
    return values


def linear(steps: int, first: float = 1e-6, last: float = 1e-2) -> Tensor:
    """Equally spaced variances; a single step takes the last."""
    return check_betas(first + (last - first) * _fractions(steps))


def geometric(steps: int, first: float = FIRST_BETA, last: float = LAST_BETA) -> Tensor:
    """Variances in equal ratios; a single step takes the last."""
    check_betas([first])
    check_betas([last])
    return check_betas(first * (last / first) ** _fractions(steps))


def fibonacci(steps: int, first: float = 1e-6, second: float = 2e-6) -> Tensor:
    """beta_n = beta_(n-1) + beta_(n-2)."""
    betas = [first, second]
    while len(betas) < steps:
        betas.append(betas[-1] + betas[-2])
    return check_betas(betas[:steps])


def published(steps: int) -> Tensor:
    """The schedule that goes with a number of steps.

    6, 7 and 25 are the published ones. Mended are those of 12 and 50, which do not ascend; 100,
    whose values jitter around equal ratios; and 1000, with a negative variance and an end beyond
    the noise levels of training. 12, 50 and 100 become equal ratios from 1e-6 that end with the
    published power of the signal; 1000 is the schedule of training. Other numbers of steps have
    equal ratios from 1e-6 to 0.06, whose end is close to the published neighbours'.
    """
    if steps in _SHORT:
        return check_betas(_SHORT[steps])
    if steps == 25:
        return fibonacci(25)
    if steps == 1000:
        return linear(1000)
    if steps in _LAST_ALPHA_BAR:
        return _geometric_to(steps, _LAST_ALPHA_BAR[steps])
    return geometric(steps)


def noise_levels(betas: Tensor) -> Tensor:
    """l_0 = 1, l_1, ... l_N of a schedule (N,), (N + 1,) float64, falling."""
    levels = torch.cumprod(1 - betas.double(), 0).sqrt()
    return torch.cat([levels.new_ones(1), levels])


def is_schedule(grid: str) -> bool:
    """Whether a text names a noise schedule; otherwise it is a time grid's."""
    return grid.strip().partition(":")[0] in SCHEDULES


def parse_schedule(text: str, steps: int) -> Tensor:
    """A schedule from its name.

    Args:
        text: "published"; "linear:N[:first:last]" (1e-6, 1e-2), "fibonacci:N[:first:second]"
            (1e-6, 2e-6), "geometric:N[:first:last]" (1e-6, 6e-2); or "betas:1e-6,1e-4,1e-2".
        steps: For "published"; the others bring their own.

    Returns:
        (N,) float64.

    Raises:
        InputError: The name or one of its numbers is not allowed.
    """
    name, _, rest = text.strip().partition(":")
    if name not in SCHEDULES:
        raise unknown_name("noise schedule", name, SCHEDULES)
    if name == PUBLISHED:
        if rest:
            raise InputError(f"schedule {text!r}: 'published' takes no number")
        return published(_checked_steps(steps, text))
    if name == EXPLICIT:
        return check_betas([_number(part, text) for part in rest.split(",")])
    count, *limits = rest.split(":")
    if not count.strip().isdecimal() or len(limits) not in (0, 2):
        raise InputError(
            f"schedule {text!r}: give {name}:STEPS or {name}:STEPS:BETA:BETA, such as "
            f"{name}:25:{_LIMITS[name][0]:g}:{_LIMITS[name][1]:g}"
        )
    make = {"linear": linear, "fibonacci": fibonacci, "geometric": geometric}[name]
    given = [_number(part, text) for part in limits] or _LIMITS[name]
    return make(_checked_steps(int(count), text), *given)


def sampling_times(grid: str, steps: int) -> Tensor:
    """The times on the straight path that a schedule or a time grid asks for.

    Args:
        grid: A noise schedule or a time grid.
        steps: As `parse_schedule` and `make_grid`.

    Returns:
        (N + 1,) float64, increasing to 1; a schedule's begin above 0, at its noisiest level.

    Raises:
        InputError: As `parse_schedule` and `make_grid`, or the name is neither's.
    """
    if is_schedule(grid):
        return noise_level_to_time(noise_levels(parse_schedule(grid, steps))).flip(0)
    name = grid.strip().partition(":")[0]
    if "," not in grid and name not in GRIDS:
        raise unknown_name("grid", name, [*SCHEDULES, *GRIDS, "nodes such as 0,0.1,0.5,1"])
    return make_grid(grid, steps)


def _fractions(steps: int) -> Tensor:
    if steps == 1:
        return torch.ones(1, dtype=torch.float64)
    return torch.arange(steps, dtype=torch.float64) / (steps - 1)


def _geometric_to(steps: int, alpha_bar: float) -> Tensor:
    """Equal ratios from 1e-6 whose signal ends with a given power, by bisection of the last."""
    low, high = math.log(FIRST_BETA), math.log(0.5)
    for _ in range(60):
        middle = (low + high) / 2
        reached = float((1 - geometric(steps, last=math.exp(middle))).prod())
        low, high = (middle, high) if reached > alpha_bar else (low, middle)
    return geometric(steps, last=math.exp(low))


def _checked_steps(steps: int, text: str) -> int:
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MAX_STEPS:
        raise InputError(f"schedule {text!r}: steps is {steps!r}, allowed is 1 to {MAX_STEPS}")
    return steps


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"schedule {whole!r}: {text.strip()!r} is not a number") from None
