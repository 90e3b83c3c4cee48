"""Training states: whole, unpickled, and found again."""

from __future__ import annotations

import os
import pickle
import resource
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import InputError
from core.training_state import (
    list_states,
    load_state,
    newest_state,
    remove_leftovers,
    save_state,
    state_path,
    state_step,
)


def state():
    return {
        "epoch": 3,
        "optimizer_states": [
            {
                "state": {
                    0: {"step": torch.tensor(7.0), "exp_avg": torch.ones(2, 3)},
                    5: {},
                },
                "param_groups": [
                    {"lr": 1e-4, "betas": (0.9, 0.98), "fused": True, "foreach": None}
                ],
            }
        ],
        "half": torch.tensor([1.0, -2.0], dtype=torch.bfloat16),
        "empty": torch.zeros(0, 4),
        "name": "tést",
        "numpy": np.float32(0.5),
        "infinite": float("inf"),
    }


@contextmanager
def file_size_limit(size):
    """The disk is full after so many bytes of a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class Marker:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.write_text, (self.path, "ran")


def test_state_comes_back_as_it_was(tmp_path):
    """Integer keys, nested lists, types and values; tuples come back as lists."""
    path = tmp_path / "state.safetensors"
    save_state(path, state())
    found = load_state(path)
    optimiser = found["optimizer_states"][0]
    assert list(optimiser["state"]) == [0, 5]
    assert torch.equal(optimiser["state"][0]["exp_avg"], torch.ones(2, 3))
    assert optimiser["param_groups"][0] == {
        "lr": 1e-4, "betas": [0.9, 0.98], "fused": True, "foreach": None,
    }  # fmt: skip
    assert found["half"].dtype == torch.bfloat16
    assert torch.equal(found["half"], state()["half"])
    assert found["empty"].shape == (0, 4)
    assert (found["epoch"], found["name"], found["numpy"]) == (3, "tést", 0.5)
    assert found["infinite"] == float("inf")


def test_tensors_that_share_memory_are_kept_apart(tmp_path):
    """Views and transposes are stored by value."""
    whole = torch.arange(6.0).reshape(2, 3)
    save_state(tmp_path / "s.safetensors", {"a": whole, "b": whole.T, "c": whole[0]})
    found = load_state(tmp_path / "s.safetensors")
    assert torch.equal(found["b"], whole.T)
    assert torch.equal(found["c"], whole[0])


def test_optimiser_goes_on_from_its_state(tmp_path):
    """AdamW makes the same step from what was stored."""
    models = []
    for restored in (False, True):
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 3)
        optimiser = torch.optim.AdamW(model.parameters(), lr=0.1, betas=(0.8, 0.9))
        for step in range(4):
            if restored and step == 2:
                save_state(tmp_path / "s.safetensors", {"optimiser": optimiser.state_dict()})
                optimiser = torch.optim.AdamW(model.parameters(), lr=0.5)
                optimiser.load_state_dict(load_state(tmp_path / "s.safetensors")["optimiser"])
            optimiser.zero_grad()
            model(torch.arange(3.0)).square().sum().backward()
            optimiser.step()
        models.append(model)
    assert torch.equal(models[0].weight, models[1].weight)


def test_unknown_leaf_is_named(tmp_path):
    """What cannot be stored says where it hangs, and nothing is written."""
    with pytest.raises(TypeError, match="state/a/1 is a set"):
        save_state(tmp_path / "s.safetensors", {"a": [1, {2}]})
    assert list(tmp_path.iterdir()) == []


def test_full_disk_keeps_the_old_state(tmp_path):
    """One line, nothing half-written, and what was there is unharmed."""
    path = tmp_path / "step0000001.safetensors"
    save_state(path, {"a": torch.zeros(10)})
    with file_size_limit(20_000), pytest.raises(OSError, match=".") as caught:
        save_state(path, {"a": torch.ones(100_000)})
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert torch.equal(load_state(path)["a"], torch.zeros(10))


def test_state_needs_a_directory(tmp_path):
    """Where none can be made, an OSError says so."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file"):
        save_state(tmp_path / "file" / "s.safetensors", {})


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_read_only_directory_is_an_os_error(tmp_path):
    """Nothing is written there, and the old state can still be read."""
    path = tmp_path / "step0000001.safetensors"
    save_state(path, {"a": 1})
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OSError, match="ermission"):
            save_state(path, {"a": 2})
    finally:
        tmp_path.chmod(0o700)
    assert load_state(path) == {"a": 1}


