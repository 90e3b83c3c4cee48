"""Reflow pairs: every pair once, whole, unchanged, and made with one set of facts."""

from __future__ import annotations

import shutil

import pytest
import torch

from core.config import load_config
from core.data.pair_store import PairStore, Source
from core.data.pairs import (
    FACTS,
    PairFacts,
    PairItem,
    begin,
    item_seed,
    make_pairs,
    plan_parts,
    write_part,
)
from core.errors import InputError
from tests import tiny

LENGTHS = [30, 50, 10, 40, 40, 20, 60]


def facts(**changes):
    return PairFacts(
        **{
            "kind": "vocoder", "teacher": "0" * 64, "mel": tiny.SPEC, "corpus": "1" * 64,
            "split": "train", "items": len(LENGTHS), "items_per_part": 2, "prior": "mel",
            "temperature": 1.0, "method": "euler", "grid": "uniform", "steps": 4,
            "evaluations": 4, "seed": 0, **changes,
        }
    )  # fmt: skip


def pair(number):
    """A pair whose tensors are a function of its number."""
    draw = tiny.generator(number)
    item = PairItem(number, f"u{number}", LENGTHS[number], item_seed(0, number), 4, (1, 2), "ann")
    shapes = {"x_0": (LENGTHS[number] * 16,), "x_1": (LENGTHS[number] * 16,)}
    tensors = {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}
    return item, tensors | {"mel": torch.randn(6, LENGTHS[number], generator=draw)}


def write(directory, shard=(0, 1), seen=None, **changes):
    def make(numbers):
        if seen is not None:
            seen.extend(numbers)
        return [pair(number) for number in numbers]

    begin(directory, facts(**changes))
    return make_pairs(directory, plan_parts(LENGTHS, 2), make, shard)


def test_parts_hold_every_pair_once_neighbours_in_length():
    """A partition, whatever the number a part holds; the longest come first."""
    for size in (1, 2, 3, 100):
        parts = plan_parts(LENGTHS, size)
        assert sorted(n for part in parts for n in part) == list(range(7))
        assert max(map(len, parts)) <= size
    assert plan_parts(LENGTHS, 3) == [[6, 1, 3], [4, 0, 5], [2]]


def test_pairs_come_back_bit_for_bit(tmp_path):
    """Tensors, windows of them, and what is known of each pair."""
    write(tmp_path)
    store = PairStore(tmp_path, "vocoder", tiny.SPEC)
    for number in range(7):
        item, tensors = pair(number)
        assert store.items[number] == item
        read = store.tensors(number)
        assert read.keys() == tensors.keys()
        assert all(torch.equal(read[name], tensors[name]) for name in tensors)
        assert all(tensor.dtype == torch.float32 for tensor in read.values())
        assert torch.equal(store.window(number, "x_1", 16, 48), tensors["x_1"][16:48])
        assert torch.equal(store.window(number, "mel", 1, 3), tensors["mel"][:, 1:3])


@pytest.mark.parametrize("shards", [1, 2, 3, 9])
def test_shards_share_the_work_and_make_the_same_files(tmp_path, shards):
    """Nothing twice, nothing left out, and the bytes do not depend on who made them."""
    write(tmp_path / "one")
    seen: list[int] = []
    for shard in range(shards):
        write(tmp_path / "many", (shard, shards), seen)
    assert sorted(seen) == list(range(7))
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "many").iterdir())
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "many" / name).read_bytes()


