"""A WaveGrad small enough for brute force."""

from __future__ import annotations

import torch

from tests.tiny import SPEC, awaken, generator
from vocoder.interface import Sampling
from vocoder.wavegrad.config import WaveGradConfig, WaveGradNetworkConfig
from vocoder.wavegrad.model import WaveGradVocoder


def network(**changes):
    sizes = {
        "factors": (4, 2, 2),
        "upsampling_in": 8,
        "upsampling_channels": (8, 8, 6),
        "upsampling_dilations": ((1, 2, 1, 2), (1, 2, 1, 2), (1, 2, 4, 8)),
        "downsampling_in": 4,
        "downsampling_channels": (4, 6),
        "downsampling_dilations": ((1, 2, 4), (1, 2)),
    }
    return WaveGradNetworkConfig(**{**sizes, **changes})


def config(**changes):
    return WaveGradConfig(**{"network": network(), **changes})


def wavegrad(seed=0, deviation=0.1, **changes):
    """With random weights, and statistics unlike the initial ones."""
    model = awaken(WaveGradVocoder(config(**changes), SPEC), seed, deviation)
    model.mel_mean.fill_(-2.0)
    model.mel_deviation.fill_(1.5)
    return model


def mels(batch=3, frames=5, seed=0):
    return torch.randn(batch, SPEC.n_mels, frames, generator=generator(seed)) - 2


def sampling(method="ancestral", grid="published", steps=6, final_rounds=0):
    return Sampling(steps, method, grid, 0, final_rounds, 0.9)
