"""Manifests: what is wrong is found before a day of training, not after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.data.manifest import Recording, read_manifest, write_manifest
from core.errors import InputError


@pytest.fixture
def recordings(tmp_path: Path) -> list[Recording]:
    """Three good lines with their (empty) recordings."""
    for name in "abc":
        (tmp_path / f"{name}.wav").touch()
    splits = {"a": "train", "b": "valid", "c": "test"}
    return [Recording(n, f"{n}.wav", f"Text {n}\u2028\x85.", s, "x", n) for n, s in splits.items()]


def test_manifest_reads_back_what_was_written(tmp_path: Path, recordings: list[Recording]) -> None:
    """Also with Unicode line separators inside a text."""
    write_manifest(tmp_path / "m.jsonl", recordings)
    assert read_manifest(tmp_path / "m.jsonl") == recordings


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"id": "a"}, "1 ids that stand twice, such as 'a'"),
        ({"text": "  "}, "1 utterances without text, such as 'b'"),
        ({"split": "dev"}, "split is none of train, valid, test, such as 'b'"),
        ({"prompt": "a"}, "1 prompts in two splits, such as 'a'"),
        ({"audio": "z.wav"}, "1 recordings that do not exist, such as 'z.wav'"),
        ({"audio": "../z.wav"}, "1 relative names that lead out of the directory"),
    ],
)
def test_manifest_refuses(
    tmp_path: Path, recordings: list[Recording], change: dict[str, str], sentence: str
) -> None:
    """The fault, how often it occurs, and an example; and nothing is written."""
    (tmp_path.parent / "z.wav").touch()
    recordings[1] = replace(recordings[1], **change)
    with pytest.raises(InputError, match=sentence):
        write_manifest(tmp_path / "m.jsonl", recordings)
    assert not (tmp_path / "m.jsonl").exists()


def test_manifest_refuses_an_empty_corpus(tmp_path: Path) -> None:
    """No utterance found means the wrong directory."""
    with pytest.raises(InputError, match="manifest is empty"):
        write_manifest(tmp_path / "m.jsonl", [])


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a"}', '{"id": "a", "colour": "red"}'])
def test_manifest_names_the_line_that_is_none(
    tmp_path: Path, recordings: list[Recording], line: str
) -> None:
    """Hand-made manifests have hand-made faults."""
    path = tmp_path / "m.jsonl"
    write_manifest(path, recordings)
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 4: not a manifest line"):
        read_manifest(path)


def test_manifest_that_is_missing_says_what_to_run(tmp_path: Path) -> None:
    """The stage that makes it is named."""
    with pytest.raises(InputError, match="stage 1"):
        read_manifest(tmp_path / "m.jsonl")
