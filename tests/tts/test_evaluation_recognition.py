"""Words that were said against words that were heard."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from core.errors import InputError
from tests.espeak_corpus import speak
from tts.evaluation.recognition import spoken_words, transcribe, word_errors
from tts.evaluation.waveforms import at_speech_rate, to_samples

SENTENCE = "Please come back tomorrow morning."


@pytest.mark.parametrize(
    ("text", "heard", "counts"),
    [
        ("The cat sat on the mat.", "the cat sat on the mat", (6, 0, 0, 0)),
        ("The cat sat on the mat.", "the bat sat on the mat", (6, 1, 0, 0)),
        ("The cat sat on the mat.", "the cat on the mat", (6, 0, 1, 0)),
        ("The cat sat on the mat.", "the cat sat down on the mat", (6, 0, 0, 1)),
        ("The cat sat on the mat.", "", (6, 0, 6, 0)),
        ("Yes.", "oh yes my dear", (1, 0, 0, 3)),
    ],
)
def test_word_errors_are_those_counted_by_hand(
    text: str, heard: str, counts: tuple[int, int, int, int]
) -> None:
    """Words, substitutions, deletions, insertions; their sum may exceed the words."""
    found = word_errors(text, heard)
    assert (found.words, found.substitutions, found.deletions, found.insertions) == counts
    assert found.errors == sum(counts[1:])


@pytest.mark.parametrize(
    ("written", "recognised"),
    [
        ("Mr. Philip, you're late!", "mr philip you're late"),
        ("Mrs. Jones saw the wolf-dog.", "mrs jones saw the wolf dog"),
        ("It cost $5.", "it cost five dollars"),
        ("“Don’t,” he said -- twice.", "don't he said twice"),
    ],
)
def test_two_ways_of_writing_the_same_words_agree(written: str, recognised: str) -> None:
    """Case, punctuation, digits, titles and typographic signs are no errors."""
    assert word_errors(written, recognised).errors == 0


def test_apostrophes_stay_in_words_and_quotes_do_not() -> None:
    """ "the sailors' 'rock'" has no quote left at its ends."""
    assert spoken_words("the sailors' 'rock' isn't") == ["the", "sailors", "rock", "isn't"]


def test_a_text_without_words_is_refused() -> None:
    """No words, no rate."""
    with pytest.raises(InputError, match="has no words"):
        word_errors("?!", "oh")


def test_the_recogniser_hears_plain_speech_at_any_rate_and_of_any_kind() -> None:
    """The right words, from numpy at 16 kHz and torch at 22.05 kHz, whatever came before."""
    heard = [
        transcribe(speak(SENTENCE, 16000, voice="en-us+f2", pitch=40), 16000),
        transcribe(torch.from_numpy(speak(SENTENCE, 22050, voice="en-us+f2", pitch=40)), 22050),
    ]
    assert heard == ["please come back tomorrow morning"] * 2


def test_what_was_heard_before_changes_nothing() -> None:
    """Speech in some noise is heard alike before and after a burst of much noise."""
    generator = np.random.default_rng(1)
    wave = speak(SENTENCE, 16000, voice="en-us+f2", pitch=40)
    wave = wave + 0.01 * generator.standard_normal(len(wave)).astype(np.float32)
    first = transcribe(wave, 16000)
    transcribe(0.1 * generator.standard_normal(48000).astype(np.float32), 16000)
    assert transcribe(wave, 16000) == first


def test_noise_is_heard_as_other_words() -> None:
    """The rate tells speech from noise of the same loudness."""
    wave = speak(SENTENCE, 16000, voice="en-us+f2", pitch=40)
    noise = np.random.default_rng(0).standard_normal(len(wave)) * wave.std()
    assert word_errors(SENTENCE, transcribe(noise, 16000)).errors >= 4


@pytest.mark.parametrize(
    ("wave", "says"),
    [
        (np.zeros(16000, np.float32), "silent"),
        (np.ones(800, np.float32), "lasts 0.050 s; the recogniser needs 0.1 s or more"),
        (np.zeros(0, np.float32), "is empty"),
        (np.full(16000, np.nan, np.float32), "not finite"),
        (np.zeros((1, 16000), np.float32), "one row of floats"),
        (np.zeros(16000, np.int16), "one row of floats, not int16"),
    ],
)
def test_a_waveform_without_speech_is_refused_in_a_sentence(wave: np.ndarray, says: str) -> None:
    """Named for what it is."""
    with pytest.raises(InputError, match=says) as caught:
        transcribe(wave, 16000)
    assert "\n" not in str(caught.value)


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pip command for the extra."""
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(InputError, match=r'jiwer.*pip install "straighttalk\[eval\]"'):
        word_errors("yes", "yes")


def test_samples_beyond_the_limits_are_cut_before_and_after_resampling() -> None:
    """A full-scale square wave overshoots when it is resampled."""
    square = 2.0 * np.sign(np.sin(np.arange(4410) * 0.05)).astype(np.float32)
    assert np.abs(to_samples(square)).max() == 1.0
    assert np.abs(at_speech_rate(square, 44100)).max() <= 1.0
    assert len(at_speech_rate(square, 44100)) == 1600
