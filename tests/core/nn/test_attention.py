"""Rotary attention."""

from __future__ import annotations

import pytest
import torch

from core.errors import InputError
from core.nn import RotaryAttention
from core.nn.attention import rotate
from tests.tiny import awaken, generator


def test_rotated_inner_products_depend_on_distance_alone():
    """<R_i q, R_j k> is a function of i - j: the matrix of all of them is constant on diagonals."""
    q, k = torch.randn(2, 8, generator=generator())
    rows = rotate(q.expand(1, 1, 12, 8))[0, 0]
    columns = rotate(k.expand(1, 1, 12, 8))[0, 0]
    products = rows @ columns.T
    torch.testing.assert_close(products[:-1, :-1], products[1:, 1:], rtol=0, atol=1e-5)
    assert (products[0, 1:] - products[0, :-1]).abs().min() > 1e-3


def test_rotation_is_a_complex_phase():
    """(a + ib) e^(i p w) with w = 10000^(-k / (D/2)); position 0 is left alone."""
    x = torch.randn(2, 3, 7, 6, generator=generator(), dtype=torch.float64)
    rates = 10_000.0 ** -(torch.arange(3, dtype=torch.float64) / 3)
    phase = torch.polar(torch.ones(7, 3).double(), torch.arange(7.0).double()[:, None] * rates)
    turned = torch.complex(x[..., :3], x[..., 3:]) * phase
    expected = torch.cat([turned.real, turned.imag], dim=-1)
    torch.testing.assert_close(rotate(x), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(rotate(x)[..., 0, :], x[..., 0, :])


def test_attention_never_looks_at_padding():
    """What stands on padded frames changes no real frame, however many there are."""
    layer = awaken(RotaryAttention(8, heads=2))
    x = torch.randn(1, 5, 8, generator=generator())
    padded = torch.cat([x, 1e3 * torch.randn(1, 4, 8, generator=generator(1))], dim=1)
    mask = (torch.arange(9) < 5)[None, :, None]
    alone = layer(x, None)
    torch.testing.assert_close(layer(padded, mask)[:, :5], alone, rtol=0, atol=1e-5)
    assert (layer(padded, None)[:, :5] - alone).abs().max() > 1e-2


def test_attention_equals_a_loop_over_queries():
    """softmax(q k / sqrt(D)) v, head by head, frame by frame."""
    layer = awaken(RotaryAttention(8, heads=2)).double()
    x = torch.randn(1, 4, 8, generator=generator(), dtype=torch.float64)
    qkv = layer.query_key_value(
        torch.nn.functional.layer_norm(x, (8,), layer.norm.weight, layer.norm.bias)
    )[0]
    out = torch.zeros(4, 8, dtype=torch.float64)
    for head in range(2):
        part = slice(4 * head, 4 * head + 4)
        q, k, v = (qkv[:, 8 * n : 8 * n + 8][:, part] for n in range(3))
        q, k = rotate(q[None, None])[0, 0], rotate(k[None, None])[0, 0]
        for i in range(4):
            weight = torch.stack([(q[i] * k[j]).sum() / 2.0 for j in range(4)]).exp()
            out[i, part] = (weight[:, None] * v).sum(0) / weight.sum()
    torch.testing.assert_close(layer(x, None)[0], x[0] + layer.out(out), rtol=0, atol=1e-9)


def test_channels_that_do_not_divide_are_refused():
    """A head needs an even number of channels."""
    with pytest.raises(InputError, match="channels 12 must be a multiple of 2 x heads"):
        RotaryAttention(12, heads=4)
