"""Weights in safetensors files, written whole and believed only as far as the module agrees.

A pickle can run code when it is loaded, so nothing here ever opens one. The header of a file is
held against the module before anything is allocated, and a digest over names, shapes and values
tells a damaged file from a good one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from operator import index
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from core.errors import InputError, unknown_name
from core.files import atomic_write

SUFFIX = ".safetensors"
WEIGHTS = "weights.safetensors"
"""The averaged weights in a training's directory."""
MAX_HEADER_BYTES = 10_000_000
MAX_TENSORS = 10_000
DIGEST = "sha256"
FLOATS = {"F64", "F32", "F16", "BF16"}
INTEGERS = {"I64", "I32", "I16", "I8", "U8", "BOOL"}
PICKLE_MAGIC = {b"\x80": "a pickle", b"PK": "a zip archive of pickles"}

ModuleT = TypeVar("ModuleT", bound=nn.Module)

_log = logging.getLogger(__name__)


def save_weights(
    path: str | os.PathLike[str],
    state_dict: Mapping[str, Tensor],
    *,
    dtype: torch.dtype | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write weights, whole or not at all.

    Args:
        path: A name that ends in ".safetensors".
        state_dict: The tensors by name.
        dtype: Floating-point type to store floating-point tensors in; their own when None.
        metadata: Texts to store beside them.

    Raises:
        InputError: The name does not end in ".safetensors", or a tensor holds NaN or infinity, be
            it only in the type to store it in.
        OSError: The file cannot be written, as on a full disk.
    """
    _check_name(Path(path))
    tensors = {}
    for name, tensor in state_dict.items():
        kept = tensor.detach()
        kept = kept.to("cpu", dtype if dtype and tensor.is_floating_point() else tensor.dtype)
        if not torch.isfinite(kept).all():
            raise InputError(f"{name} holds NaN or infinity as {kept.dtype} and was not saved")
        # A copy, because safetensors refuses tensors that share memory.
        tensors[name] = kept.clone(memory_format=torch.contiguous_format)
    texts = dict(metadata or {})
    texts[DIGEST] = _digest(tensors, texts)
    with atomic_write(path) as temporary:
        try:
            save_file(tensors, temporary, metadata=texts)
        except SafetensorError as error:
            raise OSError(f"cannot write {os.fspath(path)}: {error}") from error


def load_weights(
    path: str | os.PathLike[str],
    module: nn.Module,
    *,
    strict: bool = True,
    without: Sequence[str] = (),
) -> None:
    """Read weights into a module, cast to its types and on its device.

    Names, shapes and kinds are compared before anything is allocated, and the module is changed
    only when everything is right.

    Args:
        path: A file of `save_weights`, or any safetensors file of the same names and shapes.
        module: Where the weights go.
        strict: Whether the file must hold the module's tensors, all and only. Otherwise what both
            have is loaded, and the log names the rest.
        without: Parts of the module, as "decoder", that stay as they are, whatever the file holds
            under those names.

    Raises:
        InputError: The file is missing, damaged, a pickle, too large, or of another module; or
            the module has no such part.
    """
    path = Path(path)
    own, parts = module.state_dict(), [f"{part}." for part in without]
    for part, prefix in zip(without, parts, strict=True):
        if not any(f"{name}.".startswith(prefix) for name in own):
            raise unknown_name("part", part, sorted({name.split(".")[0] for name in own}))
    entries, texts = _read_header(path)
    own, compared = (
        {k: v for k, v in named.items() if not f"{k}.".startswith(tuple(parts))}
        for named in (own, entries)
    )
    _compare(path, compared, own, strict)
    wanted = [name for name in own if name in entries]
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in wanted}
    except (SafetensorError, OSError, RuntimeError) as error:
        raise InputError(f"{path} is damaged: {error}") from error
    whole = len(wanted) == len(entries)
    if whole and DIGEST in texts and texts[DIGEST] != _digest(tensors, texts):
        raise InputError(f"{path} is damaged: its content does not match its checksum")
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor.to(own[name].dtype)).all():
            raise InputError(f"{path} is damaged: {name} holds NaN or infinity")
    module.load_state_dict(tensors, strict=strict and not without)


def load_module(path: str | os.PathLike[str], build: Callable[[], ModuleT]) -> ModuleT:
    """Build a module and read its weights, allocating nothing before the file is seen to fit.

    Args:
        path: As for `load_weights`.
        build: Makes the module; called once on the meta device, and once in earnest.

    Raises:
        InputError: As for `load_weights`.
    """
    with torch.device("meta"):
        skeleton = build()
    entries, _ = _read_header(Path(path))
    _compare(Path(path), entries, skeleton.state_dict(), strict=True)
    module = build()
    load_weights(path, module)
    return module


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """The texts stored beside the weights.

    Raises:
        InputError: The file is missing, damaged or a pickle.
    """
    return {key: text for key, text in _read_header(Path(path))[1].items() if key != DIGEST}


def _check_name(path: Path) -> None:
    if path.suffix != SUFFIX:
        raise InputError(f"{path} is refused: weights are kept in {SUFFIX} files, never in pickles")


def _read_header(path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Entries by tensor name, and the metadata, with nothing of the tensors themselves."""
    _check_name(path)
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    try:
        with path.open("rb") as stream:
            start = stream.read(9)
            size = int.from_bytes(start[:8], "little")
            if start[8:] != b"{" or size > MAX_HEADER_BYTES:
                raise InputError(f"{path} is {_foreign_kind(start)} and was not opened")
            header = json.loads(start[8:] + stream.read(size - 1))
            texts = header.pop("__metadata__", {})
            held = path.stat().st_size - 8 - size
            promised = max((index(item["data_offsets"][1]) for item in header.values()), default=0)
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or '').lower()}") from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is no safetensors file or is damaged: bad header") from error
    if len(header) > MAX_TENSORS:
        raise InputError(f"{path} holds {len(header)} tensors; allowed: {MAX_TENSORS}")
    if held != promised:
        raise InputError(f"{path} is damaged: it holds {held} bytes of weights of {promised}")
    return header, texts


