"""VCTK 0.92: many speakers of English, two microphones.

wav48_silence_trimmed/p225/p225_001_mic1.flac    txt/p225/p225_001.txt    speaker-info.txt
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.data.corpora import Corpus, Item, find_root, prepare_main, prepare_parser

AUDIO = "wav48_silence_trimmed"


def read(directory: Path, options: argparse.Namespace) -> Corpus:
    """Find the recordings of one microphone that have a transcript.

    The corpus itself lacks transcripts (all of p315's) and some recordings of one microphone: that
    is noted, by speaker and number, and is no fault.
    """
    root = find_root(directory, AUDIO)
    corpus = Corpus()
    speakers = sorted(p.name for p in (root / AUDIO).iterdir() if p.is_dir())
    for speaker in speakers:
        read_speaker(root, speaker, options.microphone, corpus)
    corpus.notes += compare_info(root / "speaker-info.txt", speakers)
    return corpus


def read_speaker(root: Path, speaker: str, microphone: str, corpus: Corpus) -> None:
    """Add one speaker's recordings."""
    ending = f"_{microphone}.flac"
    names = {p.name.removesuffix(ending) for p in (root / AUDIO / speaker).glob(f"*{ending}")}
    texts = {p.stem: p for p in (root / "txt" / speaker).glob("*.txt")}
    for name in sorted(names & texts.keys()):
        text = " ".join(texts[name].read_text(encoding="utf-8-sig").split())
        audio = root / AUDIO / speaker / f"{name}{ending}"
        if text:
            corpus.items.append(Item(name, audio, text, speaker=speaker))
        else:
            corpus.faults.append(f"the transcript of {name} is empty")
    lacking = {
        "a transcript": names - texts.keys(),
        f"a {microphone} recording": texts.keys() - names,
    }
    for what, which in lacking.items():
        if which:
            sample = ", ".join(sorted(which)[:3])
            corpus.notes.append(f"speaker {speaker}: {len(which)} lack {what}, such as {sample}")


def compare_info(path: Path, speakers: list[str]) -> list[str]:
    """What `speaker-info.txt` and the directories do not agree on."""
    if not path.is_file():
        return [f"there is no {path.name}"]
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()[1:]
    listed = {line.split()[0] for line in lines if line.strip()}
    # Of some speakers the list gives the number alone.
    known = {name for name in speakers if name in listed or name.removeprefix("p") in listed}
    notes = {
        f"speakers that are not in {path.name}": set(speakers) - known,
        "listed speakers without recordings": {
            name for name in listed if not {name, f"p{name}"} & set(speakers)
        },
    }
    return [f"{what}: {', '.join(sorted(names))}" for what, names in notes.items() if names]


def main() -> int:
    """The command line."""
    parser = prepare_parser(__doc__)
    parser.add_argument("--microphone", choices=("mic1", "mic2"), default="mic1")
    return prepare_main(parser, read)


if __name__ == "__main__":
    sys.exit(main())
