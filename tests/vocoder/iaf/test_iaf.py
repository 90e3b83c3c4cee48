"""Student and teacher: likelihoods that are densities, batches that are single items."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from core.audio.mel import MelSpec
from core.config import parse_config
from core.errors import InputError
from tests.tiny import SPEC, generator
from tests.vocoder.iaf.small import ONE_PASS, UPSAMPLINGS, mels, network, student, teacher
from vocoder.iaf.config import IafConfig, TeacherConfig
from vocoder.iaf.losses import cross_entropy, logistic_entropy, logistic_log_prob
from vocoder.iaf.model import IafVocoder
from vocoder.registry import VocoderSection, build_vocoder

HOP = SPEC.hop_samples
KINDS = (student, teacher)
# Two samples in all, so that a density can be integrated on a grid.
SHORT = MelSpec(
    sample_rate_hz=8000, n_fft=16, hop_samples=1, win_samples=16, n_mels=3, f_max_hz=4000.0
)


def mask_of(frames, longest):
    return (torch.arange(longest) < torch.tensor(frames)[:, None])[:, None]


@pytest.mark.parametrize("make", KINDS)
def test_density_integrates_to_one(make):
    """Over all waveforms of two samples, on a grid; and it is not the density of a product."""
    model = make(SHORT).double()
    axis = torch.linspace(-8, 8, 161, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    log_mel = mels(1, 2, spec=SHORT).double()
    with torch.no_grad():
        nats = model.log_prob(grid, log_mel.expand(len(grid), -1, -1))
    mass = nats.sum(1).exp().sum() * (axis[1] - axis[0]) ** 2
    assert float(mass) == pytest.approx(1, abs=1e-3)
    second = nats[:, 1].reshape(161, 161)
    assert (second[0] - second[80]).abs().max() > 1e-2


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_likelihood_is_the_change_of_variables(upsampling):
    """log p(x) = log p(z) - log |det dx/dz|, the Jacobian by autograd."""
    model = student(upsampling=upsampling).double()
    log_mel, z = mels(1, 2).double(), torch.randn(2 * HOP, generator=generator(1)).double()
    jacobian = torch.autograd.functional.jacobian(
        lambda z: model.transform(z[None], log_mel)[0][0], z
    )
    with torch.no_grad():
        waveform, _ = model.transform(z[None], log_mel)
        found = model.log_prob(waveform, log_mel).sum()
    expected = logistic_log_prob(z).sum() - torch.linalg.slogdet(jacobian)[1]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("make", KINDS)
def test_likelihood_of_a_sample_is_that_of_its_conditional(make):
    """The logistic distribution that `conditional` names, sample by sample."""
    model, log_mel = make().double(), mels(2, 2).double()
    waveform = 0.3 * torch.randn(2, 2 * HOP, generator=generator(1)).double()
    with torch.no_grad():
        affine = model.conditional(waveform, log_mel)
        found = model.log_prob(waveform, log_mel)
    scale = affine.log_scale.exp()
    # torch has no logistic distribution of its own.
    base = torch.distributions.Uniform(
        torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
    )
    expected = torch.distributions.TransformedDistribution(
        base,
        [
            torch.distributions.SigmoidTransform().inv,
            torch.distributions.AffineTransform(affine.shift, scale),
        ],
    ).log_prob(waveform)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
@pytest.mark.parametrize("make", KINDS)
def test_a_batch_gives_what_single_items_give(make, upsampling):
    """Waveforms and likelihoods; padding is silent, counts nothing and changes nothing."""
    model, log_mel, frames = make(upsampling=upsampling), mels(), [5, 3, 1]
    mask = mask_of(frames, 5)
    together = model.generate(log_mel, [4, 5, 6], ONE_PASS, mask).waveform
    dirty = torch.where(mask, log_mel, 8.0)
    assert torch.equal(model.generate(dirty, [4, 5, 6], ONE_PASS, mask).waveform, together)
    with torch.no_grad():
        nats = model.log_prob(together, log_mel, mask)
    for index, count in enumerate(frames):
        one = log_mel[index : index + 1, :, :count]
        alone = model.generate(one, [4 + index], ONE_PASS).waveform
        length = count * HOP
        torch.testing.assert_close(together[index, :length], alone[0], rtol=0, atol=1e-5)
        assert not together[index, length:].any()
        with torch.no_grad():
            own = model.log_prob(together[index : index + 1, :length], one)
        torch.testing.assert_close(nats[index, :length], own[0], rtol=0, atol=1e-4)
        assert not nats[index, length:].any()


@pytest.mark.parametrize("make", KINDS)
def test_generated_sound_is_the_base_s_noise_at_its_temperature(make):
    """Twice the temperature, twice the noise that the sound is inverted to; 0 is one sound."""
    log_mel = mels(1, 2)

    def noise(temperature, seed=3):
        model = make(temperature=temperature)
        waveform = model.generate(log_mel, [seed], ONE_PASS).waveform
        affine = model.conditional(waveform, log_mel)
        return (waveform - affine.shift) / affine.log_scale.exp()

    with torch.no_grad():
        torch.testing.assert_close(noise(2.0), 2 * noise(1.0), rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(noise(0.0), 0 * noise(0.0, seed=4), rtol=0, atol=1e-4)
        assert (noise(1.0) - noise(1.0, seed=4)).abs().max() > 0.1


def test_one_pass_for_the_student_and_one_a_sample_for_the_teacher():
    """As their numbers of function evaluations say."""
    assert student().generate(mels(1, 2), [0], ONE_PASS).nfe == 1
    assert teacher().generate(mels(1, 2), [0], ONE_PASS).nfe == 2 * HOP


def test_divergence_from_itself_is_zero_and_from_another_is_not():
    """The student's own conditionals, found by its inverse, stand in for a teacher."""
    model, other = student().double(), student(seed=1).double()
    log_mel = mels(64, 3).double()
    u = torch.rand(64, 3 * HOP, generator=generator(2), dtype=torch.float64)
    torch.manual_seed(0)
    with torch.no_grad():
        copy, affine = model.transform(torch.logit(u), log_mel)
        entropy = logistic_entropy(affine.log_scale)
        values = {
            which: cross_entropy(affine, which.conditional(copy, log_mel), 8) - entropy
            for which in (model, other)
        }
    error = float(values[model].std()) / math.sqrt(u.numel())
    assert abs(float(values[model].mean())) < 4 * error
    assert float(values[other].mean()) > 0.01


