"""LJSpeech: `metadata.csv` (`id|text|normalised text` or `id|text`) and `wavs/<id>.wav`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.data.corpora import Corpus, Item, find_root, inside, prepare_main, prepare_parser
from core.data.tables import read_table


def read(directory: Path, options: argparse.Namespace) -> Corpus:
    """Find the recordings; the text as written is kept, for our own frontend to normalise."""
    root = find_root(directory, "metadata.csv")
    rows, faults = read_table(root / "metadata.csv", {2, 3})
    items = [
        Item(name, inside(root, f"wavs/{name}.wav"), text)
        for name, text in ((row.fields[0], row.fields[1]) for row in rows)
    ]
    known = {item.id for item in items}
    loose = sorted(p.name for p in (root / "wavs").glob("*.wav") if p.stem not in known)
    faults += [f"{name} is not in metadata.csv" for name in loose]
    return Corpus(items, faults)


if __name__ == "__main__":
    sys.exit(prepare_main(prepare_parser(__doc__), read))
