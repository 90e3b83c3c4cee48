"""What VoiceFlow can be told: added noise, the prior's mean, what the decoder sees, guidance."""

from __future__ import annotations

import pytest
import torch

from core.config import load_config, parse_config
from core.errors import InputError
from core.flow import make_grid, solve
from tests.tiny import SPEC, acoustic_model, generator
from tts.config import AcousticConfig
from tts.losses import acoustic_losses

IDS, LENGTHS = torch.tensor([[3, 1, 4], [9, 2, 0]]), torch.tensor([3, 2])
OTHER_IDS = torch.tensor([[5, 6, 7], [8, 10, 0]])
BLIND = {"prior_on_mean": True, "condition_on_mean": False, "preconditioned": False}


def encode(model, ids=IDS):
    tokens, lengths = model.with_blanks(ids, LENGTHS)
    return model.encode(tokens, lengths)


def field_of(model, ids=IDS, hidden=None):
    encoded = encode(model, ids)
    return model.field(encoded, 2 * encoded.mask.long(), hidden)


def state(mask, seed=0):
    return torch.randn(2, SPEC.n_mels, mask.shape[2], generator=generator(seed)) * mask


def test_everything_is_off_by_default():
    """The path ends in the data, the prior is standard normal, nothing is hidden or guided."""
    config = AcousticConfig()
    assert (config.sigma, config.sigma_min, config.condition_drop) == (0.0, 0.0, 0.0)
    assert (config.prior_on_mean, config.condition_on_mean) == (False, True)
    assert (config.coupling, config.sampling.guidance) == ("independent", 1.0)
    assert acoustic_model().hidden_condition is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sigma": 0.1, "sigma_min": 0.1}, "sigma is 0.1 and sigma_min 0.1: .* set one of them"),
        ({"condition_on_mean": False}, "condition_on_mean and prior_on_mean are both false"),
        ({"condition_on_mean": False, "prior_on_mean": True}, "set preconditioned to false"),
        ({**BLIND, "condition_drop": 0.1}, "a decoder without a condition has none to drop"),
        ({"sampling": {"guidance": 2.0}}, "guidance is 2.0: guidance needs a model trained with"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, sentence):
    """In one sentence, which names both."""
    with pytest.raises(InputError, match=sentence) as refusal:
        parse_config(options, AcousticConfig, "voice.yaml")
    assert "{" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_refusal_inside_an_experiment_names_the_section(tmp_path):
    """And does not print the whole section."""
    from tts.training import AcousticExperiment

    file = tmp_path / "x.yaml"
    file.write_text("name: x\ndata: {features: f}\nacoustic: {condition_on_mean: false}\n")
    with pytest.raises(InputError, match=r"x\.yaml, acoustic: condition_on_mean and prior_on"):
        load_config(file, AcousticExperiment)


def test_prior_on_the_mean_is_transported_to_the_data():
    """Without a network, mu + e goes to mu + s e along the exact solution."""
    model = acoustic_model(prior_on_mean=True)
    torch.nn.init.zeros_(model.decoder.out.weight)
    torch.nn.init.zeros_(model.decoder.out.bias)
    field, mean, mask = field_of(model)
    noise = state(mask)
    start = (model.prior_mean(mean) + noise) * mask
    found = solve(field, start, make_grid("uniform", 40), "rk4").x
    expected = (mean + model.residual_variance.sqrt() * noise) * mask
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_mel_at_no_temperature_starts_from_the_prior_mean():
    """One step of Euler's method from mu without noise: mu + u(0, mu)."""
    model = acoustic_model(prior_on_mean=True)
    encoded = encode(model)
    durations = 2 * encoded.mask.long()
    field, mean, mask = model.field(encoded, durations)
    expected = mean + field(torch.tensor(0.0), mean)
    made = model.synthesise(
        IDS, LENGTHS, [0, 0], durations=durations, temperature=0.0, steps=1, method="euler"
    )
    found = model.standardise(made.log_mel)
    low = model.standardise(torch.tensor(SPEC.log_floor).log())
    expected = expected.clamp_min(float(low)) * mask
    torch.testing.assert_close(found * mask, expected, rtol=0, atol=1e-5)


