"""The house's vocoders at their sizes; the published counts are exact."""

from __future__ import annotations

import pytest

from core.audio.mel import MelSpec
from core.nn.cost import count_parameters
from tests.tiny import SPEC, vocoder_config
from vocoder.catalogue import COST_FRAMES, PRESETS, multiply_adds_per_second
from vocoder.rectified.model import RectifiedVocoder
from vocoder.registry import build_vocoder


def test_cost_of_the_stft_network_is_the_count_by_hand():
    """Products of a tiny network: 8 channels, 17 bins, 6 bands, 16 samples a frame at 8 kHz.

    A frame costs 6 x 8 for the mel, 2 x (34 x 8) for the spectrum in and out, and in each of three
    blocks 3 taps x 8 and two matrices 8 x 24; its envelope 33 x 6. The time costs 2 x (8 x 8) and
    its modulation 8 x 24 an evaluation, whatever its length.
    """
    model = RectifiedVocoder(vocoder_config(), SPEC).eval()
    frame = 6 * 8 + 2 * 34 * 8 + 3 * (3 * 8 + 2 * 8 * 24) + 33 * 6
    total = frame * COST_FRAMES + 2 * 8 * 8 + 8 * 24
    assert multiply_adds_per_second(model) == total * 8000 / (COST_FRAMES * 16)


@pytest.mark.parametrize(("name", "parameters"), [("waveode", 6_914_297), ("wavegrad", 15_810_401)])
def test_published_sizes_are_exact(name, parameters):
    """As their authors counted them."""
    (preset,) = (p for p in PRESETS if (p.name, p.size) == (name, "published"))
    model = build_vocoder(preset.config, MelSpec())
    assert count_parameters(model) == parameters


def test_every_network_has_two_sizes():
    """Published and small, in this order."""
    sizes: dict[str, list[str]] = {}
    for preset in PRESETS:
        sizes.setdefault(preset.name, []).append(preset.size)
    assert all(found == ["published", "small"] for found in sizes.values())