def _foreign_kind(start: bytes) -> str:
    for magic, kind in PICKLE_MAGIC.items():
        if start.startswith(magic):
            return f"{kind}, which could run code,"
    return "no safetensors file or is damaged"


def _compare(
    path: Path, entries: Mapping[str, dict[str, Any]], own: Mapping[str, Tensor], strict: bool
) -> None:
    missing = [name for name in own if name not in entries]
    extra = [name for name in entries if name not in own]
    if missing or extra:
        facts = f"{len(missing)} tensors are missing ({', '.join(missing[:3]) or 'none'}) and "
        facts += f"{len(extra)} are unknown ({', '.join(extra[:3]) or 'none'})"
        if strict:
            raise InputError(f"{path} belongs to another model: {facts[:300]}")
        _log.warning("%s fits in part: %s", path, facts[:300])
    for name, tensor in own.items():
        entry = entries.get(name)
        if entry is None:
            continue
        shape, kind = entry.get("shape"), entry.get("dtype")
        if shape != list(tensor.shape):
            raise InputError(
                f"{path} belongs to another model: {name} has shape {str(shape)[:80]} in it "
                f"and {list(tensor.shape)} in the model"
            )
        if kind not in (FLOATS if tensor.is_floating_point() else INTEGERS):
            raise InputError(f"{path} belongs to another model: {name} is {str(kind)[:20]} in it")


def _digest(tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> str:
    """A SHA-256 over everything that is stored, whatever its order in the file."""
    total = hashlib.sha256()
    plain = {key: text for key, text in texts.items() if key != DIGEST}
    total.update(json.dumps(plain, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
