"""Transcript tables of corpora: `id|text` and its relatives, with the line of every fault."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError

SHOWN_FAULTS = 5


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        number: Of the line, from 1.
        fields: Its columns, stripped.
    """

    number: int
    fields: tuple[str, ...]


def read_table(
    path: Path, columns: Collection[int], *, separator: str = "|"
) -> tuple[list[Row], list[str]]:
    """Read a table without a header; quotes are letters like any other.

    Args:
        path: UTF-8 text.
        columns: Numbers of columns a line may have.
        separator: Between columns.

    Returns:
        The good lines, and a sentence for every bad one.

    Raises:
        InputError: The file cannot be read or has no lines.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    rows, faults = [], []
    for number, line in enumerate(raw.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            faults.append(f"line {number} of {path.name} is not UTF-8")
            continue
        if not text.strip():
            continue
        fields = tuple(field.strip() for field in text.split(separator))
        allowed = " or ".join(map(str, sorted(columns)))
        if len(fields) not in columns:
            faults.append(f"line {number} of {path.name} has {len(fields)} columns, not {allowed}")
        elif not fields[0] or not fields[-1]:
            faults.append(f"line {number} of {path.name} has an empty column")
        else:
            rows.append(Row(number, fields))
    if not rows and not faults:
        raise InputError(f"{path} has no lines")
    return rows, faults


def shown(names: Iterable[str], most: int = SHOWN_FAULTS) -> str:
    """The first few of many, and how many more there are."""
    listed = list(names)
    more = f"; and {len(listed) - most} more" if len(listed) > most else ""
    return "; ".join(listed[:most]) + more
