"""ConvNeXt block on sequences, with an optional norm that depends on flow time.

Tensors are (B, T, C): layer norm and the pointwise layers then need no transpose, and the depthwise
convolution sees a channels-last image of height one, which is its fast path on a CPU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import InputError


def _gelu(x: Tensor) -> Tensor:
    """GELU; where no gradient needs x it takes its place, which saves a pass over memory."""
    out: Tensor = F.gelu(x) if torch.is_grad_enabled() else torch.ops.aten.gelu_(x)
    return out


class AdaptiveNorm(nn.Module):
    """Per-block (shift, scale, gate) from one shared projection of the time embedding.

    "adaLN-single" of PixArt-alpha (Chen et al., 2023), section 2.3: one projection for the whole
    network and a small learned table for each block.

    Args:
        channels: Channels of the blocks.
        blocks: Number of blocks served.
    """

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.projection = nn.Linear(channels, 3 * channels)
        self.table = nn.Parameter(torch.zeros(blocks, 3, channels))
        nn.init.zeros_(self.projection.weight)
        nn.init.zeros_(self.projection.bias)
        nn.init.constant_(self.table.data[:, 2], 0.2)

    def forward(self, embedding: Tensor) -> Tensor:
        """Map a time embedding (B, C) to modulations (blocks, 3, B, 1, C)."""
        shared = self.projection(embedding).unflatten(1, (3, -1))  # (B, 3, C)
        return (shared + self.table[:, None]).transpose(1, 2).unsqueeze(3)


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, layer norm, pointwise expansion, residual (Liu et al., 2022).

    Args:
        channels: C.
        kernel: Odd width of the depthwise convolution in frames.
        expansion: Width of the hidden layer in units of C.
        dropout: Probability of dropping a hidden unit while training.
        adaptive: Whether the norm's shift, scale and the residual's gate come from outside.

    Raises:
        InputError: The kernel is even, so that it has no middle.
    """

    def __init__(
        self,
        channels: int,
        kernel: int = 7,
        expansion: int = 3,
        dropout: float = 0.0,
        adaptive: bool = False,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise InputError(f"kernel {kernel} must be odd")
        self.depthwise = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.norm = nn.LayerNorm(channels, elementwise_affine=not adaptive)
        self.expand = nn.Linear(channels, expansion * channels)
        self.contract = nn.Linear(expansion * channels, channels)
        self.dropout = nn.Dropout(dropout)
        self.gate = None if adaptive else nn.Parameter(torch.full((channels,), 0.2))

    def forward(self, x: Tensor, mask: Tensor | None, modulation: Tensor | None = None) -> Tensor:
        """Run the block.

        Args:
            x: Features, (B, T, C).
            mask: Real frames, (B, T, 1) bool, or None when all are real.
            modulation: (3, B, 1, C): shift, scale, gate, when the block is adaptive.

        Returns:
            Features, (B, T, C); padded frames hold values that no real frame ever sees.
        """
        y = self.norm(self._convolve(x if mask is None else x * mask))
        gate: Tensor | None = self.gate
        if modulation is not None:
            shift, scale, gate = modulation
            y = torch.addcmul(shift, y, 1 + scale)
        assert gate is not None, "an adaptive block needs its modulation"
        y = self.contract(self.dropout(_gelu(self.expand(y))))
        return torch.addcmul(x, gate, y)

    def _convolve(self, x: Tensor) -> Tensor:
        # bfloat16 depthwise convolution is slower than float32 on CPUs in the backward pass.
        with torch.autocast(x.device.type, enabled=False):
            image = x.float().transpose(1, 2).unsqueeze(2)  # (B, C, 1, T), channels last in memory
            conv = self.depthwise
            weight = conv.weight.float().unsqueeze(2)
            bias = None if conv.bias is None else conv.bias.float()
            padding = (0, conv.kernel_size[0] // 2)
            out = F.conv2d(image, weight, bias, padding=padding, groups=conv.groups)
            return out.squeeze(2).transpose(1, 2)
