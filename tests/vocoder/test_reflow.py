"""Pairs of noise and waveform, and windows of them."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from core.checkpoint import save_weights
from core.data.pair_store import PairStore
from core.data.pairs import begin, item_seed, make_pairs, plan_parts
from core.data.store import UtteranceStore
from core.errors import InputError
from core.training import WEIGHTS, TrainingConfig
from tests import tiny
from tests.core.data.test_pairs import facts
from vocoder.interface import Sampling
from vocoder.pairs import PairWindows, check_student, require_flow
from vocoder.rectified.model import RectifiedVocoder
from vocoder.reflow import VocoderTeacher, prior_name
from vocoder.training import VocoderExperiment, WindowConfig, train_vocoder


def model(seed=0, **changes):
    made = tiny.awaken(RectifiedVocoder(tiny.vocoder_config(**changes), tiny.SPEC), seed, 0.1)
    made.mel_mean.fill_(-4.0)
    made.envelope.gain.fill_(0.9)
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return UtteranceStore(tiny.write_store(tmp_path_factory.mktemp("store")), "train")


@pytest.fixture(scope="module")
def pairs(store, tmp_path_factory):
    directory = tmp_path_factory.mktemp("pairs")
    made_with = facts(items=len(store))
    begin(directory, made_with)
    parts = plan_parts([u.samples for u in store.utterances], 4)
    make_pairs(directory, parts, VocoderTeacher(model(), store, made_with).make)
    return PairStore(directory, "vocoder", tiny.SPEC)


@pytest.mark.parametrize("rounds", [0, 2])
@pytest.mark.parametrize(("method", "steps"), [("euler", 4), ("heun", 2), ("rk45", 1)])
def test_pair_made_again_from_its_noise_agrees(store, method, steps, rounds):
    """To 1e-5, with each solver, with mel-consistency rounds and without, alone as in a batch."""
    made_with = facts(
        items=12, method=method, steps=steps, consistency_rounds=rounds, final_rounds=rounds,
        momentum=0.9,
    )  # fmt: skip
    maker = VocoderTeacher(model(), store, made_with)
    pairs = maker.make([2, 11, 5])
    for pair, wave in zip(pairs, maker.again(pairs), strict=True):
        assert (wave - pair[1]["x_1"]).abs().max() < 1e-5
        assert (maker.again([pair])[0] - pair[1]["x_1"]).abs().max() < 1e-5


def test_pair_is_the_sample_that_the_model_gives_at_its_own_level(store):
    """No clipping and no normalisation: bit for bit what `generate` makes, however loud."""
    made_with = facts(items=12, consistency_rounds=1, final_rounds=1, momentum=0.5)
    loud = model()
    loud.envelope.gain.fill_(30.0)
    maker = VocoderTeacher(loud, store, made_with)
    item, tensors = maker.make([6])[0]
    sampling = Sampling(4, "euler", "uniform", 1, 1, 0.5)
    mel = maker.extract(store.waveform(6)[None])
    made = loud.generate(mel, [item_seed(0, 6)], sampling).waveform[0]
    assert torch.equal(tensors["x_1"], made)
    assert torch.equal(tensors["x_0"], loud.noise(mel, [item.seed])[0])
    assert torch.equal(tensors["mel"], mel[0])
    assert made.abs().max() > 1


def test_windows_are_the_same_stretch_of_all_three(pairs):
    """Found again in the whole pair by its noise; every utterance has its turn."""
    windows = PairWindows(pairs, list(range(12)), 20, 8, seed=3)
    hop, seen = tiny.SPEC.hop_samples, set()
    whole = [pairs.tensors(n) for n in range(12)]
    for step in range(8):
        batch = windows[step]
        for x_0, x_1, mel in zip(batch["x_0"], batch["waveform"], batch["mel"], strict=True):
            assert mel.shape == (tiny.SPEC.n_mels, 20)
            places = [
                (n, f) for n, values in enumerate(whole)
                for f in range(pairs.items[n].frames - 19)
                if torch.equal(values["x_0"][f * hop : (f + 20) * hop], x_0)
            ]  # fmt: skip
            ((number, first),) = places
            seen.add(number)
            assert torch.equal(whole[number]["x_1"][first * hop : (first + 20) * hop], x_1)
            assert torch.equal(whole[number]["mel"][:, first : first + 20], mel)
    assert len(seen) == 12
    assert torch.equal(windows[3]["x_0"], PairWindows(pairs, list(range(12)), 20, 8, 3)[3]["x_0"])
    assert not torch.equal(windows[3]["x_0"], windows[4]["x_0"])


def test_windows_longer_than_all_pairs_are_refused(pairs):
    """In one sentence with the number of frames."""
    with pytest.raises(InputError, match="all 2 pairs .* shorter than window_frames, 4000"):
        PairWindows(pairs, [0, 1], 4000, 8, seed=0)


def test_loss_on_pairs_uses_their_noise(pairs):
    """A drawn x_0 given back gives the same loss; another one another."""
    student, batch = model(), PairWindows(pairs, list(range(12)), 20, 4, seed=0)[0]
    wave, mel = batch["waveform"], batch["mel"]

    def loss(x_0):
        torch.manual_seed(5)
        return student.training_loss(wave, mel, x_0)["loss"]

    torch.manual_seed(5)
    torch.randperm(4), torch.rand(4)
    drawn = student.prior_noise(torch.randn_like(wave), mel)
    torch.manual_seed(5)
    assert torch.equal(student.training_loss(wave, mel)["loss"], loss(drawn))
    assert not torch.equal(loss(batch["x_0"]), loss(drawn))


def test_student_needs_the_prior_of_the_pairs(pairs):
    """The teacher's own is taken; another gain or a white prior is refused."""
    check_student(model(), pairs, None)
    check_student(model(seed=4), pairs, None)
    other = model()
    other.envelope.gain.fill_(1.1)
    for student in (other, model(prior="white")):
        with pytest.raises(InputError, match="noise of this vocoder is not that of the pairs"):
            check_student(student, pairs, None)


