"""Vectors that say who speaks, such as x-vectors: a file of them, or one."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file
from torch import Tensor

from core.data.store import Utterance
from core.errors import InputError


def read_speaker_vectors(path: Path) -> dict[str, Tensor]:
    """Read vectors by the id of a speaker or of an utterance.

    Args:
        path: `.npz` or `.safetensors`.

    Returns:
        Vectors (V,) float32, all of one length.

    Raises:
        InputError: The file is neither, or an entry is no vector of finite numbers or longer or
            shorter than the others.
    """
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        elif path.suffix == ".safetensors":
            arrays = load_file(path)
        else:
            raise InputError(f"speaker vectors {path} must be a .npz or .safetensors file")
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, EOFError, zipfile.BadZipFile, SafetensorError) as error:
        raise InputError(f"{path} holds no vectors, or is damaged") from error
    vectors = {name: _checked(array, f"{path}, {name!r}") for name, array in arrays.items()}
    lengths = {name: len(vector) for name, vector in vectors.items()}
    if len(set(lengths.values())) > 1:
        name = next(n for n in lengths if lengths[n] != next(iter(lengths.values())))
        first = next(iter(lengths))
        raise InputError(
            f"{path}: {name!r} has {lengths[name]} numbers where {first!r} has {lengths[first]}"
        )
    return vectors


def read_speaker_vector(path: Path) -> tuple[float, ...]:
    """Read one vector from a `.npy` file.

    Raises:
        InputError: The file holds no vector of finite numbers.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, EOFError) as error:
        raise InputError(f"{path} is no .npy array of numbers, or damaged") from error
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path} holds several arrays; one vector is wanted")
    return tuple(_checked(array, str(path)).tolist())


def utterance_vectors(
    utterances: Iterable[Utterance], vectors: Mapping[str, Tensor], channels: int
) -> list[Tensor]:
    """The vector of each utterance: its own, else its speaker's.

    Args:
        utterances: Of a corpus.
        vectors: By id of utterance or speaker.
        channels: Length that the model takes.

    Raises:
        InputError: An utterance has neither, or vectors are of another length.
    """
    found = []
    for utterance in utterances:
        vector = vectors.get(utterance.id, vectors.get(utterance.speaker))
        if vector is None:
            raise InputError(
                f"there is no speaker vector for utterance {utterance.id} "
                f"nor for its speaker {utterance.speaker!r}"
            )
        if len(vector) != channels:
            raise InputError(
                f"the speaker vectors have {len(vector)} numbers; "
                f"acoustic.speaker_vector_channels is {channels}"
            )
        found.append(vector)
    return found


def _checked(array: np.ndarray, where: str) -> Tensor:
    if array.ndim != 1 or not array.size or not np.issubdtype(array.dtype, np.floating):
        raise InputError(
            f"{where} has shape {array.shape} and type {array.dtype}; "
            "a speaker vector is one row of floats"
        )
    if not np.isfinite(array).all():
        raise InputError(f"{where} holds values that are not finite numbers")
    return torch.from_numpy(array.astype(np.float32))
