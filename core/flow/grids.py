"""Time grids: N + 1 increasing times from 0 (noise) to 1 (data)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from core.errors import InputError, unknown_name

MAX_STEPS = 10_000


def uniform(u: Tensor) -> Tensor:
    """Equal steps."""
    return u


def cosine(u: Tensor) -> Tensor:
    """1 - cos(pi u / 2): short steps beside the noise (CosyVoice, 2024)."""
    return 1 - torch.cos(math.pi / 2 * u)


def sway(u: Tensor, strength: float) -> Tensor:
    """Sway sampling, u + s (cos(pi u / 2) - 1 + u) (F5-TTS, 2024); s < 0 favours the noise end."""
    return u + strength * (torch.cos(math.pi / 2 * u) - 1 + u)


def power(u: Tensor, exponent: float) -> Tensor:
    """Power law, u^p: above 1 shorter steps beside the noise."""
    return u**exponent


def equal_angle(u: Tensor, deviation: float) -> Tensor:
    """Best Euler grid for Gaussian data of deviation s.

    Along the path, (1 - t, t s) turns by a quarter circle; the N-step Euler solution has deviation
    s times the product of the cosines of the angles between nodes, which is largest when they are
    equal: t = sin a / (s cos a + sin a) with a = pi u / 2.
    """
    angle = math.pi / 2 * u
    return torch.sin(angle) / (deviation * torch.cos(angle) + torch.sin(angle))


@dataclass(frozen=True)
class _Family:
    warp: Callable[..., Tensor]
    parameter: str = ""
    default: float | None = None
    allowed: Callable[[float], bool] = lambda value: True
    range: str = ""


_SWAY_LIMIT = 2 / (math.pi - 2)
_FAMILIES = {
    "uniform": _Family(uniform),
    "cosine": _Family(cosine),
    "sway": _Family(
        sway,
        "strength",
        -1.0,
        lambda value: -1 <= value <= _SWAY_LIMIT,
        f"from -1 to {_SWAY_LIMIT:.4f}",
    ),
    "power": _Family(power, "exponent", 2.0, lambda value: value > 0, "above 0"),
    "equal-angle": _Family(equal_angle, "deviation", 1.0, lambda value: value > 0, "above 0"),
}
GRIDS: tuple[str, ...] = tuple(_FAMILIES)
"""Names that `make_grid` knows; the last three take a number after a colon."""


def make_grid(grid: str | Sequence[float] | Tensor, steps: int | None = None) -> Tensor:
    """Build a time grid.

    Args:
        grid: "uniform", "cosine", "sway[:strength]" (-1), "power[:exponent]" (2),
            "equal-angle[:deviation]" (1), or the nodes themselves, as numbers or as text
            "0,0.1,0.5,1".
        steps: Number of steps N, 1 to 10,000. Explicit nodes bring their own number and do not
            look at it.

    Returns:
        (N + 1,) float64, strictly increasing, exactly 0 at first and exactly 1 at last.

    Raises:
        InputError: A name, number or node that is not allowed.

    Example:
        >>> make_grid("power:2", 4).tolist()
        [0.0, 0.0625, 0.25, 0.5625, 1.0]
    """
    if not isinstance(grid, str):
        return _explicit(grid, shown=grid)
    if "," in grid:
        return _explicit(_numbers(grid), shown=grid)
    warp = _parse(grid)
    if steps is None or isinstance(steps, bool) or not isinstance(steps, int):
        raise InputError(f"steps is {steps!r}: grid {grid!r} needs a whole number of steps")
    if not 1 <= steps <= MAX_STEPS:
        raise InputError(f"steps is {steps}, allowed is 1 to {MAX_STEPS}")
    # Exact fractions i / N: linspace would be off by an ulp here and there.
    nodes = warp(torch.arange(steps + 1, dtype=torch.float64) / steps)
    nodes[0], nodes[-1] = 0.0, 1.0
    return _checked(nodes, f"grid {grid!r} with {steps} steps")


def grid_text(nodes: Tensor) -> str:
    """A grid (N + 1,) as text that `make_grid` reads back bit for bit."""
    return ",".join(repr(node) for node in nodes.tolist())


def check_grids(grids: Mapping[str, str]) -> Mapping[str, str]:
    """Refuse grids that stand under a number of steps they do not have.

    Args:
        grids: Numbers of steps, as text, and grids.

    Returns:
        The same.

    Raises:
        InputError: A key is no number of steps, or a grid is not one or has another number.
    """
    for key, grid in grids.items():
        steps = len(make_grid(grid, int(key) if key.isdecimal() else None)) - 1
        if key != str(steps):
            raise InputError(f"the grid {grid!r} of {steps} steps stands under {key!r}")
    return grids


class GridDefaults(Protocol):
    """Whatever says which grid to take."""

    @property
    def method(self) -> str:
        """The solver that the grids were found with."""

    @property
    def grid(self) -> str:
        """For all numbers of steps that have none of their own."""

    @property
    def grids(self) -> Mapping[str, str]:
        """Those that a search found, by their number of steps."""


def choose_grid(defaults: GridDefaults, grid: str | None, steps: int, method: str) -> str:
    """The caller's grid, else the one that was found for so many steps, else the default.

    Args:
        defaults: What a model's configuration says.
        grid: What the caller asks for, or None.
        steps: Number of steps.
        method: The solver; another one than the default takes no found grid.
    """
    if grid is not None:
        return grid
    found = defaults.grids if method == defaults.method else {}
    return found.get(str(steps), defaults.grid)


def _parse(text: str) -> Callable[[Tensor], Tensor]:
    name, colon, number = text.strip().partition(":")
    family = _FAMILIES.get(name)
    if family is None:
        choices = [*GRIDS, "nodes such as 0,0.1,0.5,1"]
        raise unknown_name("grid", name, choices)
    if family.default is None:
        if colon:
            raise InputError(f"grid {text!r}: {name!r} takes no number")
        return family.warp
    value = _number(number, text) if colon else family.default
    if not (math.isfinite(value) and family.allowed(value)):
        raise InputError(f"grid {text!r}: the {family.parameter} must be {family.range}")
    return lambda u: family.warp(u, value)


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"grid {whole!r}: {text.strip()!r} is not a number") from None


def _numbers(text: str) -> list[float]:
    return [_number(part, text) for part in text.split(",")]


def _explicit(nodes: Sequence[float] | Tensor, shown: object) -> Tensor:
    tensor = torch.as_tensor(nodes, dtype=torch.float64, device="cpu").detach().clone()
    shown = shown if isinstance(shown, str) else tensor.tolist()
    if tensor.ndim != 1 or not 2 <= len(tensor) <= MAX_STEPS + 1:
        raise InputError(f"grid {shown!r}: give 2 to {MAX_STEPS + 1} nodes in one row")
    if tensor[0] != 0 or tensor[-1] != 1:
        raise InputError(f"grid {shown!r}: the first node must be 0 and the last 1")
    return _checked(tensor, f"grid {shown!r}")


def _checked(nodes: Tensor, what: str) -> Tensor:
    if not bool((nodes.diff() > 0).all()):
        raise InputError(f"{what}: the nodes must increase from 0 to 1")
    return nodes
