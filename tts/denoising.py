"""Taking the recordings' steady noise out of what is synthesised."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# The corpus's frames that are quieter than the rest, taken for noise alone.
QUIET_SHARE = 0.05
# Musical noise is less when a tenth of the amplitude stays (Berouti et al., 1979, the factor beta).
LEAST_GAIN = 0.1
# Frames over which a gain is averaged: what flickers from frame to frame is heard as musical noise.
AVERAGED = 5
# A logarithm whose exponential is zero beside that of any mel.
NO_NOISE = -100.0


class NoiseReduction(nn.Module):
    """Power spectral subtraction on log mels (Boll, 1979; Berouti et al., 1979, eq. 3).

    The noise of a band is the level below which its quietest twentieth of frames stays.

    Args:
        n_mels: Number of bands.
    """

    floor: Tensor

    def __init__(self, n_mels: int) -> None:
        super().__init__()
        # Until it is measured there is no noise.
        self.register_buffer("floor", torch.full((n_mels, 1), NO_NOISE))

    @torch.no_grad()
    def measure_corpus(self, log_mel: Tensor, mask: Tensor) -> None:
        """Set the noise of each band from log mels (B, M, T) and their real frames (B, 1, T)."""
        frames = log_mel.transpose(1, 2)[mask[:, 0]]  # (N, M)
        rank = max(1, round(QUIET_SHARE * len(frames)))
        self.floor.copy_(frames.kthvalue(rank, dim=0).values[:, None])

    def forward(self, log_mel: Tensor, strength: float, mask: Tensor) -> Tensor:
        """Log mels (B, M, T) with that much of the noise's power subtracted.

        Args:
            log_mel: Natural logs of magnitudes.
            strength: In units of the noise's power; 0 changes nothing.
            mask: Real frames (B, 1, T).

        Returns:
            log m + log(g) / 2, g being max(1 - strength (n / m)^2, 0.1^2) for noise n, averaged
            over the five real frames around each.
        """
        kept = 1.0 - strength * (2.0 * (self.floor - log_mel)).exp()
        kept = kept.clamp_min(LEAST_GAIN**2).where(mask, 0.0)
        gain = _around(kept) / _around(mask.to(kept.dtype))
        return torch.where(mask, log_mel + gain.log() / 2.0, log_mel)


def _around(values: Tensor) -> Tensor:
    return F.avg_pool1d(values, AVERAGED, stride=1, padding=AVERAGED // 2)
