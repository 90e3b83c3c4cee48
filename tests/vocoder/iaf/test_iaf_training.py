"""Each objective through the trainer: it learns, goes on, and knows its teacher."""

from __future__ import annotations

import hashlib

import pytest
import torch
from safetensors.torch import load_file

from core.audio.mel import MelSpec
from core.checkpoint import load_weights, save_weights
from core.config import save_config
from core.errors import InputError
from core.training import WEIGHTS, TrainingConfig
from tests.tiny import SPEC, generator, write_store
from tests.vocoder.iaf.small import network
from tests.vocoder.iaf.small import teacher as random_teacher
from vocoder.iaf.config import IafConfig, TeacherConfig
from vocoder.iaf.model import IafVocoder
from vocoder.registry import build_vocoder
from vocoder.training import VocoderExperiment, WindowConfig, train_vocoder

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store"))


def experiment(store, vocoder, **changes):
    settings = {"steps": 2, "warmup_steps": 1, "precision": "fp32", "validate_every_steps": 2}
    return VocoderExperiment(
        name="tiny",
        mel=SPEC,
        vocoder=vocoder,
        data=WindowConfig(features=store, batch_size=2, window_frames=6, statistics_windows=8),
        training=TrainingConfig(**{**settings, **changes}),
    )


def train(store, directory, vocoder, resume=False, **changes):
    train_vocoder(
        experiment(store, vocoder, **changes), directory, resume=resume, accelerator="cpu"
    )
    return load_file(directory / WEIGHTS)


@pytest.fixture(scope="module")
def teacher(store, tmp_path_factory):
    """Directory of a trained teacher."""
    directory = tmp_path_factory.mktemp("teacher")
    train(store, directory, TeacherConfig(network=network(), layers=4))
    return directory


def distilled(directory, **changes):
    options = {"objective": "distillation", "teacher": directory, "power_weight": 0.1}
    return IafConfig(network=network(), flows=(3, 2), **{**options, **changes})


def configurations(directory):
    return {
        "teacher": TeacherConfig(network=network(), layers=4),
        "likelihood": IafConfig(network=network(), flows=(3, 2)),
        "distillation": distilled(directory),
    }


@pytest.mark.parametrize("which", ["teacher", "likelihood", "distillation"])
def test_resumed_training_ends_as_an_uninterrupted_one(store, tmp_path, teacher, which):
    """Bit for bit, the averaged weights; and in bfloat16 as in full precision they stay finite."""
    vocoder = configurations(teacher)[which]
    whole = train(store, tmp_path / "whole", vocoder, steps=3, final_learning_rate=1.0)
    train(store, tmp_path / "parts", vocoder, steps=2, final_learning_rate=1.0)
    parts = train(store, tmp_path / "parts", vocoder, True, steps=3, final_learning_rate=1.0)
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    half = train(store, tmp_path / "half", vocoder, precision="bf16")
    assert all(torch.isfinite(value).all() for value in half.values())


@pytest.mark.parametrize("which", ["teacher", "likelihood", "distillation"])
def test_each_objective_falls_on_one_batch(store, tmp_path, which):
    """Thirty steps of Adam on two tones; the teacher's weights are random, and no identity."""
    given = experiment(store, TeacherConfig(network=network(), layers=4))
    save_config(tmp_path / "config.yaml", given)
    save_weights(tmp_path / WEIGHTS, random_teacher(deviation=0.6).state_dict())
    torch.manual_seed(0)
    model = build_vocoder(configurations(tmp_path)[which], SPEC)
    time = torch.arange(3 * SPEC.hop_samples) / SPEC.sample_rate_hz
    waveform = 0.3 * torch.sin(2 * torch.pi * torch.tensor([[200.0], [300.0]]) * time)
    log_mel = torch.randn(2, SPEC.n_mels, 3, generator=generator()) - 2
    model.measure_corpus(waveform, log_mel)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(30):
        found = model.training_loss(waveform, log_mel)
        loss = found["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(found.get("divergence", loss).detach()))
    first, last = sum(losses[:5]), sum(losses[-5:])
    assert last < first - 0.2 * abs(first)


def test_teacher_is_no_part_of_the_student(store, tmp_path, teacher):
    """Its weights are neither trained nor shipped; its SHA-256 is shipped."""
    before = (teacher / WEIGHTS).read_bytes()
    weights = train(store, tmp_path, distilled(teacher))
    assert (teacher / WEIGHTS).read_bytes() == before
    assert bytes(weights["teacher_sha256"].tolist()) == hashlib.sha256(before).digest()
    plain = IafVocoder(IafConfig(network=network(), flows=(3, 2)), SPEC)
    assert weights.keys() == plain.state_dict().keys()
    load_weights(tmp_path / WEIGHTS, plain)


def test_student_of_one_teacher_is_not_resumed_with_another(store, tmp_path, teacher):
    """The file's hash is compared, whatever its path."""
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "config.yaml").write_bytes((teacher / "config.yaml").read_bytes())
    weights = load_file(teacher / WEIGHTS)
    save_weights(copy / WEIGHTS, weights)
    train(store, tmp_path / "run", distilled(copy), steps=1)
    save_weights(copy / WEIGHTS, {**weights, "unit": 2 * weights["unit"]})
    with pytest.raises(InputError, match="not the one that this model began with"):
        train(store, tmp_path / "run", distilled(copy), resume=True, steps=2)


def test_student_may_begin_from_likelihood_training(store, tmp_path, teacher):
    """A warm start from weights that had no teacher takes the one that is named."""
    train(store, tmp_path / "first", IafConfig(network=network(), flows=(3, 2)), steps=1)
    weights = train(
        store, tmp_path / "second", distilled(teacher), warm_start=tmp_path / "first" / WEIGHTS
    )
    assert weights["teacher_sha256"].any()


def test_teachers_that_do_not_fit_are_refused(store, tmp_path, teacher):
    """Missing, of another kind, or of another mel contract: before anything is trained."""
    with pytest.raises(InputError, match="cannot read .*nowhere"):
        train(store, tmp_path / "run", distilled(tmp_path / "nowhere"))
    given = experiment(store, TeacherConfig(network=network(), layers=4))
    for name, changes, said in (
        ("mel", {"mel": MelSpec()}, "the student's and the teacher's do not speak the same mel"),
        ("kind", {"vocoder": IafConfig()}, "kind"),
    ):
        directory = tmp_path / name
        directory.mkdir()
        save_config(directory / "config.yaml", given.model_copy(update=changes))
        (directory / WEIGHTS).write_bytes((teacher / WEIGHTS).read_bytes())
        with pytest.raises(InputError, match=said):
            train(store, tmp_path / "run", distilled(directory))
    assert not (tmp_path / "run").exists()
