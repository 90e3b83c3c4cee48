"""The first sound's benchmark asks a real server, and its texts are as long as it says."""

from __future__ import annotations

import pytest

from benchmarks.first_audio import TEXTS, as_markdown, measure
from tests.tts.conftest import make_voice
from tts.synthesizer import Synthesizer


def test_texts_have_forty_words():
    """As the names say."""
    assert [len(text.split()) for text in TEXTS.values()] == [40, 40]


def test_first_sound_comes_before_the_whole(tmp_path):
    """Directly and over HTTP, by both clocks."""
    pytest.importorskip("fastapi")
    voice = Synthesizer.from_pretrained(make_voice(tmp_path / "tiny"), device="cpu")
    medians = measure(voice, {"two": "Hello there, my friend. How are you today?"}, 1)
    assert list(medians) == ["two, Synthesizer", "two, server"]
    for row in medians.values():
        assert 0 < row["first"] < row["whole"]
        assert 0 < row["first_cpu"] <= row["whole_cpu"]
    assert as_markdown(medians, "tiny", 1).count("\n") == 5
