"""Every vocoder of the house at its published and its small size, and what an evaluation costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from core.audio.mel import MelSpec
from core.nn.cost import count_multiply_adds
from vocoder.iaf.config import IafConfig, TeacherConfig, WaveNetConfig
from vocoder.iaf.teacher import WaveNetVocoder
from vocoder.interface import FlowVocoder, Sampling, VocoderModel
from vocoder.rectified.config import DilatedConfig, RectifiedConfig, StftConvNeXtConfig
from vocoder.registry import VocoderConfig
from vocoder.wavegrad.config import WaveGradConfig, WaveGradNetworkConfig

# A network's products grow with the frames alone, so a few are enough to count.
COST_FRAMES = 16


@dataclass(frozen=True)
class Preset:
    """A network of the house.

    Attributes:
        name: To call it by.
        size: "published" or "small".
        purpose: What it is for.
        config: What it is made of.
    """

    name: str
    size: str
    purpose: str
    config: VocoderConfig


_WAVEODE: dict[str, Any] = {
    "prior": "white",
    "prior_deviation": 1.0,
    "preconditioned": False,
    "loss": "waveform",
}
_SMALL_WAVENET = WaveNetConfig(channels=32, skip_channels=32)

PRESETS = (
    Preset(
        "rectified-stft",
        "published",
        "the shipped voice's vocoder: a rectified flow on STFT frames, fast on a CPU",
        RectifiedConfig(),
    ),
    Preset(
        "rectified-stft",
        "small",
        "the same in the race's size",
        RectifiedConfig(network=StftConvNeXtConfig(channels=192, blocks=6)),
    ),
    Preset(
        "waveode",
        "published",
        "WaveODE: a rectified flow on samples through dilated convolutions",
        RectifiedConfig(**_WAVEODE, network=DilatedConfig()),
    ),
    Preset(
        "waveode",
        "small",
        "the same in the race's size",
        RectifiedConfig(
            **_WAVEODE,
            network=DilatedConfig(
                layers=10, channels=32, skip_channels=32, time_channels=64, time_width=128
            ),
        ),
    ),
    Preset(
        "wavegrad",
        "published",
        "WaveGrad: a diffusion conditioned on the noise level, by any schedule",
        WaveGradConfig(),
    ),
    Preset(
        "wavegrad",
        "small",
        "the same in the race's size",
        WaveGradConfig(
            network=WaveGradNetworkConfig(
                upsampling_in=128,
                upsampling_channels=(96, 96, 64, 32, 32),
                downsampling_in=8,
                downsampling_channels=(16, 32, 64, 96),
            )
        ),
    ),
    Preset(
        "iaf",
        "published",
        "Parallel WaveNet: one pass from noise to sound, with an exact likelihood",
        IafConfig(),
    ),
    Preset(
        "iaf",
        "small",
        "the same in the race's size",
        IafConfig(network=_SMALL_WAVENET, flows=(10, 10)),
    ),
    Preset(
        "wavenet",
        "published",
        "an autoregressive WaveNet: the teacher of Parallel WaveNet, far too slow to speak with",
        TeacherConfig(),
    ),
    Preset(
        "wavenet",
        "small",
        "the same in the race's size",
        TeacherConfig(network=_SMALL_WAVENET, layers=20),
    ),
)


def multiply_adds_per_second(model: VocoderModel) -> int:
    """Multiply-adds of one evaluation of the network for a second of audio.

    A flow is evaluated once a step, or more often, with the encoding of its mel counted in; a
    vocoder of one pass once a synthesis.

    Args:
        model: On any device.
    """
    spec: MelSpec = model.spec
    device = next(model.parameters()).device
    mel = torch.full((1, spec.n_mels, COST_FRAMES), -4.0, device=device)
    samples = COST_FRAMES * spec.hop_samples

    def work() -> None:
        if isinstance(model, FlowVocoder):
            state = torch.zeros(1, samples, device=device)
            model.field(mel)(torch.tensor(0.5, device=device), state)
        elif isinstance(model, WaveNetVocoder):
            # Sampling takes as many, one sample after the other.
            model.conditional(torch.zeros(1, samples, device=device), mel)
        else:
            model.generate(mel, [0], Sampling(1, "euler", "uniform", 0, 0, 0.0))

    return round(count_multiply_adds(work) * spec.sample_rate_hz / samples)
