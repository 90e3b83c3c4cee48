"""The stochastic sampler whose states have the same distributions as the ODE's.

For noise x_0 of mean m and covariance Sigma on a path x_t = alpha x_1 + sigma x_0, the score is

    Sigma grad log p_t(x) = -E[x_0 - m | x_t = x] / sigma,

and E[x_0 | x] is known from the velocity (x - t v on the straight path). So the equation

    dx = [v - g^2 / 2 E[x_0 - m | x] / sigma] dt + g dW,    dW ~ N(0, dt Sigma),

keeps every marginal (Song et al., 2021, equation 13 and appendix D.1, read backwards). With
g = strength * sigma, on the straight path and for white noise of deviation s about 0, this is
dx = [v + g^2 / 2 (t v - x) / ((1 - t) s^2)] dt + g dw, with g = (1 - t) strength s.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from core.errors import InputError, unknown_name
from core.flow.conversions import velocity_to_data, velocity_to_noise
from core.flow.fields import Field
from core.flow.paths import LinearPath, Path
from core.flow.solvers import SOLVERS, Solution, solve

STOCHASTIC = "sde"
DEFAULT_STRENGTH = 1.0
MAX_STRENGTH = 10.0

_LINEAR = LinearPath()


def sde_strength(method: str) -> float | None:
    """The strength in "sde" or "sde:0.5"; None when the method is another.

    Raises:
        InputError: The strength is no number from 0 to 10.
    """
    name, colon, number = method.partition(":")
    if name != STOCHASTIC:
        return None
    try:
        strength = float(number) if colon else DEFAULT_STRENGTH
    except ValueError:
        raise InputError(f"method {method!r}: {number!r} is not a number") from None
    if not 0 <= strength <= MAX_STRENGTH:
        raise InputError(f"method {method!r}: the strength must be from 0 to {MAX_STRENGTH:g}")
    return strength


def step_seeds(seeds: Sequence[int], step: int) -> list[int]:
    """A seed for each item and step, a function of the item's own seed and the step alone."""
    digests = (hashlib.blake2b(f"{seed}/{step}".encode(), digest_size=4) for seed in seeds)
    return [int.from_bytes(digest.digest(), "big") for digest in digests]


def sample(
    field: Field,
    x_0: Tensor,
    grid: Tensor,
    method: str,
    noise: Callable[[int], Tensor] | None = None,
    *,
    path: Path = _LINEAR,
    centre: Tensor | float = 0.0,
    mask: Tensor | None = None,
) -> Solution:
    """Carry noise to data by any method, along the ODE or by the stochastic sampler.

    Args:
        field: u(t, x).
        x_0: A draw of the prior, (B, ...).
        grid: Times from 0 to 1, (N + 1,).
        method: A method of `solve`, or "sde[:strength]": Euler's evaluations, with fresh noise
            after each.
        noise: As in `solve_sde`; None where only what is decided by x_0 will do.
        path: As in `solve_sde`.
        centre: As in `solve_sde`.
        mask: As in `solve`.

    Raises:
        InputError: As `solve`; or the strength is not allowed, or there is no noise to draw.
    """
    strength = sde_strength(method)
    if strength is not None:
        if noise is None:
            raise InputError(
                f"method {method!r} draws noise at every step: noise that is given can only be "
                f"carried along the ODE, by {', '.join(SOLVERS)}"
            )
        return solve_sde(field, x_0, grid, strength, noise, path, centre)
    if method not in SOLVERS:
        raise unknown_name("method", method, [*SOLVERS, "sde[:strength]"])
    return solve(field, x_0, grid, method, mask=mask)


def solve_sde(
    field: Field,
    x_0: Tensor,
    grid: Tensor,
    strength: float,
    noise: Callable[[int], Tensor],
    path: Path = _LINEAR,
    centre: Tensor | float = 0.0,
) -> Solution:
    """Integrate the stochastic equation over a grid.

    Within a step the estimates of x_1 and x_0 stay and the equation is solved exactly: the noise
    keeps a share c = exp(-strength^2 dt / 2) and fresh noise fills it up,

        x' = alpha' x_1 + sigma' (m + c (x_0 - m) + sqrt(1 - c^2) z).

    It differs from the plain rule of Euler and Maruyama by terms of higher order in dt, and leaves
    no noise in the result, where sigma is 0. With strength 0 it is Euler's method.

    Args:
        field: u(t, x), the velocity that the path's marginals have.
        x_0: A draw of the prior, (B, ...).
        grid: Times from 0 to 1, (N + 1,).
        strength: g in units of sigma, 0 to 10.
        noise: Independent draws z of the prior about its mean, the i-th for step i, (B, ...).
        path: That the field belongs to.
        centre: Mean m of the prior, broadcastable to x_0.

    Returns:
        The solution, with as many evaluations as the grid has steps.
    """
    x = x_0
    times = torch.as_tensor(grid, dtype=torch.float64, device="cpu")
    for step, (start, end) in enumerate(pairwise(times.tolist())):
        t = torch.tensor(start, dtype=x.dtype, device=x.device)
        later = torch.tensor(end, dtype=x.dtype, device=x.device)
        velocity = field(t, x)
        data = velocity_to_data(x, t, velocity, path)
        kept = math.exp(-0.5 * strength**2 * (end - start))
        mixed = centre + kept * (velocity_to_noise(x, t, velocity, path) - centre)
        mixed = mixed + math.sqrt(1 - kept**2) * noise(step).to(x)
        x = path.alpha(later) * data + path.sigma(later) * mixed
    return Solution(x, len(times) - 1)
