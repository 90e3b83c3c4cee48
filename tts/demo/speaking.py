"""Saying a text or a line of phonemes, sentence by sentence."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from text import TextError, Utterance, Word, iter_sentences
from text.lexicon import check_phonemes
from text.symbols import PUNCTUATION, encode
from tts.demo.limits import Deadline, check_pauses, check_text
from tts.options import Options
from tts.speech import Speech
from tts.synthesizer import Synthesizer


@dataclass(frozen=True)
class Said:
    """A sentence that was said.

    Attributes:
        utterance: How it was read.
        speech: How it sounds, with the silence after it.
    """

    utterance: Utterance
    speech: Speech


def say(synthesizer: Synthesizer, text: str, options: Options) -> Iterator[Said]:
    """Say a text, each sentence as soon as it is made.

    Args:
        synthesizer: The voice.
        text: Of a length that the demo takes.
        options: How.

    Yields:
        The sentences, which end to end are what `Synthesizer.synthesize` makes of the text.

    Raises:
        InputError: The text is too long, an option is out of range, or it takes too much time.
        text.TextError: There is nothing to say.
    """
    check_text(text)
    frontend = synthesizer.frontend
    sentences = iter_sentences([text], frontend.language)
    first = next(sentences, "")
    utterances = map(frontend.process, itertools.chain([first], sentences))
    yield from _say(synthesizer, utterances, options)


def say_phonemes(synthesizer: Synthesizer, lines: str, options: Options) -> Iterator[Said]:
    """Say phonemes, a line a sentence; see `say`.

    Raises:
        InputError: See `say`.
        text.TextError: A symbol is not in the table, or nothing sounds.
    """
    check_text(lines)
    written = [line for line in lines.splitlines() if line.strip()]
    if not written:
        raise TextError("there is nothing to say: the field for phonemes is empty")
    yield from _say(synthesizer, map(utterance_of, written), options)


def utterance_of(phonemes: str) -> Utterance:
    """A line of phonemes as the models take it; its words are what stands between spaces.

    Args:
        phonemes: Symbols of the table, words separated by spaces.

    Raises:
        text.TextError: A symbol is not in the table, or nothing sounds.
    """
    clean = check_phonemes(phonemes, "phonemes")
    words, start = [], 0
    for part in clean.split(" "):
        sound = part.strip(PUNCTUATION)
        if sound:
            begin = start + part.index(sound)
            words.append(Word(sound, begin, begin + len(sound)))
        start += len(part) + 1
    return Utterance(clean, clean, clean, encode(clean), words, [])


def _say(
    synthesizer: Synthesizer, utterances: Iterable[Utterance], options: Options
) -> Iterator[Said]:
    deadline = Deadline()
    waiting: Utterance | None = None
    pauses = 0.0
    # One utterance is read ahead, because the silence after a sentence depends on it.
    for utterance in itertools.chain(utterances, [None]):
        pauses += sum(pause.seconds for pause in utterance.pauses) if utterance else 0.0
        check_pauses(pauses)
        if waiting is not None:
            deadline.check()
            (speech,) = synthesizer.speak_together([waiting], [options])
            last = utterance is None
            yield Said(waiting, speech if last else synthesizer.with_pause(speech, options))
        waiting = utterance
