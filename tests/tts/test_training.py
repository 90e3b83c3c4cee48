"""Training an acoustic model from a feature store."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from core.audio.mel import MelExtractor, MelSpec
from core.checkpoint import load_weights
from core.config import load_config
from core.data.store import Utterance, UtteranceStore, write_header, write_split
from core.errors import InputError
from core.training import WEIGHTS, TrainingConfig
from tests.tiny import SPEC, acoustic_config, waveform, write_store
from text.symbols import SYMBOLS, symbol_table_hash
from tts.model import AcousticModel
from tts.training import (
    AcousticExperiment,
    BatchConfig,
    Sentences,
    TrainingSteps,
    ValidationBatches,
    train_acoustic,
)

pytestmark = pytest.mark.filterwarnings("ignore")
SPACE = SYMBOLS.index(" ")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store"))


def sentences(store, split="train", speakers=()):
    return Sentences(UtteranceStore(store, split), SPEC, speakers)


def experiment(store, acoustic=None, **changes):
    settings = {"steps": 3, "warmup_steps": 1, "precision": "fp32", "validate_every_steps": 3}
    return AcousticExperiment(
        name="tiny",
        mel=SPEC,
        acoustic=acoustic or acoustic_config(),
        data=BatchConfig(features=store, batch_seconds=0.7),
        training=TrainingConfig(**{**settings, **changes}),
    )


def write(directory, utterances, header=None):
    """A store of utterances with their waveforms."""
    for split in ("train", "valid"):
        write_split(directory, split, utterances)
    write_header(directory, 8000, **(header or {"symbols": symbol_table_hash()}))
    return directory


def test_batch_holds_the_utterances_and_their_mels(store):
    """Ids and mels padded to the longest; each item's is the utterance's own."""
    made = sentences(store)
    batch = made.batch([(0,), (1,)])
    for row, index in enumerate((0, 1)):
        utterance = made.store.utterances[index]
        assert batch["ids"][row, : batch["id_lengths"][row]].tolist() == utterance.ids
        frames = int(batch["frames"][row])
        expected = MelExtractor(SPEC)(made.store.waveform(index)[None])[0]
        torch.testing.assert_close(batch["mel"][row, :, :frames], expected)
        assert not batch["mel"][row, :, frames:].any()


def test_joined_utterances_are_parted_by_a_space(store):
    """Their ids with a space between, the mel of their waveforms one after the other."""
    made = sentences(store)
    ids, mel, _ = made.item((2, 0))
    first, second = made.store.utterances[2], made.store.utterances[0]
    assert ids.tolist() == [*first.ids, SPACE, *second.ids]
    assert len(mel) == -(-(first.samples + second.samples) // SPEC.hop_samples)


def test_steps_are_a_function_of_seed_and_number(store):
    """Asked for in any order, again, or by another object: the same batches."""
    config = BatchConfig(features=store, batch_seconds=0.7, join_probability=0.5)
    forward, again, other = (TrainingSteps(sentences(store), config, seed) for seed in (0, 0, 1))
    batches = [forward[n] for n in range(12)]
    for number in (11, 3, 7):
        batch = again[number]
        assert all(torch.equal(batch[key], batches[number][key]) for key in batch)
    assert any(b["ids"].shape != other[n]["ids"].shape for n, b in enumerate(batches))


def test_every_utterance_is_seen_once_an_epoch(store):
    """Nothing is dropped, and no batch is larger than asked for."""
    config = BatchConfig(features=store, batch_seconds=0.7, join_probability=0.3)
    steps = TrainingSteps(sentences(store), config, 0)
    for epoch in range(3):
        batches = steps.sequence.plan.epoch(epoch)
        seen = sorted(index for batch in batches for item in batch for index in item)
        assert seen == list(range(12))
        lengths = [
            [sum(steps.sequence.plan.lengths[i] for i in item) for item in b] for b in batches
        ]
        assert all(len(b) == 1 or len(b) * max(b) <= 0.7 * 8000 for b in lengths)


def test_validation_batches_are_the_first_utterances(store):
    """In order, a few at a time, none twice."""
    batches = ValidationBatches(sentences(store), batch_size=5, most=12)
    assert len(batches) == 3
    assert [len(batches[i]["frames"]) for i in range(3)] == [5, 5, 2]


def test_training_writes_all_that_is_needed_later(store, tmp_path):
    """Configuration, averaged weights, a state, and a log with mels and alignments."""
    given = experiment(store)
    train_acoustic(given, tmp_path / "run", resume=False, accelerator="cpu")
    assert load_config(tmp_path / "run" / "config.yaml", AcousticExperiment) == given
    model = AcousticModel(given.acoustic, SPEC, len(SYMBOLS))
    load_weights(tmp_path / "run" / WEIGHTS, model)
    assert float(model.mel_deviation) != 1
    log = EventAccumulator(str(tmp_path / "run")).Reload()
    assert {"mel", "alignment"} <= set(log.Tags()["images"])
    scalars = set(log.Tags()["scalars"])
    assert {"train/flow", "train/prior", "train/duration", "valid/loss"} <= scalars
    assert {"gradient_norm", "steps_per_second"} <= scalars


def test_training_is_not_begun_over_another(store, tmp_path):
    """Not even the configuration of the first is touched."""
    train_acoustic(experiment(store, steps=1), tmp_path, resume=False, accelerator="cpu")
    before = (tmp_path / "config.yaml").read_bytes()
    with pytest.raises(InputError, match="--resume"):
        train_acoustic(experiment(store, steps=9), tmp_path, resume=False, accelerator="cpu")
    assert (tmp_path / "config.yaml").read_bytes() == before


def test_warm_start_begins_with_given_weights(store, tmp_path):
    """At a learning rate of almost nothing, training keeps the weights it started from."""
    train_acoustic(experiment(store, steps=2), tmp_path / "a", resume=False, accelerator="cpu")
    given = experiment(
        store, steps=1, warmup_steps=0, learning_rate=1e-12, seed=5,
        warm_start=tmp_path / "a" / WEIGHTS,
    )  # fmt: skip
    train_acoustic(given, tmp_path / "b", resume=False, accelerator="cpu")
    models = [AcousticModel(given.acoustic, SPEC, len(SYMBOLS)) for _ in "ab"]
    for model, name in zip(models, "ab", strict=True):
        load_weights(tmp_path / name / WEIGHTS, model)
    for mine, theirs in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)
    assert torch.equal(models[0].mel_mean, models[1].mel_mean)


def test_shipped_weights_lie_on_the_line_to_those_it_began_from(store, tmp_path):
    """Three tenths of the way back, for the same training; statistics are the training's own."""
    train_acoustic(experiment(store, steps=2), tmp_path / "a", resume=False, accelerator="cpu")
    shares = {"b": 0.0, "c": 0.3}
    for name, share in shares.items():
        given = experiment(
            store, steps=4, warmup_steps=0, warm_start=tmp_path / "a" / WEIGHTS,
            warm_start_share=share,
        )  # fmt: skip
        train_acoustic(given, tmp_path / name, resume=False, accelerator="cpu")
    start, end, shipped = (load_file(tmp_path / name / WEIGHTS) for name in "abc")
    moved = 0
    for name, _ in AcousticModel(given.acoustic, SPEC, len(SYMBOLS)).named_parameters():
        torch.testing.assert_close(shipped[name], 0.3 * start[name] + 0.7 * end[name])
        moved += not torch.equal(start[name], end[name])
    assert moved > 10


