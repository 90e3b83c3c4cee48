"""Flow time as a vector."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class TimeEmbedding(nn.Module):
    """Embed flow time t in [0, 1] with sinusoids and a two-layer perceptron.

    The sinusoids follow Vaswani et al. (2017), section 3.5, with t scaled by 1000 as in Grad-TTS.

    Args:
        channels: Number of sinusoids (even).
        width: Of the perceptron and the embedding; `channels` when None.
        scale: What t is multiplied by.
    """

    frequencies: Tensor

    def __init__(self, channels: int, width: int | None = None, scale: float = 1000.0) -> None:
        super().__init__()
        half = channels // 2
        width = channels if width is None else width
        frequencies = torch.exp(-math.log(10_000.0) * torch.arange(half) / max(half - 1, 1))
        self.register_buffer("frequencies", scale * frequencies, persistent=False)
        self.mlp = nn.Sequential(
            nn.Linear(2 * half, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )

    def forward(self, t: Tensor, batch: int) -> Tensor:
        """Embed t.

        Args:
            t: Time, shape () or (B,).
            batch: B.

        Returns:
            Embedding, shape (B, width).
        """
        angle = t.float().reshape(-1, 1) * self.frequencies
        out: Tensor = self.mlp(torch.cat([angle.sin(), angle.cos()], dim=1))
        return out.expand(batch, -1)
