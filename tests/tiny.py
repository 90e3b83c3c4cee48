"""Models, corpora and trainings small enough for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from core.audio.mel import MelSpec
from core.data.store import Utterance, write_header, write_split
from text.symbols import symbol_table_hash
from tts.config import AcousticConfig, DecoderConfig, EncoderConfig, MelSamplingConfig
from tts.model import AcousticModel
from vocoder.config import SamplingConfig
from vocoder.rectified.config import RectifiedConfig, StftConvNeXtConfig

SPEC = MelSpec(
    sample_rate_hz=8000, n_fft=64, hop_samples=16, win_samples=64, n_mels=6, f_max_hz=4000.0
)
SYMBOL_COUNT = 12


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def acoustic_config(**changes):
    return AcousticConfig(
        **{
            "speaker_channels": 4,
            "encoder": EncoderConfig(
                channels=8, conv_blocks=1, attention_layers=1, kernel=3, heads=2, dropout=0.0
            ),
            "decoder": DecoderConfig(
                channels=8, blocks=2, attention_every=2, kernel=3, heads=2, condition_channels=4
            ),
            "sampling": MelSamplingConfig(steps=2),
            **changes,
        }
    )


def vocoder_config(**changes):
    return RectifiedConfig(
        **{
            "network": StftConvNeXtConfig(n_fft=32, channels=8, blocks=2, kernel=3, mel_blocks=1),
            "sampling": SamplingConfig(steps=2, consistency_rounds=1, final_rounds=1),
            **changes,
        }
    )


def awaken(module: nn.Module, seed=0, deviation=0.3) -> nn.Module:
    """Give every parameter random values, also those that start at zero."""
    draw = generator(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(deviation * torch.randn(parameter.shape, generator=draw))
    return module.eval()


def acoustic_model(seed=0, **changes):
    """An acoustic model with random weights and statistics unlike the initial ones."""
    model = awaken(AcousticModel(acoustic_config(**changes), SPEC, SYMBOL_COUNT), seed)
    model.mel_mean.fill_(-4.0)
    model.mel_deviation.fill_(1.5)
    model.residual_variance.copy_(torch.linspace(0.2, 1.5, SPEC.n_mels)[:, None])
    return model


def waveform(samples: int, seed=0) -> np.ndarray:
    """A gliding tone in noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / SPEC.sample_rate_hz
    start, slope = rng.uniform(200, 900), rng.uniform(-400, 400)
    tone = np.sin(2 * np.pi * (start + slope * time) * time)
    return (0.3 * tone + 0.02 * rng.standard_normal(samples)).astype(np.float32)


def write_store(directory: Path, train=12, valid=3) -> Path:
    """A feature store of synthetic utterances of 60 to 130 frames and 3 to 7 phonemes."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("valid", valid)):
        items = []
        for number in range(count):
            samples = int(rng.integers(60, 130)) * SPEC.hop_samples + int(rng.integers(16))
            ids = rng.integers(1, SYMBOL_COUNT, rng.integers(3, 8)).tolist()
            utterance = Utterance(id=f"{split}{number}", samples=samples, text="x", ids=ids)
            items.append((utterance, waveform(samples, number)))
        write_split(directory, split, items)
    write_header(directory, SPEC.sample_rate_hz, symbols=symbol_table_hash())
    return directory
