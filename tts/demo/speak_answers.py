"""What the tab of speaking answers, as HTML."""

from __future__ import annotations

import html
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

from core.errors import InputError
from text import TextError
from tts.demo.files import Files
from tts.demo.limits import MAX_STEPS, whole_number
from tts.demo.messages import cost, empty, mistake, said
from tts.demo.speaking import Said
from tts.demo.track import Piece, make_piece, strip
from tts.demo.voices import Voices
from tts.options import Options
from tts.speech import join
from tts.synthesizer import Synthesizer
from tts.timings import FORMATS, Timings

NOTHING = empty("What is said appears here: its mel, its phonemes and its words.")
SAVED = {"srt": "Subtitles (SRT)", "TextGrid": "Praat (TextGrid)"}
Saying = Callable[[Synthesizer, str, Options], Iterator[Said]]


def answer(
    voices: Voices, files: Files, saying: Saying, text: str, values: tuple[Any, ...]
) -> Iterator[tuple[str, str, str, str]]:
    """Speak for the page.

    Args:
        voices: To choose from.
        files: Where sounds and pictures go.
        saying: `say` or `say_phonemes`.
        text: For it.
        values: Voice, language, quality, speaker, speed, temperature, steps, vocoder steps and
            seed.

    Yields:
        HTML of the strip and the status, HTML of how it was read, and the phonemes; after every
        sentence, and once more with the whole.
    """
    began = time.perf_counter()
    run, first = secrets.token_hex(4), 0.0
    done, pieces = list[Said](), list[Piece]()
    try:
        synthesizer = voices.take(values[0], values[1])
        for sentence in saying(synthesizer, text or "", options_of(values[2:])):
            done.append(sentence)
            start = sum(piece.seconds for piece in pieces)
            pieces.append(make_piece(sentence.speech, start, files))
            first = first or time.perf_counter() - began
            yield strip(run, pieces), said(f"{len(done)} said …"), *_read(done)
    except (InputError, TextError) as error:
        # What could be said before the mistake stays to be heard.
        yield strip(run, pieces) if pieces else NOTHING, mistake(error), *_read(done)
        return
    speeches = [sentence.speech for sentence in done]
    lines = cost(speeches, first, time.perf_counter() - began, str(synthesizer.device))
    speech = join(speeches)
    whole = pieces[0].sound
    if len(pieces) > 1:
        whole = files.put_sound(speech.waveform, speech.sample_rate_hz)
    timings = Timings()
    timings.add(speech)
    links = saved(files, whole, timings)
    yield strip(run, pieces, whole, links), said(*lines), *_read(done)


def options_of(values: tuple[Any, ...]) -> Options:
    """The page's choices.

    Args:
        values: Quality, speaker, speed, temperature, steps, vocoder steps and seed.

    Raises:
        InputError: One is out of range.
    """
    quality, speaker, speed, temperature, steps, vocoder_steps, seed = values
    return Options(
        quality=quality or None,
        speaker=speaker or None,
        speed=float(speed),
        temperature=float(temperature),
        steps=whole_number("steps", steps, 1, MAX_STEPS),
        vocoder_steps=whole_number("vocoder steps", vocoder_steps, 1, MAX_STEPS),
        seed=whole_number("seed", seed or 0, 0, 2**53),
    )


def saved(files: Files, sound: str, timings: Timings) -> str:
    """Links to the sound and to when everything is said, as HTML."""
    links = [f'<a href="{html.escape(sound)}" download="speech.wav">Sound (WAV)</a>']
    for format, label in SAVED.items():
        name = f"speech.{format}"
        address = files.put(name, FORMATS[format](timings).encode("utf-8"))
        links.append(f'<a href="{html.escape(address)}" download="{name}">{label}</a>')
    return f'<nav class="st-links" aria-label="Save">{"".join(links)}</nav>'


def _read(done: list[Said]) -> tuple[str, str]:
    """How sentences were read, as HTML, and their phonemes, a line each."""
    normalized = " ".join(sentence.utterance.normalized for sentence in done)
    notes = [note for sentence in done for note in sentence.utterance.notes]
    listed = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    shown = (
        f'<dl class="st-read"><dt>Written out</dt><dd>{html.escape(normalized)}</dd></dl>'
        f"{f'<ul>{listed}</ul>' if listed else ''}"
    )
    return shown if done else "", "\n".join(sentence.utterance.phonemes for sentence in done)
