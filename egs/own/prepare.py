"""A corpus of your own: a directory with recordings and `metadata.csv` (UTF-8, no header).

A line is `audio|text` or `audio|speaker|text`. `audio` is a path inside the directory, such as
`clips/one.wav`; WAV, FLAC, OGG and MP3 of any rate will do.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.data.corpora import Corpus, Item, find_root, inside, prepare_main, prepare_parser
from core.data.tables import read_table

TABLE = "metadata.csv"


def read(directory: Path, options: argparse.Namespace) -> Corpus:
    """Read the table; the id is the path without its ending, with dashes for slashes."""
    root = find_root(directory, TABLE)
    rows, faults = read_table(root / TABLE, {2, 3})
    corpus = Corpus(faults=faults)
    widths = {len(row.fields) for row in rows}
    if len(widths) > 1:
        corpus.faults.append(f"{TABLE} mixes lines with and without a speaker")
    for row in rows:
        name, *speaker, text = row.fields
        audio = inside(root, name)
        if not audio.is_file():
            corpus.faults.append(f"line {row.number} of {TABLE}: there is no {name}")
            continue
        identity = str(Path(name).with_suffix("")).replace("\\", "-").replace("/", "-")
        corpus.items.append(Item(identity, audio, text, speaker="".join(speaker)))
    return corpus


if __name__ == "__main__":
    sys.exit(prepare_main(prepare_parser(__doc__), read))
