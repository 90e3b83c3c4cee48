"""Weights survive, and no file of any kind does harm."""

from __future__ import annotations

import json
import math
import pickle
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from core.checkpoint import load_weights, read_metadata, save_weights
from core.errors import InputError


class Model(nn.Module):
    def __init__(self, seed: int = 0, channels: int = 7) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.linear = nn.Linear(5, channels)
        self.norm = nn.BatchNorm1d(channels)


def content(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_weights(path, Model(1).state_dict(), metadata={"kind": "test"})
    return path


def framed(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(shape: list[int], start: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_weights_come_back_bit_for_bit(saved: Path) -> None:
    """Parameters and buffers, floats and integers, and the metadata."""
    model = Model(2)
    load_weights(saved, model)
    assert same(content(model), content(Model(1)))
    assert read_metadata(saved) == {"kind": "test"}


def test_weights_are_stored_in_half_and_loaded_in_full_precision(tmp_path: Path) -> None:
    """The module keeps its type; integers are not cast."""
    path = tmp_path / "half.safetensors"
    save_weights(path, Model(1).state_dict(), dtype=torch.float16)
    model = Model(2)
    load_weights(path, model)
    assert model.linear.weight.dtype == torch.float32
    assert torch.equal(model.linear.weight, Model(1).linear.weight.half().float())
    assert model.norm.num_batches_tracked is not None
    assert model.norm.num_batches_tracked.dtype == torch.int64


def test_shared_and_transposed_tensors_can_be_saved(tmp_path: Path) -> None:
    """Tied weights and views are ordinary."""
    weight = torch.rand(3, 4)
    save_weights(tmp_path / "a.safetensors", {"a": weight, "b": weight, "c": weight.T})


@pytest.mark.parametrize(
    ("value", "dtype"), [(math.nan, None), (math.inf, None), (1e6, torch.float16)]
)
def test_weights_that_are_not_finite_are_not_saved(
    tmp_path: Path, value: float, dtype: torch.dtype | None
) -> None:
    """The last good file stays."""
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"old")
    with pytest.raises(InputError, match=r"weight holds NaN or infinity as torch\.float"):
        save_weights(path, {"weight": torch.tensor([0.0, value])}, dtype=dtype)
    assert path.read_bytes() == b"old"


def test_a_file_cut_anywhere_is_refused_and_changes_nothing(saved: Path) -> None:
    """At every fiftieth part of it."""
    whole = saved.read_bytes()
    model = Model(2)
    before = content(model)
    for part in range(50):
        saved.write_bytes(whole[: len(whole) * part // 50])
        with pytest.raises(InputError, match=r"model\.safetensors"):
            load_weights(saved, model)
    saved.write_bytes(whole + b"\0")
    with pytest.raises(InputError, match="damaged"):
        load_weights(saved, model)
    assert same(content(model), before)


def test_a_file_with_a_flipped_byte_is_refused_or_loads_the_true_weights(saved: Path) -> None:
    """Two hundred seeded flips; only padding and the checksum's own name may change unseen."""
    whole = saved.read_bytes()
    rng, refused = random.Random(0), 0
    before, true = content(Model(2)), content(Model(1))
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        saved.write_bytes(damaged)
        model = Model(2)
        try:
            load_weights(saved, model)
        except InputError:
            refused += 1
            assert same(content(model), before)
        else:
            assert same(content(model), true)
    assert refused > 180


class Trap:
    """A pickle that leaves a mark when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["a.safetensors", "a.pt", "a.ckpt", "a.pth", "a.bin", "a"])
@pytest.mark.parametrize("protocol", [0, 2, 4, "zip"])
def test_a_pickle_is_refused_and_never_opened(
    tmp_path: Path, name: str, protocol: int | str
) -> None:
    """By its name, or by its first bytes when the name lies."""
    mark, path = tmp_path / "mark", tmp_path / name
    if isinstance(protocol, int):
        path.write_bytes(pickle.dumps({"weight": Trap(mark)}, protocol))
        pickle.loads(path.read_bytes())
        assert mark.exists()
        mark.unlink()
    else:
        torch.save({"weight": Trap(mark)}, path)
    for read in (lambda: load_weights(path, Model()), lambda: read_metadata(path)):
        with pytest.raises(InputError, match=r"pickle|no safetensors file"):
            read()
    assert not mark.exists()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "no safetensors file"),
        (b"\x10", "no safetensors file"),
        (struct.pack("<Q", 2**63) + b"{}", "no safetensors file"),
        (struct.pack("<Q", 10_000_001) + b"{}", "no safetensors file"),
        (framed(b"{"), "bad header"),
        (framed(b"{" + b'"a":[' * 100_000), "bad header"),
        (framed([1]), "no safetensors file"),
        (framed({"a": 3}), "bad header"),
        (framed({"a": {}}), "bad header"),
        (framed({"a": {"data_offsets": [0, "x"]}}), "bad header"),
        (framed({"a": {"data_offsets": [0, math.nan]}}), "bad header"),
        (framed({"__metadata__": 3}), "bad header|another model|damaged"),
        (framed({f"t{i}": entry([], 0, 0) for i in range(10_001)}), "10001 tensors"),
        (framed({"a": entry([2**40], 0, 2**42)}), "holds 0 bytes of weights of"),
        (framed({"a": entry([1], 0, 4)}, bytes(4)), "another model"),
    ],
)
def test_a_hostile_header_is_refused(tmp_path: Path, raw: bytes, says: str) -> None:
    """Before anything it promises is allocated."""
    path = tmp_path / "a.safetensors"
    path.write_bytes(raw)
    with pytest.raises(InputError, match=says) as caught:
        load_weights(path, Model())
    assert len(str(caught.value)) < 600


def test_a_header_whose_shapes_and_sizes_disagree_is_refused(tmp_path: Path) -> None:
    """The shape fits the module, the bytes do not fit the shape."""
    path = tmp_path / "a.safetensors"
    path.write_bytes(framed({"weight": entry([1, 2], 0, 4), "bias": entry([1], 4, 8)}, bytes(8)))
    with pytest.raises(InputError, match="damaged"):
        load_weights(path, nn.Linear(2, 1))


def test_nan_in_a_foreign_file_is_refused(tmp_path: Path) -> None:
    """A voice of NaN would only say so after minutes."""
    path = tmp_path / "a.safetensors"
    save_file({"weight": torch.tensor([[math.nan]]), "bias": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="weight holds NaN"):
        load_weights(path, nn.Linear(1, 1))


def test_weights_of_another_model_are_refused_with_the_difference_named(saved: Path) -> None:
    """Shape, missing and unknown names, kind of number."""
    with pytest.raises(InputError, match=r"linear.weight has shape \[7, 5\] in it and \[8, 5\]"):
        load_weights(saved, Model(channels=8))
    with pytest.raises(InputError, match=r"0 tensors are missing .* 5 are unknown \(norm"):
        load_weights(saved, nn.ModuleDict({"linear": nn.Linear(5, 7)}))
    with pytest.raises(InputError, match=r"2 tensors are missing \(extra.weight, extra.bias\)"):
        load_weights(
            saved, nn.ModuleDict({**dict(Model().named_children()), "extra": Model().linear})
        )
    whole = Model()
    whole.norm.num_batches_tracked = torch.tensor(0.0)
    with pytest.raises(InputError, match="num_batches_tracked is I64 in it"):
        load_weights(saved, whole)


def test_a_part_can_be_loaded_on_request(saved: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What both have is loaded, and the rest is named in the log."""
    model = nn.ModuleDict({"linear": nn.Linear(5, 7), "other": nn.Linear(1, 1)})
    load_weights(saved, model, strict=False)
    assert torch.equal(model.get_parameter("linear.weight"), Model(1).linear.weight)
    assert "other.weight" in caplog.text
    with pytest.raises(InputError, match="shape"):
        load_weights(saved, Model(channels=8), strict=False)


def test_a_part_can_be_left_as_it_is(saved: Path) -> None:
    """Of any shape, in the file or not; all else is held to the file as strictly as ever."""
    model = nn.ModuleDict({"linear": nn.Linear(2, 3), "norm": nn.BatchNorm1d(7)})
    fresh = content(model["linear"])
    load_weights(saved, model, without=["linear"])
    assert same(content(model["linear"]), fresh)
    assert same(content(model["norm"]), content(Model(1).norm))
    load_weights(saved, nn.ModuleDict({"norm": nn.BatchNorm1d(7), "new": nn.Linear(1, 1)}),
                 without=["new"], strict=False)  # fmt: skip
    with pytest.raises(InputError, match="another model"):
        load_weights(saved, nn.ModuleDict({"norm": nn.BatchNorm1d(7), "linear2": nn.Linear(5, 7)}),
                     without=["linear2"])  # fmt: skip
    with pytest.raises(InputError, match="unknown part 'lin', did you mean 'linear'"):
        load_weights(saved, Model(), without=["lin"])


@pytest.mark.parametrize("name", ["missing.safetensors", "directory.safetensors"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    """Missing, or a directory."""
    (tmp_path / "directory.safetensors").mkdir()
    with pytest.raises(InputError, match="there is no file"):
        load_weights(tmp_path / name, Model())


def test_weights_are_saved_under_their_own_suffix_only(tmp_path: Path) -> None:
    """What is written can be read."""
    with pytest.raises(InputError, match="never in pickles"):
        save_weights(tmp_path / "a.pt", Model().state_dict())


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limits")
def test_a_full_disk_leaves_the_old_weights(saved: Path) -> None:
    """A limit on file sizes stands for the disk."""
    program = f"""
import resource, torch
from core.checkpoint import save_weights
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    save_weights({str(saved)!r}, {{"a": torch.zeros(1000)}})
except OSError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")
    assert list(saved.parent.iterdir()) == [saved]
    load_weights(saved, Model())
