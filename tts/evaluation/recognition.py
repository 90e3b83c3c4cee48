"""Intelligibility: how many words a speech recogniser gets wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from core.errors import InputError
from text import normalize
from tts.evaluation.extra import need
from tts.evaluation.waveforms import Waveform, at_speech_rate, require_sound

LEAST_SECONDS = 0.1
# The recogniser writes titles short, the normaliser writes them out.
_SPELLINGS = {"mr": "mister", "mrs": "missus", "misses": "missus", "dr": "doctor", "ok": "okay"}


@dataclass(frozen=True)
class WordErrors:
    """What a recogniser got wrong in one utterance.

    Attributes:
        words: Words that were said.
        substitutions: Words heard as others.
        deletions: Words not heard.
        insertions: Words heard that were not said.
    """

    words: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def errors(self) -> int:
        """All of them; there can be more than words."""
        return self.substitutions + self.deletions + self.insertions


@lru_cache(maxsize=1)
def _decoder() -> Any:
    # Wider beams, more Gaussians, added silence and no noise removal change the error rate of
    # natural speech by less than chance, and a heavier language model raises it.
    return need("pocketsphinx").Decoder(loglevel="ERROR")


def transcribe(waveform: Waveform, sample_rate_hz: int) -> str:
    """Write down English speech with pocketsphinx and its own model.

    It is a weak listener, which gets a fifth of the words of good recordings wrong, so its word
    error rate compares two renderings of the same sentences and is no absolute measure.

    Args:
        waveform: (L,) in [-1, 1], at least 0.1 s.
        sample_rate_hz: Its rate; what lies above 8 kHz is not heard.

    Returns:
        Words in lower case, "" when none were recognised.

    Raises:
        InputError: The waveform is too short, silent or not finite, or pocketsphinx is missing.
    """
    decoder = _decoder()
    samples = at_speech_rate(waveform, sample_rate_hz)
    require_sound(samples, 16_000, LEAST_SECONDS, "the recogniser")
    # What was heard before must not change what is heard now: its noise tracker remembers.
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(np.round(samples * 32767.0).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    best = decoder.hyp()
    return str(best.hypstr) if best else ""


def knows(word: str) -> bool:
    """Whether the recogniser can hear a word: it stands in its dictionary.

    Raises:
        InputError: pocketsphinx is missing.
    """
    return _decoder().lookup_word(word) is not None


def spoken_words(text: str, language: str = "en-us") -> list[str]:
    """The words of a text, written so that two ways of writing the same words agree.

    Args:
        text: As written, or as a recogniser wrote it.
        language: eSpeak code, for the normaliser.

    Returns:
        Words in lower case without punctuation; hyphens part words, apostrophes do not.
    """
    said = normalize(text, language).lower().replace("’", "'")
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)*", said)
    return [_SPELLINGS.get(word, word) for word in words]


def word_errors(text: str, heard: str, language: str = "en-us") -> WordErrors:
    """Count the errors in what was heard, along the alignment with the fewest of them.

    Args:
        text: What was to be said.
        heard: What the recogniser wrote down.
        language: eSpeak code.

    Raises:
        InputError: The text has no words, or jiwer is missing.
    """
    jiwer = need("jiwer")
    said = spoken_words(text, language)
    if not said:
        raise InputError(f"the text {text!r} has no words, so no word error rate")
    found = jiwer.process_words(" ".join(said), " ".join(spoken_words(heard, language)))
    return WordErrors(len(said), found.substitutions, found.deletions, found.insertions)
