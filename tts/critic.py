"""Critics of mel spectrograms, for the adversarial fine-tune of the few-step sampler."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

LEAK = 0.1
# Kernel and stride of each layer, (bands, frames) and frames.
PATCH_LAYERS = (((3, 5), (1, 1)), ((5, 5), (2, 2)), ((5, 3), (2, 2)), ((5, 3), (2, 1)))
FRAME_LAYERS = ((5, 1), (5, 2), (5, 2))

Judgement = tuple[list[tuple[Tensor, Tensor]], list[Tensor]]
"""For each critic its scores and which of them are of real frames, and the features behind them."""


class MelCritics(nn.Module):
    """Two critics that see a mel beside the mean mel of its text.

    One looks at patches of time and frequency, as image critics do (Isola et al., 2017, section
    3.2), the other at all bands of a few frames. Both are conditional: they judge whether the
    detail fits the phoneme, not only whether it looks like speech.

    Args:
        n_mels: Mel bands.
        channels: Width of the first layer of the patch critic.
        frame_channels: Width of the frame critic.
    """

    def __init__(self, n_mels: int, channels: int = 32, frame_channels: int = 192) -> None:
        super().__init__()
        widths = [2, channels, 2 * channels, 3 * channels, 4 * channels]
        self.patch = nn.ModuleList(
            weight_norm(nn.Conv2d(i, o, k, s, (k[0] // 2, k[1] // 2)))
            for i, o, (k, s) in zip(widths[:-1], widths[1:], PATCH_LAYERS, strict=True)
        )
        self.patch_out = weight_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))
        width = frame_channels
        self.frame = nn.ModuleList(
            weight_norm(nn.Conv1d(i, width, k, s, k // 2))
            for i, (k, s) in zip((2 * n_mels, width, width), FRAME_LAYERS, strict=True)
        )
        self.frame_out = weight_norm(nn.Conv1d(width, 1, 3, padding=1))

    def forward(self, mel: Tensor, mean: Tensor, mask: Tensor) -> Judgement:
        """Judge a batch.

        Args:
            mel: Standardised, (B, M, T).
            mean: Mean mel of the text, (B, M, T).
            mask: Real frames (B, 1, T) bool; a patch reaches into padding only as zeros.
        """
        mel, mean = mel * mask, mean * mask
        image = torch.stack([mel, mean], dim=1).contiguous(memory_format=torch.channels_last)
        patch, features = _judge(
            image, self.patch, self.patch_out, mask[:, None], [s[1] for _, s in PATCH_LAYERS]
        )
        both = torch.cat([mel, mean], dim=1)
        frames, more = _judge(both, self.frame, self.frame_out, mask, [s for _, s in FRAME_LAYERS])
        return [patch, frames], features + more


def _judge(
    hidden: Tensor, layers: nn.ModuleList, out: nn.Module, mask: Tensor, strides: Sequence[int]
) -> tuple[tuple[Tensor, Tensor], list[Tensor]]:
    features = []
    for layer, stride in zip(layers, strides, strict=True):
        hidden = F.leaky_relu(layer(hidden), LEAK)
        # A strided layer sees its frame n at frame n * stride of the one before.
        mask = mask[..., ::stride]
        hidden = hidden * mask
        features.append(hidden)
    return (out(hidden), mask), features
