"""The strip under the player."""

from __future__ import annotations

import html
import json
import re
from itertools import pairwise

import pytest

from tts.demo.track import (
    PHONEME_PIXELS,
    PIXELS_A_SECOND,
    Piece,
    make_piece,
    places,
    strip,
    together,
)
from tts.speech import Span


def spans(*texts: str, seconds: float = 0.1) -> list[Span]:
    return [Span(text, n * seconds, (n + 1) * seconds) for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("symbols", "sounds"),
    [
        ("hˈaɪ", ["h", "ˈa", "ɪ"]),
        ("biː, ˌɐ", ["b", "iː", "ˌɐ"]),
        ("t͡ʃa", ["t͡ʃ", "a"]),
        ("ˈ", []),
        ("sɔ̃", ["s", "ɔ̃"]),
    ],
)
def test_marks_stand_with_their_letters(symbols, sounds):
    """Stress before, length and tie after; punctuation is silent."""
    assert [span.text for span in together(spans(*symbols))] == sounds


def test_a_sound_lasts_as_long_as_its_symbols():
    """From the stress mark to the length mark."""
    (first, second) = together(spans("ˈ", "i", "ː", " ", "b"))
    assert (first.start_seconds, first.end_seconds) == pytest.approx((0.0, 0.3))
    assert second.start_seconds == pytest.approx(0.4)


def test_labels_do_not_cover_each_other():
    """Sounds of 10 ms between long ones, and at the end of the piece."""
    sounds = [*spans("a", "b", seconds=0.3), Span("kʰ", 0.6, 0.61), Span("l", 0.61, 0.62)]
    sounds += [Span("ə", 0.62, 1.18), Span("nː", 1.18, 1.19), Span("t", 1.19, 1.2)]
    piece = Piece("x", 0.0, 1.2, "", "", tuple(sounds), ())
    middles = places(piece, sounds, PHONEME_PIXELS)
    widths = [(len(s.text) * PHONEME_PIXELS + 4) / PIXELS_A_SECOND for s in sounds]
    edges = [(m - w / 2, m + w / 2) for m, w in zip(middles, widths, strict=True)]
    assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(edges))
    assert edges[0][0] >= 0
    assert edges[-1][1] <= 1.2 + 1e-9


def test_a_strip_says_when_everything_is_said(synthesizer, files):
    """Words in the time of the whole; sounds that the script can play; the picture's alternative
    text."""
    speech = synthesizer.synthesize("Hello there.", speaker="ann")
    pieces = [make_piece(speech, start, files) for start in (0.0, speech.seconds)]
    made = strip("run", pieces, "whole.wav")
    sounds = json.loads(html.unescape(re.search(r'data-sounds="([^"]*)"', made)[1]))
    assert [start for _, start in sounds] == pytest.approx([0.0, speech.seconds], abs=1e-3)
    starts = [float(s) for s in re.findall(r'data-s="([\d.]+)"[^>]*>there<', made)]
    word = speech.words[1].start_seconds
    assert starts == pytest.approx([word, word + speech.seconds], abs=2e-3)
    assert 'alt="Mel spectrogram of: Hello there."' in made


def test_a_text_cannot_break_out_of_the_page():
    """HTML in a text is shown, not run."""
    bad = '"><script>alert(1)</script>'
    piece = Piece(bad, 0.0, 1.0, "", "", (), (Span(bad, 0.0, 0.5),))
    assert "<script" not in strip("run", [piece])