def test_vocoder_learns_from_pairs_alone(pairs, tmp_path):
    """Nothing but the pairs and the teacher's weights is read; a network of another size too."""
    weights = tmp_path / "teacher.safetensors"
    save_weights(weights, model().state_dict())
    wider = tiny.vocoder_config().network.model_copy(update={"channels": 12})
    trials = {"same": ((), {}), "other": (("network",), {"network": wider})}
    for name, (without, changes) in trials.items():
        training = TrainingConfig(
            steps=2, warmup_steps=1, precision="fp32", ema_decay=0.5, warm_start=weights,
            warm_start_without=without,
        )  # fmt: skip
        data = WindowConfig(
            pairs=pairs.directory, batch_size=3, window_frames=16, gain_range_db=(0.0, 0.0)
        )
        experiment = VocoderExperiment(
            name="r", mel=tiny.SPEC, vocoder=tiny.vocoder_config(**changes), data=data,
            training=training,
        )  # fmt: skip
        train_vocoder(experiment, tmp_path / name, resume=False, accelerator="cpu")
        before, after = load_file(weights), load_file(tmp_path / name / WEIGHTS)
        assert before.keys() == after.keys()
        for tensor in ("mel_mean", "mel_deviation", "envelope.gain"):
            assert torch.equal(before[tensor], after[tensor])
        learnt = [n for n in after if not torch.equal(before[n], after[n])]
        assert all(n.startswith("network.") for n in learnt)
        assert learnt


def test_louder_pairs_are_no_pairs(pairs):
    """The default of recordings is refused with pairs."""
    with pytest.raises(ValueError, match="gain_range_db must be .0.0, 0.0. with pairs"):
        WindowConfig(pairs=pairs.directory)


def test_vocoder_that_is_no_flow_is_refused():
    """One sentence with its name."""

    class Table(torch.nn.Module):
        pass

    with pytest.raises(InputError, match="Table is no flow"):
        require_flow(Table())


def test_prior_is_named_by_its_settings():
    """All that the configuration says of it."""
    assert prior_name(tiny.vocoder_config()) == "prior mel, prior_deviation 0.1"
