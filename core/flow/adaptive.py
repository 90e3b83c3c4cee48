"""Adaptive Runge-Kutta 5(4) of Dormand & Prince with a clock for each item.

Every item of a batch has its own time, step size and error norm, so that it takes the steps it
would take alone. Items that have arrived wait, frozen, for the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from core.errors import InputError
from core.flow.fields import Field
from core.flow.tableaus import DORMAND_PRINCE

MAX_ATTEMPTS = 2_000
"""Steps tried, accepted or not, before a solve gives up; one more for each node to stop at."""

_SMALLEST_STEP = 1e-12  # as a share of the whole interval
_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 10.0
_RUNGS = 4  # sizes of a step in an octave


def _rung(step: Tensor) -> Tensor:
    """The step, shortened to the next power of 2^(1/4).

    A network rounds differently in another batch. Such differences would pass through the errors
    into every step and from there, magnified, into the solution; on a ladder they vanish.
    """
    return step.sign() * 2 ** ((_RUNGS * step.abs().log2()).floor() / _RUNGS)


def weighted_sum(
    x: Tensor, step: float | Tensor, weights: Sequence[float], slopes: Sequence[Tensor]
) -> Tensor:
    """State after a step, x + step * sum_i weights_i slopes_i, skipping weights of zero."""
    terms = [w * k for w, k in zip(weights, slopes, strict=False) if w != 0]
    if not terms:
        return x
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return x + step * total


def solve_rk45(
    field: Field,
    x_0: Tensor,
    nodes: Tensor,
    rtol: float,
    atol: float,
    mask: Tensor | None = None,
    trajectory: bool = False,
) -> tuple[Tensor, int, list[Tensor]]:
    """Integrate with error control; the work of `solve(..., method="rk45")`.

    Args:
        field: u(t, x) with t (B,).
        x_0: (B, ...), floating.
        nodes: Strictly monotone times, float64 on the CPU.
        rtol: Relative tolerance, not negative.
        atol: Absolute tolerance, above 0.
        mask: Real elements, broadcastable to x_0, or None for all.
        trajectory: Stop at every node and return the states there.

    Returns:
        The last state, the number of field calls, and the states at all nodes (only the first and
        last without `trajectory`).

    Raises:
        InputError: Tolerances out of range, a state without a batch, a field that is not finite,
            or one that cannot be solved to the tolerances.
    """
    if not (0 <= rtol < math.inf and 0 < atol < math.inf):
        raise InputError(f"rtol {rtol} and atol {atol}: allowed is rtol >= 0 and atol > 0")
    if x_0.ndim == 0:
        raise InputError("x_0 has no batch dimension: rk45 needs a state of shape (B, ...)")
    targets = nodes if trajectory else nodes[[0, -1]]
    states = [x_0]
    if x_0.shape[0] == 0:
        return x_0, 0, states * len(targets)
    run = _Run(field, x_0, targets, _ErrorNorm(x_0, rtol, atol, mask))
    while not run.finished:
        run.attempt()
    return run.x, run.nfe, list(run.states)


class _ErrorNorm:
    """Root mean square over an item's real elements, in units of the tolerance (Hairer I, 4.11)."""

    def __init__(self, x: Tensor, rtol: float, atol: float, mask: Tensor | None) -> None:
        self.rtol, self.atol = rtol, atol
        self.weight: Tensor | None = None
        count = torch.full((x.shape[0],), float(max(x[0].numel(), 1)))
        if mask is not None:
            self.weight = mask.expand_as(x).flatten(1)
            count = self.weight.sum(1).clamp_min(1).cpu()
        self.count = count.to(torch.float64)

    def scale(self, *states: Tensor) -> Tensor:
        """Tolerance of each element beside these states."""
        largest = torch.stack([state.detach().abs() for state in states]).amax(0)
        return self.atol + self.rtol * largest

    def __call__(self, error: Tensor, scale: Tensor) -> Tensor:
        """Norm of each item (B,), float64 on the CPU."""
        ratio = (error.detach() / scale).reshape(error.shape[0], -1)
        if self.weight is not None:
            ratio = torch.where(self.weight, ratio, 0)
        # Squares of half-precision numbers would overflow.
        squares = ratio.to(torch.promote_types(ratio.dtype, torch.float32)).square().sum(1)
        return (squares.cpu().double() / self.count).sqrt()


