"""Velocity fields: any u(t, x) whose conditioning is already bound in a closure."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Field = Callable[[Tensor, Tensor], Tensor]
"""u(t, x) -> dx/dt; t is 0-d or (B,), x and the result are (B, ...)."""


def guided(conditional: Field, unconditional: Field, scale: float) -> Field:
    """Classifier-free guidance (Ho & Salimans, 2022): u + scale (c - u).

    Args:
        conditional: Field c with the condition.
        unconditional: Field u without it.
        scale: 1 is the conditional field alone, 0 the unconditional one, above 1 exaggerates.

    Returns:
        The guided field; one call of it calls both fields, unless one of them has no weight.
    """
    if scale == 1:
        return conditional
    if scale == 0:
        return unconditional

    def field(t: Tensor, x: Tensor) -> Tensor:
        base = unconditional(t, x)
        return base + scale * (conditional(t, x) - base)

    return field
