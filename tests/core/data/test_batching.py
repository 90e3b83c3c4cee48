"""Batches: a function of seed and step, of bounded size, that forgets nobody."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.batching import BatchPlan, BatchSequence, StepSampler

LENGTHS = tuple(np.random.default_rng(0).integers(10, 100, 200).tolist())


@settings(deadline=None, max_examples=50)
@given(
    lengths=st.lists(st.integers(1, 100), min_size=1, max_size=60),
    most=st.integers(1, 500),
    seed=st.integers(0, 2**31 - 1),
    join=st.floats(0, 1),
    epoch=st.integers(0, 5),
)
def test_epoch_holds_every_utterance_once(
    lengths: list[int], most: int, seed: int, join: float, epoch: int
) -> None:
    """However items are joined and batched, each index stands in an epoch exactly once."""
    batches = BatchPlan(lengths, most, seed, join).epoch(epoch)
    assert sorted(i for batch in batches for item in batch for i in item) == list(
        range(len(lengths))
    )
    for batch in batches:
        longest = max(sum(lengths[i] for i in item) for item in batch)
        # An item that is too long by itself is a batch of one.
        assert len(batch) == 1 or longest * len(batch) <= most


def test_epochs_differ_and_seeds_differ() -> None:
    """Shuffling shuffles."""
    plan = BatchPlan(LENGTHS, 1000, seed=1)
    assert plan.epoch(0) != plan.epoch(1)
    assert plan.epoch(0) != BatchPlan(LENGTHS, 1000, seed=2).epoch(0)
    assert plan.epoch(3) == BatchPlan(LENGTHS, 1000, seed=1).epoch(3)


def test_batches_hold_items_of_like_length() -> None:
    """Padding is what bucketing is for: with it at most a fifth of a batch is padding."""
    batches = BatchPlan(LENGTHS, 1000).epoch(0)
    real = sum(LENGTHS[i] for batch in batches for item in batch for i in item)
    padded = sum(len(b) * max(LENGTHS[i] for item in b for i in item) for b in batches)
    assert real / padded > 0.8


def test_joining_keeps_speakers_apart() -> None:
    """An item of several utterances has one speaker, and there are such items."""
    groups = ["ab"[i % 2] for i in range(200)]
    batches = BatchPlan(LENGTHS, 1000, join_probability=1.0, groups=groups).epoch(0)
    items = [item for batch in batches for item in batch]
    assert any(len(item) > 1 for item in items)
    assert max(map(len, items)) <= 3
    assert all(len({groups[i] for i in item}) == 1 for item in items)


def test_sequence_gives_a_step_the_same_batch_whatever_came_before() -> None:
    """A training that goes on at step n sees what one that ran through to n sees."""
    plan = BatchPlan(LENGTHS, 1000, seed=5, join_probability=0.3)
    straight = BatchSequence(plan)
    batches = [straight[n] for n in range(60)]
    assert BatchSequence(plan)[41] == batches[41]
    assert straight[7] == batches[7]
    assert straight[59] == batches[59]


def test_sampler_goes_on_and_still_counts_the_whole() -> None:
    """The steps left are iterated, the length is that of the whole training."""
    sampler = StepSampler(10, 7)
    assert list(sampler) == [7, 8, 9]
    assert len(sampler) == 10
