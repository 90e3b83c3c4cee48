"""The texts to speak: from the command line, a file, or standard input."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from core.errors import InputError

STDIN = "-"
_ID = re.compile(r"\w[\w.-]{0,99}")


@dataclass(frozen=True)
class Utterance:
    """Something to speak.

    Attributes:
        id: Its name; "" for a text that has none.
        lines: The text, in pieces that end where sentences may end.
        characters: Its length, or None when it is not known yet.
        where: Where it stands, for error messages; "" for a text that needs none.
    """

    id: str
    lines: Iterable[str]
    characters: int | None
    where: str = ""


def gather(
    words: Sequence[str], text: str | None, file: str | None, one_a_line: bool
) -> list[Utterance]:
    """Find out what to speak.

    Args:
        words: The arguments; "-" alone stands for standard input.
        text: The value of --text.
        file: The value of --input-file; "-" stands for standard input.
        one_a_line: Whether every line is an utterance of its own, whatever it looks like.

    Raises:
        typer.BadParameter: Nothing is given, or too much.
        InputError: The file cannot be read or its ids are not fit to be file names.
    """
    given = " ".join(words) if words else text
    if sum(bool(x) for x in (words, text is not None, file is not None)) > 1:
        raise typer.BadParameter("give the text once: as TEXT, with --text or with --input-file")
    if given is not None and given != STDIN:
        return [Utterance("", [given], len(given))]
    if file in (None, STDIN):
        if given is None and file is None and sys.stdin.isatty():
            raise typer.BadParameter("nothing to say: give TEXT, -i FILE, or pipe a text in")
        if not one_a_line:
            return [Utterance("", _decoded(sys.stdin.buffer, "standard input"), None)]
        return one_each(_decoded(sys.stdin.buffer, "standard input"), "standard input")
    assert file is not None
    with Path(file).open("rb") as stream:
        lines = list(_decoded(stream, file))
    first = next((line for line in lines if line.strip()), "")
    if one_a_line or _split(first) is not None:
        return one_each(lines, file)
    return [Utterance("", lines, sum(map(len, lines)))]


def one_each(lines: Iterable[str], name: str) -> list[Utterance]:
    """Every line that is not blank as an utterance: `id|text`, or plain and numbered.

    The first line decides which of the two it is.

    Raises:
        InputError: An id stands twice, or a line is not like the first.
    """
    numbered = [(n, line.strip()) for n, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise InputError(f"{name} holds no text")
    if _split(numbered[0][1]) is None:
        return [Utterance(f"{n:04d}", [t], len(t), f"{name}, line {n}") for n, t in numbered]
    found: dict[str, Utterance] = {}
    for number, line in numbered:
        where = f"{name}, line {number}"
        parts = _split(line)
        if parts is None:
            raise InputError(f"{where}: {line[:40]!r} is not `id|text` like the first line")
        key, text = parts
        if not _ID.fullmatch(key):
            raise InputError(
                f"{where}: the id {key[:40]!r} is no file name; allowed: up to 100 letters, "
                "digits, '-', '_' and '.', the first no '.' or '-'"
            )
        # File systems that ignore case would let one of the two overwrite the other.
        if key.lower() in found:
            raise InputError(f"{where}: the id {key!r} stands twice")
        found[key.lower()] = Utterance(key, [text], len(text), where)
    return list(found.values())


def _split(line: str) -> tuple[str, str] | None:
    """Id and text, or None for a line that has no id."""
    key, bar, text = line.strip().partition("|")
    return (key.strip(), text.strip()) if bar and key.split() == [key.strip()] else None


def _decoded(stream: Iterable[bytes], name: str) -> Iterator[str]:
    for number, raw in enumerate(stream, 1):
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{name}, line {number} is not UTF-8 text") from error
        yield line.removeprefix("\ufeff") if number == 1 else line
