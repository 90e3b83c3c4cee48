"""Results survive whatever ends the work."""

from __future__ import annotations

import json

import pytest

from core.errors import InputError
from core.journal import Journal

FACTS = {"seed": 3, "grid": ["uniform"], "share": 0.1}


def test_entries_come_back(tmp_path):
    """In their order, bit for bit, from a directory that was not there."""
    path = tmp_path / "new" / "journal.jsonl"
    first = Journal(path, FACTS)
    assert first.entries == []
    entries = [{"value": 0.1 + 0.2, "grid": [0.0, 1 / 3, 1.0]}, {"value": None}]
    for entry in entries:
        first.append(entry)
    assert Journal(path, FACTS).entries == first.entries == entries


@pytest.mark.parametrize("kept", range(1, 12))
def test_line_that_was_cut_off_is_dropped(tmp_path, kept):
    """A writer killed after any byte of the last line: the lines before are whole, and it goes on.

    A lone header that was cut off counts as none.
    """
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, FACTS)
    journal.append({"n": 1})
    whole = path.read_bytes()
    journal.append({"n": 22222})
    path.write_bytes(path.read_bytes()[: len(whole) + kept])
    again = Journal(path, FACTS)
    assert again.entries == [{"n": 1}]
    again.append({"n": 3})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        FACTS, {"n": 1}, {"n": 3}
    ]  # fmt: skip
    path.write_bytes(whole[:5])
    assert Journal(path, FACTS).entries == []
    assert Journal(path, FACTS).entries == []


def test_journal_of_another_work_is_refused(tmp_path):
    """The first fact that differs is named, with both values; the file is not touched."""
    path = tmp_path / "journal.jsonl"
    Journal(path, FACTS).append({"n": 1})
    before = path.read_bytes()
    for other, said in (
        ({**FACTS, "seed": 4}, "seed is 3, here 4"),
        ({**FACTS, "more": 1}, "more is None, here 1"),
    ):
        with pytest.raises(InputError, match=said):
            Journal(path, other)
    assert path.read_bytes() == before
    path.write_text("no journal\n")
    with pytest.raises(InputError, match="damaged or no journal"):
        Journal(path, FACTS)
