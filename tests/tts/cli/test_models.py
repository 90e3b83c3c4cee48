"""`straighttalk models`: every network, counted."""

from __future__ import annotations

import pytest
import torch

from core.nn.cost import count_parameters
from tests.tiny import SPEC, acoustic_model
from tts import catalogue
from vocoder import catalogue as vocoders


@pytest.fixture
def few(monkeypatch):
    """Only the small networks, which are built in no time."""
    for owner in (catalogue, vocoders):
        monkeypatch.setattr(owner, "PRESETS", tuple(p for p in owner.PRESETS if p.size == "small"))


def test_models_are_listed_with_their_cost(straighttalk, few):
    """One object a network; the table says the same."""
    (listed,) = straighttalk("models", "--json").json()
    names = [preset.name for owner in (catalogue, vocoders) for preset in owner.PRESETS]
    assert [facts["name"] for facts in listed] == names
    assert all(facts["parameters"] > 0 and facts["gmac_per_second"] > 0 for facts in listed)
    assert all(facts["purpose"] for facts in listed)
    table = straighttalk("models").out.decode()
    for facts in listed:
        assert f"{facts['parameters']:,} parameters" in table


def test_decoder_s_cost_is_the_count_by_hand():
    """Products of a tiny decoder of 8 channels and two blocks, the second with attention.

    A frame costs 6 x 8 for the state, (6 + 4) x 8 for the condition, 2 x (3 taps x 8 + 2 x 8 x 24)
    for the blocks, 8 x 24 + 8 x 8 for attention's projections and 8 x 6 for the velocity; the time
    2 x (8 x 8) + 8 x 24 an evaluation. Attention itself is 2 x 8 products for each pair of frames.
    """
    model = acoustic_model()
    frames = catalogue.COST_FRAMES
    frame = 6 * 8 + 10 * 8 + 2 * (3 * 8 + 2 * 8 * 24) + 8 * 24 + 8 * 8 + 8 * 6
    once = 2 * 8 * 8 + 8 * 24
    seconds = frames * SPEC.hop_samples / SPEC.sample_rate_hz
    plain = (frame * frames + once) / seconds
    paired = plain + 2 * 8 * frames**2 / seconds
    assert catalogue.multiply_adds_per_second(model) in (round(plain), round(paired))
    assert count_parameters(model) == sum(p.numel() for p in model.parameters())
    assert torch.is_grad_enabled()
