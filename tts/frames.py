"""Tokens, the frames that they last, and what the acoustic model makes of both."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

STATISTICS_MOMENTUM = 0.01


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
        before: Frames of a pause before the first id, (B,) int64.
        nfe: Evaluations of the decoder.
    """

    log_mel: Tensor
    mask: Tensor
    durations: Tensor
    before: Tensor
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


def unfold_blanks(durations: Tensor, predicted: Tensor) -> Tensor:
    """Durations of ids, (B, N), to those with blanks, (B, 2N+1): the inverse of `fold_blanks`.

    What an id lasts is shared with its blanks as in a prediction; where that lasts as long, it is
    the prediction itself.

    Args:
        durations: (B, N) int64.
        predicted: Frames of each token, (B, 2N+1) int64, at least one for a real token.
    """
    total = fold_blanks(predicted).clamp_min(1)
    after = durations * predicted[:, 2::2] // total
    first = durations[:, :1] * predicted[:, :1] // total[:, :1]
    own = durations - after
    own[:, :1] -= first
    return torch.cat([first, torch.stack([own, after], dim=2).flatten(1)], dim=1)


def token_windows(windows: Tensor, lengths: Tensor, frames: Tensor, *, blanks: bool) -> Tensor:
    """Frames that each token may have, from those of the ids.

    Silence at either end belongs to the outermost tokens. A blank shares the window of the id
    before it, as `fold_blanks` counts it; the first has what stands before the first id's window,
    or shares that when nothing does.

    Args:
        windows: First frame of each id and the one after its last, (B, N, 2).
        lengths: Real ids of each item (B,).
        frames: Real frames of each item (B,).
        blanks: Whether blanks stand between the ids.

    Returns:
        (B, N, 2), or (B, 2N+1, 2) with blanks.
    """
    items = torch.arange(len(windows), device=windows.device)
    out, last = windows.clone(), lengths - 1
    if blanks:
        first = windows[:, :1].clone()
        first[..., 1] = torch.where(first[..., 0] > 0, first[..., 0], first[..., 1])
        out = torch.cat([first, windows.repeat_interleave(2, dim=1)], dim=1)
        last = 2 * lengths
    out[:, 0, 0] = 0
    out[items, last, 1] = frames
    return out


def masked_mean(value: Tensor, mask: Tensor) -> Tensor:
    """Mean of value over the real positions of a mask that broadcasts to it."""
    weight = mask.expand_as(value)
    return torch.where(weight, value, 0.0).sum() / weight.sum()


def follow(statistic: Tensor, batch: Tensor) -> None:
    """Move a running statistic a little towards a batch's, unless that is not finite."""
    # The step of such a batch is skipped; the statistic would never recover from it.
    statistic.lerp_(torch.where(torch.isfinite(batch), batch, statistic), STATISTICS_MOMENTUM)
