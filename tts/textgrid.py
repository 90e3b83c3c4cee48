"""Praat's TextGrid, read in its long and its short text format.

Praat itself takes from such a file only what stands free: quoted texts, numbers and flags in angle
brackets. All else, such as `xmin =` and `intervals [3]:`, is for people. Reading it the same way
makes one format of the two.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError

MAX_BYTES = 16 << 20
TOKEN = re.compile(
    r'"((?:[^"]|"")*)"'
    r"|(?<![\w\[.])(-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?![\w\].])"
    r"|(<exists>|<absent>)"
)


@dataclass(frozen=True)
class Interval:
    """A stretch of a tier.

    Attributes:
        start_seconds: Where it begins.
        end_seconds: Where it ends.
        text: Its label.
    """

    start_seconds: float
    end_seconds: float
    text: str


@dataclass(frozen=True)
class TextGrid:
    """The interval tiers of a file.

    Attributes:
        seconds: Where the file ends.
        tiers: Intervals by the tier's name; of tiers of one name the first.
    """

    seconds: float
    tiers: dict[str, list[Interval]]


def read_textgrid(path: Path) -> TextGrid:
    """Read a TextGrid; tiers of points are passed over.

    Raises:
        InputError: The file cannot be read, is no TextGrid, or ends too early, or an interval ends
            before it begins or begins before the last one ends.
    """
    tokens = _tokens(_text(path))
    try:
        if (next(tokens), next(tokens)) != ("ooTextFile", "TextGrid"):
            raise InputError(f"{path} is no TextGrid")
        next(tokens)
        seconds, tiers = _number(next(tokens)), dict[str, list[Interval]]()
        count = int(_number(next(tokens))) if next(tokens) == "<exists>" else 0
        for _ in range(count):
            kind, name = next(tokens), next(tokens)
            next(tokens), next(tokens)
            size = int(_number(next(tokens)))
            if kind != "IntervalTier":
                for _ in range(2 * size):
                    next(tokens)
                continue
            intervals = [
                Interval(_number(next(tokens)), _number(next(tokens)), str(next(tokens)))
                for _ in range(size)
            ]
            _check_order(intervals, f"{path}, tier {name!r}")
            tiers.setdefault(str(name), intervals)
    except StopIteration:
        raise InputError(f"{path} is no whole TextGrid: it ends too early") from None
    except TypeError as error:
        raise InputError(f"{path} is no TextGrid: {error}") from error
    return TextGrid(seconds, tiers)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    if len(raw) > MAX_BYTES:
        raise InputError(f"{path} is no TextGrid: it is larger than {MAX_BYTES} bytes")
    wide = raw.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE))
    try:
        return raw.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no TextGrid: it is neither UTF-8 nor UTF-16 text") from error


def _tokens(text: str) -> Iterator[str | float]:
    for match in TOKEN.finditer(text):
        quoted, number, flag = match.groups()
        if quoted is not None:
            yield quoted.replace('""', '"')
        else:
            yield flag if flag else float(number)


def _number(token: str | float) -> float:
    if isinstance(token, str):
        raise TypeError(f"{token[:40]!r} stands where a number should")
    return token


def _check_order(intervals: list[Interval], where: str) -> None:
    reached = 0.0
    for interval in intervals:
        if interval.start_seconds < reached - 1e-6 or interval.end_seconds < interval.start_seconds:
            raise InputError(
                f"{where}: the interval {interval.text[:40]!r} from {interval.start_seconds:g} to "
                f"{interval.end_seconds:g} s is out of order"
            )
        reached = interval.end_seconds
