"""Flow time as a vector."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class TimeEmbedding(nn.Module):
    """Embed flow time t in [0, 1] with sinusoids and a two-layer perceptron.

    The sinusoids follow Vaswani et al. (2017), section 3.5, with t scaled by 1000 as in Grad-TTS.

    Args:
        channels: Width of the embedding (even).
    """

    frequencies: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        frequencies = torch.exp(-math.log(10_000.0) * torch.arange(half) / max(half - 1, 1))
        self.register_buffer("frequencies", 1000.0 * frequencies, persistent=False)
        self.mlp = nn.Sequential(
            nn.Linear(2 * half, channels), nn.SiLU(), nn.Linear(channels, channels), nn.SiLU()
        )

    def forward(self, t: Tensor, batch: int) -> Tensor:
        """Embed t.

        Args:
            t: Time, shape () or (B,).
            batch: B.

        Returns:
            Embedding, shape (B, channels).
        """
        angle = t.float().reshape(-1, 1) * self.frequencies
        out: Tensor = self.mlp(torch.cat([angle.sin(), angle.cos()], dim=1))
        return out.expand(batch, -1)
