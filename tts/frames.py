"""Tokens, the frames that they last, and what the acoustic model makes of both."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Encoded:
    """A batch of texts as the encoder sees it.

    Attributes:
        hidden: (B, N, C).
        mean: Mean mel of each token, standardised, (B, M, N).
        mask: Real tokens (B, N) bool.
        speaker: Speaker embedding (B, S), or None.
    """

    hidden: Tensor
    mean: Tensor
    mask: Tensor
    speaker: Tensor | None


@dataclass(frozen=True)
class Mels:
    """A batch of synthesised mels.

    Attributes:
        log_mel: (B, M, T), in the contract's units; the log floor on padding.
        mask: Real frames (B, 1, T) bool.
        durations: Frames of each given id, (B, N) int64; blanks are counted to their neighbours.
        nfe: Evaluations of the decoder.
    """

    log_mel: Tensor
    mask: Tensor
    durations: Tensor
    nfe: int


def upsampling(durations: Tensor) -> tuple[Tensor, Tensor]:
    """Which token each frame belongs to.

    Args:
        durations: (B, N) int64.

    Returns:
        Token index (B, T), 0 on padding, and the mask of real frames (B, 1, T) bool.
    """
    ends = durations.cumsum(dim=1)
    total = ends[:, -1:]
    frame = torch.arange(int(total.max()), device=durations.device).expand(len(durations), -1)
    index = torch.searchsorted(ends, frame.contiguous(), right=True)
    mask = frame < total
    return torch.where(mask, index, 0), mask[:, None]


def fold_blanks(durations: Tensor) -> Tensor:
    """Durations with blanks, (B, 2N+1), to those of the ids alone, (B, N).

    The blank after an id is counted to it, the first blank to the first id.
    """
    folded = durations[:, 1::2] + durations[:, 2::2]
    folded[:, 0] += durations[:, 0]
    return folded


def masked_mean(value: Tensor, mask: Tensor) -> Tensor:
    """Mean of value over the real positions of a mask that broadcasts to it."""
    weight = mask.expand_as(value)
    return torch.where(weight, value, 0.0).sum() / weight.sum()
