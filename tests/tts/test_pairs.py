"""Training on reflow pairs teaches the decoder and leaves the text's side alone."""

from __future__ import annotations

import logging

import pytest
import torch
from safetensors.torch import load_file

from core.checkpoint import save_weights
from core.data.pair_store import PairStore
from core.data.pairs import begin, file_hash, make_pairs, plan_parts
from core.data.store import UtteranceStore
from core.errors import InputError
from core.training import WEIGHTS, TrainingConfig
from tests import tiny
from tests.core.data.test_pairs import facts
from text.symbols import SYMBOLS, symbol_table_hash
from tts.config import AcousticConfig, MelSamplingConfig
from tts.losses import pair_losses
from tts.model import AcousticModel
from tts.pairs import DECODER_SIDE, PairBatches, check_student, pair_batches
from tts.reflow import AcousticTeacher
from tts.sentences import Sentences
from tts.training import AcousticExperiment, BatchConfig, train_acoustic

STEPS = 4


def teacher_model(**changes):
    model = AcousticModel(tiny.acoustic_config(**changes), tiny.SPEC, len(SYMBOLS))
    tiny.awaken(model, deviation=0.2)
    model.mel_mean.fill_(-4.0)
    model.mel_deviation.fill_(1.5)
    return model


def make(directory, **changes):
    """Weights of a teacher, `teacher.safetensors`, and its pairs, `pairs`."""
    store = UtteranceStore(tiny.write_store(directory / "store"), "train")
    model = teacher_model()
    save_weights(directory / "teacher.safetensors", model.state_dict())
    teacher_hash = file_hash(directory / "teacher.safetensors")
    made_with = facts(
        **{"kind": "acoustic", "items": len(store), "symbols": symbol_table_hash(),
           "prior": "standard normal", "teacher": teacher_hash, **changes}
    )  # fmt: skip
    begin(directory / "pairs", made_with)
    teacher = AcousticTeacher(model, Sentences(store, tiny.SPEC, ()), made_with)
    parts = plan_parts([u.samples for u in store.utterances], 4)
    make_pairs(directory / "pairs", parts, teacher.make)
    return directory


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def pairs(made):
    return PairStore(made / "pairs", "acoustic", tiny.SPEC)


def experiment(made, acoustic=None, **training):
    return AcousticExperiment(
        name="r", mel=tiny.SPEC, acoustic=acoustic or tiny.acoustic_config(),
        data=BatchConfig(pairs=made / "pairs", batch_seconds=0.7, join_probability=0.0),
        training=TrainingConfig(
            **{"steps": STEPS, "warmup_steps": 1, "ema_decay": 0.5, "precision": "fp32",
               "learning_rate": 1e-2, "warm_start": made / "teacher.safetensors", **training}
        ),
    )  # fmt: skip


def test_text_side_is_bit_for_bit_the_teachers(made, tmp_path):
    """Encoder, means, durations and statistics, averaged weights included; the decoder learns."""
    train_acoustic(experiment(made), tmp_path, resume=False, accelerator="cpu")
    before, after = load_file(made / "teacher.safetensors"), load_file(tmp_path / WEIGHTS)
    assert before.keys() == after.keys()
    for name, value in before.items():
        side = name.split(".")[0]
        if side not in DECODER_SIDE:
            assert torch.equal(after[name], value), name
    learnt = [n for n in before if not torch.equal(before[n], after[n])]
    assert {name.split(".")[0] for name in learnt} == {"decoder", "features_out"}


def test_decoder_of_another_size_learns_from_pairs(made, tmp_path):
    """From scratch, beside the teacher's text side."""
    smaller = tiny.acoustic_config()
    decoder = smaller.decoder.model_copy(update={"channels": 4, "condition_channels": 6})
    config = smaller.model_copy(update={"decoder": decoder})
    other = experiment(made, config, warm_start_without=("decoder", "features_out"))
    train_acoustic(other, tmp_path, resume=False, accelerator="cpu")
    before, after = load_file(made / "teacher.safetensors"), load_file(tmp_path / WEIGHTS)
    assert torch.equal(before["encoder.embedding.weight"], after["encoder.embedding.weight"])
    assert after["decoder.state_in.weight"].shape[0] == 4
    with pytest.raises(InputError, match="another model"):
        train_acoustic(experiment(made, config), tmp_path / "b", resume=False, accelerator="cpu")


def test_loss_of_a_silent_decoder_is_the_squared_displacement(pairs):
    """A field that is zero misses x_1 - x_0 by all of it, on real frames alone."""
    model = teacher_model(preconditioned=False)
    torch.nn.init.zeros_(model.decoder.out.weight)
    torch.nn.init.zeros_(model.decoder.out.bias)
    batch = PairBatches(pairs, (), list(range(12))).batch([0, 4, 7])
    losses = pair_losses(
        model, batch["ids"], batch["id_lengths"], batch["durations"], batch["x_0"], batch["mel"]
    )
    squares, count = 0.0, 0
    for number in (0, 4, 7):
        values = pairs.tensors(number)
        difference = (values["x_1"] + 4.0) / 1.5 - values["x_0"]
        squares += float(difference.double().square().sum())
        count += difference.numel()
    assert float(losses["loss"].detach()) == pytest.approx(squares / count, rel=1e-5)
    assert losses.keys() == {"loss", "flow"}


