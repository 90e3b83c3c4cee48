"""Where the phonemes of a corpus lie, from files in place of alignment search alone.

A table gives the frames of every phoneme. A TextGrid of the Montreal Forced Aligner gives words:
its phones are another alphabet than our symbols and need not be as many, so only the boundaries of
words are taken, and alignment search finds the phonemes inside them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from core.audio.mel import MelSpec
from core.data.store import Utterance
from core.errors import InputError
from tts.textgrid import Interval, read_textgrid

SILENCES = {"", "sil", "sp", "<eps>", "<sil>"}
UNKNOWN = {"<unk>"}


class GivenDurations:
    """Durations of a corpus, by the ids of its utterances.

    Args:
        path: A directory of TextGrid files, one an utterance, named by its id, in any
            subdirectories; or a table of the frames of every phoneme: lines
            `{"id": "a1", "frames": [3, 5]}` in a `.jsonl`, or `a1<TAB>3 5` in a `.tsv`.

    Raises:
        InputError: The path is none of these, or names an utterance twice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.grids: dict[str, Path] = {}
        self.table: dict[str, list[int]] = {}
        if path.is_dir():
            for file in sorted(path.rglob("*.TextGrid")):
                if file.stem in self.grids:
                    raise InputError(f"{self.grids[file.stem]} and {file} are of one utterance")
                self.grids[file.stem] = file
        else:
            self.table = _read_table(path)

    def windows(self, utterance: Utterance, spec: MelSpec) -> Tensor:
        """Frames that each phoneme of an utterance may have.

        Args:
            utterance: Of a feature store.
            spec: Gives the frames.

        Returns:
            First frame of each id and the one after its last, (N, 2) int64, ascending.

        Raises:
            InputError: There are no durations for the utterance, they do not sum to its frames (one
                more or less is mended at the end), or its words are others.
        """
        if utterance.id in self.grids:
            return _from_textgrid(utterance, self.grids[utterance.id], spec)
        if utterance.id in self.table:
            return _from_frames(utterance, self.table[utterance.id], spec)
        raise InputError(f"{self.path} has no durations for utterance {utterance.id}")


def mend(frames: Sequence[int], total: int, where: str) -> list[int]:
    """Durations that sum to a number of frames: one too few or too many is mended at the end.

    Raises:
        InputError: They sum to another number.
    """
    mended, missing = list(frames), total - sum(frames)
    if abs(missing) > 1:
        raise InputError(f"{where} has {total} frames and durations that sum to {sum(frames)}")
    last = max(n for n, count in enumerate(mended) if count or missing >= 0)
    mended[last] += missing
    return mended


