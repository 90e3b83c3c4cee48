"""`straighttalk search-grid`: found, kept, gone on with, given to the voice."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from core.checkpoint import save_weights
from core.config import load_config
from core.data.store import Utterance, write_header, write_split
from core.flow import make_grid
from core.voice import VOCODER, VoiceFacts, write_facts
from tests.tiny import awaken
from text.symbols import symbol_table_hash
from tts.cli.grid_objectives import Judges, Problem
from tts.synthesizer import Synthesizer
from vocoder import Vocoder
from vocoder.iaf.config import IafConfig, WaveNetConfig
from vocoder.iaf.model import IafVocoder
from vocoder.wavegrad.config import WaveGradConfig, WaveGradNetworkConfig, WaveGradSampling
from vocoder.wavegrad.model import WaveGradVocoder


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """A store of two gliding noises with phonemes."""
    directory = tmp_path_factory.mktemp("store") / "features"
    rng = np.random.default_rng(0)
    items = [
        (
            Utterance(f"u/{i}", 5000, "x", ids=[5 + i, 9, 14, 20]),
            0.1 * rng.standard_normal(5000 + 256 * i).astype(np.float32),
        )
        for i in range(2)
    ]
    write_split(directory, "valid", iter(items))
    write_header(directory, 22050, symbols=symbol_table_hash())
    return directory


@pytest.fixture
def voice(tmp_path, tiny_voice):
    """A copy of the tiny voice."""
    return shutil.copytree(tiny_voice, tmp_path / "mine")


@pytest.fixture
def search(straighttalk, features, voice):
    """A short search of the copy's grid, with a plain field."""

    def call(model, *arguments):
        return straighttalk("search-grid", model, "-v", voice, "--features", features,
                            "--steps", 2, "--trials", 4, "--start", "uniform", "--quiet",
                            "--output", "found.json", *arguments)  # fmt: skip

    return call


def problem(features, voice, **changes):
    settings = {"model": "vocoder", "objective": "log-mel", "indices": (0, 1), "seed": 3}
    return Problem(
        voice=str(voice), features=str(features), split="valid", **{**settings, **changes}
    )


def test_vocoder_objective_is_the_mel_distance_of_the_copies(features, tiny_voice):
    """Mean over utterances of |log mel of the copy - log mel of the recording|, seeds 3 and 4."""
    vocoder = Vocoder.from_pretrained(tiny_voice)
    judged = problem(features, tiny_voice)
    with Judges(judged, 1) as judges:
        store = judges._own.store
        expected = []
        for index in (0, 1):
            mel = vocoder.mel(store.waveform(index))
            copy = vocoder.vocode(mel, grid="0,0.3,1", seed=3 + index).waveform
            expected.append(float((vocoder.mel(copy) - mel).abs().mean()))
        value = judges.objective(make_grid([0.0, 0.3, 1.0]))
    assert value == pytest.approx(sum(expected) / 2, rel=1e-6)


@pytest.mark.parametrize("model", ["vocoder", "acoustic"])
def test_reference_has_no_distance_from_itself(features, tiny_voice, model):
    """100 equal steps of the same noise; fewer are farther away, 50 less far than 2."""
    judged = problem(features, tiny_voice, model=model, objective="reference", indices=(0,))
    with Judges(judged, 1) as judges:
        near, half, far = (judges.objective(make_grid("uniform", n)) for n in (100, 50, 2))
    assert near == 0
    assert 0 < half < far


@pytest.mark.parametrize("model", ["vocoder", "acoustic"])
def test_trace_follows_what_is_sampled(features, tiny_voice, model):
    """On a field that is made constant in time, the paths are straight; else they are not."""
    judged = problem(features, tiny_voice, model=model, objective="reference", indices=(0,))
    with Judges(judged, 1) as judges:
        profile = judges.straightness()
        assert profile.shape == (100,)
        assert float(profile.max()) > 1e-3
        subject = judges._own
        owner = subject.vocoder.model if model == "vocoder" else subject.model
        original = owner.field

        def constant(*arguments):
            made = original(*arguments)
            field = made if model == "vocoder" else made[0]
            still = {}

            def velocity(t, x):
                return still.setdefault("u", field(t, x))

            return velocity if model == "vocoder" else (velocity, *made[1:])

        owner.field = constant
        assert float(judges.straightness().max()) < 1e-3


@pytest.mark.slow
def test_figures_do_not_depend_on_the_processes(features, tiny_voice):
    """Two processes, each with a model of its own, and one."""
    judged = problem(features, tiny_voice, objective="reference")
    grid = make_grid("sway", 3)
    with Judges(judged, 2) as several, Judges(judged, 1) as one:
        assert several.objective(grid) == pytest.approx(one.objective(grid), rel=1e-5)
        torch.testing.assert_close(several.straightness(), one.straightness(), rtol=1e-4, atol=1e-6)


def test_search_writes_its_best_grid_and_gives_it_to_the_voice(search, voice, tmp_path):
    """The grid in the file is in the voice, and is what it samples with when none is asked for."""
    ran = search("vocoder", "--save")
    assert ran.code == 0, ran.err
    result = json.loads((tmp_path / "found.json").read_text())
    assert result["trials"] == 4
    assert result["value"] <= result["starts"]["uniform"]
    facts = load_config(voice / "config.yaml", VoiceFacts)
    assert facts.vocoder["sampling"]["grids"] == {"2": result["grid"]}
    assert f"--grid {result['grid']}" in ran.out.decode()
    mel = torch.full((80, 20), -4.0)
    found, vocoder = Vocoder.from_pretrained(voice), Vocoder.from_pretrained(voice)
    by_default = found.vocode(mel, steps=2).waveform
    assert torch.equal(by_default, vocoder.vocode(mel, grid=result["grid"]).waveform)
    # Another search adds to it.
    assert search("acoustic", "--save", "--output", "mel.json").code == 0
    facts = load_config(voice / "config.yaml", VoiceFacts)
    assert facts.vocoder["sampling"]["grids"] == {"2": result["grid"]}
    model = Synthesizer.from_pretrained(voice).acoustic
    assert set(model.config.sampling.grids) == {"2"}


