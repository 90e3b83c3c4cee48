"""`straighttalk reflow` and `straighttalk straightness`, and pairs that survive SIGKILL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.data.pair_store import PairStore
from tests import killed_reflow, tiny
from tts.cli import run

SCRIPT = Path(__file__).parents[2] / "killed_reflow.py"
MODELS = ("acoustic", "vocoder")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    directory = tmp_path_factory.mktemp("reflow")
    killed_reflow.write_runs(directory, tiny.write_store(directory / "store"))
    return directory


def reflow(root, model, directory, *more):
    return [*killed_reflow.arguments(root, model, directory), "--steps", "2", *map(str, more)]


def refused(arguments, capsys):
    """The sentence of a command that fails."""
    assert run(arguments) in (1, 2)
    return capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_pairs_are_complete_and_without_duplicates(tmp_path):
    """After three SIGKILLs of each model the files are those of a run without a stop."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), "3"],
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    log = tmp_path / "log"
    assert done.returncode == 0, done.stderr + (log.read_text() if log.exists() else "")
    for model in MODELS:
        whole, killed = tmp_path / model / "straight", tmp_path / model / "killed"
        names = sorted(path.name for path in whole.iterdir())
        assert sorted(path.name for path in killed.iterdir()) == names
        for name in names:
            assert (killed / name).read_bytes() == (whole / name).read_bytes()
        assert len(PairStore(killed, model, tiny.SPEC)) == 12


@pytest.mark.parametrize("model", MODELS)
def test_pairs_are_made_verified_and_resumed(root, tmp_path, model, capsys):
    """Facts as JSON; a second call makes nothing; every pair agrees with its noise."""
    command = reflow(root, model, tmp_path / "pairs", "--limit", 3, "--draws", 2, "--verify", 6)
    made = []
    for _ in range(2):
        assert run([*command, "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        made.append(facts["made_now"])
        assert (facts["verified"], facts["items"], facts["evaluations"]) == (6, 6, 2)
        assert facts["largest_difference"] < 1e-5
    assert made == [6, 0]


def test_shards_make_the_whole(root, tmp_path, capsys):
    """Three calls with a third each; before the last one the directory is not complete."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run(reflow(root, "acoustic", whole)) == 0
    for shard in (2, 0):
        assert run(reflow(root, "acoustic", parts, "--shard", f"{shard}/3")) == 0
    verify = reflow(root, "acoustic", parts, "--shard", "0/3", "--verify", 1)
    assert "holds 8 of 12 pairs" in refused(verify, capsys)
    assert run(reflow(root, "acoustic", parts, "--shard", "1/3")) == 0
    names = sorted(path.name for path in whole.iterdir())
    assert sorted(path.name for path in parts.iterdir()) == names
    assert all((whole / n).read_bytes() == (parts / n).read_bytes() for n in names)


@pytest.mark.slow
def test_workers_make_the_whole(root, tmp_path):
    """Two processes make the files that one makes."""
    assert run(reflow(root, "vocoder", tmp_path / "one")) == 0
    assert run(reflow(root, "vocoder", tmp_path / "two", "--workers", 2)) == 0
    for path in (tmp_path / "one").iterdir():
        assert (tmp_path / "two" / path.name).read_bytes() == path.read_bytes()


def test_other_facts_are_refused(root, tmp_path, capsys):
    """Another solver, another split, another teacher: each named."""
    pairs = tmp_path / "pairs"
    assert run(reflow(root, "vocoder", pairs, "--limit", 2)) == 0
    cases = {
        "made with method euler, not heun": ["--limit", 2, "--method", "heun"],
        "made with items 2, not 3": ["--limit", 3],
        "made with seed 0, not 5": ["--limit", 2, "--seed", 5],
    }
    for sentence, options in cases.items():
        assert sentence in refused(reflow(root, "vocoder", pairs, *options), capsys)
    assert "made with kind vocoder, not acoustic" in refused(
        reflow(root, "acoustic", pairs, "--limit", 2), capsys
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--shard", "3/3"], "--shard is '3/3'"),
        (["--shard", "half"], "--shard is 'half'"),
        (["--method", "rk45"], "leave --steps and --grid out"),
        (["--method", "eular"], "did you mean 'euler'"),
        (["--temperature", "0"], "--temperature is 0.0"),
        (["--draws", "0"], "--draws is 0"),
        (["--workers", "0"], "--workers is 0"),
        (["--final-rounds", "2"], "rounds are the vocoder's"),
        (["--split", "test"], "has no split 'test'"),
        (["--voice", "kathleen"], "--voice and --run"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(root, tmp_path, options, sentence, capsys):
    """Nothing is written and no trace is shown."""
    said = refused(reflow(root, "acoustic", tmp_path / "pairs", *options), capsys)
    assert sentence in said
    assert "Traceback" not in said


@pytest.mark.parametrize("model", MODELS)
def test_straightness_is_the_mean_of_its_profile(root, model, capsys):
    """Between its bounds, and the same with the same seed."""
    command = [
        "straightness", model, "--run", str(root / "runs" / model), "--features",
        str(root / "store"), "--split", "valid", "--steps", "8", "--device", "cpu", "--json",
    ]  # fmt: skip
    found = []
    for _ in range(2):
        assert run(command) == 0
        found.append(json.loads(capsys.readouterr().out))
    facts = found[0]
    assert facts["utterances"] == 3
    assert facts["low"] <= facts["straightness"] <= facts["high"]
    assert facts["straightness"] == pytest.approx(sum(facts["profile"]) / 8)
    assert len(facts["times"]) == 8
    assert found[1] == facts
    assert run([*command, "--limit", "0"]) == 1
