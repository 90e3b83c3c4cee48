"""Sentences are cut where a reader would breathe."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator

import pytest

from text import iter_sentences, split_sentences
from text.sentences import LONGEST_SENTENCE


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith has 3.14 pies.|Really!|He left.",
        "I met J. R. R. Tolkien in the U.S.|He was old.|The U.S. Senate met.",
        "Fruit, e.g. Apples, is good.|Mail a@b.com.|Then see www.x.com/a.b?|Yes.",
        '"Stop!" he said.|"Why?"|She left.|(It was late.)|Good.',
        "He left at 3 p.m.|It rained.|We met at 3 p.m. Tuesday.",
        "No. 5 is alive.|No.|He is not.",
        "Wait... what?|Wait...|He left.",
        "Wait . . . what?|Wait . . .|He left.",
        "Take vitamin A.|Then rest.|George W. Bush spoke.|It was I.|Then he went.",
        "1. First item.|2. Second item.",
        "Say [[a. B? c]] now.|Next.",
        "He lives on Main St.|The house is red.|St. Paul came.",
        "Smith Jr. was there.|Acme Inc. paid.|Mr. and Mrs. Jones vs. Dr. No.",
        "The version is 1.2.3.|It costs $3.50!|See p. 5 and vol. 2.",
        "Did he go?|Yes!!|No?!",
    ],
)
def test_sentences_end_where_they_end(text: str) -> None:
    """Never after a title, an initial, an abbreviation or inside a number or an address."""
    sentences = text.split("|")
    assert split_sentences(" ".join(sentences)) == sentences


def test_german_ordinals_do_not_end_a_sentence() -> None:
    """In German "3. Oktober" is one date."""
    assert split_sentences("Am 3. Oktober war es. Ja.", "de") == ["Am 3. Oktober war es.", "Ja."]


def test_empty_lines_and_ornaments_part_paragraphs() -> None:
    """Lines of one paragraph belong together; a line of asterisks says nothing."""
    text = "one\ntwo\n\nthree\n\n* * *\n\n---\n\nfour"
    assert split_sentences(text) == ["one two", "three", "four"]


def test_pieces_without_a_line_break_end_their_sentence() -> None:
    """A list of texts is not run together."""
    assert list(iter_sentences(["Hello", "World"])) == ["Hello", "World"]


@pytest.mark.parametrize("text", ["word " * 500, "a" * 5000, "clause here, " * 200, "[[a]] " * 400])
def test_endless_sentences_are_cut_and_nothing_is_lost(text: str) -> None:
    """No piece is longer than the limit, and their letters are the text's."""
    pieces = split_sentences(text)
    assert max(map(len, pieces)) <= LONGEST_SENTENCE + 1
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_megabyte_streams_in_little_memory_and_time() -> None:
    """A book is cut as it is read: the same sentences as at once, in constant memory."""
    line = "The best of times; Dr. Smith said so. He paid $3.50, and left at 3 p.m. Monday!\n"
    count = 12_500

    def lines() -> Iterator[str]:
        return (line for _ in range(count))

    tracemalloc.start()
    began = time.process_time()
    number = sum(1 for _ in iter_sentences(lines()))
    seconds = time.process_time() - began
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert number == 2 * count
    assert peak_bytes < 2_000_000
    assert seconds < 20
    assert split_sentences("".join(lines())) == list(iter_sentences(lines()))
