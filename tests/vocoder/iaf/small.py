"""A student, its teacher and mels, small enough for brute force."""

from __future__ import annotations

import torch

from tests.tiny import SPEC, awaken, generator
from vocoder.iaf.config import IafConfig, TeacherConfig, WaveNetConfig
from vocoder.iaf.model import IafVocoder
from vocoder.iaf.teacher import WaveNetVocoder
from vocoder.interface import Sampling

ONE_PASS = Sampling(
    steps=1, method="euler", grid="uniform", consistency_rounds=0, final_rounds=0, momentum=0.95
)
UPSAMPLINGS = ("repeat", "transposed")


def network(**changes):
    sizes = {"channels": 4, "skip_channels": 5, "cycle": 3, "condition_channels": 3}
    return WaveNetConfig(**{**sizes, "strides": (8, 2), **changes})


def settle(model, seed=0, deviation=0.3):
    """Random weights, and statistics unlike the initial ones."""
    awaken(model, seed, deviation)
    model.mel_mean.fill_(-2.0)
    model.mel_deviation.fill_(1.5)
    model.unit.fill_(0.2)
    return model


def student(spec=SPEC, seed=0, upsampling="repeat", deviation=0.3, **changes):
    config = IafConfig(**{"network": network(upsampling=upsampling), "flows": (3, 2), **changes})
    return settle(IafVocoder(config, spec), seed, deviation)


def teacher(spec=SPEC, seed=0, upsampling="repeat", deviation=0.3, **changes):
    config = TeacherConfig(**{"network": network(upsampling=upsampling), "layers": 4, **changes})
    return settle(WaveNetVocoder(config, spec), seed, deviation)


def mels(batch=3, frames=5, seed=0, spec=SPEC):
    return torch.randn(batch, spec.n_mels, frames, generator=generator(seed)) - 2
