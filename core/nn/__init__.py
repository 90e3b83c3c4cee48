"""Layers that both models share: ConvNeXt, rotary attention, time embedding."""

from core.nn.attention import RotaryAttention
from core.nn.convnext import AdaptiveNorm, ConvNeXtBlock
from core.nn.embedding import TimeEmbedding

__all__ = ["AdaptiveNorm", "ConvNeXtBlock", "RotaryAttention", "TimeEmbedding"]
