"""Phoneme ids to hidden features, a mean mel and durations."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.nn import ConvNeXtBlock, RotaryAttention
from tts.config import EncoderConfig

# No token lasts longer than a dozen seconds; an untrained predictor must not exhaust the memory.
MOST_FRAMES = 1024


class Encoder(nn.Module):
    """Convolutions, then attention, over phonemes.

    Args:
        config: Sizes.
        symbols: Size of the symbol table.
        speaker_channels: Width of the speaker embedding, 0 without speakers.
    """

    def __init__(self, config: EncoderConfig, symbols: int, speaker_channels: int) -> None:
        super().__init__()
        width = config.channels
        self.embedding = nn.Embedding(symbols, width)
        nn.init.normal_(self.embedding.weight, std=1.0)
        self.speaker = nn.Linear(speaker_channels, width) if speaker_channels else None

        def block() -> ConvNeXtBlock:
            return ConvNeXtBlock(width, config.kernel, expansion=4, dropout=config.dropout)

        self.conv = nn.ModuleList(block() for _ in range(config.conv_blocks))
        self.attention = nn.ModuleList(
            nn.ModuleList([RotaryAttention(width, config.heads), block()])
            for _ in range(config.attention_layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, ids: Tensor, mask: Tensor, speaker: Tensor | None = None) -> Tensor:
        """Encode.

        Args:
            ids: (B, N) int64.
            mask: Real tokens, (B, N, 1) bool.
            speaker: Speaker embedding (B, S), or None.

        Returns:
            Features (B, N, C).
        """
        hidden = self.embedding(ids)
        if self.speaker is not None and speaker is not None:
            hidden = hidden + self.speaker(speaker)[:, None]
        for block in self.conv:
            hidden = block(hidden, mask)
        for layer in self.attention:
            attention, block = layer.children()
            hidden = block(attention(hidden, mask), mask)
        encoded: Tensor = self.norm(hidden)
        return encoded


class DurationPredictor(nn.Module):
    """Log frames of each token from the encoder's features, which it does not train.

    Args:
        channels: Width of the features.
        kernel: Width of the convolutions in tokens.
        dropout: While training.
    """

    scale: Tensor

    def __init__(self, channels: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(channels, kernel, expansion=2, dropout=dropout) for _ in range(3)
        )
        self.norm = nn.LayerNorm(channels)
        self.out = nn.Linear(channels, 1)
        # exp(mean log d) is less than the mean d; the corpus tells by how much.
        self.register_buffer("scale", torch.ones(()))

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Predict log durations (B, N) in log frames."""
        hidden = hidden.detach()
        for block in self.blocks:
            hidden = block(hidden, mask)
        out: Tensor = self.out(self.norm(hidden)).float().squeeze(2)
        return out

    def frames(self, log_frames: Tensor, mask: Tensor, speed: Tensor) -> Tensor:
        """Whole frames of each token, at least one for every real token.

        Rounding carries its remainder along, and a token that is raised to one frame takes the rest
        of it from those after it, so that an utterance is as long as its tokens in sum, however
        fast it is spoken, unless it has more tokens than frames.

        Args:
            log_frames: (B, N).
            mask: Real tokens (B, N).
            speed: Above 1 is faster; broadcastable to (B, N), so a single word can be slowed.

        Returns:
            (B, N) int64, zero on padding.
        """
        # On the CPU, because not every accelerator has float64.
        spoken = log_frames.detach().cpu().double().exp().nan_to_num(0.0).clamp_max(MOST_FRAMES)
        wanted = spoken * self.scale.cpu().double() / speed.cpu() * mask.cpu()
        ends = wanted.cumsum(dim=1).round().long()
        order = torch.arange(1, ends.shape[1] + 1)
        ends = (ends - order).clamp_min(0).cummax(dim=1).values + order
        frames = torch.diff(ends, dim=1, prepend=torch.zeros_like(ends[:, :1]))
        return frames.to(mask.device) * mask
