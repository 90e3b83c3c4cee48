"""Grids found at one place, judged at all."""

from __future__ import annotations

import pytest
import torch

from benchmarks.schedule_transfer import Place, as_markdown, transfer, write_into
from core.checkpoint import save_weights
from core.config import save_config
from core.errors import InputError
from tests.tiny import SPEC, awaken, vocoder_config, write_store
from vocoder.rectified.model import RectifiedVocoder
from vocoder.training import VocoderExperiment, WindowConfig


@pytest.fixture
def run(tmp_path):
    """A training's directory with a tiny vocoder."""
    store = write_store(tmp_path / "features")
    model = awaken(RectifiedVocoder(vocoder_config(), SPEC), deviation=0.1)
    directory = tmp_path / "run"
    directory.mkdir()
    data = WindowConfig(features=store)
    experiment = VocoderExperiment(name="tiny", mel=SPEC, vocoder=vocoder_config(), data=data)
    save_config(directory / "config.yaml", experiment)
    save_weights(directory / "weights.safetensors", model.state_dict(), dtype=torch.float32)
    return directory


def test_every_grid_is_judged_everywhere(run, tmp_path):
    """Two places, three grids each; the second run reads what the first computed."""
    store = str(tmp_path / "features")
    places = [Place("a", str(run), store, "train"), Place("b", str(run), store, "valid")]
    settings = {"limit": 1, "trials": 4, "objective": "reference", "workers": 1, "seed": 0}
    table = transfer(places, [2], tmp_path / "out", **settings)
    assert set(table[2]) == {"a", "b"}
    for values in table[2].values():
        assert set(values) == {"uniform", "a", "b"}
        assert all(value > 0 for value in values.values())
    lines = (tmp_path / "out" / "judge-0.jsonl").read_bytes()
    assert transfer(places, [2], tmp_path / "out", **settings) == table
    assert (tmp_path / "out" / "judge-0.jsonl").read_bytes() == lines
    text = as_markdown(table)
    assert text.count("\n") == 3
    assert "found on b" in text


def test_table_goes_between_the_marks(tmp_path):
    """What was there is replaced, what is around stays."""
    page = tmp_path / "page.md"
    page.write_text("one\n<!-- transfer: begin -->\nold\n<!-- transfer: end -->\ntwo\n")
    write_into(page, "| new |")
    content = page.read_text()
    assert content.startswith("one\n<!-- transfer: begin -->")
    assert "| new |" in content
    assert "old" not in content
    assert content.endswith("<!-- transfer: end -->\ntwo\n")
    page.write_text("nothing\n")
    with pytest.raises(InputError, match="has no <!-- transfer"):
        write_into(page, "x")
