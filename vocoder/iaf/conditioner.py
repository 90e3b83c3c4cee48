"""From mel frames to what the networks hear at each sample."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from core.errors import InputError
from vocoder.iaf.config import WaveNetConfig


class Conditioner(nn.Module):
    """Encode a mel, at the rate of its frames ("repeat") or of the samples ("transposed").

    Frame t of the contract is centred on its own hop of samples, so repeating needs no trimming.

    Args:
        config: Of the networks.
        n_mels: Bands.
        hop_samples: Samples a frame.

    Raises:
        InputError: The strides do not multiply to the hop.
    """

    def __init__(self, config: WaveNetConfig, n_mels: int, hop_samples: int) -> None:
        super().__init__()
        channels = config.condition_channels
        self.encode = nn.Conv1d(n_mels, channels, 1)
        strides: Sequence[int] = ()
        if config.upsampling == "transposed":
            strides = config.strides
            if math.prod(strides) != hop_samples:
                raise InputError(
                    f"the strides {', '.join(map(str, strides))} multiply to {math.prod(strides)}; "
                    f"they must multiply to the mel's hop, {hop_samples}"
                )
        self.upsample = nn.ModuleList(_upsampler(channels, stride) for stride in strides)
        self.rate = math.prod(strides)
        """Vectors a frame."""

    def forward(self, mel: Tensor, mask: Tensor | None = None) -> Tensor:
        """Encode.

        Args:
            mel: Normalised, (B, M, T).
            mask: Real frames (B, 1, T), or None; what stands on the others changes nothing.

        Returns:
            (B, C, T * rate).
        """
        x = functional.relu(self.encode(mel))
        for layer in self.upsample:
            x = functional.leaky_relu(layer(_blank(x, mask)), 0.4)
        return _blank(x, mask)


def _upsampler(channels: int, stride: int) -> nn.Module:
    # Neighbouring kernels overlap by half; T vectors become exactly T * stride.
    overlap = stride + stride % 2
    return nn.ConvTranspose1d(channels, channels, stride + overlap, stride, overlap // 2)


def _blank(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x * stretch(mask, x.shape[2])


def stretch(x: Tensor, length: int) -> Tensor:
    """Repeat each of T vectors (B, C, T) in place so that there are `length`, a multiple of T."""
    count = x.shape[2]
    return x if count == length else x.repeat_interleave(length // count, dim=2)
