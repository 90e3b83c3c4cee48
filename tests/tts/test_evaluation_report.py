"""Results that are written down."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import InputError
from tts.evaluation import Evaluation, Scores
from tts.evaluation.report import (
    Provenance,
    append_rows,
    copy_rows,
    hardware,
    markdown_table,
    source_version,
    speech_row,
    write_scores,
)

ORIGIN = Provenance("2026-01-02", "abc1234", "straighttalk evaluate", "one core", 0, "two hours")
WORDS = {"words": 10, "word_errors": 2}


def speech() -> Evaluation:
    return Evaluation(
        (
            Scores("a", "natural", {**WORDS, "dnsmos": 3.0, "p808": 4.0}, "é", "e"),
            Scores(
                "a", "synthetic", {**WORDS, "word_errors": 3, "dnsmos": 2.5, "p808": 3.5}, "é", ""
            ),
        )
    )


def test_a_table_is_made_once_and_grows(tmp_path: Path) -> None:
    """Heading, header, then a row a run."""
    path = tmp_path / "RESULTS.md"
    append_rows(path, "Speech", [{"a": "1", "b": "2"}])
    append_rows(path, "Speech", [{"a": "3", "b": "4"}, {"a": "5", "b": "6"}])
    assert path.read_text(encoding="utf-8") == (
        "# Results\n\n## Speech\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6 |\n"
    )


def test_tables_under_other_headings_and_words_around_them_stay(tmp_path: Path) -> None:
    """Rows go under their own heading, whatever follows it."""
    path = tmp_path / "RESULTS.md"
    path.write_text("# Mine\n\nWords.\n", encoding="utf-8")
    append_rows(path, "One", [{"a": "1"}])
    append_rows(path, "Two", [{"a": "2"}])
    append_rows(path, "One", [{"a": "3"}])
    assert path.read_text(encoding="utf-8") == (
        "# Mine\n\nWords.\n\n## One\n\n| a |\n|---|\n| 1 |\n| 3 |\n"
        "\n## Two\n\n| a |\n|---|\n| 2 |\n"
    )


def test_other_columns_begin_a_table_of_their_own(tmp_path: Path) -> None:
    """So does a row after somebody's remark under the table."""
    path = tmp_path / "RESULTS.md"
    append_rows(path, "One", [{"a": "1"}])
    append_rows(path, "One", [{"b": "2"}])
    path.write_text(path.read_text(encoding="utf-8") + "\nA remark.\n", encoding="utf-8")
    append_rows(path, "One", [{"b": "3"}])
    assert path.read_text(encoding="utf-8").endswith(
        "| a |\n|---|\n| 1 |\n\n| b |\n|---|\n| 2 |\n\nA remark.\n\n| b |\n|---|\n| 3 |\n"
    )


def test_cells_cannot_break_the_table(tmp_path: Path) -> None:
    """Bars are escaped and lines joined."""
    assert markdown_table([{"a": "x | y\nz"}]) == "| a |\n|---|\n| x \\| y z |"
    with pytest.raises(InputError, match="same columns"):
        append_rows(tmp_path / "R.md", "One", [{"a": "1"}, {"b": "2"}])
    with pytest.raises(InputError, match="needs rows"):
        append_rows(tmp_path / "R.md", "One", [])
    assert not list(tmp_path.iterdir())


def test_a_row_of_speech_says_nature_voice_difference_and_origin() -> None:
    """2 of 10 and 3 of 10 words; one utterance has intervals of no width."""
    assert speech_row(speech(), ORIGIN) == {
        "utterances": "1",
        "WER, natural": "0.200 [0.200, 0.200]",
        "WER": "0.300 [0.300, 0.300]",
        "WER - natural": "+0.100 [+0.100, +0.100]",
        "DNSMOS, natural": "3.000 [3.000, 3.000]",
        "DNSMOS": "2.500 [2.500, 2.500]",
        "DNSMOS - natural": "-0.500 [-0.500, -0.500]",
        "P.808, natural": "4.000 [4.000, 4.000]",
        "P.808": "3.500 [3.500, 3.500]",
        "P.808 - natural": "-0.500 [-0.500, -0.500]",
        "failures": "0",
        "date": "2026-01-02",
        "version": "abc1234",
        "command": "straighttalk evaluate",
        "hardware": "one core",
        "seed": "0",
        "note": "two hours",
    }


def test_copies_have_a_row_a_system_and_empty_cells_where_nothing_was_measured() -> None:
    """Nature has no PESQ, and no difference from itself."""
    found = Evaluation(
        (
            Scores("a", "natural", {"dnsmos": 3.0}),
            Scores("a", "4 steps", {"dnsmos": 2.9, "pesq": 3.5}),
            Scores(
                "b", "4 steps", {}, failures=("pesq: the waveform is silent; PESQ needs sound",)
            ),
        )
    )
    natural, four = copy_rows(found, ORIGIN)
    assert list(natural) == list(four)
    assert [natural[key] for key in ("system", "PESQ (wide band)", "DNSMOS - natural")] == [
        "natural", "", "",
    ]  # fmt: skip
    assert four["PESQ (wide band)"] == "3.500 [3.500, 3.500]"
    assert four["DNSMOS - natural"].startswith("-0.100")
    assert (four["utterances"], four["failures"]) == ("2", "1")


def test_scores_are_written_one_line_each(tmp_path: Path) -> None:
    """Readable by any JSON reader, letters as they are."""
    path = tmp_path / "new" / "scores.jsonl"
    write_scores(path, speech())
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["system"] for line in lines] == ["natural", "synthetic"]
    assert '"text": "é"' in lines[0]


def test_where_figures_come_from_is_never_empty() -> None:
    """Date, commit or version, processor."""
    origin = Provenance.of_this_run("straighttalk evaluate", 3, note="n")
    assert origin == replace(origin, command="straighttalk evaluate", seed=3, note="n")
    assert all(origin.cells().values())
    assert source_version() == origin.version
    assert "core" in hardware("cpu")
