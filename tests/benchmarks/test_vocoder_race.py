"""The race of vocoders: same time for all, figures kept, a page with pictures."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks.vocoders import entries, evaluation, report, training
from core.config import load_config
from core.errors import InputError
from tests.tiny import SPEC, write_store
from vocoder.catalogue import PRESETS
from vocoder.training import VocoderExperiment

pytestmark = pytest.mark.filterwarnings("ignore")
MEL = "".join(f"  {key}: {value}\n" for key, value in SPEC.model_dump().items())
TINY = f"""
name: tiny
mel:
{MEL}vocoder:
  kind: rectified
  network:
    kind: stft-convnext
    n_fft: 32
    channels: 8
    blocks: 1
    kernel: 3
    mel_blocks: 1
  sampling:
    consistency_rounds: 1
    final_rounds: 1
data:
  features: x
  batch_size: 2
  window_frames: 12
  statistics_windows: 8
training:
  precision: fp32
"""


@pytest.fixture
def store(tmp_path):
    return write_store(tmp_path / "features")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A race of one tiny vocoder."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    monkeypatch.setattr(entries, "HERE", tmp_path)
    race = {"tiny": entries.Entry("a tiny flow", entries.ROUNDS, steps=(1, 3))}
    for module in (entries, training, evaluation, report):
        monkeypatch.setattr(module, "ENTRIES", race)


@pytest.mark.parametrize("name", list(entries.ENTRIES))
def test_every_entry_is_a_small_size_of_the_catalogue(name, tmp_path):
    """Its file reads, and is the network that `straighttalk models` lists."""
    experiment = training.read_experiment(name, tmp_path, tmp_path, 100)
    assert experiment.name == name
    assert experiment.training.steps == 100
    kinds = {p.name: p.config for p in PRESETS if p.size == "small"}
    kind = {"iaf-likelihood": "iaf", "iaf-distilled": "iaf", "wavenet-teacher": "wavenet"}
    wanted = kinds[kind.get(name, name)]
    assert experiment.vocoder.network == wanted.network
    if name.startswith("iaf"):
        assert experiment.vocoder.flows == wanted.flows


def test_students_share_their_time_with_their_teacher():
    """Every vocoder that is judged costs one budget, its teacher included."""
    for entry in entries.ENTRIES.values():
        if entry.modes:
            taught = entries.ENTRIES[entry.teacher].share if entry.teacher else 0
            assert entry.share + taught == 1


@pytest.mark.slow
def test_race_is_run_judged_and_reported(tiny, store, tmp_path):
    """A second's training by the ordinary trainer, both ways of sampling, a table, two pictures."""
    place = tmp_path / "race"
    training.train_one("tiny", store, 1 / 60, place, "cpu")
    facts = json.loads((place / "tiny" / "budget.json").read_text())
    steps = load_config(place / "tiny" / "config.yaml", VocoderExperiment).training.steps
    assert steps == facts["steps"] == max(1, round(1 / facts["seconds_per_step"]))
    weights = (place / "tiny" / "weights.safetensors").read_bytes()
    training.train_one("tiny", store, 1 / 60, place, "cpu")
    assert (place / "tiny" / "weights.safetensors").read_bytes() == weights
    with pytest.raises(InputError, match="begun with"):
        training.train_one("tiny", store, 2.0, place, "cpu")

    threads = torch.get_num_threads()
    try:
        evaluation.evaluate_all(["tiny"], store, "valid", 2, place, device="cpu", workers=1)
    finally:
        torch.set_num_threads(threads)
    results = report.read_results(place)
    assert [(r["mode"], len(r["rows"])) for r in results] == [
        ("plain", 1), ("plain", 2), ("mel-consistent", 2)
    ]  # fmt: skip
    assert [row["nfe"] for row in results[1]["rows"]] == [1, 3]
    assert all(row["rtf"] > 0 for result in results for row in result["rows"])
    before = (place / "results" / "tiny.plain.json").stat().st_mtime_ns
    evaluation.evaluate_all(["tiny"], store, "valid", 2, place, device="cpu", workers=1)
    torch.set_num_threads(threads)
    assert (place / "results" / "tiny.plain.json").stat().st_mtime_ns == before

    report.report(place, tmp_path / "docs", "the command")
    page = (tmp_path / "docs" / "race.md").read_text()
    assert page.count("| a tiny flow") == 2 * 2 + 1
    assert "the command" in page
    for picture in ("race-steps.png", "race-speed.png"):
        assert (tmp_path / "docs" / picture).read_bytes().startswith(b"\x89PNG")


def test_what_is_missing_is_said(tiny, tmp_path):
    """Stages out of order, and a vocoder that is not in the race."""
    with pytest.raises(InputError, match="stage train first"):
        evaluation.load_entry(tmp_path / "tiny", "cpu")
    with pytest.raises(InputError, match="stage evaluate first"):
        report.read_results(tmp_path)
    with pytest.raises(InputError, match="did you mean 'tiny'"):
        entries.choose("tny")