def test_finished_parts_are_not_made_again(tmp_path):
    """Only what is missing or damaged; what a killed process left half-written goes."""
    write(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("part-*")}
    seen: list[int] = []
    assert write(tmp_path, seen=seen) == 0
    assert seen == []
    (tmp_path / "part-00001.safetensors").unlink()
    damaged = tmp_path / "part-00002.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-7])
    leftover = tmp_path / ".part-00001.x2y.safetensors"
    leftover.write_bytes(b"half")
    assert write(tmp_path, seen=seen) == 4
    assert seen == [n for part in plan_parts(LENGTHS, 2)[1:3] for n in part]
    assert {path.name: path.read_bytes() for path in tmp_path.glob("part-*")} == before
    assert not leftover.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("teacher", "2" * 64), ("steps", 8), ("method", "rk4"), ("seed", 3), ("temperature", 0.5),
        ("consistency_rounds", 5), ("corpus", "3" * 64), ("prior", "white"), ("draws", 2),
    ],
)  # fmt: skip
def test_other_facts_are_refused_by_name(tmp_path, name, value):
    """Pairs of two teachers, solvers or noises never share a directory."""
    write(tmp_path)
    with pytest.raises(InputError, match=f"made with {name} "):
        write(tmp_path, **{name: value})
    assert load_config(tmp_path / FACTS, PairFacts) == facts()


def test_pairs_without_facts_are_refused(tmp_path):
    """They could be anything."""
    write(tmp_path)
    (tmp_path / FACTS).unlink()
    with pytest.raises(InputError, match="no pairs.yaml"):
        write(tmp_path)
    with pytest.raises(InputError, match="holds no pairs"):
        PairStore(tmp_path, "vocoder", tiny.SPEC)


def test_incomplete_pairs_are_refused(tmp_path):
    """With how many are there, and what to do."""
    write(tmp_path)
    (tmp_path / "part-00003.safetensors").unlink()
    with pytest.raises(InputError, match="holds 6 of 7 pairs: run the same reflow command again"):
        PairStore(tmp_path, "vocoder", tiny.SPEC)


def test_pair_that_is_there_twice_is_refused(tmp_path):
    """As when parts of two sizes were mixed by hand."""
    write(tmp_path)
    first = tmp_path / "part-00000.safetensors"
    shutil.copyfile(first, tmp_path / "part-00009.safetensors")
    with pytest.raises(InputError, match="twice"):
        PairStore(tmp_path, "vocoder", tiny.SPEC)


def test_pairs_of_another_contract_or_kind_are_refused(tmp_path):
    """The field that differs is named."""
    write(tmp_path)
    other = tiny.SPEC.model_copy(update={"hop_samples": 8})
    with pytest.raises(InputError, match="hop_samples is 8"):
        PairStore(tmp_path, "vocoder", other)
    with pytest.raises(InputError, match="pairs of the vocoder, not the acoustic"):
        PairStore(tmp_path, "acoustic", tiny.SPEC)


def test_values_that_are_not_finite_are_not_written(tmp_path):
    """A diverged teacher is found out at once."""
    item, tensors = pair(2)
    tensors["x_1"][3] = torch.nan
    with pytest.raises(InputError, match="x_1 of u2 is not finite"):
        write_part(tmp_path / "part-00000.safetensors", [(item, tensors)])
    assert not list(tmp_path.iterdir())


def test_whole_utterances_are_held_out(tmp_path):
    """Training and validation share none, however many draws each has, and miss none."""
    write(tmp_path)
    store = PairStore(tmp_path, "vocoder", tiny.SPEC)
    names = ["a", "a", "b", "b", "c", "c", "d"]
    store.items = [
        PairItem(i.number, name, i.frames, i.seed, i.evaluations)
        for i, name in zip(store.items, names, strict=True)
    ]
    for every in (2, 3, 50):
        train, held_out = store.split(every)
        assert sorted(train + held_out) == list(range(7))
        assert held_out
        assert not {names[n] for n in train} & {names[n] for n in held_out}
    assert store.split(2)[1] == [2, 3, 6]


def test_seeds_differ_between_pairs_and_runs():
    """And are the same tomorrow."""
    seeds = {item_seed(seed, number) for seed in range(3) for number in range(500)}
    assert len(seeds) == 1500
    assert item_seed(0, 0) == 2968811710


def test_source_is_features_or_pairs(tmp_path):
    """One of them, and only one."""
    for given in ({}, {"features": tmp_path, "pairs": tmp_path}):
        with pytest.raises(ValueError, match="either features or pairs"):
            Source(**given)
    with pytest.raises(InputError, match="features is missing"):
        Source(pairs=tmp_path).store("train")
