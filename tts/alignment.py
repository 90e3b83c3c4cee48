"""Monotonic alignment search (Kim et al., 2020, Glow-TTS, algorithm 1).

Compiled by numba the first time it runs and cached; nothing is built at install.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from torch import Tensor


@njit(cache=True, nogil=True)
def _search(score: np.ndarray, tokens: int, frames: int, durations: np.ndarray) -> None:
    best = np.full((tokens, frames), -np.inf)
    best[0, 0] = score[0, 0]
    for j in range(1, frames):
        # Token i is reachable at frame j, and leaves a frame for each token after it.
        for i in range(max(0, tokens - frames + j), min(tokens, j + 1)):
            stay = best[i, j - 1]
            step = best[i - 1, j - 1] if i > 0 else -np.inf
            best[i, j] = max(stay, step) + score[i, j]
    i = tokens - 1
    for j in range(frames - 1, -1, -1):
        durations[i] += 1
        if j > 0 and i > 0 and best[i - 1, j - 1] >= best[i, j - 1]:
            i -= 1


def log_density(mean: Tensor, mel: Tensor) -> Tensor:
    """Log density of each frame under each token's unit-variance Gaussian.

    Args:
        mean: (B, M, N).
        mel: (B, M, T).

    Returns:
        (B, N, T): log N(mel_j; mean_i, I).
    """
    bands = mel.shape[1]
    constant = -0.5 * bands * float(np.log(2 * np.pi))
    # Where the terms nearly cancel, half precision would leave only noise.
    with torch.autocast(mel.device.type, enabled=False):
        cross = torch.einsum("bmn,bmt->bnt", mean, mel)
        squares = 0.5 * mean.square().sum(1)[:, :, None] + 0.5 * mel.square().sum(1)[:, None, :]
        return constant + cross - squares


def monotonic_durations(score: Tensor, tokens: Tensor, frames: Tensor) -> Tensor:
    """The monotonic, complete alignment of greatest total score.

    Args:
        score: (B, N, T).
        tokens: Real tokens of each item (B,).
        frames: Real frames of each item (B,), no fewer than its tokens.

    Returns:
        Frames of each token (B, N) int64: at least one for a real token, none for padding; they
        sum to `frames`.

    Raises:
        ValueError: An item has no token, fewer frames than tokens, or more of either than `score`.
    """
    if int(tokens.min()) < 1 or int(tokens.max()) > score.shape[1]:
        raise ValueError(f"tokens {tokens.tolist()} must be from 1 to {score.shape[1]}")
    if int(frames.max()) > score.shape[2]:
        raise ValueError(f"frames {frames.tolist()} must be at most {score.shape[2]}")
    if bool((frames < tokens).any()):
        worst = int((tokens - frames).argmax())
        raise ValueError(
            f"item {worst} has {int(tokens[worst])} tokens and only {int(frames[worst])} frames"
        )
    table = score.detach().float().cpu().numpy()
    durations = np.zeros(table.shape[:2], dtype=np.int64)
    for b, (n, t) in enumerate(zip(tokens.tolist(), frames.tolist(), strict=True)):
        _search(table[b], n, t, durations[b])
    return torch.from_numpy(durations).to(score.device)
