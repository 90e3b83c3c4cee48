"""Inverse autoregressive flows against autograd's Jacobian and sample-by-sample brute force."""

from __future__ import annotations

import pytest
import torch

from tests.tiny import awaken, generator
from vocoder.iaf.config import IafConfig, TeacherConfig, WaveNetConfig
from vocoder.iaf.flows import InverseAutoregressiveFlow
from vocoder.iaf.wavenet import WaveNet

NETWORK = WaveNetConfig(channels=4, skip_channels=5, cycle=3, condition_channels=3)
SAMPLES = 12


def flow(layers=(3, 2), seed=0):
    return awaken(InverseAutoregressiveFlow(NETWORK, layers), seed, deviation=0.5).double()


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def brute_inverse(network, y, condition):
    """z_t from a whole parallel pass over z_{<t} for each t."""
    z = []
    for t in range(y.shape[1]):
        known = torch.stack([*z, *[torch.zeros_like(y[:, 0])] * (y.shape[1] - t)], dim=1)
        shift, log_scale = network(known, condition)
        z.append((y[:, t] - shift[:, t]) / log_scale[:, t].exp())
    return torch.stack(z, dim=1)


def test_jacobian_is_triangular_and_its_determinant_the_sum_of_log_scales():
    """Autograd's full Jacobian: nothing above the diagonal, which is the scale of each sample."""
    made, z, condition = flow(), draw(SAMPLES, seed=1), draw(1, 3, 4, seed=2)
    jacobian = torch.autograd.functional.jacobian(lambda z: made(z[None], condition)[0][0], z)
    log_scale = made(z[None], condition)[1].log_scale[0]
    assert torch.equal(jacobian, jacobian.tril())
    assert jacobian.tril(-1).abs().amax() > 1e-2
    torch.testing.assert_close(jacobian.diagonal(), log_scale.exp(), rtol=1e-12, atol=0)
    sign, log_det = torch.linalg.slogdet(jacobian)
    assert sign == 1
    torch.testing.assert_close(log_det, log_scale.sum(), rtol=0, atol=1e-10)


def test_shift_and_scale_of_the_whole_explain_each_sample():
    """x_t = s_t z_t + mu_t, and neither s_t nor mu_t changes with z_t or what follows it."""
    made, z, condition = flow(), draw(2, SAMPLES, seed=1), draw(2, 3, 4, seed=2)
    x, affine = made(z, condition)
    torch.testing.assert_close(x, affine.log_scale.exp() * z + affine.shift, rtol=0, atol=1e-12)
    changed = z.clone()
    changed[:, 7:] += 1.0
    for before, after in zip(affine, made(changed, condition)[1], strict=True):
        assert torch.equal(before[:, :8], after[:, :8])
        assert (before[:, 8:] != after[:, 8:]).any()


def test_inverse_undoes_the_flow():
    """Both ways round, with the same log-scales."""
    made, z, condition = flow((3, 2, 4)), draw(3, SAMPLES, seed=1), draw(3, 3, 4, seed=2)
    x, affine = made(z, condition)
    back, log_scale = made.inverse(x, condition)
    torch.testing.assert_close(back, z, rtol=0, atol=1e-9)
    torch.testing.assert_close(log_scale, affine.log_scale, rtol=0, atol=1e-9)
    y = draw(3, SAMPLES, seed=3)
    torch.testing.assert_close(made(made.inverse(y, condition)[0], condition)[0], y)


def test_incremental_inverse_is_brute_force_and_so_are_its_gradients():
    """A whole pass for each sample gives the same noise and the same gradient of every weight."""
    made, y, condition = flow(), draw(2, SAMPLES, seed=1), draw(2, 3, 4, seed=2)
    y.requires_grad_()
    condition.requires_grad_()
    wanted = [*made.parameters(), y, condition]
    weight = draw(2, SAMPLES, seed=3)

    def gradients(z):
        log_scale = made(z, condition)[1].log_scale
        return torch.autograd.grad((weight * z).sum() + log_scale.sin().sum(), wanted)

    z, log_scale = made.inverse(y, condition)
    brute = y
    for network in reversed(made.networks):
        brute = brute_inverse(network, brute, condition)
    torch.testing.assert_close(z, brute, rtol=0, atol=1e-9)
    own = torch.autograd.grad((weight * z).sum() + log_scale.sin().sum(), wanted)
    for found, expected in zip(own, gradients(brute), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-8)


def test_walk_answers_what_one_pass_answers():
    """Shifts and log-scales of the sequence that it makes, on frames and on samples."""
    network = awaken(WaveNet(NETWORK, 5), deviation=0.5).double()
    for frames in (4, SAMPLES):
        condition, z = draw(2, 3, frames, seed=2), draw(2, SAMPLES, seed=1)
        made, affine = network.walk(
            condition,
            SAMPLES,
            lambda t, shift, log_scale, z=z: shift + log_scale.exp() * z[:, t],
        )
        for found, expected in zip(affine, network(made, condition), strict=True):
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("layers", "reach"), [(10, 1025), (30, 3071)])
def test_published_receptive_fields(layers, reach):
    """The last sample's answer depends on as many samples before it, all and no more."""
    config = WaveNetConfig(channels=2, skip_channels=2, condition_channels=1)
    network = awaken(WaveNet(config, layers), deviation=0.2).double()
    for parameter in network.parameters():
        # Positive weights: no path is cut by a rectifier or cancelled by another.
        parameter.data.abs_()
    samples = reach + 20
    history = (0.1 * draw(1, samples, seed=1)).requires_grad_()
    shift, _ = network(history, draw(1, 1, 1).abs())
    (gradient,) = torch.autograd.grad(shift[0, -1], history)
    felt = gradient[0].nonzero().flatten()
    assert felt[-1] == samples - 2
    assert felt[0] == samples - 1 - reach
    assert network.receptive_field == reach


def test_published_sizes():
    """Four flows of 10, 10, 10 and 30 layers, 64 and 128 channels wide; parameters by hand."""
    config = IafConfig()
    assert config.flows == (10, 10, 10, 30)
    assert TeacherConfig().layers == 30
    made = InverseAutoregressiveFlow(config.network, config.flows)
    layer = (64 * 128 * 2 + 128) + 80 * 128 + (64 * 192 + 192)
    ends = (2 * 64 + 64) + (128 * 128 + 128) + (128 * 2 + 2)
    assert sum(p.numel() for p in made.parameters()) == 60 * layer + 4 * ends


def test_fresh_flow_is_the_identity():
    """Training begins at the base itself."""
    made = InverseAutoregressiveFlow(NETWORK, (3, 2))
    z, condition = torch.randn(1, 8), torch.randn(1, 3, 2)
    x, affine = made(z, condition)
    assert torch.equal(x, z)
    assert not affine.log_scale.any()
