"""Monotonic alignment search (Kim et al., 2020, Glow-TTS, algorithm 1), and what may guide it.

Compiled by numba the first time it runs and cached; nothing is built at install.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from torch import Tensor

# A frame's log density is a few thousand at most.
OUTSIDE = 1e6


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


def diagonal_log_prior(tokens: Tensor, frames: Tensor, factor: float) -> Tensor:
    """Log probability of each token at each frame, high along the diagonal.

    Frame j of M (from 1) draws token k of P from a beta-binomial distribution of P - 1 trials with
    a = factor j and b = factor (M + 1 - j) (Badlani et al., 2022, eq. 6); 1e-8 is added before the
    logarithm.

    Args:
        tokens: Real tokens of each item (B,).
        frames: Real frames of each item (B,).
        factor: Above 0; the larger, the narrower around the diagonal. VoiceFlow has 0.05.

    Returns:
        (B, N, T) float64; 0 on padding.
    """
    prior = torch.zeros(
        len(tokens), int(tokens.max()), int(frames.max()), dtype=torch.float64, device=tokens.device
    )
    for item, (p, m) in enumerate(zip(tokens.tolist(), frames.tolist(), strict=True)):
        k = torch.arange(p, dtype=torch.float64, device=tokens.device)[:, None]
        j = torch.arange(1, m + 1, dtype=torch.float64, device=tokens.device)
        a, b = factor * j, factor * (m + 1 - j)
        choose = -torch.log(torch.tensor(float(p))) - _log_beta(p - k, k + 1)
        log_mass = choose + _log_beta(k + a, p - 1 - k + b) - _log_beta(a, b)
        prior[item, :p, :m] = torch.log(log_mass.exp() + 1e-8)
    return prior


def _log_beta(a: Tensor, b: Tensor) -> Tensor:
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)


def window_penalty(windows: Tensor, frames: int) -> Tensor:
    """What to take from the score of a frame outside its token's window.

    It grows with the distance and outweighs every density, so that the search keeps to the windows
    wherever their tokens fit, and leaves them by as little as it can where they do not.

    Args:
        windows: First frame of each token and the one after its last, (B, N, 2).
        frames: T.

    Returns:
        (B, N, T) float64: 0 inside.
    """
    frame = torch.arange(frames, dtype=torch.float64, device=windows.device)
    before = windows[:, :, :1] - frame
    after = frame - windows[:, :, 1:] + 1
    return OUTSIDE * (before.clamp_min(0) + after.clamp_min(0))


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
    table = score.detach().cpu().numpy()
    durations = np.zeros(table.shape[:2], dtype=np.int64)
    for b, (n, t) in enumerate(zip(tokens.tolist(), frames.tolist(), strict=True)):
        _search(table[b], n, t, durations[b])
    return torch.from_numpy(durations).to(score.device)
