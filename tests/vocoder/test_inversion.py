"""Sounds back to noise and forward again."""

from __future__ import annotations

import pytest
import torch

from core.audio.mel import MelExtractor
from core.errors import InputError
from tests.tiny import SPEC, awaken, vocoder_config, waveform
from vocoder.inversion import carry, flow_vocoder
from vocoder.registry import build_vocoder


@pytest.fixture(scope="module")
def model():
    return awaken(build_vocoder(vocoder_config(), SPEC), deviation=0.1)


def sound():
    return torch.from_numpy(waveform(40 * SPEC.hop_samples - 5))[None]


def test_backward_then_forward_is_the_same_sound(model):
    """rk45 at 1e-6: the round trip ends within a thousandth of full scale, and went elsewhere."""
    given = sound()
    log_mel = MelExtractor(SPEC)(given)
    noise, nfe = carry(model, given, log_mel, backward=True, method="rk45", tolerance=1e-6)
    again, _ = carry(model, noise, log_mel, backward=False, method="rk45", tolerance=1e-6)
    assert nfe > 6
    assert again.shape[1] == 40 * SPEC.hop_samples
    assert float((again[:, : given.shape[1]] - given).abs().max()) < 1e-3
    assert float((noise[:, : given.shape[1]] - given).abs().max()) > 0.05


def test_sound_made_from_noise_leads_back_to_it(model):
    """Forward first."""
    log_mel = MelExtractor(SPEC)(sound())
    noise = model.noise(log_mel, [3])
    made, _ = carry(model, noise, log_mel, backward=False, steps=64)
    back, _ = carry(model, made, log_mel, backward=True, steps=64)
    assert float((back - noise).abs().max()) < 1e-3 * float(noise.abs().max())


def test_models_without_an_ode_are_refused(model):
    """In one sentence."""
    assert flow_vocoder(model) is model
    with pytest.raises(InputError, match="follows no ODE and cannot be inverted"):
        flow_vocoder(torch.nn.Identity())