def test_blind_decoder_knows_the_text_from_the_prior_alone():
    """At one state the velocity is the same for every text; with a condition it is not."""
    for options, same in ((BLIND, True), ({"preconditioned": False}, False)):
        model = acoustic_model(**options)
        (one, mean, mask), (other, _, _) = field_of(model), field_of(model, OTHER_IDS)
        x, t = state(mask), torch.tensor(0.3)
        assert torch.equal(one(t, x), other(t, x)) is same
        assert model.prior_mean(mean).abs().sum() > 0 or not same


@pytest.mark.parametrize("prior_on_mean", [False, True])
@pytest.mark.parametrize("preconditioned", [False, True])
def test_hidden_items_do_not_see_their_text(prior_on_mean, preconditioned):
    """A hidden item moves the same for every text, its neighbour as if nothing were hidden."""
    options = {"prior_on_mean": prior_on_mean, "preconditioned": preconditioned}
    model = acoustic_model(condition_drop=0.2, **options)
    hidden = torch.tensor([True, False])
    one, _, mask = field_of(model, hidden=hidden)
    other, _, _ = field_of(model, OTHER_IDS, hidden)
    plain, _, _ = field_of(model)
    x, t = state(mask), torch.tensor([0.3, 0.6])
    torch.testing.assert_close(one(t, x)[0], other(t, x)[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(one(t, x)[1], plain(t, x)[1], rtol=0, atol=1e-6)
    assert (one(t, x)[0] - plain(t, x)[0]).abs().max() > 1e-3
    scales = (model.rest_scale(t, hidden) - model.rest_scale(t)).expand(2, -1, -1)
    assert torch.equal(scales[1], torch.zeros(SPEC.n_mels, 1))


def test_guided_velocity_is_the_weighted_sum_of_both():
    """u + g (c - u), with u the field of a batch whose every condition is hidden."""
    model = acoustic_model(condition_drop=0.2)
    encoded = encode(model)
    durations = 2 * encoded.mask.long()
    with_text, _, mask = model.field(encoded, durations)
    without, _, _ = model.field(encoded, durations, torch.tensor([True, True]))
    guided, _, _ = model.guided_field(encoded, durations, 2.5)
    x, t = state(mask), torch.tensor(0.4)
    expected = -1.5 * without(t, x) + 2.5 * with_text(t, x)
    torch.testing.assert_close(guided(t, x), expected, rtol=0, atol=1e-4)


def test_guidance_counts_two_evaluations_a_step():
    """Three steps are six evaluations; at 1 and 0 one of the fields has no weight."""
    model = acoustic_model(condition_drop=0.2)

    def nfe(guidance):
        return model.synthesise(IDS, LENGTHS, [0, 0], steps=3, guidance=guidance).nfe

    assert [nfe(g) for g in (None, 1.0, 2.0, 0.0)] == [3, 3, 6, 3]


def test_guidance_without_training_for_it_is_refused():
    """A model that never saw a hidden condition has nothing to be guided by."""
    with pytest.raises(InputError, match="trained with condition_drop above 0"):
        acoustic_model().synthesise(IDS, LENGTHS, [0, 0], guidance=2.0)


@pytest.mark.parametrize("options", [BLIND, {"coupling": "optimal-transport", "sigma": 0.1}])
def test_losses_are_finite_and_train_with_options(options):
    """Every parameter that the option leaves is reached by a gradient."""
    model = acoustic_model(**options)
    log_mel = torch.randn(2, SPEC.n_mels, 20, generator=generator()) - 4
    torch.manual_seed(0)
    found, _ = acoustic_losses(model, IDS, LENGTHS, log_mel, torch.tensor([20, 15]))
    found["loss"].backward()
    assert torch.isfinite(found["loss"])
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert silent == []


def test_dropped_conditions_train_the_hidden_one():
    """With all conditions dropped the flow reaches the hidden condition and no text."""
    model = acoustic_model(condition_drop=0.999999)
    log_mel = torch.randn(2, SPEC.n_mels, 20, generator=generator()) - 4
    found, _ = acoustic_losses(model, IDS, LENGTHS, log_mel, torch.tensor([20, 15]))
    found["flow"].backward()
    assert float(model.hidden_condition.grad.abs().sum()) > 0
    assert model.features_out.weight.grad is None or not model.features_out.weight.grad.any()
