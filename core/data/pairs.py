"""Pairs of noise and data that the ODE of a trained flow joins: what reflow trains on.

A directory of pairs holds `pairs.yaml`, what they were made with, and `part-00000.safetensors` and
so on, a few pairs each. Which pairs a part holds is a function of the corpus and the facts alone
and a part is written whole or not at all, so any number of processes can share the work, and one
that was killed leaves nothing but a part still to be made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.audio.mel import MelSpec
from core.config import Config, load_config, save_config
from core.errors import InputError
from core.files import atomic_write

FORMAT = 1
FACTS = "pairs.yaml"
PART = "part-{:05d}.safetensors"


class PairFacts(Config):
    """What the pairs of a directory were made with.

    Attributes:
        format: Of this directory.
        kind: Of the model: "acoustic" or "vocoder".
        teacher: SHA-256 of the file of weights that made them.
        mel: The mel contract.
        symbols: Hash of the symbol table, "" where there are no phonemes.
        corpus: SHA-256 of the split's list of utterances.
        split: Of the feature store.
        items: Pairs in all.
        draws: Pairs of each utterance, with different noise.
        items_per_part: Pairs in a file.
        prior: Where the noise comes from.
        temperature: What the noise was multiplied by.
        method: Solver.
        grid: Time grid.
        steps: Solver steps.
        evaluations: Of the network for a pair; null for an adaptive solver, whose pairs each
            know their own.
        consistency_rounds: Mel-consistency rounds at each step.
        final_rounds: Mel-consistency rounds on the finished waveform.
        momentum: Of the rounds.
        seed: Of the noise.
    """

    format: int = Field(FORMAT, ge=1, le=FORMAT)
    kind: str
    teacher: str
    mel: MelSpec
    symbols: str = ""
    corpus: str
    split: str
    items: int = Field(ge=1)
    draws: int = Field(1, ge=1)
    items_per_part: int = Field(ge=1)
    prior: str
    temperature: float = Field(ge=0)
    method: str
    grid: str
    steps: int = Field(ge=1)
    evaluations: int | None
    consistency_rounds: int = Field(0, ge=0)
    final_rounds: int = Field(0, ge=0)
    momentum: float = Field(0.0, ge=0)
    seed: int = Field(ge=0)


@dataclass(frozen=True)
class PairItem:
    """One pair, without its tensors.

    Attributes:
        number: From 0 to `PairFacts.items`; utterance after utterance, draw after draw.
        id: The utterance's name.
        frames: Mel frames.
        seed: Of its noise.
        evaluations: Of the network.
        ids: Phoneme ids of the utterance, () where there are none.
        speaker: Its speaker.
    """

    number: int
    id: str
    frames: int
    seed: int
    evaluations: int
    ids: tuple[int, ...] = ()
    speaker: str = ""


Pair = tuple[PairItem, dict[str, Tensor]]
"""A pair with its tensors: "x_0", "x_1" and what else its kind needs; time is their last axis."""


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits.

    Raises:
        InputError: There is no such file.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    total = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def item_seed(seed: int, number: int) -> int:
    """Seed of a pair's noise, 32 bits."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def plan_parts(lengths: Sequence[int], items_per_part: int) -> list[list[int]]:
    """Which pairs go into which part: neighbours in length, the longest first.

    Args:
        lengths: Of each pair, in any unit.
        items_per_part: Most pairs of a part.
    """
    order = sorted(range(len(lengths)), key=lambda n: (-lengths[n], n))
    return [order[i : i + items_per_part] for i in range(0, len(order), items_per_part)]


def begin(directory: Path, facts: PairFacts) -> None:
    """Write the facts of a directory, or see that they are those it was begun with.

    Raises:
        InputError: It holds pairs made with other facts, or parts without any.
    """
    if not (directory / FACTS).is_file():
        if any(directory.glob("part-*.safetensors")):
            raise InputError(f"{directory} holds pairs and no {FACTS}: name another directory")
        save_config(directory / FACTS, facts)
        return
    made, wanted = load_config(directory / FACTS, PairFacts).model_dump(), facts.model_dump()
    for name, value in wanted.items():
        if made[name] != value:
            raise InputError(
                f"{directory} holds pairs made with {name} {_short(made[name])}, not "
                f"{_short(value)}: name another directory, or the same facts to go on"
            )


def make_pairs(
    directory: Path,
    parts: Sequence[Sequence[int]],
    make: Callable[[Sequence[int]], Sequence[Pair]],
    shard: tuple[int, int] = (0, 1),
    progress: Callable[[int], None] = lambda pairs: None,
) -> int:
    """Make the parts of one shard that are not there yet.

    Args:
        directory: Where `begin` wrote the facts.
        parts: From `plan_parts`.
        make: Makes the pairs of the numbers it is given.
        shard: (i, n): parts i, i + n, i + 2 n and so on.
        progress: Told how many pairs are there with each part.

    Returns:
        Pairs made now.
    """
    made = 0
    for number in range(shard[0], len(parts), shard[1]):
        path = directory / PART.format(number)
        for leftover in directory.glob(f".{path.stem}.*"):
            leftover.unlink(missing_ok=True)
        if not _whole(path):
            write_part(path, make(parts[number]))
            made += len(parts[number])
        progress(len(parts[number]))
    return made


def write_part(path: Path, pairs: Iterable[Pair]) -> None:
    """Write a few pairs, whole or not at all.

    Raises:
        InputError: A pair holds values that are not finite.
        OSError: The disk is full or read-only.
    """
    tensors, items = {}, []
    for item, values in pairs:
        items.append(asdict(item))
        for name, value in values.items():
            if value.is_floating_point() and not bool(value.isfinite().all()):
                raise InputError(f"{name} of {item.id} is not finite and was not saved")
            tensors[f"{item.number}.{name}"] = value.detach().cpu().contiguous()
    with atomic_write(path) as temporary:
        try:
            save_file(tensors, temporary, metadata={"items": json.dumps(items)})
        except SafetensorError as error:
            raise OSError(f"cannot write {path}: {error}") from error


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:16]}..."


def _whole(path: Path) -> bool:
    try:
        read_items(path)
    except InputError:
        return False
    return True


def read_items(path: Path) -> list[PairItem]:
    """The pairs of a part, without their tensors.

    Raises:
        InputError: There is no such part, or it is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            records = json.loads((file.metadata() or {})["items"])
        return [PairItem(**{**record, "ids": tuple(record["ids"])}) for record in records]
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path} is no readable part of pairs: make the pairs again") from error