def test_killed_search_goes_on(search, tmp_path):
    """With all trials but the last still there, one is computed; the result is the same."""
    assert search("vocoder").code == 0
    result = json.loads((tmp_path / "found.json").read_text())
    journal = tmp_path / "found.trials.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:10])
    (tmp_path / "found.json").unlink()
    again = search("vocoder", "--json")
    assert again.json() == [{**result, "computed": 1}]
    assert journal.read_bytes() == b"".join(lines)


def test_starts_may_come_from_the_paths(search, tmp_path):
    """Equal straightness is traced once and kept, like the trials."""
    for _ in range(2):
        ran = search("vocoder", "--start", "equal-straightness", "--trials", 2, "--limit", 1)
        assert ran.code == 0, ran.err
    assert set(json.loads((tmp_path / "found.json").read_text())["starts"]) == {
        "uniform", "equal-straightness"
    }  # fmt: skip
    entries = (tmp_path / "found.trials.jsonl").read_text().splitlines()[1:]
    assert sum("straightness" in entry for entry in entries) == 1
    assert len(entries) == 3


@pytest.mark.parametrize(
    ("model", "arguments", "said"),
    [
        ("vocoder", ["--objective", "mel"], "unknown objective 'mel'"),
        ("acoustic", ["--objective", "log-mel"], "not in time with the recording's"),
        ("vocoder", ["--start", "swya"], "did you mean 'sway'"),
        ("vocoder", ["--start", "0,0.2,0.4,1"], "each of 2 steps"),
        ("vocoder", ["--workers", 0], "workers is 0"),
        ("vocoder", ["--limit", 0], "limit is 0"),
        ("vocoder", ["--split", "test"], "no split 'test'"),
        ("vocoder", ["--trials", 1, "--start", "sway"], "2 starts need as many"),
    ],
)
def test_a_mistake_is_named(search, model, arguments, said, tmp_path):
    """And nothing is written but, at most, the journal's first line."""
    ran = search(model, *arguments)
    assert ran.code == 1
    assert said in ran.error()
    assert not (tmp_path / "found.json").exists()


def test_trials_of_another_search_are_refused(search):
    """The journal says which."""
    assert search("vocoder").code == 0
    ran = search("vocoder", "--seed", 1)
    assert ran.code == 1
    assert "seed is 0, here 1" in ran.error()


def test_voice_that_chooses_its_own_steps_has_no_grid(search, voice):
    """The adaptive solver looks at the ends alone."""
    text = (voice / "config.yaml").read_text()
    (voice / "config.yaml").write_text(text.replace("method: euler", "method: rk45"))
    assert "rk45 chooses its own steps" in search("vocoder").error()


def make_wavegrad(voice):
    """Put a WaveGrad with random weights in the place of a voice's vocoder."""
    config = WaveGradConfig(
        network=WaveGradNetworkConfig(
            upsampling_in=8,
            upsampling_channels=(8, 8, 8, 4, 4),
            downsampling_in=4,
            downsampling_channels=(4, 8, 8, 8),
        ),
        sampling=WaveGradSampling(steps=6),
    )
    facts = load_config(voice / "config.yaml", VoiceFacts)
    write_facts(voice, facts.model_copy(update={"vocoder": config.model_dump(mode="json")}))
    model = awaken(WaveGradVocoder(config, facts.mel), deviation=0.1)
    save_weights(voice / VOCODER, model.state_dict(), dtype=torch.float32)


def test_wavegrad_s_schedule_is_searched_as_a_grid(search, voice):
    """Its ancestral sampler takes a time grid for its noise levels, and keeps the one found."""
    make_wavegrad(voice)
    ran = search("vocoder", "--limit", 1, "--trials", 3, "--save", "--json")
    assert ran.code == 0, ran.err
    (result,) = ran.json()
    mel = torch.full((80, 20), -4.0)
    vocoder = Vocoder.from_pretrained(voice)
    by_default = vocoder.vocode(mel, steps=2).waveform
    assert torch.equal(by_default, vocoder.vocode(mel, grid=result["grid"]).waveform)
    assert not torch.equal(by_default, vocoder.vocode(mel, steps=2, grid="published").waveform)
    assert "no reference for fewer" in search("vocoder", "--objective", "reference").error()


def test_vocoder_of_one_pass_has_no_grid(search, voice):
    """There is nothing to search."""
    facts = load_config(voice / "config.yaml", VoiceFacts)
    config = IafConfig(flows=(1,), network=WaveNetConfig(channels=4, skip_channels=4))
    write_facts(voice, facts.model_copy(update={"vocoder": config.model_dump(mode="json")}))
    model = IafVocoder(config, facts.mel)
    save_weights(voice / VOCODER, model.state_dict(), dtype=torch.float32)
    assert "in one pass" in search("vocoder").error()


def test_hub_s_copy_is_not_changed(straighttalk, voice, features, monkeypatch):
    """Its files are links into the hub's cache; said before any work."""
    monkeypatch.setattr("core.voice._from_hub", lambda address: voice)
    ran = straighttalk("search-grid", "vocoder", "-v", "hf://a/b", "--features", features, "--save")
    assert ran.code == 1
    assert "not to be changed" in ran.error()
