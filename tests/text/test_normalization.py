"""Normalisation against a table of what a newsreader says, and its manners."""

from __future__ import annotations

from pathlib import Path

import pytest

from text import TextError, normalize
from text.normalization import prepare

GOLDEN = [
    line.split("\t")
    for line in Path(__file__).with_name("golden_en_us.tsv").read_text("utf-8").splitlines()
    if not line.startswith("# ")
]


def test_golden_table_is_large_enough() -> None:
    """The table covers every rule several times."""
    assert len(GOLDEN) >= 400


@pytest.mark.parametrize(("written", "said"), GOLDEN, ids=[row[0] for row in GOLDEN])
def test_normalization_says_what_a_newsreader_says(written: str, said: str) -> None:
    """As each row has it; and saying it again changes nothing."""
    assert normalize(written) == said
    assert normalize(said) == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("en-gb", "5/1/2021", "the fifth of January, twenty twenty-one"),
        ("en-gb", "101 or 1,005", "one hundred and one or one thousand and five"),
        ("en-gb", "50p", "fifty pence"),
        ("de", "3,5 von 1.234", "drei Komma fünf von eintausendzweihundertvierunddreißig"),
        ("fr-fr", "Il a 21 ans.", "Il a vingt et un ans."),
        ("es", "¿Qué? 5", "¿Qué? cinco"),
        ("ru", "5 книг", "пять книг"),
        ("fa", "۳", "سه"),
        ("cmn", "你好。", "你好."),
    ],
)
def test_normalization_follows_the_language(language: str, written: str, said: str) -> None:
    """British habits, and numbers of other languages by num2words."""
    assert normalize(written, language) == said


def test_unknown_language_is_named_with_the_nearest() -> None:
    """A slip of the finger is met with a suggestion."""
    with pytest.raises(TextError, match=r"'en-uss', did you mean 'en-us'"):
        normalize("Hello", "en-uss")


def test_what_cannot_be_spoken_is_left_out_with_a_note() -> None:
    """Emoji and control characters go, and are named."""
    text, notes = prepare("Hello \U0001f600\x07 world", "en-us", True)
    assert text == "Hello world"
    assert "U+1F600 GRINNING FACE" in notes[0]
    assert "U+0007" in notes[0]


def test_cleaning_alone_keeps_numbers_and_signs() -> None:
    """With writing out switched off, only characters and marks are put in order."""
    assert prepare("“5 & 6” — done", "en-us", False)[0] == "5 & 6, done"


@pytest.mark.parametrize("text", ["", "   ", "...", "\u200d", "()", "\x00", "\ud800"])
def test_nothing_to_say_is_an_empty_text(text: str) -> None:
    """No letter, no word."""
    assert normalize(text) == ""
