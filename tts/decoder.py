"""The velocity network on mel frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.nn import AdaptiveNorm, ConvNeXtBlock, RotaryAttention, TimeEmbedding
from tts.config import DecoderConfig


class Decoder(nn.Module):
    """ConvNeXt blocks with a time-dependent norm and a few attention layers.

    Args:
        config: Sizes.
        n_mels: Mel bands.
        condition_channels: Width of the frame-wise condition; 0 for none.
    """

    def __init__(self, config: DecoderConfig, n_mels: int, condition_channels: int) -> None:
        super().__init__()
        width = config.channels
        self.state_in = nn.Linear(n_mels, width)
        self.condition_in = nn.Linear(condition_channels, width) if condition_channels else None
        self.time = TimeEmbedding(width)
        self.modulation = AdaptiveNorm(width, config.blocks)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(width, config.kernel, config.expansion, config.dropout, adaptive=True)
            for _ in range(config.blocks)
        )
        every = config.attention_every
        self.attention = nn.ModuleDict(
            {
                str(i): RotaryAttention(width, config.heads)
                for i in range(config.blocks)
                if every and (i + 1) % every == 0
            }
        )
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, n_mels)
        # Start at the best linear velocity: the network's part is zero at first.
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, t: Tensor, x: Tensor, condition: Tensor, mask: Tensor | None) -> Tensor:
        """Predict the standardised rest of the velocity.

        Args:
            t: Time, () or (B,).
            x: Standardised state (B, M, T).
            condition: (B, T, C).
            mask: Real frames (B, T, 1) bool, or None when all are real.

        Returns:
            (B, M, T) float32.
        """
        hidden = self.state_in(x.transpose(1, 2))
        if self.condition_in is not None:
            hidden = hidden + self.condition_in(condition)
        modulations = self.modulation(self.time(t, x.shape[0]))
        for index, (block, modulation) in enumerate(zip(self.blocks, modulations, strict=True)):
            hidden = block(hidden, mask, modulation)
            if str(index) in self.attention:
                hidden = self.attention[str(index)](hidden, mask)
        out: Tensor = self.out(self.norm(hidden)).float()
        out = out if mask is None else torch.where(mask, out, 0.0)
        return out.transpose(1, 2)