def test_loss_has_no_use_for_padding(pairs):
    """Frames after the end may hold anything."""
    model, batches = teacher_model(), PairBatches(pairs, (), list(range(12)))
    batch = batches.batch([0, 4, 7])
    names = ("ids", "id_lengths", "durations", "x_0", "mel")

    def loss(changed):
        torch.manual_seed(3)
        return float(pair_losses(model, *(changed[name] for name in names))["loss"].detach())

    first = loss(batch)
    frame = torch.arange(batch["mel"].shape[2])
    beyond = frame >= batch["durations"].sum(1)[:, None]
    assert beyond.any()
    noisy = torch.where(beyond[:, None], 9.0, batch["mel"])
    assert loss(batch | {"mel": noisy}) == first


def test_batches_hold_whole_pairs(pairs):
    """Every training pair once an epoch, none that is held out, each with its own facts."""
    train, valid = pair_batches(pairs, (), 0.7, seed=0)
    held_out = {n for n in range(12)} - set(train.numbers)
    assert held_out == set(valid.numbers)
    seen = []
    step = 0
    while len(seen) < len(train.numbers):
        for row, place in enumerate(train.sequence[step]):
            number = train.numbers[place[0]]
            seen.append(number)
            batch, item, values = train[step], pairs.items[number], pairs.tensors(number)
            assert batch["ids"][row, : len(item.ids)].tolist() == list(item.ids)
            assert torch.equal(batch["x_0"][row, :, : item.frames], values["x_0"])
            assert torch.equal(batch["mel"][row, :, : item.frames], values["x_1"])
            assert int(batch["durations"][row].sum()) == item.frames
        step += 1
    assert sorted(seen) == sorted(train.numbers)
    assert sum(len(valid[i]["ids"]) for i in range(len(valid))) == len(held_out)


def test_student_without_a_text_side_is_refused(made, pairs):
    """Pairs can teach the decoder alone."""
    model = teacher_model()
    with pytest.raises(InputError, match="pairs teach the decoder alone"):
        check_student(model, pairs, TrainingConfig())
    weights = made / "teacher.safetensors"
    with pytest.raises(InputError, match="warm_start_without names 'encoder'"):
        check_student(
            model, pairs, TrainingConfig(warm_start=weights, warm_start_without=("encoder",))
        )
    with pytest.raises(InputError, match="blanks is false"):
        check_student(teacher_model(blanks=False), pairs, TrainingConfig(warm_start=weights))
    with pytest.raises(InputError, match="prior is normal around the mean mel"):
        check_student(teacher_model(prior_on_mean=True), pairs, TrainingConfig(warm_start=weights))


def test_another_teacher_is_allowed_and_said(made, pairs, tmp_path, caplog):
    """The log names the weights; with the teacher's own it is silent, but for the temperature."""
    other = tmp_path / "other.safetensors"
    save_weights(other, teacher_model().state_dict() | {"mel_mean": torch.tensor(-3.0)})
    with caplog.at_level(logging.WARNING):
        check_student(
            teacher_model(), pairs, TrainingConfig(warm_start=made / "teacher.safetensors")
        )
        assert not any("teacher of the pairs" in m for m in caplog.messages)
        check_student(teacher_model(), pairs, TrainingConfig(warm_start=other))
    assert any("is not the teacher of the pairs" in m for m in caplog.messages)
    assert any("made at temperature 1" in m for m in caplog.messages)


def test_pairs_of_unknown_speakers_or_symbols_are_refused(made, pairs, tmp_path):
    """Named, before anything is trained."""
    with pytest.raises(InputError, match="unknown speaker ''"):
        PairBatches(pairs, ("ann", "bob"), [0])
    other = make(tmp_path, symbols="0" * 64)
    student = TrainingConfig(warm_start=other / "teacher.safetensors")
    strange = PairStore(other / "pairs", "acoustic", tiny.SPEC)
    with pytest.raises(InputError, match="another symbol table"):
        check_student(teacher_model(), strange, student)


def test_joined_utterances_are_no_pairs(made):
    """The default of recordings is refused with pairs."""
    with pytest.raises(ValueError, match="join_probability must be 0 with pairs"):
        BatchConfig(pairs=made / "pairs")


def test_model_of_one_step_takes_no_other(pairs):
    """With time_schedule t0 or k, sampling follows, and other steps are refused."""
    sampling = MelSamplingConfig(temperature=0.5)
    config = AcousticConfig(time_schedule=3, sampling=sampling)
    assert (config.sampling.steps, config.sampling.method) == (3, "euler")
    with pytest.raises(ValueError, match="steps is 4, but must be 1"):
        AcousticConfig(time_schedule="t0", sampling=MelSamplingConfig(steps=4))
    model = teacher_model(time_schedule="t0", sampling=sampling)
    ids, lengths = torch.tensor([[1, 2, 3]]), torch.tensor([3])
    assert model.synthesise(ids, lengths, [0]).nfe == 1
    with pytest.raises(InputError, match="trained with time_schedule t0"):
        model.synthesise(ids, lengths, [0], steps=4)
    batch = PairBatches(pairs, (), [0, 1]).batch([0, 1])
    names = ("ids", "id_lengths", "durations", "x_0", "mel")
    times = []
    field = model.field

    def watched(*arguments):
        velocity, mean, mask = field(*arguments)

        def seen(t, x):
            times.append(t)
            return velocity(t, x)

        return seen, mean, mask

    model.field = watched
    pair_losses(model, *(batch[name] for name in names))
    assert not times[0].any()
