"""Reflow pairs as training reads them."""

from __future__ import annotations

from pathlib import Path

from pydantic import model_validator
from safetensors import safe_open
from torch import Tensor

from core.audio.mel import MelSpec
from core.config import Config, load_config
from core.data.pairs import FACTS, PairFacts, PairItem, read_items
from core.data.store import UtteranceStore
from core.errors import InputError


class Source(Config):
    """Where the data of a training come from; one of the two.

    Attributes:
        features: A feature store of recordings.
        pairs: A directory of reflow pairs.
    """

    features: Path | None = None
    pairs: Path | None = None

    @model_validator(mode="after")
    def _one(self) -> Source:
        if (self.features is None) == (self.pairs is None):
            raise InputError("name either features or pairs, and only one of them")
        return self

    def store(self, split: str) -> UtteranceStore:
        """A split of the feature store.

        Raises:
            InputError: There is none.
        """
        if self.features is None:
            raise InputError("data.features is missing")
        return UtteranceStore(self.features, split)


class PairStore:
    """The pairs of a directory, complete, each once.

    Args:
        directory: Where they are.
        kind: Of the model that they are for.
        spec: Its mel contract.

    Raises:
        InputError: There are none, or not all of them, or a pair twice; they are another kind of
            model's or of another mel contract; or a part is damaged.
    """

    def __init__(self, directory: Path, kind: str, spec: MelSpec) -> None:
        if not (directory / FACTS).is_file():
            raise InputError(f"{directory} holds no pairs (no {FACTS}): make them with reflow")
        self.directory = directory
        self.facts = load_config(directory / FACTS, PairFacts)
        if self.facts.kind != kind:
            raise InputError(f"{directory} holds pairs of the {self.facts.kind}, not the {kind}")
        spec.require_same(self.facts.mel, ours="the experiment's mel", theirs="the pairs' mel")
        found: dict[int, tuple[PairItem, Path]] = {}
        for path in sorted(directory.glob("part-*.safetensors")):
            for item in read_items(path):
                if item.number in found:
                    raise InputError(f"{directory} holds pair {item.number} twice: make it again")
                found[item.number] = item, path
        missing = self.facts.items - len(found)
        if missing or sorted(found) != list(range(self.facts.items)):
            raise InputError(
                f"{directory} holds {len(found)} of {self.facts.items} pairs: "
                "run the same reflow command again to complete them"
            )
        self.items = [found[number][0] for number in range(self.facts.items)]
        self._paths = [found[number][1] for number in range(self.facts.items)]

    def __len__(self) -> int:
        return len(self.items)

    def tensors(self, number: int) -> dict[str, Tensor]:
        """All tensors of a pair, as they were written."""
        prefix = f"{number}."
        with safe_open(self._paths[number], framework="pt") as file:
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
            return {name.removeprefix(prefix): file.get_tensor(name) for name in names}

    def window(self, number: int, name: str, start: int, stop: int) -> Tensor:
        """A stretch of a pair's tensor along time, its last axis."""
        with safe_open(self._paths[number], framework="pt") as file:
            piece: Tensor = file.get_slice(f"{number}.{name}")[..., start:stop]
            return piece

    def split(self, every: int = 50) -> tuple[list[int], list[int]]:
        """Numbers of the pairs to train on and of those held out, by whole utterances.

        Args:
            every: One utterance of so many is held out, at least one.

        Raises:
            InputError: There is only one utterance.
        """
        names = list(dict.fromkeys(item.id for item in self.items))
        if len(names) < 2:
            raise InputError(f"{self.directory} holds pairs of one utterance only: make more")
        held_out = set(names[every // 2 :: every] or names[-1:])
        numbers = range(len(self.items))
        train = [n for n in numbers if self.items[n].id not in held_out]
        return train, [n for n in numbers if self.items[n].id in held_out]