class _Run:
    """One solve under way; the clocks are float64 on the CPU, the states where x_0 is."""

    def __init__(self, field: Field, x_0: Tensor, targets: Tensor, norm: _ErrorNorm) -> None:
        self.field, self.norm, self.targets = field, norm, targets
        self.x, self.nfe, self.attempts = x_0, 0, 0
        batch = x_0.shape[0]
        self.span = float(targets[-1] - targets[0])
        self.t = targets[:1].repeat(batch)
        self.next = torch.ones(batch, dtype=torch.int64)
        self.may_grow = torch.ones(batch, dtype=torch.bool)
        self.states = [x_0, *[x_0] * (len(targets) - 1)]
        self.slope = self._call(self.t, x_0)
        self.step = self._first_step()

    @property
    def finished(self) -> bool:
        return bool((self.next == len(self.targets)).all())

    def _column(self, values: Tensor) -> Tensor:
        """(B,) on the CPU to a factor for the state."""
        column = values.reshape(-1, *[1] * (self.x.ndim - 1))
        return column.to(
            device=self.x.device, dtype=None if values.dtype == torch.bool else self.x.dtype
        )

    def _call(self, t: Tensor, x: Tensor) -> Tensor:
        self.nfe += 1
        return self.field(t.to(device=x.device, dtype=x.dtype), x)

    def _first_step(self) -> Tensor:
        """Starting step of Hairer, Norsett & Wanner I, II.4, algorithm 4.14; signed."""
        scale = self.norm.scale(self.x)
        size, speed = self.norm(self.x, scale), self.norm(self.slope, scale)
        self._require_finite(size + speed)
        length, sign = abs(self.span), math.copysign(1.0, self.span)
        small = (size < 1e-5) | (speed < 1e-5)
        guess = torch.where(small, 1e-6 * length, 0.01 * size / speed.clamp_min(1e-300))
        guess = guess.clamp(1e-6 * length, length) * sign
        ahead = self._call(self.t + guess, self.x + self._column(guess) * self.slope)
        bend = self.norm(ahead - self.slope, scale) / guess.abs()
        bend = torch.nan_to_num(bend, nan=math.inf)
        steepest = torch.maximum(speed, bend)
        fine = (0.01 / steepest.clamp_min(1e-300)) ** (1 / DORMAND_PRINCE.order)
        fine = torch.where(steepest <= 1e-15, (guess.abs() * 1e-3).clamp_min(1e-6 * length), fine)
        return _rung(sign * torch.minimum(100 * guess.abs(), fine).clamp(1e-6 * length, length))

    def attempt(self) -> None:
        """Try one step of every item that has not arrived."""
        self.attempts += 1
        active = self.next < len(self.targets)
        target = self.targets[self.next.clamp_max(len(self.targets) - 1)]
        left = target - self.t
        # A step that would leave a sliver before the node is stretched or split in two.
        reaches = self.step.abs() * 1.01 >= left.abs()
        step = torch.where(
            reaches, left, torch.where(self.step.abs() * 2 > left.abs(), left / 2, self.step)
        )
        step = torch.where(active, step, 0.0)
        arrival = torch.where(reaches, target, self.t + step)
        new, slope, error = self._stages(step, arrival)
        error = torch.where(active, error, 0.0)
        accepted = active & (error <= 1)
        self._adapt(step, error, accepted, active)
        keep = self._column(accepted)
        self.x = torch.where(keep, new, self.x)
        self.slope = torch.where(keep, slope, self.slope)
        self.t = torch.where(accepted, arrival, self.t)
        arrived = accepted & reaches
        for index in set(self.next[arrived].tolist()):
            here = self._column(arrived & (self.next == index))
            self.states[index] = torch.where(here, self.x, self.states[index])
        self.next = self.next + arrived

    def _stages(self, step: Tensor, arrival: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """New state, its slope (first stage of the next step), and each item's error."""
        assert DORMAND_PRINCE.b_error is not None
        h = self._column(step)
        slopes, state = [self.slope], self.x
        for c, weights in zip(DORMAND_PRINCE.c[1:], DORMAND_PRINCE.a[1:], strict=True):
            state = weighted_sum(self.x, h, weights, slopes)
            slopes.append(self._call(arrival if c == 1 else self.t + c * step, state))
        difference = weighted_sum(torch.zeros_like(state), h, DORMAND_PRINCE.b_error, slopes)
        return state, slopes[-1], self.norm(difference, self.norm.scale(self.x, state))

    def _adapt(self, step: Tensor, error: Tensor, accepted: Tensor, active: Tensor) -> None:
        error = torch.nan_to_num(error, nan=math.inf)
        factor = _SAFETY * error.clamp_min(1e-10) ** (-1 / DORMAND_PRINCE.order)
        factor = factor.clamp(_SHRINK, _GROW)
        factor = torch.where(accepted & ~self.may_grow, factor.clamp_max(1.0), factor)
        proposed = _rung(step * factor)
        # A step cut short by a node says nothing against the longer one proposed before.
        longer = torch.where(proposed.abs() > self.step.abs(), proposed, self.step)
        cut = accepted & (step.abs() < self.step.abs())
        self.step = torch.where(active, torch.where(cut, longer, proposed), self.step)
        self.may_grow = torch.where(active, accepted, self.may_grow)
        self._require_progress(active & ~accepted, error)

    def _require_finite(self, norms: Tensor) -> None:
        bad = (~torch.isfinite(norms)).nonzero().flatten().tolist()
        if bad:
            raise InputError(
                f"the field or its state is not finite for item {bad[0]} at t = "
                f"{float(self.t[bad[0]]):.6g}: rk45 cannot start"
            )

    def _require_progress(self, rejected: Tensor, error: Tensor) -> None:
        stuck = rejected & (self.step.abs() < _SMALLEST_STEP * abs(self.span))
        if self.attempts < MAX_ATTEMPTS + len(self.targets) and not bool(stuck.any()):
            return
        item = int((stuck if bool(stuck.any()) else self.next < len(self.targets)).nonzero()[0])
        where = f"item {item} at t = {float(self.t[item]):.6g}"
        if not math.isfinite(float(error[item])):
            raise InputError(f"the field is not finite for {where}: rk45 cannot go on")
        raise InputError(
            f"rk45 is stuck on {where} after {self.attempts} steps, the next being "
            f"{float(self.step[item]):.3g}: loosen rtol and atol or take a fixed-step method"
        )
