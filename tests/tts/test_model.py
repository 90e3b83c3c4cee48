"""The acoustic model against closed forms, and its batches against single items."""

from __future__ import annotations

import math

import pytest
import torch

from core.flow import GaussianOracle, make_grid, solve
from tests.tiny import SPEC, SYMBOL_COUNT, acoustic_config, acoustic_model, generator
from tts.config import MelSamplingConfig
from tts.frames import fold_blanks, masked_mean, upsampling
from tts.model import AcousticModel

FLOOR = math.log(SPEC.log_floor)
IDS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 7, 7], [8, 7, 7, 7, 7]])
LENGTHS = torch.tensor([5, 3, 1])


def silence_decoder(model):
    """A network that predicts nothing: the best linear velocity alone is left."""
    torch.nn.init.zeros_(model.decoder.out.weight)
    torch.nn.init.zeros_(model.decoder.out.bias)
    return model


def encode(model):
    tokens, lengths = model.with_blanks(IDS, LENGTHS)
    return model.encode(tokens, lengths)


def durations_of(encoded, low=1, high=5):
    draw = torch.randint(low, high, encoded.mask.shape, generator=generator(1))
    return draw * encoded.mask


@pytest.mark.parametrize("method", ["euler", "midpoint", "rk45", "sde:0.5"])
def test_a_batch_gives_what_single_items_give(method):
    """Mels and durations of a padded batch equal those of each item alone, to 1e-5."""
    model = acoustic_model()
    choices = {"steps": 3, "method": method, "temperature": 0.8}
    together = model.synthesise(IDS, LENGTHS, [5, 6, 7], **choices)
    for index, length in enumerate(LENGTHS.tolist()):
        alone = model.synthesise(
            IDS[index : index + 1, :length], LENGTHS[index : index + 1], [5 + index], **choices
        )
        frames = int(together.mask[index].sum())
        assert together.durations[index, :length].tolist() == alone.durations[0].tolist()
        assert alone.log_mel.shape[2] == frames
        torch.testing.assert_close(
            together.log_mel[index, :, :frames], alone.log_mel[0], rtol=0, atol=1e-5
        )


def test_permuting_a_batch_permutes_its_mels():
    """No item knows its place."""
    model = acoustic_model()
    order = torch.tensor([2, 0, 1])
    first = model.synthesise(IDS, LENGTHS, [0, 1, 2])
    second = model.synthesise(IDS[order], LENGTHS[order], order.tolist())
    torch.testing.assert_close(second.log_mel, first.log_mel[order], rtol=0, atol=1e-5)


def test_same_seed_gives_the_same_mel_and_another_seed_another():
    """Bit for bit."""
    model = acoustic_model()
    first, second, other = (model.synthesise(IDS, LENGTHS, [s] * 3).log_mel for s in (0, 0, 1))
    assert torch.equal(first, second)
    assert (first - other).abs().max() > 0.1


def test_padding_holds_the_log_floor():
    """Frames beyond an item are silence, and no real frame lies below it."""
    mels = acoustic_model().synthesise(IDS, LENGTHS, [0, 0, 0])
    padding = ~mels.mask.expand_as(mels.log_mel)
    assert padding.any()
    torch.testing.assert_close(mels.log_mel[padding].unique(), torch.tensor([FLOOR]))
    assert mels.log_mel.min() >= FLOOR - 1e-6


def test_durations_account_for_every_frame():
    """Blanks are counted to their neighbours: durations of the ids sum to the mel's frames."""
    mels = acoustic_model().synthesise(IDS, LENGTHS, [0, 0, 0])
    assert mels.durations.shape == IDS.shape
    assert mels.durations.sum(1).tolist() == mels.mask.sum(dim=(1, 2)).tolist()


def test_longer_utterance_begins_with_the_same_noise():
    """Without a network, frames that both utterances have are equal: so was their noise."""
    model = silence_decoder(acoustic_model(blanks=False))
    ids, lengths = torch.tensor([[3, 4]]), torch.tensor([2])
    short, long = (
        model.synthesise(ids, lengths, [3], durations=torch.tensor([[5, last]])).log_mel
        for last in (4, 9)
    )
    torch.testing.assert_close(long[:, :, :9], short, rtol=0, atol=1e-5)


