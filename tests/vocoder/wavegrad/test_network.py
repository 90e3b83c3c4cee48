"""WaveGrad's network: its size, its parts, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.audio.mel import MelSpec
from core.config import load_config
from core.errors import InputError
from tests.tiny import SPEC
from tests.vocoder.wavegrad.small import config, mels, network, sampling, wavegrad
from vocoder.registry import build_vocoder
from vocoder.training import VocoderExperiment
from vocoder.wavegrad.config import WaveGradConfig, WaveGradNetworkConfig
from vocoder.wavegrad.model import WaveGradVocoder
from vocoder.wavegrad.network import downsample, encode_level, upsample

HOP = SPEC.hop_samples


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("hop", "factors"), [(300, (5, 5, 3, 2, 2)), (256, (4, 4, 4, 2, 2)), (240, (5, 4, 3, 2, 2))]
)
def test_published_sizes_have_15810401_parameters(hop, factors):
    """At the published hop, at ours, at any."""
    made = WaveGradConfig(network=WaveGradNetworkConfig(factors=factors))
    with torch.device("meta"):
        assert count(WaveGradVocoder(made, MelSpec(hop_samples=hop))) == 15_810_401


@pytest.mark.parametrize(
    ("hop", "factors", "channels"),
    [(16, (4, 2, 2), (8, 8, 6)), (15, (5, 3), (8, 6)), (12, (3, 2, 2), (4, 4, 4)), (7, (7,), (4,))],
)
def test_any_hop_whose_factors_multiply_to_it(hop, factors, channels):
    """Odd factors too; the noise is as long as the waveform."""
    blocks = len(factors)
    sizes = network(
        factors=factors,
        upsampling_channels=channels,
        upsampling_dilations=((1, 2, 1, 2),) * blocks,
        downsampling_channels=(4,) * (blocks - 1),
        downsampling_dilations=((1, 2, 4),) * (blocks - 1),
    )
    model = WaveGradVocoder(
        WaveGradConfig(network=sizes), SPEC.model_copy(update={"hop_samples": hop})
    )
    assert model.generate(mels(2, 5), [0, 1], sampling()).waveform.shape == (2, 5 * hop)


def test_factors_that_do_not_multiply_to_the_hop_are_refused():
    """With both products."""
    with pytest.raises(InputError, match=r"\[4, 2, 2\] multiply to 16; .* the mel's hop, 20"):
        WaveGradVocoder(config(), SPEC.model_copy(update={"hop_samples": 20}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"factors": (4, 4)}, "upsampling_channels has 3 entries; with 2 factors give 2"),
        ({"downsampling_channels": (4,)}, "downsampling_channels has 1 entries"),
        ({"downsampling_in": 5}, "a width on the way down is 5; it must be even"),
        ({"downsampling_dilations": ((1,), ())}, "has an empty entry"),
    ],
)
def test_sizes_that_do_not_agree_are_refused(changes, sentence):
    """In one sentence."""
    with pytest.raises(ValueError, match=sentence):
        network(**changes)


@pytest.mark.parametrize("factor", [2, 3, 4, 5])
def test_resampling_is_linear_interpolation(factor):
    """Between centres, as numpy interpolates."""
    x = np.random.default_rng(0).standard_normal(60)
    fine = (np.arange(60 * factor) + 0.5) / factor - 0.5
    up = upsample(torch.from_numpy(x)[None, None], factor, None)[0, 0]
    np.testing.assert_allclose(up.numpy(), np.interp(fine, np.arange(60), x), atol=1e-12)
    coarse = (np.arange(60 // factor) + 0.5) * factor - 0.5
    down = downsample(torch.from_numpy(x)[None, None], factor)[0, 0]
    np.testing.assert_allclose(down.numpy(), np.interp(coarse, np.arange(60), x), atol=1e-12)


def test_level_turns_circles_of_falling_speed():
    """The k-th of C / 2 pairs is the angle 5000 l 10^(-8k / C)."""
    level = torch.tensor([0.3, 0.999], dtype=torch.float64)
    made = encode_level(level, 8).numpy()
    for k in range(4):
        circle = np.exp(1j * 5000 * level.numpy() * 10 ** (-8 * k / 8))
        np.testing.assert_allclose(made[:, 4 + k] + 1j * made[:, k], circle, atol=1e-9)


def test_convolutions_are_orthogonal_at_first():
    """Rows or columns of each, flattened."""
    for name, parameter in WaveGradVocoder(config(), SPEC).network.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
            continue
        matrix = parameter.detach().flatten(1)
        gram = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
        torch.testing.assert_close(gram, torch.eye(len(gram)), rtol=0, atol=1e-5)


def test_every_parameter_takes_part():
    """Mel, waveform and level reach the answer through all of them."""
    model = wavegrad()
    y = torch.randn(2, 5 * HOP)
    model.network(y, torch.tensor([0.2, 0.9]), mels(2), None).square().sum().backward()
    assert all(bool(p.grad.abs().sum() > 0) for p in model.network.parameters())


@pytest.mark.parametrize(("name", "parameters"), [("kathleen", 15_810_401), ("tiny", None)])
def test_shipped_configurations_can_be_built(name, parameters):
    """The large one at the published sizes."""
    made = load_config(f"configs/{name}-wavegrad.yaml", VocoderExperiment)
    with torch.device("meta"):
        model = build_vocoder(made.vocoder, made.mel)
    assert parameters is None or count(model) == parameters
