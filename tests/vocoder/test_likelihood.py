"""The likelihood of waveforms: the shaped prior against its dense matrix, the flow against LU."""

from __future__ import annotations

import math

import pytest
import torch

from core.audio.mel import MelExtractor
from core.errors import InputError
from core.flow import make_grid, solve
from tests.tiny import SPEC, awaken, vocoder_config, waveform
from tests.vocoder.wavegrad.small import wavegrad
from vocoder.likelihood import prior_density, waveform_log_likelihood
from vocoder.rectified import prior
from vocoder.rectified.model import RectifiedVocoder

FRAMES = 6


def vocoder(wakeful=False, **changes):
    model = RectifiedVocoder(vocoder_config(**changes), SPEC)
    if wakeful:
        awaken(model, deviation=0.1)
    model.envelope.gain.copy_(torch.linspace(0.5, 2.0, len(model.envelope.gain)))
    return model.eval()


def speech(items=1, frames=FRAMES):
    """Waveforms (B, T * hop) and their log mels, differently loud."""
    waves = [
        torch.from_numpy(waveform(frames * SPEC.hop_samples, i)) / (i + 1) for i in range(items)
    ]
    batch = torch.stack(waves)
    return batch, MelExtractor(SPEC)(batch)


def dense(linear, samples):
    """Matrix of a linear map of waveforms, column by column."""
    return linear(torch.eye(samples, dtype=torch.float64)).T.double()


@pytest.mark.parametrize("frames", [1, 2, FRAMES])
def test_prior_density_is_that_of_the_dense_covariance(frames):
    """log N(x; 0, A A^T) with A found by sending unit impulses through the prior, to 1e-6."""
    model = vocoder()
    samples = frames * SPEC.hop_samples
    _, log_mel = speech(frames=frames)
    matrix = dense(lambda w: model.prior_noise(w, log_mel.expand(len(w), -1, -1)), samples)
    x = model.noise(log_mel, [3]).double()
    expected = torch.distributions.MultivariateNormal(
        torch.zeros(samples, dtype=torch.float64), matrix @ matrix.T
    ).log_prob(x)
    real = torch.ones_like(x, dtype=torch.bool)
    found = prior_density(model, log_mel)(x, real)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6 * samples)


def test_prior_density_of_white_noise_is_closed_form():
    """Independent N(0, 0.1^2)."""
    model = vocoder(prior="white", prior_deviation=0.1)
    _, log_mel = speech()
    x = model.noise(log_mel, [3])
    expected = torch.distributions.Normal(0.0, 0.1).log_prob(x).sum(1)
    found = prior_density(model, log_mel)(x, torch.ones_like(x, dtype=torch.bool))
    torch.testing.assert_close(found, expected)


def test_waveform_likelihood_of_a_silent_network_is_gaussian():
    """The flow is linear: x_1 = F A w, and log N(x_1; 0, F A A^T F^T), to 1e-3 of a nat a sample.

    F is found by carrying unit impulses along the ODE, on the same grid.
    """
    model = vocoder()
    sound, log_mel = speech(frames=3)
    grid = make_grid("uniform", 12)

    def carried(white):
        mels = log_mel.expand(len(white), -1, -1)
        return solve(model.field(mels), model.prior_noise(white.float(), mels), grid, "rk4").x

    samples = sound.shape[1]
    matrix = dense(carried, samples)
    expected = (
        torch.distributions.MultivariateNormal(
            torch.zeros(samples, dtype=torch.float64), matrix @ matrix.T
        )
        .log_prob(sound.double())
        .detach()
    )
    found = waveform_log_likelihood(model, sound, log_mel, grid, divergence="exact")
    assert float(found.nats_per_dim) == pytest.approx(float(expected) / samples, abs=1e-3)


def test_waveform_likelihood_is_that_of_the_flow_map():
    """A wakeful network: log p_0(x_0) + log |det dx_0 / dx_1|, which autograd and LU find."""
    model = vocoder(wakeful=True, prior="white")
    sound, log_mel = speech(frames=2)
    grid = make_grid("uniform", 8)
    field = model.field(log_mel)
    result = waveform_log_likelihood(model, sound, log_mel, grid, divergence="exact")
    back = grid.flip(0)
    jacobian = torch.autograd.functional.jacobian(
        lambda x: solve(field, x[None], back, "rk4").x[0], sound[0]
    )
    base = torch.distributions.Normal(0.0, 0.1).log_prob(result.x_0).sum()
    expected = base + torch.linalg.slogdet(jacobian.double()).logabsdet
    assert float(result.nats) == pytest.approx(float(expected.detach()), abs=0.02)


@pytest.mark.parametrize("kind", ["mel", "white"])
def test_waveform_likelihood_of_a_batch_equals_singles(kind):
    """The shorter of two, padded, has the likelihood it has alone."""
    model = vocoder(wakeful=True, prior=kind)
    sound, log_mel = speech(2)
    frames = 4
    sound[1, frames * SPEC.hop_samples :] = 0.7
    mask = torch.arange(FRAMES)[None, None] < torch.tensor([FRAMES, frames])[:, None, None]
    grid, choices = make_grid("uniform", 4), {"probes": 2}
    both = waveform_log_likelihood(model, sound, log_mel, grid, mask=mask, seeds=[1, 2], **choices)
    alone = waveform_log_likelihood(
        model, sound[1:, : frames * SPEC.hop_samples], log_mel[1:, :, :frames], grid,
        seeds=[2], **choices,
    )  # fmt: skip
    torch.testing.assert_close(both.nats[1:], alone.nats, rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(both.standard_error[1:], alone.standard_error, rtol=1e-3, atol=1e-2)


def test_waveform_likelihood_follows_the_volume():
    """Half as loud, mel and all: each sample's density doubles, log 2 a sample."""
    model = vocoder()
    sound, log_mel = speech()
    grid = make_grid("uniform", 4)
    loud = waveform_log_likelihood(model, sound, log_mel, grid, seeds=[1])
    soft = waveform_log_likelihood(model, sound / 2, log_mel - math.log(2), grid, seeds=[1])
    assert float(soft.nats_per_dim - loud.nats_per_dim) == pytest.approx(math.log(2), abs=1e-4)


def test_waveform_likelihood_of_wavegrad_is_finite_and_its_prior_white():
    """Its prior is N(0, 1); the probability-flow ODE carries it through the same solver."""
    model = wavegrad()
    sound, log_mel = speech()
    result = waveform_log_likelihood(model, sound, log_mel, make_grid("uniform", 4), seeds=[1])
    assert torch.isfinite(result.nats).all()
    x = model.noise(log_mel, [3])
    expected = torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(1)
    found = prior_density(model, log_mel)(x, torch.ones_like(x, dtype=torch.bool))
    torch.testing.assert_close(found, expected)


def test_waveform_likelihood_refuses_what_is_too_long(monkeypatch):
    """Before any work."""
    monkeypatch.setattr(prior, "MOST_BAND_ELEMENTS", 64 * 50)
    sound, log_mel = speech()
    with pytest.raises(InputError, match="of 96 samples was given; .* for at most 50"):
        waveform_log_likelihood(vocoder(), sound, log_mel, [0.0, 1.0], seeds=[0])
