"""A voice with random weights, small enough to speak in milliseconds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.audio.mel import MelSpec
from core.checkpoint import save_weights
from core.voice import ACOUSTIC, VOCODER, VoiceFacts, write_facts
from text.symbols import SYMBOLS, symbol_table_hash
from tts.config import AcousticConfig, DecoderConfig, EncoderConfig, MelSamplingConfig
from tts.model import AcousticModel
from vocoder.config import SamplingConfig
from vocoder.rectified.config import RectifiedConfig, StftConvNeXtConfig
from vocoder.rectified.model import RectifiedVocoder


def make_voice(directory: Path, speakers: tuple[str, ...] = ()) -> Path:
    """Package tiny models with random weights into a voice."""
    acoustic = AcousticConfig(
        speakers=speakers,
        speaker_channels=8,
        encoder=EncoderConfig(channels=16, conv_blocks=1, attention_layers=1, heads=2),
        decoder=DecoderConfig(
            channels=16, blocks=2, attention_every=2, heads=2, condition_channels=8
        ),
        sampling=MelSamplingConfig(steps=2),
    )
    vocoder = RectifiedConfig(
        network=StftConvNeXtConfig(channels=16, blocks=1, mel_blocks=1),
        sampling=SamplingConfig(steps=2, consistency_rounds=1, final_rounds=1),
    )
    spec = MelSpec()
    facts = VoiceFacts(
        format=1,
        name=directory.name,
        language="en-us",
        licence="CC0-1.0",
        symbols=symbol_table_hash(),
        mel=spec,
        acoustic=acoustic.model_dump(mode="json"),
        vocoder=vocoder.model_dump(mode="json"),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        mels = AcousticModel(acoustic, spec, len(SYMBOLS))
        # The loudness and spread of speech, so that the sound is neither silent nor clipped.
        mels.mel_mean.fill_(-5.0)
        mels.mel_deviation.fill_(1.5)
        # About three frames a token, so that speaking faster can make them fewer.
        torch.nn.init.constant_(mels.durations.out.bias, 1.0)
        waves = RectifiedVocoder(vocoder, spec)
    directory.mkdir(parents=True)
    write_facts(directory, facts)
    save_weights(directory / ACOUSTIC, mels.state_dict(), dtype=torch.float16)
    save_weights(directory / VOCODER, waves.state_dict(), dtype=torch.float16)
    (directory / "README.md").write_text("# A voice for tests\n", encoding="utf-8")
    return directory


@pytest.fixture(scope="session")
def tiny_voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a voice of one speaker."""
    return make_voice(tmp_path_factory.mktemp("voices") / "tiny")


@pytest.fixture(scope="session")
def tiny_voice_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a voice of the speakers "ann" and "bob"."""
    return make_voice(tmp_path_factory.mktemp("voices") / "pair", ("ann", "bob"))
