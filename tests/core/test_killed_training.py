"""Trainings of both models that are killed with SIGKILL go on exactly as if nothing had been."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.training_state import load_state, newest_state, state_step

SCRIPT = Path(__file__).parents[1] / "killed_trainings.py"
STEPS = 12

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def run(directory, kills):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(directory), str(kills)],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    logs = "".join(p.read_text()[-2000:] for p in directory.glob("*/log"))
    assert done.returncode == 0, done.stderr + logs


def losses(path):
    """Every loss that was seen at each step."""
    found = defaultdict(set)
    for line in path.read_text().splitlines():
        step, _, value = line.partition(" ")
        found[int(step)].add(value)
    return found


def tensors(tree, where=""):
    """The tensors of a tree by their place in it."""
    if isinstance(tree, torch.Tensor):
        yield where, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from tensors(value, f"{where}/{key}")
    elif isinstance(tree, list):
        for key, value in enumerate(tree):
            yield from tensors(value, f"{where}/{key}")


def assert_same(directory):
    straight, killed = (losses(directory / f"{name}.losses") for name in ("straight", "killed"))
    assert sorted(straight) == sorted(killed) == list(range(STEPS))
    assert dict(killed) == dict(straight)
    states = [load_state(newest_state(directory / name)) for name in ("straight", "killed")]
    parts = ("state_dict", "current_model_state", "averaging_state", "optimizer_states")
    for part in parts:
        mine, theirs = (dict(tensors(state[part])) for state in states)
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine), part
    assert states[0]["lr_schedulers"] == states[1]["lr_schedulers"]
    assert state_step(newest_state(directory / "killed")) == STEPS
    weights = [load_file(directory / n / "weights.safetensors") for n in ("straight", "killed")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not list((directory / "killed").glob(".*"))


@pytest.fixture(scope="module")
def trainings(tmp_path_factory):
    directory = tmp_path_factory.mktemp("trainings")
    run(directory, kills=3)
    return directory


@pytest.mark.parametrize("model", ["acoustic", "vocoder"])
def test_killed_training_equals_a_straight_one(trainings, model):
    """Losses, weights, averages and optimiser, bit for bit, mid-epoch."""
    assert_same(trainings / model)


@pytest.mark.slow
def test_training_survives_thirty_kills(tmp_path):
    """Fifteen of each model, wherever they fall."""
    run(tmp_path, kills=15)
    for model in ("acoustic", "vocoder"):
        assert_same(tmp_path / model)
