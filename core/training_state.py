"""The whole state of a training in one safetensors file.

A training checkpoint is a tree of dictionaries and lists with tensors and plain values as leaves.
Its tensors become the file's tensors; everything else becomes JSON in the file's metadata, in
which each tensor is replaced by a reference. One file, so that one rename makes it complete, and
no pickle, so that a state from a stranger can do no more than be wrong.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.errors import InputError
from core.files import atomic_write

TENSOR, PAIRS = "__tensor__", "__pairs__"


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state atomically.

    Args:
        path: The file.
        state: A tree of dicts, lists, tuples, tensors, numbers, strings, booleans and None.

    Raises:
        TypeError: A leaf is of another type; the message names where it hangs.
        OSError: The disk is full or read-only; the file that was there is unharmed.
    """
    tensors: dict[str, Tensor] = {}
    skeleton = json.dumps(_strip(state, tensors, "state"))
    with atomic_write(path) as temporary:
        try:
            save_file(tensors, temporary, metadata={"state": skeleton})
        except SafetensorError as error:
            raise OSError(f"cannot write {path}: {error}") from error


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote, on the CPU; tuples come back as lists.

    Raises:
        InputError: The file is missing, damaged or something else.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        state = _fill(json.loads(metadata["state"]), tensors)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is not a readable training state: {error}") from error
    if not isinstance(state, dict):
        raise InputError(f"{path} is not a readable training state: it holds no keys")
    return state


def _strip(value: Any, tensors: dict[str, Tensor], where: str) -> Any:
    if isinstance(value, Tensor):
        # A copy, because safetensors refuses tensors that share memory.
        tensors[where] = value.detach().cpu().clone().contiguous()
        return {TENSOR: where}
    if isinstance(value, dict):
        pairs = [[k, _strip(v, tensors, f"{where}/{k}")] for k, v in value.items()]
        # JSON would turn the integer keys of optimiser states into strings.
        plain = all(isinstance(k, str) for k, _ in pairs)
        return dict(pairs) if plain else {PAIRS: pairs}
    if isinstance(value, list | tuple):
        return [_strip(v, tensors, f"{where}/{i}") for i, v in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{where} is a {type(value).__name__}, which a training state cannot hold")


def _fill(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_fill(v, tensors) for v in value]
    if not isinstance(value, dict):
        return value
    if TENSOR in value:
        return tensors[value[TENSOR]]
    if PAIRS in value:
        return {k: _fill(v, tensors) for k, v in value[PAIRS]}
    return {k: _fill(v, tensors) for k, v in value.items()}


def state_path(directory: Path, step: int) -> Path:
    """Where the state after a step goes."""
    return directory / f"step{step:07d}.safetensors"


def state_step(path: Path) -> int:
    """The step that a state's name says it was taken after."""
    digits = re.match(r"step(\d+)", path.name)
    return int(digits[1]) if digits else 0


def list_states(directory: Path) -> list[Path]:
    """The states of a directory, readable or not, from the first step to the last."""
    # Not by date: a copied directory has other dates.
    found = directory.glob("step*.safetensors")
    return sorted(found, key=lambda path: (state_step(path), path.stat().st_mtime))


def newest_state(directory: Path) -> Path | None:
    """The newest readable state of a directory, or None when it holds no state at all.

    Raises:
        InputError: There are states and none can be read.
    """
    states = list_states(directory)
    for path in reversed(states):
        try:
            with safe_open(path, framework="pt") as file:
                if "state" in (file.metadata() or {}):
                    return path
        except (SafetensorError, OSError):
            continue
    if states:
        raise InputError(f"none of the {len(states)} training states in {directory} can be read")
    return None


def remove_leftovers(directory: Path) -> None:
    """Remove what a process that was killed while it saved left unfinished."""
    for pattern in (".step*.safetensors", ".weights*.safetensors"):
        for path in directory.glob(pattern):
            path.unlink(missing_ok=True)
