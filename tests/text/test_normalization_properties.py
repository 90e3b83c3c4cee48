"""What holds for every string."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from text import normalize, split_sentences
from text.sentences import iter_sentences
from text.symbols import PUNCTUATION

# Pieces that rules look for, so that random texts meet them.
PIECES = st.sampled_from(
    "1 2 10 1984 2021-01-05 5/1/2021 3:45pm 15:30 $ $3.50 £2m % ° °C km kg m s 1/2 ½ 3rd 'tis '90s "
    "Dr. St. No. Mr. e.g. etc. U.S. J. R. FBI NASA Henry VIII IV I World War A a am p.m. - – — -- "
    ". , ; : ! ? … ' \" ( ) [ ] & @ # + = * / ~ ^ _ < > \\ | a@b.com http://x.org/a?b=1 www.x.uk "
    "word Word (555) 123-4567 +1 x 's s th st Jan. May 44 BC AD 007 1,000 1.5 .5 -5 6'2\" é ж 中 "
    "² ⁵ ① Ⅷ ٣ 😀 \u200d \u0301 \u202e \x00 \ud800 ﬁ ß İ ǅ μ π № ™ ¢ 50¢ bn k 4K 1e5 C++ Main "
    "Elm in".split(" ")
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(codec=None), max_size=40),
    st.lists(st.tuples(PIECES, st.sampled_from(["", " ", " ", "."])), max_size=12).map(
        lambda pairs: "".join(piece + gap for piece, gap in pairs)
    ),
)


@settings(max_examples=500, deadline=None)
@given(TEXTS)
@example("in the U.S. He left.")
@example("Part IBM")
@example("0etc")
@example("/vs 0.etc/")
def test_normalization_is_idempotent_and_leaves_no_digit(text: str) -> None:
    """What is said once is words, and words stay."""
    said = normalize(text)
    assert not any(char.isnumeric() and not char.isalpha() for char in said), said
    assert normalize(said) == said
    assert said == " ".join(said.split())
    if any(char.isalpha() for char in text):
        assert any(char.isalpha() for char in said)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from(["en-gb", "de", "fr-fr", "es", "ru", "cmn", "fa"]))
def test_every_language_takes_every_string(text: str, language: str) -> None:
    """Other languages have fewer rules and the same patience."""
    said = normalize(text, language)
    assert normalize(said, language) == said


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_normalized_text_has_only_words_and_marks(text: str) -> None:
    """Nothing is left for eSpeak NG to guess at."""
    allowed = PUNCTUATION + "'-"
    for char in normalize(text):
        assert char in allowed or char.isalpha() or not char.isascii(), char


FLOODS = [
    "1", '"', "A. ", "$1", "½", "5 km/", "a\u0301\u0323", "a@", "🙂", "..."
]  # fmt: skip
MORE_FLOODS = [
    "1,", "1.", "1/", "1:", "1-", "1 ", "-1", "1%", "1st ", "'", "a.", "A.",
    "A", "I", "Dr.", "St. ", "Henry VIII ", "XX century ", "a.b", "http://", "www.", "#a",
    "@a", "(", ")", "[[", "-", "—", "!?", " ", "\u0301", "é", "²", "5km ",
    "3:45pm ", "555-", "+1 ", "Jan. 5, ", "May ", "1990-", "5 - ", "*", "_", "&", "\x00",
    "😀", "\u200d", "中", "٣", "s'", "U.S. ", "No. 5 ", "etc. ", "\ufdfa", "6'2\" ", "1 1/2 ",
    "$1-", "1e", "1k ", "x ", "a-", "-a",
]  # fmt: skip


@pytest.mark.parametrize(
    "piece", [*FLOODS, *(pytest.param(piece, marks=pytest.mark.slow) for piece in MORE_FLOODS)]
)
def test_normalization_takes_linear_time(piece: str) -> None:
    """A hundred thousand characters of anything in 2 s; four times the text in 9 times the time."""
    quarter = _seconds_for(piece, 25_000)
    whole = _seconds_for(piece, 100_000)
    # The floor keeps noise of the clock out of short times.
    assert whole < 2.0 * _slowness()
    assert whole < 9 * max(quarter, 0.05)


def _seconds_for(piece: str, length: int) -> float:
    text = (piece * (length // len(piece) + 1))[:length]
    began = time.process_time()
    normalize(text)
    between = time.process_time()
    split_sentences(text)
    return max(between - began, time.process_time() - between)


def _slowness() -> float:
    """How much slower than a common machine this one is, never below one."""
    began = time.process_time()
    sum(range(10_000_000))
    return max(1.0, (time.process_time() - began) / 0.25)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(PIECES, st.sampled_from([" ", " ", ". ", "\n", "\n\n"])), max_size=200))
def test_sentences_do_not_depend_on_how_lines_arrive(pairs: list[tuple[str, str]]) -> None:
    """Streaming a file line by line gives the sentences of the whole text, and loses no letter."""
    text = "".join(piece + gap for piece, gap in pairs) + "\n"
    whole = split_sentences(text)
    assert list(iter_sentences(text.splitlines(keepends=True))) == whole
    kept = "".join(char for char in "".join(whole) if char.isalnum())
    assert kept == "".join(char for char in text if char.isalnum())
