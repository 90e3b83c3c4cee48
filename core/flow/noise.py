"""Noise that belongs to an item, not to its batch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor

from core.errors import InputError

# torch draws normals in blocks of 16 and redraws the last block of a ragged length.
_BLOCK = 16
_SEED_LIMIT = 2**63


def item_generator(seed: int) -> torch.Generator:
    """A CPU generator for one item.

    Args:
        seed: 0 to 2^63 - 1. torch keeps the lower 32 bits of it.

    Raises:
        InputError: The seed is not such an integer.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < _SEED_LIMIT:
        raise InputError(f"seed {seed!r} is not allowed: give an integer from 0 to 2^63 - 1")
    return torch.Generator().manual_seed(seed)


def seeded_noise(seeds: Sequence[int], shapes: Sequence[Sequence[int]]) -> Tensor:
    """Standard normal noise for a batch, each item drawn by its own generator on the CPU.

    What an item gets depends on its own seed and shape alone, not on its batch or device. The
    numbers are dealt row by row, so with one seed an item that is longer in its *first* dimension
    (and equal in the others) begins with the shorter item's noise: put time first.

    Args:
        seeds: One an item.
        shapes: One an item, all of the same rank.

    Returns:
        (B, largest size in each dimension), float32 on the CPU, zero beyond an item's own shape.

    Raises:
        InputError: As many seeds as shapes were not given, ranks differ, or a seed is not allowed.
    """
    if len(seeds) != len(shapes):
        raise InputError(f"{len(seeds)} seeds for {len(shapes)} items: give one seed an item")
    if not shapes:
        raise InputError("no items to draw noise for: give at least one seed and shape")
    if any(len(a) != len(b) for a, b in pairwise(shapes)):
        raise InputError(f"noise shapes {list(map(tuple, shapes))} must have the same rank")
    batch = torch.zeros(len(seeds), *map(max, zip(*shapes, strict=True)))
    for item, seed, shape in zip(batch, seeds, shapes, strict=True):
        item[tuple(map(slice, shape))] = _draw(seed, shape)
    return batch


def _draw(seed: int, shape: Sequence[int]) -> Tensor:
    count = prod(shape)
    whole = -(-max(count, 1) // _BLOCK) * _BLOCK
    return torch.randn(whole, generator=item_generator(seed))[:count].reshape(tuple(shape))
