"""Cutting long text into sentences, as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from text.marks import MARK, carry_marks, unmarked
from text.normalization import prepare

LONGEST_SENTENCE = 300
# How much of what follows a period is looked at before it is taken for an end.
LOOK_AHEAD = 40
_WINDOW = LONGEST_SENTENCE + LOOK_AHEAD

# Marks of prosody count for nothing; those that follow the last words belong to them.
_STOP = re.compile(
    rf"[.!?…]+(?:[\"'”’»)\]]|{MARK})*(?:(?:\s*{MARK})+\s*$)?(?=\s|$|{MARK})|[。！？।]+[」』”’]*",
    re.IGNORECASE,
)
_PARAGRAPH = re.compile(rf"\n[^\S\n]*\n\s*(?!\s*(?:{MARK}\s*)+$)", re.IGNORECASE)
_SPACE = re.compile(r"\s*")
_MARK = re.compile(MARK, re.IGNORECASE)
_NEXT = re.compile(rf"\s*(?:{MARK}\s*)*[\"'“‘«(\[¿¡]*(\S?)([^\s.,;:!?]*)", re.IGNORECASE)
_WORD = re.compile(r"(?:^|[\s(\[\"'“‘«/-])([^\s(\[\"“‘«/-]+)$")
_CLAUSE_END = re.compile(r"[,;:—–)][\"'”’»]?(?=\s)")

# After these a period never ends a sentence.
_BEFORE_NAMES = frozenset(
    "mr mrs ms messrs dr prof st rev fr gen col maj capt cpt lt sgt cpl cmdr adm sen rep gov pres "
    "hon supt mt ft vs viz cf e.g i.e approx ca sra mme mlle bzw z.b d.h u.a".split()
)
# After these only before a number.
_BEFORE_NUMBERS = frozenset("no nos p pp fig figs vol ch sec eq art ca c nr pt para".split())
# After these only where the next word begins a sentence as a rule.
_MAYBE = frozenset(
    "etc al inc ltd corp co bros jr sr ave blvd rd dept est govt jan feb mar apr jun jul aug sept "
    "sep oct nov dec mon tue tues wed thu thur thurs fri sat sun univ assn esq a.m p.m ph.d m.d "
    "b.a m.a ext tel max min avg".split()
)
_STARTERS = frozenset(
    "the a an he she it they we i you this that these those there but and in on at his her its "
    "their our my what when where why who how if for as so then however now not no yes after "
    "before while with to from by one all some many most each every".split()
)
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
# Languages that write ordinals with a period.
_ORDINAL_PERIOD = ("de", "da", "nb", "fi", "cs", "sk", "pl", "hu", "hr", "sl", "sr", "bs", "et",
                   "lv", "lt", "tr", "is", "fo", "lb")  # fmt: skip


def split_sentences(text: str, language: str = "en-us") -> list[str]:
    """Cut a text into sentences; see `iter_sentences`.

    Example:
        >>> split_sentences("Dr. Smith has 3.14 pies. Really!")
        ['Dr. Smith has 3.14 pies.', 'Really!']
    """
    return list(iter_sentences([text], language))


def iter_sentences(lines: Iterable[str], language: str = "en-us") -> Iterator[str]:
    """Cut text into sentences as it arrives, holding little more than one of them.

    A sentence may run over lines, not over an empty line, nor over the end of a piece that does
    not end in a line break. Sentences longer than 300 characters are cut where a clause ends, or
    at a space; what has nothing to say, such as a line of asterisks, is left out. A mark such as
    `[rate 0.8]` that is open at the end of a sentence is carried into the next.

    Args:
        lines: An open text file, or any pieces of text.
        language: eSpeak code, which decides what a period may mean.

    Yields:
        Sentences in order, white space collapsed, not normalised; the same however the lines of
        the text were handed over.

    Raises:
        TextError: A mark is never closed.
    """
    return carry_marks(_cut_out(lines, language), lambda text: _worth_saying(text, language))


def _cut_out(lines: Iterable[str], language: str) -> Iterator[str]:
    held = ""
    for line in lines:
        whole = not line.endswith("\n")
        found, held = _take(held + line, language, ended=whole)
        yield from found
    yield from _take(held, language, ended=True)[0]


def _take(text: str, language: str, ended: bool) -> tuple[list[str], str]:
    """Take every sentence that is certain; return them and what is left."""
    found: list[str] = []
    start = 0
    while True:
        start = _end_of_space(text, start)
        if start == len(text) or not (ended or len(text) - start > 2 * _WINDOW):
            return found, text[start:]
        end = _sentence_end(text, start, language)
        found.append(" ".join(text[start:end].split()))
        start = end


def _end_of_space(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match else start


def _sentence_end(text: str, start: int, language: str) -> int:
    window = text[start : start + 2 * _WINDOW]
    paragraph = _PARAGRAPH.search(window)
    limit = min(LONGEST_SENTENCE, paragraph.start() if paragraph else LONGEST_SENTENCE)
    for stop in _STOP.finditer(window):
        if stop.end() > limit:
            break
        if _ends(window, stop, language) and not _inside_phonemes(window, stop.start()):
            return start + stop.end()
    if paragraph and paragraph.start() <= LONGEST_SENTENCE:
        return start + paragraph.end()
    if len(window) <= LONGEST_SENTENCE:
        return start + len(window)
    return start + _cut(window)


def _cut(window: str) -> int:
    """Where to cut a sentence that is too long."""
    # A mark may be cut before it, never inside.
    whole = _MARK.sub(lambda mark: " " + "-" * (len(mark[0]) - 1), window)
    head = whole[: LONGEST_SENTENCE + 1]
    opened = head.rfind("[[")
    if opened > 0 and "]]" not in head[opened:]:
        return opened
    ends = [match.end() for match in _CLAUSE_END.finditer(head)]
    if ends and ends[-1] > LONGEST_SENTENCE // 3:
        return ends[-1]
    space = max(head.rfind(" "), head.rfind("\n"))
    return space if space > 0 else LONGEST_SENTENCE


def _inside_phonemes(window: str, place: int) -> bool:
    return window.rfind("[[", 0, place) > window.rfind("]]", 0, place)


def _ends(window: str, stop: re.Match[str], language: str) -> bool:
    """Whether a stop ends its sentence, by the words on both sides."""
    following = _NEXT.match(window, stop.end())
    first, rest = (following[1], following[2]) if following else ("", "")
    if not first or stop[0][0] in "。！？।":
        return True
    quoted = stop[0][-1] in "\"'”’»)]"
    if first.islower():
        return stop[0][0] in "!?" and not quoted and "\n" not in window[: stop.end()][-1:]
    if not stop[0].startswith(".") or stop[0].startswith(".."):
        return True
    if first == "." and not rest:
        return False
    before = _WORD.search(unmarked(window[max(0, stop.start() - LOOK_AHEAD) : stop.start()]))
    word = before[1] if before else ""
    head = unmarked(window[: stop.start()])
    return _period_ends(word, first, (first + rest).lower(), head, language)


def _period_ends(word: str, first: str, following: str, head: str, language: str) -> bool:
    lower = word.lower()
    if lower in _BEFORE_NAMES and not (lower == "st" and following in _STARTERS):
        return False
    if lower in _BEFORE_NUMBERS and first.isdigit():
        return False
    if lower in _MAYBE:
        return following in _STARTERS
    if word.isdigit():
        return not (language.startswith(_ORDINAL_PERIOD) or head.strip() == word)
    if not _INITIALS.fullmatch(word) or word == "I":
        return True
    earlier = head[: len(head) - len(word)].split()
    named = not earlier or earlier[-1][0].isupper() or len(word) > 1
    return following in _STARTERS and not (named and following in ("a", "i")) and (
        len(word) > 1 or not named
    )  # fmt: skip


def _worth_saying(sentence: str, language: str) -> bool:
    return any(map(str.isalnum, sentence)) or any(
        map(str.isalnum, prepare(sentence, language, True)[0])
    )
