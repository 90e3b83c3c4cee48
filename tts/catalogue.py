"""Every acoustic model of the house at its sizes, and what an evaluation of its decoder costs."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.nn.cost import count_multiply_adds
from tts.config import AcousticConfig, DecoderConfig, EncoderConfig
from tts.model import AcousticModel

# Attention sees all frames, so its share grows with them; about a second stands for a sentence.
COST_FRAMES = 86


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
    config: AcousticConfig


PRESETS = (
    Preset(
        "acoustic",
        "published",
        "the shipped voice's acoustic model: phonemes to mel by flow matching (VoiceFlow)",
        AcousticConfig(),
    ),
    Preset(
        "acoustic",
        "small",
        "the same for a first try on a CPU",
        AcousticConfig(
            encoder=EncoderConfig(channels=96, conv_blocks=2, attention_layers=2),
            decoder=DecoderConfig(channels=128, blocks=4, attention_every=2, condition_channels=64),
        ),
    ),
)


def multiply_adds_per_second(model: AcousticModel) -> int:
    """Multiply-adds of one evaluation of the decoder for a second of speech.

    The encoder runs once a sentence and is left out.

    Args:
        model: On any device.
    """
    device = next(model.parameters()).device
    ids = torch.ones(1, 1, dtype=torch.long, device=device)
    speaker = torch.zeros(1, dtype=torch.long, device=device)
    with torch.no_grad():
        encoded = model.encode(ids, torch.ones_like(ids[0]), speaker)
        field, mean, _ = model.field(encoded, COST_FRAMES * torch.ones_like(ids))
    time = torch.tensor(0.5, device=device)
    seconds = COST_FRAMES * model.spec.hop_samples / model.spec.sample_rate_hz
    return round(count_multiply_adds(lambda: field(time, torch.zeros_like(mean))) / seconds)