def test_speed_shortens_the_mel():
    """At half the speed an utterance of long tokens is twice as long."""
    model = acoustic_model(blanks=False)
    model.durations.scale.fill_(30.0)
    lengths = [
        int(model.synthesise(IDS[:1], LENGTHS[:1], [0], speed=s).mask.sum()) for s in (1.0, 0.5, 2)
    ]
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=1)
    assert lengths[2] == pytest.approx(lengths[0] / 2, abs=1)


def test_no_temperature_means_no_noise():
    """At temperature 0 the seed changes nothing."""
    model = acoustic_model()
    mels = [model.synthesise(IDS, LENGTHS, [s] * 3, temperature=0.0).log_mel for s in (0, 1)]
    assert torch.equal(*mels)


@pytest.mark.parametrize("sigma_min", [0.0, 0.2])
def test_zero_network_is_the_gaussian_velocity(sigma_min):
    """For data N(mu, s^2) the best velocity is E[x_1 - (1 - m) x_0 | x_t].

    The oracle gives it for m = 0; for any m it is the regression of the velocity on the state.
    """
    model = silence_decoder(acoustic_model(sigma_min=sigma_min))
    encoded = encode(model)
    field, mean, mask = model.field(encoded, durations_of(encoded))
    x = torch.randn(mean.shape, generator=generator(2)) * mask
    for time in (0.0, 0.3, 0.9, 1.0):
        t = torch.tensor(time)
        velocity = field(t, x)
        for band, variance in enumerate(model.residual_variance[:, 0].tolist()):
            offset = (x - t * mean)[:, band]
            if sigma_min:
                noise = 1 - (1 - sigma_min) * time
                covariance = time * variance - (1 - sigma_min) * noise
                expected = covariance / (noise**2 + time**2 * variance) * offset
            else:
                expected = GaussianOracle(deviation=variance**0.5).velocity(t, offset)
            expected = (mean[:, band] + expected) * mask[:, 0]
            torch.testing.assert_close(velocity[:, band], expected, rtol=1e-4, atol=1e-5)


