"""A corpus ready for training: one flat file of samples and one line of facts an utterance.

A store is a directory with, for each split, `<split>.i16` (mono 16-bit samples, one utterance after
another) and `<split>.jsonl` (its utterances in the same order), beside `store.json` (the format,
the sample rate and what every utterance was made with). Mels are computed from the samples when a
model asks for them, so a store can never hold mels of another kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.errors import InputError
from core.files import atomic_write

FORMAT = 1
HEADER = "store.json"


@dataclass(frozen=True)
class Utterance:
    """One recording and what is known of it.

    Attributes:
        id: Unique name.
        samples: Length in samples.
        text: What is said.
        ids: Phoneme ids.
        speaker: Speaker name, "" in a corpus of one speaker.
        offset: First sample in the split's flat file.
        extra: Further facts (phonemes, prompt).
    """

    id: str
    samples: int
    text: str = ""
    ids: list[int] = field(default_factory=list)
    speaker: str = ""
    offset: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


def write_split(
    directory: Path, split: str, items: Iterable[tuple[Utterance, np.ndarray]]
) -> list[Utterance]:
    """Write one split, utterance by utterance, in bounded memory.

    Args:
        directory: The store; made when missing.
        split: "train", "valid" or "test".
        items: Utterances with their float waveforms (L,) in [-1, 1].

    Returns:
        The utterances with offset and length filled in.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written: list[Utterance] = []
    offset = 0
    with atomic_write(directory / f"{split}.i16") as audio, audio.open("wb") as stream:
        for utterance, waveform in items:
            samples = np.round(np.clip(waveform, -1.0, 1.0) * 32767.0).astype("<i2")
            stream.write(samples.tobytes())
            facts = {**utterance.__dict__, "offset": offset, "samples": len(samples)}
            written.append(Utterance(**facts))
            offset += len(samples)
    with atomic_write(directory / f"{split}.jsonl") as lines:
        text = "".join(json.dumps(u.__dict__, ensure_ascii=False) + "\n" for u in written)
        lines.write_text(text, encoding="utf-8")
    return written


def write_header(directory: Path, sample_rate_hz: int, **facts: Any) -> None:
    """Write `store.json`; it comes last, so a store with a header is complete."""
    with atomic_write(directory / HEADER) as path:
        header = {"format": FORMAT, "sample_rate_hz": sample_rate_hz, **facts}
        path.write_text(json.dumps(header, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_header(directory: Path) -> dict[str, Any]:
    """Read `store.json`.

    Raises:
        InputError: The directory holds no complete store of this format.
    """
    path = directory / HEADER
    if not path.is_file():
        raise InputError(
            f"{directory} is no feature store (no store.json): run the recipe's stage 2"
        )
    try:
        header: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}): run the recipe's stage 2 again") from error
    if header.get("format") != FORMAT:
        raise InputError(f"{path} has format {header.get('format')!r}; this version reads {FORMAT}")
    return header


class UtteranceStore:
    """One split of a store, its samples mapped into memory.

    Args:
        directory: The store.
        split: "train", "valid" or "test".

    Raises:
        InputError: The store or the split is missing, or the samples do not match the facts.
    """

    def __init__(self, directory: Path | str, split: str) -> None:
        directory = Path(directory)
        self.header = read_header(directory)
        self.sample_rate_hz: int = self.header["sample_rate_hz"]
        facts, audio = directory / f"{split}.jsonl", directory / f"{split}.i16"
        if not (facts.is_file() and audio.is_file()):
            raise InputError(f"{directory} has no split {split!r}: run the recipe's stage 2")
        # Not splitlines: a transcript may hold a Unicode line separator.
        lines = facts.read_text(encoding="utf-8").split("\n")
        self.utterances = [Utterance(**json.loads(line)) for line in lines if line]
        total = sum(u.samples for u in self.utterances)
        if audio.stat().st_size != 2 * total:
            raise InputError(
                f"{audio} holds {audio.stat().st_size // 2} samples where {facts.name} counts "
                f"{total}: run the recipe's stage 2 again"
            )
        self._samples = np.memmap(audio, dtype="<i2", mode="r") if total else np.zeros(0, "<i2")

    def __len__(self) -> int:
        return len(self.utterances)

    @property
    def total_samples(self) -> int:
        """Samples of the whole split."""
        return len(self._samples)

    def waveform(self, index: int) -> Tensor:
        """The samples of one utterance, (L,) float32 in [-1, 1]."""
        utterance = self.utterances[index]
        return self.window(utterance.offset, utterance.samples)

    def window(self, start: int, samples: int) -> Tensor:
        """A stretch of the split read as one stream, (samples,) float32 in [-1, 1]."""
        piece = np.asarray(self._samples[start : start + samples], dtype=np.float32)
        return torch.from_numpy(piece) / 32767.0
