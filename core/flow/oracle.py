"""A flow whose every answer is known: from N(0, 1) noise to N(m, s^2) data.

Noise and data are independent and joined by the straight path x_t = (1 - t) x_0 + t x_1, so x_t
has mean t m and variance V_t = (1 - t)^2 + t^2 s^2. All closed forms hold element by element for
tensors of any shape. They serve to test solvers and likelihoods and to choose time grids.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import InputError
from core.flow.grids import make_grid
from core.flow.paths import expand_time


@dataclass(frozen=True)
class GaussianOracle:
    """Closed forms for Gaussian data.

    Attributes:
        mean: Mean m of the data.
        deviation: Standard deviation s of the data, above 0.
    """

    mean: float = 0.0
    deviation: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not (math.isfinite(self.mean) and 0 < self.deviation < math.inf):
            raise InputError(
                f"mean {self.mean} and deviation {self.deviation}: allowed is a finite mean and a "
                "deviation above 0"
            )

    def variance(self, t: Tensor) -> Tensor:
        """V_t of the state at time t."""
        return (1 - t).square() + t.square() * self.deviation**2

    def velocity(self, t: Tensor, x: Tensor) -> Tensor:
        """Marginal velocity E[x_1 - x_0 | x_t = x], the field that flow matching learns.

        Args:
            t: 0-d or (B,).
            x: (B, ...).
        """
        t = expand_time(t, x)
        slope = (t * self.deviation**2 - (1 - t)) / self.variance(t)
        return self.mean + slope * (x - t * self.mean)

    def flow_map(self, t: Tensor, x_0: Tensor) -> Tensor:
        """Exact solution of the marginal velocity at time t from x_0: t m + sqrt(V_t) x_0."""
        t = expand_time(t, x_0)
        return t * self.mean + self.variance(t).sqrt() * x_0

    def reflowed_velocity(self, t: Tensor, x: Tensor) -> Tensor:
        """Velocity after one reflow (Liu et al., 2023): straight, so one Euler step is exact."""
        t = expand_time(t, x)
        slope = (self.deviation - 1) / (1 - t + t * self.deviation)
        return self.mean + slope * (x - t * self.mean)

    def loss(self, t: Tensor) -> Tensor:
        """Lowest flow-matching loss of an element at time t, E|x_1 - x_0 - u|^2 = s^2 / V_t."""
        return self.deviation**2 / self.variance(t)

    def loss_floor(self, sigma_min: float = 0.0) -> float:
        """Lowest flow-matching loss of an element over uniform t: s atan(s / sigma_min).

        Args:
            sigma_min: Of `LinearPath`; at 0 the floor is pi s / 2.
        """
        return self.deviation * math.atan2(self.deviation, sigma_min)

    def log_prob(self, x_1: Tensor) -> Tensor:
        """Log-density of data (B, ...), summed over each item, in nats (B,)."""
        standardised = (x_1 - self.mean) / self.deviation
        nats = -0.5 * standardised.square() - math.log(self.deviation) - 0.5 * math.log(2 * math.pi)
        return nats.flatten(1).sum(1)

    def euler_deviation(self, grid: Tensor | Sequence[float]) -> float:
        """Deviation of what Euler's method makes of N(0, 1) noise on a grid from 0 to 1.

        With p_i = (1 - t_i, t_i s), a step multiplies the deviation by p_i . p_(i+1) / |p_i|^2; the
        lengths telescope, and s times the product of the cosines between neighbours is left.
        """
        t = torch.as_tensor(grid, dtype=torch.float64)
        angles = torch.atan2(t * self.deviation, 1 - t)
        return self.deviation * float(torch.cos(angles.diff()).prod())

    def optimal_grid(self, steps: int) -> Tensor:
        """The grid whose Euler deviation comes nearest to s: equal angles between the p_i.

        Returns:
            (steps + 1,) float64.
        """
        return make_grid(f"equal-angle:{self.deviation!r}", steps)

    def optimal_deviation(self, steps: int) -> float:
        """Euler deviation on the optimal grid, s cos^N(pi / 2N): no grid of N steps does better."""
        return self.deviation * math.cos(math.pi / (2 * steps)) ** steps
