"""The best linear velocity of a Gaussian around a mean, and what it leaves to a network.

Data x_1 has mean mu and deviation s, the prior x_0 has mean p and deviation 1, and the path is
x_t = t x_1 + a(t) x_0 + sigma eps with a(t) = 1 - (1 - m) t (Tong et al., 2024, eq. 14, with m = 0;
Lipman et al., 2023, eq. 20, with sigma = 0). The regression of x_1 + a' x_0 on x_t is

    u(x) = mu + a' p + (t s^2 + a' a) / V_t (x - t mu - a p),      V_t = a^2 + t^2 s^2 + sigma^2,

and what is left of the velocity has variance (s^2 + sigma^2 (s^2 + a'^2)) / V_t, because
a - t a' = 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from core.flow import LinearPath


@dataclass(frozen=True)
class GaussianVelocity:
    """The best linear velocity; every time it takes broadcasts to the state.

    Attributes:
        path: Gives a(t) and its slope.
        sigma: Deviation of the noise that is added at every time.
        variance: Of the data around its mean, broadcastable to the state (B, M, T).
        mean: Of the data, (B, M, T).
        prior_mean: Of the prior, (B, M, T).
    """

    path: LinearPath
    sigma: float
    variance: Tensor
    mean: Tensor | float = 0.0
    prior_mean: Tensor | float = 0.0

    def state_variance(self, t: Tensor) -> Tensor:
        """V_t."""
        return self.path.sigma(t).square() + t.square() * self.variance + self.sigma**2

    def offset(self, t: Tensor, x: Tensor) -> Tensor:
        """Distance of a state from its mean."""
        return x - t * self.mean - self.path.sigma(t) * self.prior_mean

    def velocity(self, t: Tensor, offset: Tensor) -> Tensor:
        """The velocity at a distance from the mean."""
        noise, slope = self.path.sigma(t), self.path.sigma_dot(t)
        centre = self.mean + slope * self.prior_mean
        return centre + (t * self.variance + slope * noise) / self.state_variance(t) * offset

    def rest(self, t: Tensor) -> Tensor:
        """Deviation of what u leaves of the velocity."""
        added = self.sigma**2 * (self.variance + self.path.sigma_dot(t).square())
        return ((self.variance + added) / self.state_variance(t)).sqrt()
