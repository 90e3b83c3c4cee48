"""The benchmark of hard sentences counts what is heard."""

from __future__ import annotations

import pytest
import torch

from benchmarks import hard_sentences
from benchmarks.hard_sentences import LONG_TEXT, Heard, as_markdown, by_third, known_sentences
from tests.espeak_corpus import speak
from tests.tts.conftest import make_voice
from text import split_sentences
from tts.evaluation.recognition import knows, spoken_words
from tts.speech import Speech
from tts.synthesizer import Synthesizer


def speech_of(text):
    """A speech of eSpeak NG."""
    waveform = torch.from_numpy(speak(text))
    empty = ((),) * 4
    return Speech(text, waveform, 22050, torch.zeros(80, 0), 256, *empty, 0, 0, 0.0, 0.0)


def test_long_text_has_three_hundred_words_that_the_recogniser_knows():
    """In sentences none of which is cut for its length."""
    pytest.importorskip("pocketsphinx")
    text = LONG_TEXT.read_text("utf-8")
    assert len(text.split()) == 300
    assert all(knows(word) for word in spoken_words(text))
    assert not knows("xzyqwv")
    assert all(sentence.endswith(".") for sentence in split_sentences(text))


def test_known_sentences_are_most_of_those_in_english():
    """More than half; none with a name that no dictionary has."""
    pytest.importorskip("pocketsphinx")
    texts = [text for _, text in known_sentences()]
    assert len(texts) > 100
    assert not any("Zbigniew" in text for text in texts)


def test_words_that_are_not_said_are_counted_as_lost():
    """Of nine words one is said: the recogniser, who is weak, hears two in it at most."""
    pytest.importorskip("pocketsphinx")
    text = "Please close the window and come to the door."
    heard = hard_sentences.hear(text, speech_of("Please."))
    assert (heard.sentences, heard.words) == (1, 9)
    assert heard.deletions >= 7
    assert heard.insertions == 0


def test_thirds_share_the_words(tmp_path):
    """Every word is in one of them, about as many in each."""
    pytest.importorskip("pocketsphinx")
    pytest.importorskip("onnxruntime")
    voice = Synthesizer.from_pretrained(make_voice(tmp_path / "tiny"), device="cpu")
    text = "One and two are here. Three and four are there. Five and six went away."
    thirds = by_third(voice, text, None)
    assert [heard.words for heard, _, _ in thirds] == [5, 5, 5]
    table = as_markdown({"list": Heard(1, 15, 2, 1, 0)}, thirds, "tiny")
    assert "| all | 1 | 15 | 2 | 1 | 0 | 0.20 |" in table
    assert table.count("third |") == 3
