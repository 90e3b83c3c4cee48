"""Marks in a text that shape how it is said: pauses, rates and emphasis.

`[pause 300ms]`, `[rate 0.8]slowly now[/rate]` and `[emphasis]never[/emphasis]` are never spoken.
Other brackets are ordinary text, `[sic]` and `[emphasis added]` among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from text.errors import TextError, shown

PAUSE_SECONDS = (0.05, 10.0)
PAUSES_A_SENTENCE_SECONDS = 30.0
RATES = (0.5, 2.0)
EMPHASIS_RATE = 0.8
CONTEXT = 30
LONGEST_MARK = 20

# A word after the name is a mistake in a mark; several, as in "[pause for laughter]", are prose.
# There is one way only to match each mark, or a row of them would take endless time.
MARK = (
    r"(?<!\[)\[\s*(?:/\s*(?:pause|rate|emphasis)\b[^\[\]]*(?:\]|(?=\[)|$)"
    r"|(?:pause|rate|emphasis)\s*(?:\]|(?:[=:]\s*)?[-+.,]?\d[^\[\]]*(?:\]|(?=\[)|$))"
    r"|(?:pause|rate)\s+[^\W\d]\w*\s*\])"
)
_MARK = re.compile(MARK, re.IGNORECASE)
_NAME = re.compile(r"\[\s*(/?)\s*(pause|rate|emphasis)", re.IGNORECASE)
_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_PAUSE = re.compile(rf"\[\s*pause\s+{_NUMBER}\s*(ms|s)\s*\]", re.IGNORECASE)
_RATE = re.compile(rf"\[\s*rate\s+{_NUMBER}\s*\]", re.IGNORECASE)
_BARE = re.compile(r"\[\s*/?\s*\w+\s*\]")
_EXAMPLES = {
    "pause": "[pause 300ms] or [pause 0.5s]",
    "rate": "[rate 0.8]slowly now[/rate]",
    "emphasis": "[emphasis]never[/emphasis]",
}
_PLACE = "\0"
_PLACES = re.compile(f" *{_PLACE}[ {_PLACE}]*")


@dataclass(frozen=True, slots=True)
class Style:
    """How a stretch of text is said.

    Attributes:
        rate: Above 1 is faster.
        emphasis: Whether it is emphasised.
    """

    rate: float = 1.0
    emphasis: bool = False

    @property
    def speed(self) -> float:
        """The rate, and slower where it is emphasised."""
        return self.rate * (EMPHASIS_RATE if self.emphasis else 1.0)


PLAIN = Style()
Stretch = tuple[str | float, Style]


def cut_at_marks(text: str) -> Iterator[Stretch]:
    """Cut a text at its marks.

    Args:
        text: A sentence, or any text.

    Yields:
        Stretches of text, and pauses in seconds, each with its style.

    Raises:
        TextError: A mark is malformed or out of range, is not closed or closes nothing, or stands
            inside another of its kind; or there are more than 30 s of pauses.
    """
    opened: dict[str, str] = {}
    rate, pauses, end = 1.0, 0.0, 0
    for match in _MARK.finditer(text):
        style = Style(rate, "emphasis" in opened)
        if match.start() > end:
            yield text[end : match.start()], style
        end = match.end()
        name, closes = _named(match[0])
        if name == "pause":
            seconds = _value(match, _PAUSE, PAUSE_SECONDS, "s")
            pauses += seconds
            if pauses > PAUSES_A_SENTENCE_SECONDS:
                most = f"{PAUSES_A_SENTENCE_SECONDS:g} s"
                raise _wrong(match, f"makes the pauses of one sentence longer than {most}")
            yield seconds, style
            continue
        if closes == (name not in opened):
            fault = f"closes no [{name}]" if closes else f"stands inside {_shown(opened[name])}"
            raise _wrong(match, f"{fault}: write one after the other, as in {_EXAMPLES[name]}")
        if closes:
            del opened[name]
        else:
            opened[name] = match[0]
        if name == "rate":
            rate = 1.0 if closes else _value(match, _RATE, RATES, "")
        if (closes or name == "emphasis") and not _BARE.fullmatch(match[0]):
            raise _wrong(match, f"is malformed: write {_EXAMPLES[name]}")
    for mark in opened.values():
        raise _unclosed(mark)
    if text[end:] or not text:
        yield text[end:], PLAIN


def unmarked(text: str) -> str:
    """A text without its marks; one that has none is returned as it is."""
    if not _MARK.search(text):
        return text
    plain = _MARK.sub(_PLACE, " ".join(text.split()))
    return _PLACES.sub(_gap, plain).strip()


def carry_marks(sentences: Iterable[str], worth_saying: Callable[[str], bool]) -> Iterator[str]:
    """Give each sentence of a text its own marks.

    A mark that is open where a sentence ends is closed there and opened again in the next one;
    marks that stand alone go to the next sentence.

    Args:
        sentences: In order.
        worth_saying: Whether there is something to say in a sentence without marks; the others
            are left out.

    Yields:
        Sentences that each close what they open.

    Raises:
        TextError: A mark is not closed, or no sentence follows a pause.
    """
    opened: dict[str, str] = {}
    alone = ""
    for sentence in sentences:
        before = alone + "".join(opened.values())
        worth = worth_saying(unmarked(sentence))
        for mark in _MARK.findall(sentence):
            name, closes = _named(mark)
            if name == "pause" or (closes and name not in opened):
                alone += mark
            elif closes:
                del opened[name]
            else:
                opened[name] = mark
        if worth:
            alone = ""
            yield before + sentence + "".join(f"[/{name}]" for name in opened)
    for mark in opened.values():
        raise _unclosed(mark)
    if alone:
        for _ in cut_at_marks(alone):
            pass
        raise TextError(f"no sentence follows {_shown(alone)}: put it before the last words")


def _gap(match: re.Match[str]) -> str:
    """What is left of marks and the spaces around them."""
    start, end = match.span()
    before, after = match.string[max(0, start - 1) : start], match.string[end : end + 1]
    apart = " " in match[0] or (before.isalnum() and after.isalnum())
    return " " if apart and after not in ";:,.!?" else ""


def _named(mark: str) -> tuple[str, bool]:
    """The name of a mark, and whether it closes."""
    match = _NAME.match(mark)
    assert match
    return match[2].lower(), bool(match[1])


def _value(
    match: re.Match[str], form: re.Pattern[str], allowed: tuple[float, float], unit: str
) -> float:
    name, _ = _named(match[0])
    low, high = allowed
    found = form.fullmatch(match[0])
    if found:
        value = float(found[1]) / (1000 if found[found.re.groups].lower() == "ms" else 1)
        if low <= value <= high:
            return value
    reach = f"from {low:g} to {high:g}" + (f" {unit}" if unit else "")
    raise _wrong(match, f"is malformed or out of range: write {_EXAMPLES[name]}, {reach}")


def _wrong(match: re.Match[str], fault: str) -> TextError:
    before = match.string[max(0, match.start() - CONTEXT) : match.start()].strip()
    where = f" after {shown(before)}" if before else ""
    return TextError(f"the mark {_shown(match[0])}{where} {fault}")


def _shown(mark: str) -> str:
    """A mark in an error: as it stands, unless it has swallowed some of the text."""
    return mark if len(mark) <= LONGEST_MARK and mark.isprintable() else shown(mark)


def _unclosed(mark: str) -> TextError:
    name, _ = _named(mark)
    return TextError(f"the mark {_shown(mark)} is never closed: write [/{name}] where it ends")
