"""Inverse autoregressive flows (Kingma et al., 2016), composed as in Parallel WaveNet.

Flow k turns z into y_t = s_t z_t + mu_t, with s_t and mu_t functions of z_{<t}. All y_t come at
once; z_t from y has to wait for z_{<t}. Composed, x_t = s_t z_t + mu_t again, with

    s = prod_k s^k,        mu = sum_k mu^k prod_{j > k} s^j

(van den Oord et al., 2018, section 3.1), so given z_{<t}, or x_{<t}, x_t is distributed like the
base, moved and stretched, and log |det dx/dz| is the sum of the log-scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from vocoder.iaf.config import WaveNetConfig
from vocoder.iaf.wavenet import Affine, WaveNet


class InverseAutoregressiveFlow(nn.Module):
    """A composition of flows.

    Args:
        config: Of each network.
        layers: Of each network, from noise to sound.
    """

    def __init__(self, config: WaveNetConfig, layers: Sequence[int]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(WaveNet(config, count) for count in layers)

    def forward(self, z: Tensor, condition: Tensor) -> tuple[Tensor, Affine]:
        """Noise to sound, in one pass through each network.

        Args:
            z: (B, L).
            condition: (B, C, T), L a multiple of T.

        Returns:
            x (B, L) and its total shift and log-scale: x = exp(log_scale) z + shift.
        """
        x, total_shift, total_log_scale = z, z * 0, z * 0
        for network in self.networks:
            shift, log_scale = network(x, condition)
            scale = log_scale.exp()
            x = scale * x + shift
            total_shift = scale * total_shift + shift
            total_log_scale = total_log_scale + log_scale
        return x, Affine(total_shift, total_log_scale)

    def inverse(self, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Sound to noise, sample after sample; exact, and differentiable in x and the weights.

        Args:
            x: (B, L).
            condition: (B, C, T), L a multiple of T.

        Returns:
            z (B, L) and the total log-scale (B, L).
        """
        total_log_scale = x * 0
        for network in reversed(self.networks):
            x, (_, log_scale) = _undo(cast(WaveNet, network), x, condition)
            total_log_scale = total_log_scale + log_scale
        return x, total_log_scale


def _undo(network: WaveNet, y: Tensor, condition: Tensor) -> tuple[Tensor, Affine]:
    def emit(t: int, shift: Tensor, log_scale: Tensor) -> Tensor:
        return (y[:, t] - shift) * (-log_scale).exp()

    return network.walk(condition, y.shape[1], emit)
