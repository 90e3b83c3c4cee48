"""Cutting normalised text into words and marks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from text.symbols import PUNCTUATION

MARKS = frozenset(PUNCTUATION) - {" "}
_TOKEN = re.compile(rf"[{re.escape(''.join(sorted(MARKS)))}]|[^\s{re.escape(''.join(MARKS))}]+")


@dataclass(frozen=True)
class Token:
    """A word or a mark of punctuation.

    Attributes:
        text: What stands in the text.
        mark: Whether it is punctuation, which is not pronounced but kept.
        spaced: Whether white space stands before it.
        phonemes: Its pronunciation where the user gave one.
    """

    text: str
    mark: bool
    spaced: bool
    phonemes: str | None = None


def tokenize(text: str) -> Iterator[Token]:
    """Cut a text into words and single marks, in order.

    Example:
        >>> [token.text for token in tokenize("Well, yes.")]
        ['Well', ',', 'yes', '.']
    """
    end = 0
    for match in _TOKEN.finditer(text):
        piece = match.group()
        yield Token(piece, piece in MARKS, match.start() > end)
        end = match.end()
