"""Kathleen: one speaker, CMU Arctic sentences, most of them in several takes.

Two layouts are known: the repository's `data/<prompt>_<take>.wav` beside `.txt`, and the copy's
`wavs/<prompt>_<take>.flac` with `metadata.csv` (`id|text`).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.data.corpora import Corpus, Item, find_root, inside, prepare_main, prepare_parser
from core.data.tables import read_table


def read(directory: Path, options: argparse.Namespace) -> Corpus:
    """Find the recordings in either layout."""
    root = find_root(directory, "data", "metadata.csv")
    return read_copy(root) if (root / "metadata.csv").is_file() else read_repository(root / "data")


def read_copy(root: Path) -> Corpus:
    """`metadata.csv` and `wavs/*.flac`."""
    rows, faults = read_table(root / "metadata.csv", {2})
    items = [
        item(name, inside(root, f"wavs/{name}.flac"), text)
        for name, text in (row.fields for row in rows)
    ]
    known = {found.id for found in items}
    loose = sorted(p.name for p in (root / "wavs").glob("*.flac") if p.stem not in known)
    faults += [f"{name} is not in metadata.csv" for name in loose]
    return Corpus(items, faults)


def read_repository(data: Path) -> Corpus:
    """`<prompt>_<take>.wav` beside `.txt`."""
    corpus = Corpus()
    for audio in sorted(data.glob("*.wav")):
        transcript = audio.with_suffix(".txt")
        text = transcript.read_text(encoding="utf-8").strip() if transcript.is_file() else ""
        if text:
            corpus.items.append(item(audio.stem, audio, text))
        else:
            corpus.faults.append(f"{audio.name} has no text in {transcript.name}")
    for transcript in sorted(data.glob("*.txt")):
        audio = transcript.with_suffix(".wav")
        if not audio.is_file():
            corpus.faults.append(f"{transcript.name} has no recording {audio.name}")
    return corpus


def item(name: str, audio: Path, text: str) -> Item:
    """A take; its prompt is what stands before the last underscore."""
    return Item(name, audio, text, prompt=name.rpartition("_")[0])


if __name__ == "__main__":
    sys.exit(prepare_main(prepare_parser(__doc__), read))