def test_noise_floor_is_uniform_and_one_step_of_16_bits():
    """Of the width that the configuration says."""
    model = teacher(noise_floor=0.01)
    silence = torch.zeros(4, 64 * HOP)
    torch.manual_seed(0)
    noisy = model.with_noise_floor(silence)
    assert noisy.abs().max() <= 0.005
    assert float(noisy.std()) == pytest.approx(0.01 / math.sqrt(12), rel=0.03)
    assert IafConfig().noise_floor == TeacherConfig().noise_floor == 2**-15


def test_unit_is_the_corpus_s_loudness():
    """Fresh, the model makes logistic noise of the corpus's deviation."""
    model = IafVocoder(IafConfig(network=network(), flows=(1,)), SPEC)
    waveform = 0.07 * torch.randn(8, 20 * HOP, generator=generator(1))
    model.measure_corpus(waveform, mels(8, 20))
    made = model.generate(mels(50, 60), range(50), ONE_PASS).waveform
    assert float(made.std()) == pytest.approx(float(waveform.std()), rel=0.02)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 4}, "steps is 4; this vocoder integrates no ODE and takes only 1"),
        ({"method": "rk45"}, "method is 'rk45'"),
        ({"grid": "sway"}, "grid is 'sway'"),
        ({"consistency_rounds": 5}, "consistency_rounds is 5"),
        ({"final_rounds": 30}, "final_rounds is 30"),
    ],
)
@pytest.mark.parametrize("make", KINDS)
def test_choices_that_mean_nothing_are_refused(make, changes, said):
    """None is silently left out."""
    with pytest.raises(InputError, match=said):
        make().generate(mels(1, 1), [0], replace(ONE_PASS, **changes))


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "the key vocoder.kind is missing"),
        ({"kind": "iff"}, "unknown kind 'iff' in .* under vocoder, did you mean 'iaf'"),
        ({"kind": "iaf", "flow": [3]}, "unknown key 'flow' .*, did you mean 'flows'"),
        ({"kind": "iaf", "flows": []}, "at least 1 item"),
        ({"kind": "iaf", "flows": [0]}, "greater than or equal to 1"),
        ({"kind": "iaf", "objective": "distillation"}, "needs `teacher`"),
        ({"kind": "iaf", "teacher": "runs/t"}, "belong to objective 'distillation'"),
        ({"kind": "iaf", "power_weight": 1.0}, "belong to objective 'distillation'"),
        ({"kind": "iaf", "sampling": {"steps": 4}}, "sampling.steps is 4; it must be less"),
        ({"kind": "wavenet", "sampling": {"method": "rk4"}}, "sampling.method is 'rk4'"),
        ({"kind": "wavenet", "temperature": -1.0}, "temperature is -1.0"),
    ],
)
def test_bad_configurations_are_refused(section, said):
    """One sentence with the value and what is allowed."""
    with pytest.raises(InputError, match=said):
        parse_config({"vocoder": section}, VocoderSection)


@pytest.mark.parametrize("kind", ["iaf", "wavenet"])
def test_strides_must_multiply_to_the_hop(kind):
    """The reference's 4, 4, 5 make 80; repetition needs no strides."""
    sizes = {"upsampling": "transposed", "strides": [4, 4, 5], "channels": 2, "skip_channels": 2}
    config = parse_config({"vocoder": {"kind": kind, "network": sizes}}, VocoderSection).vocoder
    with pytest.raises(InputError, match="4, 4, 5 multiply to 80; .* the mel's hop, 256"):
        build_vocoder(config, MelSpec())
    spec = MelSpec(sample_rate_hz=16000, n_fft=512, hop_samples=80, win_samples=400)
    model = build_vocoder(config, spec)
    assert model.generate(mels(1, 3, spec=spec), [0], ONE_PASS).waveform.shape == (1, 240)