def test_share_of_nothing_is_refused():
    """There must be weights to go back to, of every part."""
    with pytest.raises(ValidationError, match="takes a warm_start of the whole model"):
        TrainingConfig(warm_start_share=0.2)
    with pytest.raises(ValidationError, match="takes a warm_start of the whole model"):
        TrainingConfig(warm_start_share=0.2, warm_start=Path("w"), warm_start_without=("decoder",))


def test_training_in_half_precision_stays_finite(store, tmp_path):
    """bfloat16 on the CPU."""
    given = experiment(store, precision="bf16")
    train_acoustic(given, tmp_path, resume=False, accelerator="cpu")
    model = AcousticModel(given.acoustic, SPEC, len(SYMBOLS))
    load_weights(tmp_path / WEIGHTS, model)
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())


def test_speakers_are_numbered_as_configured(tmp_path):
    """The model's order decides, not the corpus's; only one speaker's utterances are joined."""
    items = [
        (Utterance(id=f"u{n}", samples=1000, ids=[5, 6], speaker=name), waveform(1000, n))
        for n, name in enumerate(["bob", "ann", "bob", "ann"])
    ]
    made = sentences(write(tmp_path, items), speakers=("ann", "bob"))
    assert made.batch([(0,), (1,)])["speaker"].tolist() == [1, 0]
    config = BatchConfig(features=tmp_path, batch_seconds=10, join_probability=1.0)
    plan = TrainingSteps(made, config, 0).sequence.plan
    for epoch in range(5):
        for batch in plan.epoch(epoch):
            assert all(len({plan.groups[i] for i in item}) == 1 for item in batch)


