"""Transposed convolutions that bring a mel from frames to samples."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm


def two_factors(hop_samples: int) -> tuple[int, int]:
    """The two factors of a hop that lie nearest to each other, the smaller first."""
    small = next(n for n in range(math.isqrt(hop_samples), 0, -1) if hop_samples % n == 0)
    return small, hop_samples // small


class TimeUpsampling(nn.Module):
    """One transposed convolution over bands and time: (B, M, T) to (B, M, T * stride).

    A frame's samples stay centred on it. For an even stride s the kernel is (3, 2 s), as in
    WaveODE; for an odd one (3, 2 s + 1). It is computed as an ordinary convolution with one
    output for each of the s phases, several times faster on a CPU than the transposed one.

    Args:
        stride: s.
    """

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride, self.padding = stride, (stride + 1) // 2
        kernel = stride + 2 * self.padding
        made = nn.ConvTranspose2d(1, 1, (3, kernel), stride=(1, stride), padding=(1, self.padding))
        nn.init.kaiming_normal_(made.weight)
        self.conv = weight_norm(made)

    def forward(self, mel: Tensor) -> Tensor:
        """Bring (B, M, T) to (B, M, T * stride)."""
        stride = self.stride
        # Sample m * s + r hears frame m - j by tap j * s + r + padding, j in -1, 0, 1.
        weight = functional.pad(self.conv.weight, (stride - self.padding,) * 2)
        phases = weight.reshape(3, 3, stride).flip((0, 1)).permute(2, 0, 1)[:, None]
        bias = self.conv.bias.expand(stride)
        out = functional.conv2d(mel[:, None], phases, bias, padding=1)  # (B, s, M, T)
        return out.permute(0, 2, 3, 1).flatten(2)


class MelUpsampling(nn.Module):
    """A mel at the rate of samples, by two transposed convolutions and leaky rectifiers.

    Args:
        strides: Of the convolutions; their product is the hop.
        slope: Of the rectifiers below zero.
    """

    def __init__(self, strides: tuple[int, ...], slope: float = 0.4) -> None:
        super().__init__()
        self.steps = nn.ModuleList(TimeUpsampling(stride) for stride in strides)
        self.strides, self.slope = strides, slope

    def forward(self, mel: Tensor, mask: Tensor | None) -> Tensor:
        """Bring (B, M, T) to (B, M, T * hop).

        Args:
            mel: (B, M, T).
            mask: Real frames (B, 1, T), or None.
        """
        for step, stride in zip(self.steps, self.strides, strict=True):
            mel = functional.leaky_relu(step(mel if mask is None else mel * mask), self.slope)
            mask = None if mask is None else mask.repeat_interleave(stride, dim=2)
        return mel
