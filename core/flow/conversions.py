"""Conversions between velocity, data and noise, whichever of them a network predicts.

With x_t = alpha x_1 +
sigma x_0, knowing x_t and one of velocity, data x_1 or noise x_0 fixes the other two; the
conversions below take the path that ties them together (the straight one unless told).
"""

from __future__ import annotations

from torch import Tensor

from core.flow.paths import LinearPath, Path, expand_time

_LINEAR = LinearPath()


def velocity_to_data(x: Tensor, t: Tensor, velocity: Tensor, path: Path = _LINEAR) -> Tensor:
    """Estimate the data x_1; on the straight path x + (1 - t) v.

    Args:
        x: State x_t, (B, ...).
        t: Time in [0, 1]; 0-d, (B,), or broadcastable to x.
        velocity: dx/dt at x, same shape as x.
        path: The path that x_t lies on.
    """
    t = expand_time(t, x)
    numerator = path.sigma(t) * velocity - path.sigma_dot(t) * x
    return numerator / path.wronskian(t)


def velocity_to_noise(x: Tensor, t: Tensor, velocity: Tensor, path: Path = _LINEAR) -> Tensor:
    """Estimate the noise x_0; on the straight path x - t v. Arguments as `velocity_to_data`."""
    t = expand_time(t, x)
    numerator = path.alpha_dot(t) * x - path.alpha(t) * velocity
    return numerator / path.wronskian(t)


def data_to_noise(x: Tensor, t: Tensor, data: Tensor, path: Path = _LINEAR) -> Tensor:
    """The noise x_0 that goes with an estimate of the data; undefined where sigma(t) = 0."""
    t = expand_time(t, x)
    return (x - path.alpha(t) * data) / path.sigma(t)


def noise_to_data(x: Tensor, t: Tensor, noise: Tensor, path: Path = _LINEAR) -> Tensor:
    """The data x_1 that goes with an estimate of the noise; undefined where alpha(t) = 0."""
    t = expand_time(t, x)
    return (x - path.sigma(t) * noise) / path.alpha(t)


def data_to_velocity(x: Tensor, t: Tensor, data: Tensor, path: Path = _LINEAR) -> Tensor:
    """Velocity of a network that predicts the data; undefined where sigma(t) = 0."""
    t = expand_time(t, x)
    return path.velocity(data_to_noise(x, t, data, path), data, t)


def noise_to_velocity(x: Tensor, t: Tensor, noise: Tensor, path: Path = _LINEAR) -> Tensor:
    """Velocity of a network that predicts the noise; undefined where alpha(t) = 0."""
    t = expand_time(t, x)
    return path.velocity(noise, noise_to_data(x, t, noise, path), t)