def one(**changes):
    return [(Utterance(**{"id": "u1", "samples": 1000, "ids": [5, 6], **changes}), waveform(1000))]


BAD = {
    "rate": (lambda d: (write(d, one()), MelSpec(), ()), "at 8000 Hz, the mel contract at 22050"),
    "symbols": (
        lambda d: (write(d, one(), {"symbols": "old"}), SPEC, ()), "another symbol table",
    ),
    "speaker": (
        lambda d: (write(d, one(speaker="eve")), SPEC, ("ann", "bob")), "speaker 'eve'",
    ),
    "too many phonemes": (
        lambda d: (write(d, one(ids=[5] * 40)), SPEC, ()), "u1 has 40 phonemes for 63 frames",
    ),
    "no phonemes": (lambda d: (write(d, one(ids=[])), SPEC, ()), "u1 has 0 phonemes"),
    "no store": (lambda d: (d, SPEC, ()), "no feature store"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_unfit_features_are_refused_before_the_first_step(tmp_path, name):
    """One sentence that names what does not fit."""
    make, message = BAD[name]
    directory, spec, speakers = make(tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        Sentences(UtteranceStore(directory, "train"), spec, speakers)
    assert "\n" not in str(caught.value)


def test_empty_corpus_is_refused(tmp_path):
    """Before a model is made."""
    write(tmp_path / "store", [])
    with pytest.raises(InputError, match="no utterance to train on"):
        train_acoustic(experiment(tmp_path / "store"), tmp_path / "run", resume=False)
    assert not (tmp_path / "run").exists()


def test_network_that_cannot_be_built_is_refused(store, tmp_path):
    """An even kernel, or heads that do not divide the channels, in one sentence."""
    config = acoustic_config()
    for part, change, message in (
        ("encoder", {"kernel": 4}, "kernel 4 must be odd"),
        ("decoder", {"heads": 3}, "channels 8 must be a multiple of 2 x heads"),
    ):
        broken = getattr(config, part).model_copy(update=change)
        given = experiment(store, acoustic=config.model_copy(update={part: broken}))
        with pytest.raises(InputError, match=message):
            train_acoustic(given, tmp_path / "run", resume=False)


def test_a_recording_of_nan_cannot_be_stored_as_speech(store):
    """Mels of a store are finite: its samples are integers."""
    made = sentences(store)
    for index in range(len(made.store)):
        mel = made.item((index,))[1]
        assert torch.isfinite(mel).all()
        assert float(mel.min()) >= math.log(SPEC.log_floor) - 1e-5
