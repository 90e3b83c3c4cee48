"""Words and groups of phonemes, matched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text.alignment import align


def _pieces(words: str, phonemes: str, alone: str) -> list[str]:
    spans = align(words.split(), phonemes, alone.split("|"))
    return [phonemes[start:end] for start, end in spans]


@pytest.mark.parametrize(
    ("words", "phonemes", "alone", "pieces"),
    [
        ("of the", "ʌvðə", "ʌv|ðə", ["ʌv", "ðə"]),
        ("for a while", "fɚɹə wˈaɪl", "fˈɔːɹ|ˈeɪ|wˈaɪl", ["fɚɹ", "ə", "wˈaɪl"]),
        (
            "see www now",
            "sˈiː dˌʌb jˌuː nˈaʊ",
            "sˈiː|dˈʌb jˈuː|nˈaʊ",
            ["sˈiː", "dˌʌb jˌuː", "nˈaʊ"],
        ),
        ("a ~ b", "ɐ bˈiː", "ˈeɪ||bˈiː", ["ɐ", "", "bˈiː"]),
        ("one", "wˈʌn", "wˈʌn", ["wˈʌn"]),
    ],
)
def test_alignment_gives_each_word_its_sound(
    words: str, phonemes: str, alone: str, pieces: list[str]
) -> None:
    """Joined, split and silent words."""
    assert _pieces(words, phonemes, alone) == pieces


SOUNDS = st.text("abdeəɪʌðvtnsˈː", max_size=8)


@given(st.lists(SOUNDS, min_size=1, max_size=8), st.lists(SOUNDS.filter(len), max_size=8))
def test_alignment_covers_every_symbol_once(alone: list[str], groups: list[str]) -> None:
    """Whatever is matched with whatever, in order and without overlap."""
    phonemes = " ".join(groups)
    spans = align(["w"] * len(alone), phonemes, alone)
    assert len(spans) == len(alone)
    end = 0
    for start, stop in spans:
        assert phonemes[end:start].strip() == ""
        assert end <= start <= stop
        end = stop
    assert phonemes[end:].strip() == ""