def test_solving_the_zero_network_transports_the_prior():
    """Its exact solution is x_1 = mu + s x_0."""
    model = silence_decoder(acoustic_model())
    encoded = encode(model)
    field, mean, mask = model.field(encoded, durations_of(encoded))
    x_0 = torch.randn(mean.shape, generator=generator(2)) * mask
    solved = solve(field, x_0, make_grid("uniform", 40), "rk4").x
    expected = (mean + model.residual_variance.sqrt() * x_0) * mask
    torch.testing.assert_close(solved, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("preconditioned", [True, False])
def test_network_counts_in_units_of_the_rest(preconditioned):
    """A network that answers 1 everywhere adds `rest_scale` to the velocity, on real frames."""
    model = silence_decoder(acoustic_model(preconditioned=preconditioned))
    encoded = encode(model)
    field, mean, mask = model.field(encoded, durations_of(encoded))
    t = torch.tensor([0.0, 0.4, 1.0])
    before = field(t, mean)
    torch.nn.init.ones_(model.decoder.out.bias)
    added = field(t, mean) - before
    torch.testing.assert_close(added, model.rest_scale(t) * mask, rtol=0, atol=1e-5)


def test_rest_is_the_residual_at_first_and_one_at_last():
    """s / sqrt(V_t): V_0 = 1 and V_1 = s^2; without preconditioning the unit is 1."""
    model = acoustic_model()
    scale = model.rest_scale(torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(scale[0], model.residual_variance.sqrt())
    torch.testing.assert_close(scale[1], torch.ones(SPEC.n_mels, 1))
    plain = acoustic_model(preconditioned=False)
    assert torch.equal(plain.rest_scale(torch.tensor([0.3])), torch.ones(1, SPEC.n_mels, 1))


def test_velocity_does_not_see_padding():
    """Real frames move as they would alone, padded ones not at all."""
    model = acoustic_model()
    encoded = encode(model)
    durations = durations_of(encoded)
    field, mean, mask = model.field(encoded, durations)
    x = torch.randn(mean.shape, generator=generator(2))
    t = torch.tensor(0.4)
    clean, dirty = field(t, x * mask), field(t, torch.where(mask, x, 1e3))
    torch.testing.assert_close(dirty, clean, rtol=0, atol=1e-5)
    assert clean[~mask.expand_as(clean)].abs().max() == 0


def test_speakers_change_the_mel():
    """The same text and noise sound different for another speaker."""
    model = acoustic_model(speakers=("ann", "bob"))
    mels = [
        model.synthesise(
            IDS[:1], LENGTHS[:1], [0], speaker=torch.tensor([n]), durations=torch.full((1, 11), 2)
        ).log_mel
        for n in (0, 1)
    ]
    assert (mels[0] - mels[1]).abs().max() > 0.05


def test_missing_speaker_is_an_error():
    """A model of several voices does not choose one by itself."""
    with pytest.raises(ValueError, match="2 speakers: name one"):
        acoustic_model(speakers=("ann", "bob")).synthesise(IDS, LENGTHS, [0, 0, 0])


def test_blanks_stand_before_between_and_after():
    """(a, b, pad) becomes (_, a, _, b, _, pad, _) of length 5."""
    ids, lengths = acoustic_model().with_blanks(torch.tensor([[3, 4, 0]]), torch.tensor([2]))
    assert ids.tolist() == [[0, 3, 0, 4, 0, 0, 0]]
    assert lengths.tolist() == [5]


def test_models_without_blanks_take_ids_as_they_are():
    """`blanks: false` changes nothing."""
    ids, lengths = acoustic_model(blanks=False).with_blanks(IDS, LENGTHS)
    assert torch.equal(ids, IDS)
    assert torch.equal(lengths, LENGTHS)


def test_folding_blanks_keeps_every_frame():
    """First blank to the first id, every other blank to the id before it."""
    folded = fold_blanks(torch.tensor([[1, 10, 2, 20, 3], [4, 40, 5, 0, 0]]))
    assert folded.tolist() == [[13, 23], [49, 0]]


def test_upsampling_repeats_each_token():
    """torch.repeat_interleave of one item, padded to the longest."""
    durations = torch.tensor([[2, 0, 3], [1, 1, 0]])
    index, mask = upsampling(durations)
    assert index.tolist() == [[0, 0, 2, 2, 2], [0, 1, 0, 0, 0]]
    assert mask[:, 0].tolist() == [[True] * 5, [True] * 2 + [False] * 3]


def test_masked_mean_is_the_mean_of_what_is_real():
    """Means over selected values, with garbage elsewhere."""
    value = torch.randn(2, 3, 4, generator=generator())
    mask = torch.tensor([[True] * 4, [True] * 2 + [False] * 2])[:, None]
    value[1, :, 2:] = math.nan
    expected = torch.cat([value[0].flatten(), value[1, :, :2].flatten()]).mean()
    torch.testing.assert_close(masked_mean(value, mask), expected)


def test_corpus_statistics_leave_padding_out():
    """Mean and deviation over real frames; standardised, they have mean 0 and deviation 1."""
    model = AcousticModel(acoustic_config(), SPEC, SYMBOL_COUNT)
    log_mel = 2 * torch.randn(2, SPEC.n_mels, 50, generator=generator()) - 5
    mask = (torch.arange(50) < torch.tensor([[50], [20]]))[:, None]
    model.measure_corpus(torch.where(mask, log_mel, 1e6), mask)
    real = model.standardise(log_mel).masked_select(mask)
    assert float(real.mean()) == pytest.approx(0, abs=1e-4)
    assert float(real.std()) == pytest.approx(1, abs=1e-4)


def test_sampling_defaults_come_from_the_configuration():
    """Two steps of Euler's method are two evaluations; 0 steps is refused, not replaced."""
    model = acoustic_model()
    assert model.synthesise(IDS, LENGTHS, [0, 0, 0]).nfe == 2
    assert model.synthesise(IDS, LENGTHS, [0, 0, 0], steps=3, method="heun").nfe == 6
    with pytest.raises(ValueError, match="steps is 0"):
        model.synthesise(IDS, LENGTHS, [0, 0, 0], steps=0)


def test_found_grid_is_taken_for_its_steps():
    """As if the caller had asked for it; another number of steps and an explicit grid go on."""
    plain = acoustic_model()
    sampling = MelSamplingConfig(steps=2, grids={"2": "0,0.2,1"})
    model = acoustic_model(sampling=sampling)

    def mel(made, **choices):
        return made.synthesise(IDS, LENGTHS, [0, 0, 0], **choices).log_mel

    assert torch.equal(mel(model), mel(plain, grid="0,0.2,1"))
    assert not torch.equal(mel(model), mel(plain))
    assert torch.equal(mel(model, grid="uniform"), mel(plain))
    assert torch.equal(mel(model, steps=3), mel(plain, steps=3))
