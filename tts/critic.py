"""The critic of mel spectrograms, for the adversarial fine-tune of the few-step sampler."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

LEAK = 0.1
# Kernel and stride of each layer, (bands, frames).
LAYERS = (((3, 5), (1, 1)), ((5, 5), (2, 2)), ((5, 3), (2, 2)), ((5, 3), (2, 1)))


class MelCritic(nn.Module):
    """Judges patches of a mel beside the mean mel of its text.

    A patch critic as for images (Isola et al., 2017, section 3.2), conditional: it judges whether
    the detail fits the phoneme, not only whether it looks like speech.

    Args:
        channels: Width of the first layer.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        widths = [2, channels, 2 * channels, 3 * channels, 4 * channels]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(i, o, k, s, (k[0] // 2, k[1] // 2)))
            for i, o, (k, s) in zip(widths[:-1], widths[1:], LAYERS, strict=True)
        )
        self.out = weight_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(
        self, mel: Tensor, mean: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Judge a batch.

        Args:
            mel: Standardised, (B, M, T).
            mean: Mean mel of the text, (B, M, T).
            mask: Real frames (B, 1, T) bool; a patch reaches into padding only as zeros.

        Returns:
            Scores of patches (B, 1, M', T'), which of them are of real frames (B, 1, 1, T'), and
            the features that they were made of, one tensor a layer.
        """
        hidden = torch.stack([mel * mask, mean * mask], dim=1)
        hidden = hidden.contiguous(memory_format=torch.channels_last)
        real = mask[:, None]
        features = []
        for layer, (_, (_, stride)) in zip(self.layers, LAYERS, strict=True):
            # A strided layer's frame n looks at frame n * stride of the one before.
            real = real[..., ::stride]
            hidden = F.leaky_relu(layer(hidden), LEAK) * real
            features.append(hidden)
        return self.out(hidden) * real, real, features
