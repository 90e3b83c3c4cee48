"""Self-attention with rotary positions (Su et al., 2021, RoFormer, equation 34)."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import InputError


def rotate(x: Tensor) -> Tensor:
    """Turn each pair of features (i, i + D/2) by an angle proportional to its position.

    Args:
        x: (B, H, T, D), D even.

    Returns:
        The rotated features, same shape: inner products depend on the distance in T alone.
    """
    half = x.shape[-1] // 2
    position = torch.arange(x.shape[-2], device=x.device, dtype=torch.float32)
    rate = 10_000.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angle = position[:, None] * rate
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class RotaryAttention(nn.Module):
    """Pre-norm multi-head self-attention with a residual.

    Args:
        channels: C, a multiple of `heads` with an even quotient.
        heads: Number of heads.

    Raises:
        InputError: The channels cannot be divided so.
    """

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        if channels % (2 * heads):
            raise InputError(f"channels {channels} must be a multiple of 2 x heads ({2 * heads})")
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Attend over (B, T, C); frames where mask (B, T, 1) is False are never looked at."""
        projected = self.query_key_value(self.norm(x))
        parts = rearrange(projected, "b t (n h d) -> n b h t d", n=3, h=self.heads)
        query, key, value = parts.unbind()
        attended = F.scaled_dot_product_attention(
            rotate(query),
            rotate(key),
            value,
            attn_mask=None if mask is None else mask.transpose(1, 2)[:, None],
        )
        return x + self.out(rearrange(attended, "b h t d -> b t (h d)"))
