"""Precision while sampling."""

from __future__ import annotations

import pytest
import torch

from core import precision
from core.precision import in_precision, multiplies_bfloat16
from tests.tiny import acoustic_model

# A bfloat16 holds 8 bits: of 1 + 2^-9 it keeps 1.
UNHELD = 1.0 + 2.0**-9


@pytest.fixture(autouse=True)
def _forget():
    multiplies_bfloat16.cache_clear()
    yield
    multiplies_bfloat16.cache_clear()


def has(monkeypatch, *instructions):
    there = dict.fromkeys(instructions, True)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: there, raising=False)


def product(t, x):
    return x @ torch.eye(x.shape[1])


def test_products_are_in_bfloat16_and_the_answer_is_not(monkeypatch):
    """What bfloat16 cannot hold is rounded inside; outside the dtype is that of the state."""
    has(monkeypatch, "avx512_bf16")
    x = torch.full((1, 4), UNHELD)
    answer = in_precision(product, "bf16")(torch.zeros(()), x)
    assert answer.dtype == x.dtype
    assert torch.equal(answer, torch.ones(1, 4))


@pytest.mark.parametrize("instructions", [(), ("avx512_f", "avx512_vnni")])
def test_processors_without_such_products_stay_exact(monkeypatch, instructions):
    """There bfloat16 would be slower, and gain nothing."""
    has(monkeypatch, *instructions)
    x = torch.full((1, 4), UNHELD)
    assert torch.equal(in_precision(product, "bf16")(torch.zeros(()), x), x)


def test_full_precision_leaves_a_field_alone(monkeypatch):
    """Not even a call more."""
    has(monkeypatch, "amx_bf16")
    assert in_precision(product, "fp32") is product


def test_older_torch_says_nothing(monkeypatch):
    """Without its word the product is taken for slow."""
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not multiplies_bfloat16("cpu")


def test_quality_chooses_the_precision_of_the_decoder_alone(monkeypatch):
    """The mel moves by about what bfloat16 rounds, durations not at all."""
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda kind: True)
    sampling = {"steps": 2, "qualities": {"fast": {"precision": "bf16"}}}
    model = acoustic_model(sampling=sampling)
    ids, lengths = torch.tensor([[3, 4, 5]]), torch.tensor([3])
    exact = model.synthesise(ids, lengths, [0])
    fast = model.synthesise(ids, lengths, [0], quality="fast")
    assert torch.equal(fast.durations, exact.durations)
    moved = (fast.log_mel - exact.log_mel).abs()
    assert 0 < moved.max() < 0.2
    assert moved.mean() < 0.02
