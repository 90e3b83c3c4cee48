"""Log-likelihood of data under a flow, by the instantaneous change of variables.

Along dx/dt = u(t, x), d log p(x_t)/dt = -div u (Chen et al., 2018, eq. 8), so log p_1(x_1) =
log p_0(x_0) - integral of div u from 0 to 1. State and integral are solved as one ODE, from the
data at t = 1 back to the noise at t = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import InputError, unknown_name
from core.flow.fields import Field
from core.flow.noise import item_generator
from core.flow.solvers import solve

DIVERGENCES = ("exact", "hutchinson")

Prior = Callable[[Tensor, Tensor], Tensor]
"""Log-density of each item (B,) of the noise x_0 (B, ...), on the elements of a mask (B, ...)."""

_Divergence = Callable[[Tensor, Tensor], Tensor]
"""Estimates (B, K) of div u from the velocity and the state it was computed at, both (B, ...)."""


@dataclass(frozen=True)
class LogLikelihood:
    """Log-likelihood of each item of a batch; all tensors are (B,) unless said.

    Attributes:
        nats: log p_1(x_1), natural logarithm, over the item's real elements.
        nats_per_dim: `nats` by the number of real elements: higher is better.
        bits_per_dim: The usual code length, -`nats_per_dim` / ln 2: lower is better.
        standard_error: Of `nats`, over the probes; 0 for the exact divergence, NaN for one probe.
        x_0: The noise that flows to x_1, (B, ...), zero on padding.
        nfe: Function evaluations of the solve.
    """

    nats: Tensor
    nats_per_dim: Tensor
    bits_per_dim: Tensor
    standard_error: Tensor
    x_0: Tensor
    nfe: int


def gaussian_log_prob(x: Tensor, mask: Tensor, deviation: float | Tensor = 1.0) -> Tensor:
    """Log-density of independent N(0, deviation^2) elements, summed over each item's real ones.

    Args:
        x: (B, ...).
        mask: Real elements, bool, same shape.
        deviation: Above 0, broadcastable to x.

    Returns:
        Nats (B,).
    """
    scale = torch.as_tensor(deviation, dtype=x.dtype, device=x.device)
    nats = -0.5 * (x / scale).square() - scale.log() - 0.5 * math.log(2 * math.pi)
    return torch.where(mask, nats, 0).flatten(1).sum(1)


def log_likelihood(
    field: Field,
    x_1: Tensor,
    grid: Tensor | Sequence[float],
    method: str = "rk4",
    *,
    prior_log_prob: Prior = gaussian_log_prob,
    mask: Tensor | None = None,
    divergence: str = "exact",
    probes: int = 1,
    seeds: Sequence[int] | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-5,
) -> LogLikelihood:
    """Log-likelihood of data under a flow.

    Runs under `torch.no_grad` too, but not on a field that holds tensors made in inference mode.
    The result carries no gradient.

    Args:
        field: u(t, x), differentiable in x, in which no item looks at another.
        x_1: Data (B, ...), floating.
        grid: Times as for sampling, increasing from noise to data; gone through backwards.
        method: As in `solve`.
        prior_log_prob: Log-density of x_0; the standard normal unless given.
        mask: Real elements, bool, broadcastable to x_1; padding neither moves nor counts.
        divergence: "exact", one derivative for each element of an item; or "hutchinson",
            Rademacher probes drawn once and kept (Grathwohl et al., 2019, eq. 7).
        probes: Probes K an item, at least 1, for "hutchinson".
        seeds: One an item, for "hutchinson": an item's probes depend on nothing else, neither on
            its batch nor on its padding.
        rtol: As in `solve`.
        atol: As in `solve`.

    Returns:
        The log-likelihood of each item.

    Raises:
        InputError: A divergence, mask, number of probes or seeds that is not allowed, an item
            without real elements, a grid that decreases, or what `solve` refuses.
    """
    with torch.inference_mode(False):
        x = x_1.detach().clone()
        # Cloned, since a mask made in inference mode could not take part in the derivative.
        real = _real_elements(x, mask).clone()
        nodes = torch.as_tensor(grid, dtype=torch.float64, device="cpu").detach().flip(0)
        if len(nodes) > 1 and not bool(nodes[0] > nodes[-1]):
            raise InputError("the grid must increase from noise to data; it is reversed in here")
        estimate, columns = _estimator(divergence, real, probes, seeds, x)
        state = torch.cat([torch.where(real, x, 0).flatten(1), x.new_zeros(len(x), columns)], dim=1)
        weights = torch.cat([real.flatten(1), real.new_ones(len(x), columns)], dim=1)
        augmented = _augment(field, estimate, x.shape, real)
        with torch.no_grad():
            solution = solve(augmented, state, nodes, method, rtol=rtol, atol=atol, mask=weights)
            x_0 = solution.x[:, :-columns].reshape(x.shape)
            # Backwards from 1 to 0, the solve has accumulated minus the integral.
            totals = prior_log_prob(x_0, real)[:, None] + solution.x[:, -columns:]
    return _summary(totals, real, divergence, x_0, solution.nfe)


def _summary(totals: Tensor, real: Tensor, divergence: str, x_0: Tensor, nfe: int) -> LogLikelihood:
    nats = totals.mean(1)
    per_dim = nats / real.flatten(1).sum(1)
    error = torch.zeros_like(nats)
    if divergence == "hutchinson":
        count = totals.shape[1]
        error = totals.std(1) / count**0.5 if count > 1 else torch.full_like(nats, math.nan)
    return LogLikelihood(nats, per_dim, -per_dim / math.log(2), error, x_0, nfe)


def _real_elements(x: Tensor, mask: Tensor | None) -> Tensor:
    if x.ndim < 2:
        raise InputError(f"x_1 of shape {tuple(x.shape)} has no dimensions beside the batch")
    if mask is None:
        return torch.ones_like(x, dtype=torch.bool)
    try:
        real = mask.bool().expand_as(x)
    except RuntimeError:
        raise InputError(
            f"mask of shape {tuple(mask.shape)} does not fit x_1 of shape {tuple(x.shape)}"
        ) from None
    empty = (~real.flatten(1).any(1)).nonzero().flatten().tolist()
    if empty:
        raise InputError(f"item {empty[0]} is all padding: its likelihood is not defined")
    return real


def _augment(field: Field, estimate: _Divergence, shape: torch.Size, real: Tensor) -> Field:
    """Field of the state (B, D + K): x, flattened, and K integrals of the divergence."""
    size = math.prod(shape[1:])

    def augmented(t: Tensor, state: Tensor) -> Tensor:
        with torch.enable_grad():
            x = state[:, :size].reshape(shape).clone().requires_grad_()
            velocity = torch.where(real, field(t, x), 0)
            rate = estimate(velocity, x)
        return torch.cat([velocity.detach().flatten(1), rate], dim=1)

    return augmented


def _estimator(
    divergence: str, real: Tensor, probes: int, seeds: Sequence[int] | None, x: Tensor
) -> tuple[_Divergence, int]:
    """The divergence estimator and the number K of estimates it gives."""
    if divergence == "exact":
        return lambda u, at: _exact_divergence(u, at, real), 1
    if divergence != "hutchinson":
        raise unknown_name("divergence", divergence, DIVERGENCES)
    if isinstance(probes, bool) or not isinstance(probes, int) or probes < 1:
        raise InputError(f"probes is {probes!r}, allowed is a whole number from 1")
    if seeds is None or len(seeds) != len(x):
        given = "none" if seeds is None else str(len(seeds))
        raise InputError(f"hutchinson needs one seed an item: {given} for {len(x)} items")
    fixed = rademacher_probes(real, probes, seeds).to(x)
    return lambda u, at: _hutchinson_divergence(u, at, fixed), probes


def rademacher_probes(real: Tensor, probes: int, seeds: Sequence[int]) -> Tensor:
    """Random signs for Hutchinson's estimator.

    Args:
        real: Real elements (B, ...), bool.
        probes: How many, K.
        seeds: One an item.

    Returns:
        (K, B, ...) float32 on the CPU: 1 or -1 with equal chance, 0 on padding.
    """
    signs = torch.zeros(probes, *real.shape)
    for index, seed in enumerate(seeds):
        where = real[index].cpu()
        drawn = torch.randint(0, 2, (probes, int(where.sum())), generator=item_generator(seed))
        signs[:, index][:, where] = 2.0 * drawn - 1.0
    return signs


def _gradient(output: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """weight^T du/dx, zero where the velocity does not depend on x."""
    if not output.requires_grad:
        return torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(
        output, x, weight, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return gradient


def _exact_divergence(velocity: Tensor, x: Tensor, real: Tensor) -> Tensor:
    total = x.new_zeros(len(x))
    for index in real.any(0).nonzero().tolist():
        element = (slice(None), *index)
        unit = torch.zeros_like(x)
        unit[element] = 1
        total = total + _gradient(velocity, x, unit)[element]
    return total[:, None]


def _hutchinson_divergence(velocity: Tensor, x: Tensor, probes: Tensor) -> Tensor:
    estimates = [(_gradient(velocity, x, probe) * probe).flatten(1).sum(1) for probe in probes]
    return torch.stack(estimates, dim=1)