def _frames(utterance: Utterance, spec: MelSpec) -> int:
    return -(-utterance.samples // spec.hop_samples)


def _read_table(path: Path) -> dict[str, list[int]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no table of durations: it is not UTF-8 text") from error
    if path.suffix not in (".jsonl", ".tsv"):
        raise InputError(f"durations {path} must be a .jsonl, a .tsv or a directory of TextGrids")
    table: dict[str, list[int]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            name, frames = _row(line, path.suffix)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}, line {number}: {line[:40]!r} is no id with a list of whole frames"
            ) from error
        if name in table:
            raise InputError(f"{path}, line {number}: utterance {name} stands there twice")
        table[name] = frames
    return table


def _row(line: str, suffix: str) -> tuple[str, list[int]]:
    if suffix == ".tsv":
        name, _, rest = line.partition("\t")
        frames = [int(word) for word in rest.split()]
    else:
        row = json.loads(line)
        name, frames = row["id"], row["frames"]
    whole = all(type(count) is int and count >= 0 for count in frames)
    if not (isinstance(name, str) and name and frames and whole):
        raise ValueError(line)
    return name, list(frames)


def _from_frames(utterance: Utterance, frames: Sequence[int], spec: MelSpec) -> Tensor:
    if len(frames) != len(utterance.ids):
        raise InputError(
            f"utterance {utterance.id} has {len(utterance.ids)} phonemes and "
            f"{len(frames)} durations"
        )
    mended = mend(frames, _frames(utterance, spec), f"utterance {utterance.id}")
    ends = torch.tensor(mended).cumsum(0)
    return torch.stack([ends - torch.tensor(mended), ends], dim=1)


def _from_textgrid(utterance: Utterance, path: Path, spec: MelSpec) -> Tensor:
    grid = read_textgrid(path)
    recording = utterance.extra.get("recording")
    if "words" not in utterance.extra or recording is None:
        raise InputError(
            "the features do not say where their words are: run the recipe's stage 2 again"
        )
    per_second = spec.sample_rate_hz / spec.hop_samples
    whole = round(recording["seconds"] * per_second)
    if abs(round(grid.seconds * per_second) - whole) > 1:
        raise InputError(
            f"the recording of utterance {utterance.id} has {whole} frames and {path} "
            f"{round(grid.seconds * per_second)}"
        )
    said = [i for i in _words_tier(grid.tiers, path) if i.text not in SILENCES]
    total = _frames(utterance, spec)

    def frame(seconds: float) -> int:
        # The store's audio may begin later than the recording.
        inside = round((seconds - recording["start_seconds"]) * per_second)
        return min(max(inside, 0), total)

    windows = torch.zeros(len(utterance.ids), 2, dtype=torch.long)
    groups = match_words(utterance.extra["words"], said, f"utterance {utterance.id}, {path}")
    # What stands between two words has what time there is between them.
    reached = position = 0
    for start, end, begins, ends in groups:
        windows[position:start] = torch.tensor([reached, frame(begins)])
        windows[start:end] = torch.tensor([frame(begins), frame(ends)])
        position, reached = end, frame(ends)
    windows[position:] = torch.tensor([reached, total])
    return windows


def _words_tier(tiers: Mapping[str, list[Interval]], path: Path) -> list[Interval]:
    # The aligner names tiers "words" or, with speakers, "anna - words".
    found = [name for name in tiers if name == "words" or name.endswith(" - words")]
    if len(found) != 1:
        raise InputError(
            f"{path} has the tiers {', '.join(tiers) or 'none'}; one tier of words is wanted"
        )
    return tiers[found[0]]


def match_words(
    ours: Sequence[tuple[str, int, int]], theirs: Sequence[Interval], where: str
) -> list[tuple[int, int, float, float]]:
    """Match the words of a text with those of a TextGrid by their letters.

    Words that one of them writes together are taken together; `<unk>` stands for any word.

    Args:
        ours: Each word with the range of its ids.
        theirs: The words in time.
        where: For the error's sentence.

    Returns:
        Ranges of ids with the seconds they last, ascending.

    Raises:
        InputError: The words differ; the first difference is named.
    """
    ours = [word for word in ours if _letters(word[0])]
    groups = []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        next_i, next_j = i + 1, j + 1
        mine, other = _letters(ours[i][0]), _letters(theirs[j].text)
        while mine != other and theirs[j].text not in UNKNOWN:
            if mine.startswith(other) and next_j < len(theirs):
                other += _letters(theirs[next_j].text)
                next_j += 1
            elif other.startswith(mine) and next_i < len(ours):
                mine += _letters(ours[next_i][0])
                next_i += 1
            else:
                raise _differing(where, ours[i][0], theirs[j].text)
        start, end = ours[i][1], ours[next_i - 1][2]
        seconds = theirs[j].start_seconds, theirs[next_j - 1].end_seconds
        if start < end:
            groups.append((start, end, *seconds))
        i, j = next_i, next_j
    if i < len(ours) or j < len(theirs):
        left = ours[i][0] if i < len(ours) else None
        raise _differing(where, left, theirs[j].text if j < len(theirs) else None)
    return groups


def _differing(where: str, ours: str | None, theirs: str | None) -> InputError:
    mine = f"the text says {ours!r}" if ours else "the text has ended"
    other = f"the TextGrid {theirs!r}" if theirs else "the TextGrid has ended"
    return InputError(f"{where}: the words differ, {mine} where {other}")


def _letters(word: str) -> str:
    return "".join(c for c in word.casefold() if c.isalnum())
