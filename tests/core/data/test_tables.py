"""Transcript tables: every good line, and the number of every bad one."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data.tables import read_table, shown
from core.errors import InputError


def test_table_keeps_quotes_and_strips_columns(tmp_path: Path) -> None:
    """LJSpeech has single quotes that open and never close; they are letters."""
    path = tmp_path / "t.csv"
    path.write_text('a|He said "no\n b | it\'s "\n', encoding="utf-8")
    rows, faults = read_table(path, {2})
    assert [row.fields for row in rows] == [("a", 'He said "no'), ("b", "it's \"")]
    assert faults == []


def test_table_reads_byte_order_mark_crlf_and_blank_lines(tmp_path: Path) -> None:
    """Tables come out of spreadsheets too; numbers are those an editor shows."""
    path = tmp_path / "t.csv"
    path.write_bytes(
        b"\xef\xbb\xbfa|one\r\n\r\nb|two\x85\xe2\x80\xa8three\r\n".replace(b"\x85", b"")
    )
    rows, _ = read_table(path, {2})
    assert [(row.number, *row.fields) for row in rows] == [
        (1, "a", "one"),
        (3, "b", "two\u2028three"),
    ]


def test_table_names_the_line_of_every_fault(tmp_path: Path) -> None:
    """Too few and too many columns, an empty text, bytes that are no UTF-8."""
    path = tmp_path / "t.csv"
    path.write_bytes(b"a|good\nb\nc|x|y|z\nd|\n|text\ne|caf\xe9\nf|fine\n")
    rows, faults = read_table(path, {2, 3})
    assert [row.fields[0] for row in rows] == ["a", "f"]
    assert faults == [
        "line 2 of t.csv has 1 columns, not 2 or 3",
        "line 3 of t.csv has 4 columns, not 2 or 3",
        "line 4 of t.csv has an empty column",
        "line 5 of t.csv has an empty column",
        "line 6 of t.csv is not UTF-8",
    ]


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_table_refuses_an_empty_file(tmp_path: Path, content: bytes) -> None:
    """A table without lines is a mistake, not an empty corpus."""
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match="has no lines"):
        read_table(tmp_path / "t.csv", {2})


def test_table_refuses_a_missing_file(tmp_path: Path) -> None:
    """The file is named."""
    with pytest.raises(InputError, match=r"cannot read .*t\.csv: no such file"):
        read_table(tmp_path / "t.csv", {2})


def test_shown_counts_what_it_does_not_show() -> None:
    """A thousand faults make one sentence."""
    assert shown(["a", "b"]) == "a; b"
    assert shown("abcdefgh") == "a; b; c; d; e; and 3 more"
