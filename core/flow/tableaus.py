"""Runge-Kutta methods as data: Butcher tableaux."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tableau:
    """An explicit Runge-Kutta method of s stages.

    Stage i is k_i = u(t + c_i h, x + h sum_j a_ij k_j), and x(t + h) = x + h sum_i b_i k_i.

    Attributes:
        order: The error of one solve falls as h^order; the tests measure it.
        a: Row i holds the i weights a_i0 ... a_i(i-1).
        b: Weights of the result (s,).
        c: Times of the stages as fractions of the step (s,).
        b_error: b minus the weights of the embedded method, for adaptive steps; or None.
    """

    order: int
    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]
    c: tuple[float, ...]
    b_error: tuple[float, ...] | None = None

    @property
    def stages(self) -> int:
        """Function evaluations a step."""
        return len(self.b)


METHODS: dict[str, Tableau] = {
    "euler": Tableau(order=1, a=((),), b=(1.0,), c=(0.0,)),
    "midpoint": Tableau(order=2, a=((), (1 / 2,)), b=(0.0, 1.0), c=(0.0, 1 / 2)),
    "heun": Tableau(order=2, a=((), (1.0,)), b=(1 / 2, 1 / 2), c=(0.0, 1.0)),
    "rk4": Tableau(
        order=4,
        a=((), (1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0)),
        b=(1 / 6, 1 / 3, 1 / 3, 1 / 6),
        c=(0.0, 1 / 2, 1 / 2, 1.0),
    ),
}
"""The fixed-step methods by name."""

_FIFTH = (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0.0)
_FOURTH = (5179 / 57600, 0.0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40)

DORMAND_PRINCE = Tableau(
    order=5,
    a=(
        (),
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
        _FIFTH[:6],
    ),
    b=_FIFTH,
    c=(0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0),
    b_error=tuple(high - low for high, low in zip(_FIFTH, _FOURTH, strict=True)),
)
"""Dormand & Prince, 1980: order 5 with an embedded 4; the last stage is the next step's first."""
