"""A tiny voice that speaks for the demo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.audio.files import encode_audio
from tests.tts.conftest import make_voice
from tts.demo.files import Files
from tts.demo.voices import Voices
from tts.synthesizer import Synthesizer


@pytest.fixture(scope="session")
def synthesizer(tmp_path_factory: pytest.TempPathFactory) -> Synthesizer:
    voice = make_voice(tmp_path_factory.mktemp("demo") / "tiny", ("ann", "bob"))
    return Synthesizer.from_pretrained(voice, device="cpu")


@pytest.fixture
def voices(synthesizer: Synthesizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Voices:
    """The tiny voice, and a second one that is installed."""
    monkeypatch.setenv("STRAIGHTTALK_HOME", str(tmp_path))
    monkeypatch.setattr("core.voice.SHIPPED", tmp_path / "nowhere")
    make_voice(tmp_path / "voices" / "other")
    return Voices(synthesizer)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "files")


@pytest.fixture(scope="session")
def recording() -> bytes:
    """A second of a gliding tone at another rate than the voice's."""
    time = np.arange(16_000) / 16_000
    tone = 0.3 * np.sin(2 * np.pi * (200 + 300 * time) * time)
    return encode_audio(tone.astype(np.float32), 16_000, "wav")
