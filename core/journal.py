"""Results of a long work, kept line by line, so that a killed one goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import InputError


class Journal:
    """A file of JSON lines: what the work is, then one finished result after another.

    A result is on disk before `append` returns. A line that was cut off when its writer was killed
    is dropped when the file is opened again; nothing else is ever changed.

    Args:
        path: The file; made when missing.
        facts: All that decides the results, as plain values.

    Raises:
        InputError: The file is of another work, or no journal.
        OSError: The file cannot be read or written.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self.path = path
        self.entries: list[dict[str, Any]] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            self._read(json.loads(json.dumps(dict(facts))))
        if not path.is_file() or not path.stat().st_size:
            self._write(dict(facts))

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add a result."""
        self._write(dict(entry))
        self.entries.append(dict(entry))

    def _read(self, facts: dict[str, Any]) -> None:
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        try:
            lines = [json.loads(line) for line in whole.splitlines()]
        except ValueError as error:
            raise InputError(f"{self.path} is damaged or no journal: remove it") from error
        if lines and lines[0] != facts:
            raise InputError(f"{self.path} is of another work{_difference(lines[0], facts)}")
        self.entries = lines[1:]
        if len(whole) < len(content):
            os.truncate(self.path, len(whole))

    def _write(self, entry: dict[str, Any]) -> None:
        with self.path.open("ab") as stream:
            stream.write(json.dumps(entry).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())


def _difference(theirs: Any, ours: dict[str, Any]) -> str:
    """The first fact that is not the same."""
    if isinstance(theirs, dict):
        for name in {**ours, **theirs}:
            if theirs.get(name) != ours.get(name):
                old, new = str(theirs.get(name))[:60], str(ours.get(name))[:60]
                return f": there {name} is {old}, here {new}; remove it, or name another file"
    return ": remove it, or name another file"
