"""Cutting normalised text into words and marks, and words into what is pronounced together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from text.marks import PLAIN, Style
from text.symbols import PUNCTUATION, VOWELS

MARKS = frozenset(PUNCTUATION) - {" "}
# eSpeak NG takes seconds over endless words and may lose its way in endless clauses.
LONGEST_WORD = 100
LONGEST_CLAUSE = 300
# Words of the normaliser that eSpeak NG knows better by their abbreviation.
_READ_AS = {"Missus": "Mrs", "Miz": "Ms"}
_CLASS = re.escape("".join(sorted(MARKS)))
_TOKEN = re.compile(rf"[{_CLASS}]|[^\s{_CLASS}]{{1,{LONGEST_WORD}}}")


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a mark of punctuation.

    Attributes:
        text: What stands in the text.
        spaced: Whether white space stands before it.
        is_mark: Whether it is punctuation, which is kept and belongs to no word.
        given: The pronunciation of a word where the user gave one.
        style: How it is said.
        pause_seconds: How long the pause at a mark is at the user's wish; 0 for no wish.
    """

    text: str
    spaced: bool
    is_mark: bool = False
    given: str | None = None
    style: Style = PLAIN
    pause_seconds: float = 0.0

    @property
    def stand_in(self) -> str:
        """What eSpeak NG is asked to say, so that the words around it sound right."""
        if not self.text.startswith("[["):
            return _READ_AS.get(self.text, self.text)
        return "obb" if (self.given or "").lstrip("ˈˌ")[:1] in VOWELS else "bob"


@dataclass(slots=True)
class Clause:
    """Words pronounced together, or one mark.

    Attributes:
        tokens: At least one.
        letters: Which of them are the letter "A" and not the article.
    """

    tokens: list[Token] = field(default_factory=list)
    letters: set[int] = field(default_factory=set)

    @property
    def is_mark(self) -> bool:
        """Whether it is a mark."""
        return self.tokens[0].is_mark

    @property
    def text(self) -> str:
        """What eSpeak NG is asked to say: words separated by single spaces."""
        return " ".join(token.stand_in for token in self.tokens)


def tokenize(text: str) -> Iterator[Token]:
    """Cut a text into words and single marks, in order; words over 100 characters are cut too.

    Example:
        >>> [token.text for token in tokenize("Well, yes.")]
        ['Well', ',', 'yes', '.']
    """
    end = 0
    for match in _TOKEN.finditer(text):
        piece = match.group()
        yield Token(piece, match.start() > end, piece in MARKS)
        end = match.end()


def settle_pauses(tokens: Iterable[Token]) -> tuple[float, list[Token]]:
    """Give the user's pauses to the marks of punctuation that they stand next to.

    Where there is none, a comma is put there, or a period at the end. Marks before the first word
    are left out.

    Args:
        tokens: Of a text; those with a pause and no text are the user's pauses.

    Returns:
        Seconds of pause before the first word, and the tokens without the pauses.
    """
    settled: list[Token] = []
    first = waiting = 0.0
    for token in [*tokens, Token("", False)]:
        if token.is_mark and not token.text:
            waiting += token.pause_seconds
            continue
        if not settled and token.is_mark:
            continue
        if not settled:
            first, waiting = waiting, 0.0
        if waiting and not (settled[-1].is_mark or token.is_mark):
            settled.append(Token("," if token.text else ".", False, True))
        if waiting and settled[-1].is_mark:
            total = settled[-1].pause_seconds + waiting
            settled[-1] = replace(settled[-1], pause_seconds=total)
            waiting = 0.0
            # The marks on both sides of the pause are one.
            if token.is_mark:
                continue
        settled.append(replace(token, pause_seconds=waiting) if waiting else token)
        waiting = 0.0
    return first, settled[:-1]


def clauses(tokens: Iterable[Token], english: bool) -> list[Clause]:
    """Gather tokens into clauses of at most 300 characters.

    Args:
        tokens: The tokens of a text.
        english: Whether a capital "A" among other words is the letter, not the article.

    Returns:
        The clauses in order.
    """
    listed = list(tokens)
    found: list[Clause] = []
    length = LONGEST_CLAUSE
    for place, token in enumerate(listed):
        length += len(token.text) + 1
        if token.is_mark or length > LONGEST_CLAUSE:
            found.append(Clause())
            length = LONGEST_CLAUSE if token.is_mark else len(token.text)
        if english and _is_letter_a(listed, place):
            found[-1].letters.add(len(found[-1].tokens))
        found[-1].tokens.append(token)
    return found


def _is_letter_a(tokens: list[Token], place: int) -> bool:
    if tokens[place].text != "A":
        return False
    before = tokens[place - 1] if place else None
    after = tokens[place + 1] if place + 1 < len(tokens) else None
    spelled = after is not None and len(after.text) == 1 and after.text.isupper()
    return spelled or (before is not None and not before.is_mark)
