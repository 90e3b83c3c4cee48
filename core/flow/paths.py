"""Paths from noise to data, x_t = alpha(t) x_1 + sigma(t) x_0, with their exact derivatives.

Time runs from noise x_0 at t = 0 to data x_1 at t = 1. A path knows its coefficients only; what
travels along it, and how it is solved, is not its concern.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import InputError


def expand_time(t: Tensor, x: Tensor) -> Tensor:
    """Bring one time an item, (B,), to the rank of x (B, ...); other shapes stay as they are.

    Raises:
        InputError: There are neither one time nor as many as items.
    """
    if t.ndim != 1 or x.ndim == 1:
        return t
    if t.shape[0] not in (1, x.shape[0]):
        raise InputError(f"{t.shape[0]} times for a batch of {x.shape[0]}: give one time an item")
    return t.reshape(-1, *[1] * (x.ndim - 1))


class Path(ABC):
    """A Gaussian path x_t = alpha(t) x_1 + sigma(t) x_0, elementwise in t."""

    @abstractmethod
    def alpha(self, t: Tensor) -> Tensor:
        """Share of the data; 1 at t = 1."""

    @abstractmethod
    def sigma(self, t: Tensor) -> Tensor:
        """Share of the noise; 1 at t = 0 (or nearly)."""

    @abstractmethod
    def alpha_dot(self, t: Tensor) -> Tensor:
        """Derivative of alpha by t."""

    @abstractmethod
    def sigma_dot(self, t: Tensor) -> Tensor:
        """Derivative of sigma by t."""

    def wronskian(self, t: Tensor) -> Tensor:
        """alpha_dot sigma - alpha sigma_dot: positive wherever x_t moves."""
        return self.alpha_dot(t) * self.sigma(t) - self.alpha(t) * self.sigma_dot(t)

    def sample(self, x_0: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
        """The state x_t.

        Args:
            x_0: Noise (B, ...).
            x_1: Data, same shape.
            t: Time in [0, 1]; 0-d, (B,), or broadcastable to x_0.

        Returns:
            x_t, same shape as x_0.
        """
        t = expand_time(t, x_0)
        return self.alpha(t) * x_1 + self.sigma(t) * x_0

    def velocity(self, x_0: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
        """The target dx_t/dt of flow matching (Lipman et al., 2023, eq. 14); see `sample`."""
        t = expand_time(t, x_0)
        return self.alpha_dot(t) * x_1 + self.sigma_dot(t) * x_0


@dataclass(frozen=True)
class LinearPath(Path):
    """The straight path x_t = t x_1 + (1 - (1 - sigma_min) t) x_0.

    Liu et al., 2023, eq. 1, with sigma_min = 0; Lipman et al., 2023, eq. 20-22, otherwise.

    Attributes:
        sigma_min: Share of the noise left at t = 1; in [0, 1).
    """

    sigma_min: float = 0.0

    def __post_init__(self) -> None:
        """Check the range."""
        if not 0 <= self.sigma_min < 1:
            raise InputError(f"sigma_min is {self.sigma_min}, allowed is 0 to below 1")

    def alpha(self, t: Tensor) -> Tensor:
        """Share of the data, t."""
        return t

    def sigma(self, t: Tensor) -> Tensor:
        """Share of the noise, falling linearly from 1 to sigma_min."""
        return 1 - (1 - self.sigma_min) * t

    def alpha_dot(self, t: Tensor) -> Tensor:
        """Derivative of alpha, 1."""
        return torch.ones_like(t)

    def sigma_dot(self, t: Tensor) -> Tensor:
        """Derivative of sigma, sigma_min - 1."""
        return torch.full_like(t, self.sigma_min - 1)


@dataclass(frozen=True)
class CosinePath(Path):
    """The quarter circle alpha = sin(pi t / 2), sigma = cos(pi t / 2); keeps unit variance."""

    def alpha(self, t: Tensor) -> Tensor:
        """Share of the data."""
        return torch.sin(math.pi / 2 * t)

    def sigma(self, t: Tensor) -> Tensor:
        """Share of the noise."""
        return torch.cos(math.pi / 2 * t)

    def alpha_dot(self, t: Tensor) -> Tensor:
        """Derivative of alpha by t."""
        return math.pi / 2 * torch.cos(math.pi / 2 * t)

    def sigma_dot(self, t: Tensor) -> Tensor:
        """Derivative of sigma by t."""
        return -math.pi / 2 * torch.sin(math.pi / 2 * t)


@dataclass(frozen=True)
class VariancePreservingPath(Path):
    """Diffusion with linearly growing noise rate (Song et al., 2021, eq. 33), run backwards.

    With r = 1 - t: alpha = exp(-r^2 (beta_max - beta_min) / 4 - r beta_min / 2), sigma =
    sqrt(1 - alpha^2). WaveGrad's 1000 betas from 1e-6 to 1e-2 are beta_min = 1e-3, beta_max = 10.
    sigma_dot is infinite at t = 1.

    Attributes:
        beta_min: Noise rate beside the data; not negative.
        beta_max: Noise rate beside the noise; above beta_min.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.beta_min < self.beta_max < math.inf:
            raise InputError(
                f"beta_min {self.beta_min} and beta_max {self.beta_max} must satisfy "
                "0 <= beta_min < beta_max"
            )

    def _log_alpha(self, t: Tensor) -> Tensor:
        r = 1 - t
        return -0.25 * r.square() * (self.beta_max - self.beta_min) - 0.5 * r * self.beta_min

    def alpha(self, t: Tensor) -> Tensor:
        """Share of the data."""
        return self._log_alpha(t).exp()

    def sigma(self, t: Tensor) -> Tensor:
        """Share of the noise."""
        # expm1 keeps the digits that 1 - alpha^2 loses beside the data.
        return (-torch.expm1(2 * self._log_alpha(t))).clamp_min(0).sqrt()

    def alpha_dot(self, t: Tensor) -> Tensor:
        """Derivative of alpha by t."""
        rate = 0.5 * (1 - t) * (self.beta_max - self.beta_min) + 0.5 * self.beta_min
        return rate * self.alpha(t)

    def sigma_dot(self, t: Tensor) -> Tensor:
        """Derivative of sigma: -alpha alpha_dot / sigma, since alpha^2 + sigma^2 = 1."""
        return -self.alpha(t) * self.alpha_dot(t) / self.sigma(t)


def noise_level_to_time(level: Tensor) -> Tensor:
    """Time on the straight path of WaveGrad's noise level l = sqrt(alpha-bar), in [0, 1].

    y = l y_0 + sqrt(1 - l^2) eps, divided by l + sqrt(1 - l^2), is x_t of `LinearPath` at
    t = l / (l + sqrt(1 - l^2)).
    """
    return level / (level + (1 - level.square()).sqrt())


def time_to_noise_level(t: Tensor) -> Tensor:
    """Inverse of `noise_level_to_time`: l = t / sqrt(t^2 + (1 - t)^2)."""
    return t * noise_level_scale(t)


def noise_level_scale(t: Tensor) -> Tensor:
    """What to multiply x_t by to get WaveGrad's y: 1 / sqrt(t^2 + (1 - t)^2)."""
    return (t.square() + (1 - t).square()).rsqrt()
