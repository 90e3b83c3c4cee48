"""From an estimate of the noise to sound: the ancestral chain and the probability-flow ODE.

The state y = l y_0 + sqrt(1 - l^2) eps of noise level l, divided by l + sqrt(1 - l^2), is x_t of
the straight path at t = l / (l + sqrt(1 - l^2)), and its velocity there is y_0 - eps. So DDIM
(Song et al., 2021) is Euler's method on the straight path.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from core.flow import Field, noise_level_scale, noise_level_to_time, time_to_noise_level

NoiseEstimate = Callable[[Tensor, Tensor], Tensor]
"""eps(y, l): the noise in a state (B, L) of noise level () or (B,)."""


def probability_flow(estimate: NoiseEstimate, least_level: float, *, clamp: bool = False) -> Field:
    """The velocity on the straight path that an estimate of the noise implies.

    Args:
        estimate: eps(y, l).
        least_level: Noisiest level of training, above 0. At earlier times the state is read as if
            it were of that level, as sampling from pure noise is begun.
        clamp: Whether each estimate of y_0 is kept in [-1, 1]; an exact one, being a mean of
            waveforms, always is.
    """
    least_time = float(noise_level_to_time(torch.tensor(least_level, dtype=torch.float64)))

    def velocity(t: Tensor, x: Tensor) -> Tensor:
        held = t.clamp_min(least_time)
        level = time_to_noise_level(held)
        # From the time: 1 - l^2 of a rounded l has few digits beside the data.
        deviation = (1 - held) * noise_level_scale(held)
        y = x * noise_level_scale(t).reshape(-1, 1)
        noise = estimate(y, level)
        data = (y - deviation.reshape(-1, 1) * noise) / level.reshape(-1, 1)
        return (data.clamp(-1.0, 1.0) if clamp else data) - noise

    return velocity


def ancestral(
    estimate: NoiseEstimate,
    y: Tensor,
    levels: Tensor,
    draw: Callable[[int], Tensor],
    *,
    clamp: bool,
) -> Tensor:
    """Walk the chain of posteriors q(y_(n-1) | y_n, y_0) (Ho et al., 2020, equations 6 and 7).

    Args:
        estimate: eps(y, l).
        y: Noise (B, L).
        levels: l_N to l_0 = 1, increasing, above 0, (N + 1,) float64.
        draw: White noise for step i, (B, L); not asked for after the last step.
        clamp: Whether each estimate of y_0 is kept in [-1, 1].

    Returns:
        y_0, (B, L).
    """
    last = len(levels) - 2
    for step, (level, cleaner) in enumerate(pairwise(levels.double().tolist())):
        now = torch.tensor(level, dtype=y.dtype, device=y.device)
        # In float64 and by products: 1 - l^2 is 1e-6 beside the data.
        noise, less = (1 - level) * (1 + level), (1 - cleaner) * (1 + cleaner)
        data = (y - noise**0.5 * estimate(y, now)) / level
        if clamp:
            data = data.clamp(-1.0, 1.0)
        kept = level / cleaner
        beta = (cleaner - level) * (cleaner + level) / cleaner**2
        y = beta * cleaner / noise * data + less * kept / noise * y
        if step < last:
            y = y + (beta * less / noise) ** 0.5 * draw(step)
    return y
