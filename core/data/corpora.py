"""From what lies in a corpus's directory to a manifest: the part that all corpora share.

A corpus's own `prepare.py` knows its layout and returns a `Corpus`; what is wrong in it is said
here, with numbers and names, and nothing is left out unless that was asked for.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.data.manifest import SPLITS, Recording, write_manifest
from core.data.split import split_by_prompt
from core.data.tables import shown
from core.errors import InputError

TEST_PROMPTS = 60
VALID_PROMPTS = 20


@dataclass(frozen=True)
class Item:
    """One recording as a corpus has it.

    Attributes:
        id: Unique name.
        audio: The recording.
        text: What is said.
        speaker: Speaker name, "" in a corpus of one.
        prompt: Name of the sentence when the corpus has names for sentences, else "".
    """

    id: str
    audio: Path
    text: str
    speaker: str = ""
    prompt: str = ""


@dataclass
class Corpus:
    """What a corpus's directory holds.

    Attributes:
        items: Its recordings.
        faults: A sentence for everything that should be there and is not right.
        notes: A sentence for everything known to be missing in this corpus, for the record.
    """

    items: list[Item] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Reader = Callable[[Path, argparse.Namespace], Corpus]


def find_root(directory: Path, *markers: str) -> Path:
    """The directory that holds one of the markers: the given one or the only one inside it.

    Raises:
        InputError: There is no such directory, or no marker in it.
    """
    if not directory.is_dir():
        raise InputError(f"there is no corpus directory {directory}")
    inner = [path for path in sorted(directory.iterdir()) if path.is_dir()]
    for root in (directory, *inner):
        if any((root / marker).exists() for marker in markers):
            return root
    raise InputError(
        f"{directory} does not look like this corpus: it has no {' or '.join(markers)}"
    )


def inside(root: Path, name: str) -> Path:
    """A file of a corpus by the name that its table gives.

    Raises:
        InputError: The name leads out of the corpus.
    """
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{name!r} leads out of the corpus {root}")
    return path


def text_key(text: str) -> str:
    """What makes two transcripts the same sentence: their letters and digits."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


def name_prompts(items: Iterable[Item]) -> list[Item]:
    """Give every item a prompt: items of one prompt or of one text get the same.

    A sentence that stands in a corpus under two names must not be learned from under one and
    tested under the other.

    Args:
        items: Their `prompt` may be empty.

    Returns:
        The items, the prompt of each being the first prompt or id under which its sentence stands.
    """
    items = list(items)
    parent: dict[str, str] = {}

    def find(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    first: dict[str, str] = {}
    for item in items:
        name = item.prompt or item.id
        earlier = first.setdefault(text_key(item.text), name)
        one, other = sorted((find(earlier), find(name)))
        parent[other] = one
    return [replace(item, prompt=find(item.prompt or item.id)) for item in items]


def thin_out(items: Sequence[Item], limit: int) -> list[Item]:
    """At most `limit` items, evenly from all of them."""
    if limit >= len(items):
        return list(items)
    return [items[i * len(items) // limit] for i in range(limit)]


def split_sizes(prompts: int) -> tuple[int, int]:
    """How many prompts are for testing and validation: 60 and 20, fewer in a small corpus.

    Raises:
        InputError: There are not enough for three splits.
    """
    if prompts < 3:
        raise InputError(f"the corpus has {prompts} different sentences; allowed: 3 or more")
    return min(TEST_PROMPTS, max(1, prompts // 8)), min(VALID_PROMPTS, max(1, prompts // 16))


def make_manifest(
    corpus: Corpus, path: Path, *, skip_bad: bool = False, limit: int | None = None
) -> list[str]:
    """Check a corpus, split it by prompt and write its manifest.

    Args:
        corpus: What was found.
        path: The manifest.
        skip_bad: Leave out what is wrong instead of refusing the corpus.
        limit: At most so many utterances.

    Returns:
        What to tell the user, line by line.

    Raises:
        InputError: Something is wrong with the corpus and `skip_bad` is not asked for.
    """
    there, faults = _present(corpus)
    if faults and not skip_bad:
        raise InputError(
            f"{len(faults)} faults in the corpus: {shown(faults)} "
            "(mend them, or leave such utterances out with --skip-bad)"
        )
    chosen = there if limit is None else thin_out(there, limit)
    recordings = _recordings(name_prompts(chosen), path.parent.resolve())
    write_manifest(path, recordings)
    lines = [f"note: {note}" for note in corpus.notes]
    lines += [f"left out: {fault}" for fault in faults]
    if len(chosen) < len(there):
        lines.append(f"limited to {len(chosen)} of {len(there)} utterances")
    return [*lines, _summary(recordings)]


def _present(corpus: Corpus) -> tuple[list[Item], list[str]]:
    """Items whose recording exists, and all faults."""
    there, faults = [], list(corpus.faults)
    for item in corpus.items:
        if item.audio.is_file():
            there.append(item)
        else:
            faults.append(f"the recording of {item.id}, {item.audio}, is missing")
    return there, faults


def _recordings(items: Sequence[Item], root: Path) -> list[Recording]:
    """Lines of a manifest in the directory `root`."""
    prompts = {item.prompt for item in items}
    test, valid = split_sizes(len(prompts))
    splits = split_by_prompt(prompts, test=test, valid=valid)
    return [
        Recording(
            id=item.id,
            audio=_audio_name(item.audio, root),
            text=item.text,
            split=splits[item.prompt],
            speaker=item.speaker,
            prompt=item.prompt,
        )
        for item in items
    ]


def prepare_parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every corpus's `prepare.py` has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("corpus", type=Path, help="directory of the corpus")
    parser.add_argument("manifest", type=Path, help="manifest to write (JSON lines)")
    parser.add_argument("--skip-bad", action="store_true", help="leave out what is wrong")
    parser.add_argument("--limit", type=int, metavar="N", help="take N utterances only")
    return parser


def prepare_main(
    parser: argparse.ArgumentParser, read: Reader, arguments: Sequence[str] | None = None
) -> int:
    """The command line of a corpus's `prepare.py`.

    Args:
        parser: From `prepare_parser`, perhaps with options of the corpus's own.
        read: Reads the corpus; it is given the directory and the options.
        arguments: Of the command line; None takes the process's.

    Returns:
        Exit code.
    """
    options = parser.parse_args(arguments)
    if options.limit is not None and options.limit < 3:
        parser.error("--limit must be 3 or more")
    try:
        corpus = read(options.corpus, options)
        lines = make_manifest(
            corpus, options.manifest, skip_bad=options.skip_bad, limit=options.limit
        )
    except (InputError, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stderr.write("\n".join(lines) + "\n")
    return 0


def _audio_name(audio: Path, root: Path) -> str:
    # A relative name lets a corpus and its manifest be moved together.
    resolved = audio.resolve()
    return str(resolved.relative_to(root) if resolved.is_relative_to(root) else resolved)


def _summary(recordings: Sequence[Recording]) -> str:
    counts = Counter(r.split for r in recordings)
    parts = [f"{counts[s]} {s}" for s in SPLITS]
    speakers = len({r.speaker for r in recordings if r.speaker})
    prompts = len({r.prompt for r in recordings})
    voices = f", {speakers} speakers" if speakers else ""
    return f"{len(recordings)} utterances of {prompts} sentences{voices}: {', '.join(parts)}"
