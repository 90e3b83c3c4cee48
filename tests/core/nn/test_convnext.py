"""ConvNeXt blocks and their time-dependent norm."""

from __future__ import annotations

import pytest
import torch

from core.errors import InputError
from core.nn import AdaptiveNorm, ConvNeXtBlock
from tests.tiny import awaken, generator


def frames(batch, count, channels=6, seed=0):
    return torch.randn(batch, count, channels, generator=generator(seed))


@pytest.mark.parametrize("kernel", [1, 3, 7])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_fast_convolution_equals_conv1d(kernel, count):
    """The channels-last path computes what nn.Conv1d's own forward does."""
    block = awaken(ConvNeXtBlock(6, kernel))
    x = frames(2, count)
    expected = block.depthwise(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(block._convolve(x), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("adaptive", [False, True])
def test_block_does_not_see_padding(adaptive):
    """Real frames come out as they would without the padding, whatever stands there."""
    block = awaken(ConvNeXtBlock(6, 5, adaptive=adaptive))
    modulation = frames(3, 1)[:, None] if adaptive else None
    x = frames(1, 7)
    padded = torch.cat([x, 1e3 * frames(1, 4, seed=1)], dim=1)
    mask = (torch.arange(11) < 7)[None, :, None]
    alone = block(x, None, modulation)
    torch.testing.assert_close(block(padded, mask, modulation)[:, :7], alone, rtol=0, atol=1e-5)
    assert (block(padded, None, modulation)[:, :7] - alone).abs().max() > 1e-2


def test_closed_gate_leaves_the_residual_stream_alone():
    """With a gate of zero the block is the identity."""
    block = awaken(ConvNeXtBlock(6, 5, adaptive=True))
    modulation = torch.stack([torch.ones(2, 1, 6), torch.ones(2, 1, 6), torch.zeros(2, 1, 6)])
    x = frames(2, 5)
    torch.testing.assert_close(block(x, None, modulation), x)


def test_adaptive_norm_gives_each_block_its_own_modulation():
    """(blocks, 3, B, 1, C); at the start shift 0, scale 0 and gate 0.2, whatever the time."""
    norm = AdaptiveNorm(6, blocks=4)
    out = norm(frames(3, 6)[:, 0])
    assert out.shape == (4, 3, 3, 1, 6)
    expected = torch.tensor([0.0, 0.0, 0.2]).reshape(1, 3, 1, 1, 1).expand_as(out)
    torch.testing.assert_close(out, expected)


def test_adaptive_norm_adds_a_table_to_a_shared_projection():
    """Modulations of two blocks differ by their tables' difference, for every item alike."""
    norm = awaken(AdaptiveNorm(6, blocks=2))
    out = norm(frames(3, 6)[:, 0])
    difference = (norm.table[1] - norm.table[0])[:, None, None].expand(3, 3, 1, 6)
    torch.testing.assert_close(out[1] - out[0], difference, rtol=0, atol=1e-6)
    assert (out[0, :, 0] - out[0, :, 1]).abs().min() > 1e-4


def test_half_precision_convolution_keeps_float32():
    """Under bfloat16 autocast the convolution is still computed in float32."""
    block = awaken(ConvNeXtBlock(6, 5))
    x = frames(1, 9)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = block._convolve(x)
    torch.testing.assert_close(half, block._convolve(x), rtol=0, atol=1e-6)


def test_even_kernel_is_refused():
    """A kernel without a middle would shift or lengthen the sequence."""
    with pytest.raises(InputError, match="kernel 4 must be odd"):
        ConvNeXtBlock(6, 4)
