"""The embedding of flow time."""

from __future__ import annotations

import math

import torch

from core.nn import TimeEmbedding
from tests.tiny import awaken


def test_scalar_time_serves_the_whole_batch():
    """t of shape () gives every item what t of shape (B,) filled with it gives."""
    embed = awaken(TimeEmbedding(8))
    one = embed(torch.tensor(0.3), 4)
    many = embed(torch.full((4,), 0.3), 4)
    assert one.shape == many.shape == (4, 8)
    torch.testing.assert_close(one, many, rtol=0, atol=1e-6)


def test_items_have_their_own_time():
    """Each item's embedding is that of its time alone."""
    embed = awaken(TimeEmbedding(8))
    t = torch.tensor([0.0, 0.5, 1.0])
    together = embed(t, 3)
    for index in range(3):
        torch.testing.assert_close(together[index], embed(t[index], 1)[0], rtol=0, atol=1e-6)
    assert (together[0] - together[2]).abs().max() > 1e-3


def test_frequencies_run_from_a_thousand_to_a_tenth():
    """Geometric from 1000 to 1000 / 10000, radians per unit of flow time."""
    frequencies = TimeEmbedding(8).frequencies
    assert math.isclose(frequencies[0], 1000.0, rel_tol=1e-6)
    assert math.isclose(frequencies[-1], 0.1, rel_tol=1e-5)
    ratios = frequencies[1:] / frequencies[:-1]
    torch.testing.assert_close(ratios, ratios[:1].expand(3), rtol=1e-5, atol=0)


def test_time_is_no_part_of_a_checkpoint():
    """The frequencies are a constant: loading weights cannot change them."""
    assert "frequencies" not in TimeEmbedding(8).state_dict()
