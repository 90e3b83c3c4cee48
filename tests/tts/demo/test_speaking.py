"""What the page says is what the library says."""

from __future__ import annotations

import pytest
import torch

from core.errors import InputError
from text import TextError
from tts.demo.limits import MAX_CHARACTERS, Deadline, whole_number
from tts.demo.speaking import say, say_phonemes, utterance_of
from tts.options import Options
from tts.speech import join

TEXT = "Hello there. It is 3 o'clock! Is it not?"


def test_sentences_end_to_end_are_the_synthesizers_own(synthesizer):
    """Samples of `synthesize` for the same options, silence between the sentences included."""
    options = Options(speaker="bob", seed=7, speed=1.2)
    said = list(say(synthesizer, TEXT, options))
    wanted = synthesizer.synthesize(TEXT, options)
    assert len(said) == 3
    assert torch.equal(join([s.speech for s in said]).waveform, wanted.waveform)


def test_the_first_sentence_comes_before_the_second_is_made(synthesizer, monkeypatch):
    """One synthesis per sentence that was taken."""
    made = []
    together = synthesizer.speak_together
    monkeypatch.setattr(
        synthesizer, "speak_together", lambda *given: made.append(1) or together(*given)
    )
    next(say(synthesizer, TEXT, Options(speaker="ann")))
    assert len(made) == 1


def test_phonemes_of_a_text_sound_like_the_text(synthesizer):
    """A line of phonemes as the frontend wrote it gives the same samples."""
    options = Options(speaker="ann")
    (said,) = say(synthesizer, "Well, hello there.", options)
    (again,) = say_phonemes(synthesizer, f"\n{said.utterance.phonemes}\n", options)
    assert torch.equal(again.speech.waveform, said.speech.waveform)


def test_words_of_phonemes_stand_between_spaces():
    """Punctuation belongs to no word."""
    made = utterance_of("  wˈɛl, həlˈoʊ! ")
    assert [made.phonemes[w.start : w.end] for w in made.words] == ["wˈɛl", "həlˈoʊ"]
    assert len(made.ids) == len(made.phonemes)


@pytest.mark.parametrize(
    ("text", "kind", "sentence"),
    [
        ("x" * (MAX_CHARACTERS + 1), InputError, "4,097 characters"),
        ("", TextError, "nothing to say"),
        ("\n  \n", TextError, "nothing to say"),
    ],
)
def test_texts_that_cannot_be_said(synthesizer, text, kind, sentence):
    """One sentence, from words and from phonemes."""
    for saying in (say, say_phonemes):
        with pytest.raises(kind, match=sentence):
            list(saying(synthesizer, text, Options(speaker="ann")))


def test_pauses_have_a_limit(synthesizer):
    """A short text cannot ask for minutes of silence."""
    text = "Wait [pause 10s][pause 10s] here. " * 4
    heard = []
    with pytest.raises(InputError, match=r"pauses in the text last 80 s; at most 60 s"):
        heard.extend(say(synthesizer, text, Options(speaker="ann")))
    assert len(heard) == 2


def test_a_symbol_that_is_no_phoneme_is_named(synthesizer):
    """By its character."""
    with pytest.raises(TextError, match="§"):
        list(say_phonemes(synthesizer, "h§", Options(speaker="ann")))


def test_a_deadline_ends_what_takes_too_long(synthesizer, monkeypatch):
    """With one sentence, before more is made."""
    monkeypatch.setattr("tts.demo.speaking.Deadline", lambda: Deadline(-1.0))
    with pytest.raises(InputError, match="longer than"):
        list(say(synthesizer, TEXT, Options(speaker="ann")))


@pytest.mark.parametrize("value", [0, 65, 1.5, None, "4", float("nan"), float("inf")])
def test_what_is_no_whole_number_in_range_is_refused(value):
    """Whatever a client sends."""
    with pytest.raises(InputError, match="whole number from 1 to 64"):
        whole_number("steps", value, 1, 64)
