"""Which utterances make up training step n: a pure function of the seed and of n.

Because nothing else decides it, a training that was killed goes on with exactly the batches that
it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset, Sampler


@dataclass(frozen=True)
class BatchPlan:
    """Endless bucketed batches over a corpus.

    Each epoch shuffles the utterances, joins some of them into longer ones, sorts the result in
    buckets by length, cuts the buckets into batches of bounded padded size and shuffles those.

    Attributes:
        lengths: Length of each utterance, in any unit.
        max_length: Largest padded size of a batch (items x longest item), in that unit.
        seed: Seed of every shuffle.
        join_probability: Probability that an item is two or three utterances in a row.
        groups: A label an utterance; only utterances of one label are joined (speakers).
        max_items: Most items in a batch.
    """

    lengths: Sequence[int]
    max_length: int
    seed: int = 0
    join_probability: float = 0.0
    groups: Sequence[str] | None = None
    max_items: int = 256

    def epoch(self, epoch: int) -> list[list[tuple[int, ...]]]:
        """The batches of one epoch: lists of items, an item being the indices it joins."""
        rng = np.random.default_rng([self.seed, epoch])
        items = self._join(rng.permutation(len(self.lengths)).tolist(), rng)
        size = {item: sum(self.lengths[i] for i in item) for item in items}
        # A bucket of many batches keeps padding low while its members change every epoch.
        items.sort(key=lambda item: size[item] * rng.uniform(0.95, 1.05))
        batches: list[list[tuple[int, ...]]] = [[]]
        longest = 0
        for item in items:
            longest = max(longest, size[item])
            batch = batches[-1]
            if batch and (
                longest * (len(batch) + 1) > self.max_length or len(batch) == self.max_items
            ):
                batches.append([])
                longest = size[item]
            batches[-1].append(item)
        return [batches[i] for i in rng.permutation(len(batches))]

    def _join(self, order: list[int], rng: np.random.Generator) -> list[tuple[int, ...]]:
        items: list[tuple[int, ...]] = []
        while order:
            first = order.pop()
            joined = [first]
            if rng.random() < self.join_probability:
                for _ in range(int(rng.integers(1, 3))):
                    if order and (
                        self.groups is None or self.groups[order[-1]] == self.groups[first]
                    ):
                        joined.append(order.pop())
            items.append(tuple(joined))
        return items

    def _alike(self, one: int, other: int) -> bool:
        return self.groups is None or self.groups[one] == self.groups[other]


class BatchSequence:
    """The batches of a plan, epoch after epoch, by step number.

    Args:
        plan: What decides each epoch.
    """

    def __init__(self, plan: BatchPlan) -> None:
        self.plan = plan
        self._enter(0, 0)

    def __getitem__(self, step: int) -> list[tuple[int, ...]]:
        """The batch of one step; stepping forward costs nothing, going back starts over."""
        if step < self._start:
            self._enter(0, 0)
        while step >= self._start + len(self._batches):
            self._enter(self._epoch + 1, self._start + len(self._batches))
        return self._batches[step - self._start]

    def _enter(self, epoch: int, start: int) -> None:
        self._epoch, self._start = epoch, start
        self._batches = self.plan.epoch(epoch)


class StepSampler(Sampler[int]):
    """Yields the numbers of the batches that a training still needs, for exact resume.

    Processes that train together take turns: step n of process r of w is batch n * w + r.

    Args:
        total: Steps of the whole training (what `len` says, so that progress stays right).
        first: First step still to do.
        rank: Number r of this process.
        processes: How many train together, w.
    """

    def __init__(self, total: int, first: int = 0, rank: int = 0, processes: int = 1) -> None:
        self.total, self.first = total, first
        self.rank, self.processes = rank, processes

    def __iter__(self) -> Iterator[int]:
        last = self.total * self.processes
        return iter(range(self.first * self.processes + self.rank, last, self.processes))

    def __len__(self) -> int:
        return self.total


def step_loader(dataset: Dataset[Any], sampler: StepSampler, workers: int) -> DataLoader[Any]:
    """A loader whose batches, already put together, are those of the sampler's numbers.

    Args:
        dataset: Maps a number to a batch.
        sampler: Which.
        workers: Processes that prepare batches ahead; 0 prepares them in this one.
    """
    return DataLoader(
        dataset,
        batch_size=None,
        sampler=sampler,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
