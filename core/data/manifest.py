"""A corpus before its features are made: one JSON line an utterance."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.errors import InputError
from core.files import atomic_write

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Recording:
    """One line of a manifest.

    Attributes:
        id: Unique name.
        audio: The recording, relative to the manifest's directory or absolute.
        text: What is said.
        split: "train", "valid" or "test".
        speaker: Speaker name, "" in a corpus of one speaker.
        prompt: Name of the sentence; takes of one sentence share it.
    """

    id: str
    audio: str
    text: str
    split: str
    speaker: str = ""
    prompt: str = ""


def validate(recordings: Sequence[Recording], root: Path) -> None:
    """Check a manifest before it is written or used.

    Args:
        recordings: Its lines.
        root: What relative audio paths are relative to.

    Raises:
        InputError: It is empty, an id stands twice, a text is empty, a split is unknown, a prompt
            is in two splits, or a recording is missing or named by climbing up. The first few
            culprits are named.
    """
    if not recordings:
        raise InputError("the manifest is empty: no utterance was found in the corpus")
    counts = Counter(r.id for r in recordings)
    splits: dict[str, set[str]] = {}
    for r in recordings:
        splits.setdefault(r.prompt or r.id, set()).add(r.split)
    faults = {
        "ids that stand twice": [i for i, n in counts.items() if n > 1],
        "utterances without text": [r.id for r in recordings if not r.text.strip()],
        f"utterances whose split is none of {', '.join(SPLITS)}": [
            r.id for r in recordings if r.split not in SPLITS
        ],
        "prompts in two splits": [p for p, s in splits.items() if len(s) > 1],
        "relative names that lead out of the directory": [
            r.audio for r in recordings if ".." in Path(r.audio).parts
        ],
        "recordings that do not exist": [
            r.audio for r in recordings if not (root / r.audio).is_file()
        ],
    }
    for fault, names in faults.items():
        if names:
            raise InputError(f"{len(names)} {fault}, such as {', '.join(map(repr, names[:3]))}")


def write_manifest(path: Path, recordings: Iterable[Recording]) -> None:
    """Validate and write a manifest.

    Raises:
        InputError: See `validate`.
    """
    lines = list(recordings)
    validate(lines, path.parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        text = "".join(json.dumps(asdict(r), ensure_ascii=False) + "\n" for r in lines)
        temporary.write_text(text, encoding="utf-8")


def read_manifest(path: Path) -> list[Recording]:
    """Read and validate a manifest.

    Raises:
        InputError: The file is missing, a line is not what it should be, or see `validate`.
    """
    if not path.is_file():
        raise InputError(f"there is no manifest {path}: run the recipe's stage 1")
    recordings = []
    # Not splitlines: a transcript may hold a Unicode line separator.
    lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    for number, line in enumerate(lines, 1):
        try:
            recordings.append(Recording(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path}, line {number}: not a manifest line ({error})") from error
    validate(recordings, path.parent)
    return recordings
