"""Speech as a strip: the mel, and under it phonemes and words where they are said."""

from __future__ import annotations

import html
import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tts.demo.files import Files
from tts.demo.pictures import mel_png
from tts.speech import Span, Speech

PIXELS_A_SECOND = 180
PHONEME_PIXELS = 8.0
WORD_PIXELS = 7.6
# Marks that belong to the sound after them, and to the one before.
BEFORE = frozenset("ˈˌ")
AFTER = frozenset("ːˑʰʱʲʷˠˤ˞ⁿˡᵐᵑᵝʼʴˀ˥˦˧˨˩")


@dataclass(frozen=True)
class Piece:
    """A sentence on the strip.

    Attributes:
        text: What is said.
        start_seconds: Where it begins.
        seconds: How long it lasts.
        sound: Address of its WAV file.
        picture: Address of its mel.
        phonemes: In the time of the whole.
        words: In the time of the whole.
    """

    text: str
    start_seconds: float
    seconds: float
    sound: str
    picture: str
    phonemes: tuple[Span, ...]
    words: tuple[Span, ...]


def make_piece(speech: Speech, start_seconds: float, files: Files) -> Piece:
    """Put a sentence's sound and picture where the page finds them.

    Args:
        speech: The sentence.
        start_seconds: When it begins.
        files: Where to put them.
    """
    later = [span.later(start_seconds) for span in together(speech.phonemes)]
    return Piece(
        text=speech.text,
        start_seconds=start_seconds,
        seconds=speech.seconds,
        sound=files.put_sound(speech.waveform, speech.sample_rate_hz),
        picture=files.put("mel.png", mel_png(speech.mel)),
        phonemes=tuple(later),
        words=tuple(word.later(start_seconds) for word in speech.words),
    )


def together(phonemes: Iterable[Span]) -> list[Span]:
    """Sounds as they are read: stress, length and tie marks with the letter that they belong to.

    Spaces and punctuation are silent and left out.
    """
    sounds: list[Span] = []
    pending = ""
    start, tied = 0.0, False
    for span in phonemes:
        symbol = span.text
        follows = symbol in AFTER or bool(unicodedata.combining(symbol))
        if symbol in BEFORE:
            start = start if pending else span.start_seconds
            pending += symbol
        elif (follows or tied) and sounds:
            last = sounds[-1]
            sounds[-1] = Span(last.text + symbol, last.start_seconds, span.end_seconds)
        elif symbol.isalnum() or follows:
            sounds.append(
                Span(pending + symbol, start if pending else span.start_seconds, span.end_seconds)
            )
            pending = ""
        tied = symbol == "\u0361"
    return sounds


def strip(run: str, pieces: Sequence[Piece], whole: str = "", links: str = "") -> str:
    """The strip as HTML, for the script of the page to play.

    Args:
        run: Name of the request, so that the script knows a new one.
        pieces: The sentences so far.
        whole: Address of all in one sound, once it is there.
        links: HTML of what can be saved.
    """
    seconds = sum(piece.seconds for piece in pieces)
    sounds = [[piece.sound, round(piece.start_seconds, 4)] for piece in pieces]
    figures = "".join(_figure(piece) for piece in pieces)
    return (
        f'<div class="st-track" data-run="{run}" data-whole="{html.escape(whole)}" '
        f'data-sounds="{html.escape(json.dumps(sounds))}" data-seconds="{seconds:.4f}">'
        '<div class="st-scroll" tabindex="0" role="region" '
        'aria-label="Mel spectrogram with phonemes and words">'
        f'<div class="st-strip" style="min-width:{seconds * PIXELS_A_SECOND:.0f}px">'
        f'{figures}<div class="st-head" aria-hidden="true"></div></div></div>{links}</div>'
    )


def _figure(piece: Piece) -> str:
    said = html.escape(piece.text)
    rows = (
        _row(piece, piece.phonemes, "st-phonemes", PHONEME_PIXELS),
        _row(piece, piece.words, "st-words", WORD_PIXELS),
    )
    return (
        f'<figure class="st-piece" style="flex:{piece.seconds:.4f} 0 0">'
        f'<img src="{piece.picture}" alt="Mel spectrogram of: {said}">{"".join(rows)}</figure>'
    )


def _row(piece: Piece, spans: Sequence[Span], kind: str, pixels: float) -> str:
    labels = []
    for span, left in zip(spans, places(piece, spans, pixels), strict=True):
        share = 100 * left / piece.seconds
        labels.append(
            f'<span style="left:{share:.3f}%" data-s="{span.start_seconds:.3f}" '
            f'data-e="{span.end_seconds:.3f}">{html.escape(span.text)}</span>'
        )
    return f'<div class="{kind}">{"".join(labels)}</div>'


def places(piece: Piece, spans: Sequence[Span], pixels: float) -> list[float]:
    """Where the middle of each label stands, in seconds of the piece, so that none covers another.

    Args:
        piece: The sentence.
        spans: What is labelled.
        pixels: Width of a letter.
    """
    widths = [(len(_seen(span.text)) * pixels + 4) / PIXELS_A_SECOND for span in spans]
    middles = [(s.start_seconds + s.end_seconds) / 2 - piece.start_seconds for s in spans]
    lefts, reached = [], 0.0
    for middle, width in zip(middles, widths, strict=True):
        lefts.append(max(middle - width / 2, reached))
        reached = lefts[-1] + width
    # What was pushed over the end comes back from there.
    limit = piece.seconds
    for index in reversed(range(len(lefts))):
        lefts[index] = min(lefts[index], limit - widths[index])
        limit = lefts[index]
    return [left + width / 2 for left, width in zip(lefts, widths, strict=True)]


def _seen(text: str) -> str:
    return "".join(symbol for symbol in text if not unicodedata.combining(symbol))