@pytest.mark.parametrize("kind", ["pickle", "torch"])
def test_pickle_in_the_place_of_a_state_is_refused(tmp_path, kind):
    """By what it holds, whatever it is called; nothing of it runs."""
    path, marker = tmp_path / "step0000001.safetensors", tmp_path / "marker"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Marker(marker)))
    else:
        torch.save(Marker(marker), path)
    with pytest.raises(InputError, match="not a readable training state"):
        load_state(path)
    with pytest.raises(InputError, match="none of the 1 training states"):
        newest_state(tmp_path)
    assert not marker.exists()


CRAFTED = {
    "no state": {},
    "no json": {"state": "{"},
    "a list": {"state": "[1]"},
    "a missing tensor": {"state": '{"a": {"__tensor__": "b"}}'},
    "a tensor of no name": {"state": '{"a": {"__tensor__": []}}'},
    "pairs of no pairs": {"state": '{"a": {"__pairs__": 3}}'},
    "a key of no kind": {"state": '{"a": {"__pairs__": [[[], 3]]}}'},
    "depth": {"state": '{"a":' * 100_000},
}


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_state_can_only_be_wrong(tmp_path, name):
    """Every other tree is refused with one of our errors."""
    from safetensors.torch import save_file

    path = tmp_path / "step0000001.safetensors"
    save_file({"x": torch.zeros(1)}, path, metadata=CRAFTED[name])
    with pytest.raises(InputError, match="not a readable training state"):
        load_state(path)


def test_truncated_and_flipped_states_fail_cleanly(tmp_path):
    """Cut anywhere, or with a damaged header, a state is refused or read; it never crashes."""
    path = tmp_path / "step0000001.safetensors"
    save_state(path, state())
    whole = path.read_bytes()
    for cut in range(0, len(whole) - 1, max(1, len(whole) // 50)):
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError):
            load_state(path)
    rng = np.random.default_rng(0)
    for position in rng.integers(0, len(whole), 200):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(damaged))
        with suppress(InputError):
            load_state(path)


def test_newest_readable_state_is_chosen(tmp_path):
    """By its step, not by its date; a damaged one is passed over."""
    for step in (5, 20, 100):
        save_state(state_path(tmp_path, step), {"step": step})
    os.utime(state_path(tmp_path, 5), (time.time() + 1000,) * 2)
    assert newest_state(tmp_path) == state_path(tmp_path, 100)
    whole = state_path(tmp_path, 100).read_bytes()
    state_path(tmp_path, 100).write_bytes(whole[:-1])
    assert newest_state(tmp_path) == state_path(tmp_path, 20)
    state_path(tmp_path, 20).write_bytes(b"")
    assert newest_state(tmp_path) == state_path(tmp_path, 5)


def test_other_files_are_no_states(tmp_path):
    """Averaged weights and half-written states do not count."""
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, tmp_path / "weights.safetensors")
    save_file({"x": torch.zeros(1)}, tmp_path / ".step0000001.abc.safetensors")
    assert newest_state(tmp_path) is None
    assert newest_state(tmp_path / "missing") is None


def test_names_carry_the_step(tmp_path):
    """Also those that another program numbered once more."""
    assert state_step(state_path(tmp_path, 42)) == 42
    assert state_step(tmp_path / "step0000042-v1.safetensors") == 42
    for step in (9_999_999, 12_345_678):
        save_state(state_path(tmp_path, step), {})
    assert [state_step(p) for p in list_states(tmp_path)] == [9_999_999, 12_345_678]


def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    """Half-written files go, everything else stays."""
    kept = ["step0000001.safetensors", "weights.safetensors", "config.yaml", ".hidden"]
    left = [".step0000002.x1y2.safetensors", ".weights.a_b.safetensors"]
    for name in (*kept, *left):
        (tmp_path / name).write_text("x")
    remove_leftovers(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(kept)
