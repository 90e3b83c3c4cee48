"""The recipes as they are run: options, stages, and with tiny models from corpus to figures."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).parents[2]
RECIPES = sorted(path.parent.name for path in (ROOT / "egs").glob("*/run.sh"))

# The environment's programs need not be on the path.
SHELLCHECK = shutil.which("shellcheck", path=os.path.dirname(sys.executable)) or shutil.which(
    "shellcheck"
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the recipes are bash")


def run(name: str, *arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a recipe with this interpreter, from anywhere."""
    command = ["bash", str(ROOT / "egs" / name / "run.sh"), *map(str, arguments)]
    environment = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd)


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_holds_facts_only(name: str) -> None:
    """A run.sh is strict, short, executable and leaves the stages to the shared engine."""
    path = ROOT / "egs" / name / "run.sh"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in lines
    assert len(lines) <= 40
    assert lines[-1] == 'recipe "$@"'
    assert os.access(path, os.X_OK)
    for file in ("prepare.py", "card.md", "RESULTS.md"):
        assert (path.parent / file).is_file()


@pytest.mark.skipif(SHELLCHECK is None, reason="needs shellcheck, of the extra dev")
@pytest.mark.parametrize("name", RECIPES)
def test_recipe_passes_shellcheck(name: str) -> None:
    """Together with the engine that it sources."""
    command = [str(SHELLCHECK), "-x", f"egs/{name}/run.sh"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_explains_itself(name: str, tmp_path: Path) -> None:
    """--help names the recipe and its options, and does nothing."""
    done = run(name, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert f"egs/{name}/run.sh" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["--stages", "1"], ["--stage"], ["--stage", "two"], ["--resume=yes"], ["extra"]]
)
def test_recipe_refuses_wrong_options(arguments: list[str], tmp_path: Path) -> None:
    """Exit code 2, one sentence, and nothing made."""
    done = run("kathleen", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert list(tmp_path.iterdir()) == []


def test_recipe_stops_at_the_first_failure(tmp_path: Path) -> None:
    """A corpus that is not there ends stage 1, and stage 2 does not begin."""
    done = run("vctk", "--corpus", tmp_path / "gone", "--output-dir", tmp_path / "out")
    assert done.returncode == 1
    assert "there is no corpus directory" in done.stderr
    assert "stage 2" not in done.stderr


def test_own_recipe_asks_for_a_corpus(tmp_path: Path) -> None:
    """It has no source to download from."""
    done = run("own", "--output-dir", tmp_path)
    assert done.returncode == 2
    assert "--corpus DIR" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"),
    [("ljspeech", "ljspeech"), ("vctk", "vctk"), ("kathleen", "kathleen-copy")],
)
def test_tiny_recipe_goes_from_corpus_to_figures(
    name: str, shape: str, corpora: Path, tmp_path: Path
) -> None:
    """Every stage runs, every test sentence is sound, and the results have a row."""
    work = tmp_path / "out"
    done = run(name, "--tiny", "--corpus", corpora / shape, "--output-dir", work, "--device", "cpu")
    assert done.returncode == 0, done.stderr[-3000:]
    assert [f"stage {n}:" in done.stderr for n in range(9)] == [True] * 9
    sentences = (ROOT / "egs" / "sentences.txt").read_text(encoding="utf-8").splitlines()
    for line in sentences:
        info = soundfile.info(work / "speech" / f"{line.partition('|')[0]}.wav")
        assert info.samplerate == 22050
        assert info.frames > 0
    assert (work / "RESULTS.md").stat().st_size > 0
    # A second run goes on from where the first ended instead of training again.
    again = run(
        name, "--tiny", "--output-dir", work, "--stage", 3, "--stop-stage", 5, "--resume",
        "--device", "cpu",
    )  # fmt: skip
    assert again.returncode == 0, again.stderr[-3000:]
    rows = (work / "RESULTS.md").read_text(encoding="utf-8")
    straight = run(
        name, "--tiny", "--output-dir", work, "--stage", 9, "--stop-stage", 11, "--device", "cpu"
    )
    assert straight.returncode == 0, straight.stderr[-3000:]
    assert (work / "voice-reflow" / "config.yaml").is_file()
    assert len((work / "RESULTS.md").read_text(encoding="utf-8")) > len(rows)


@pytest.mark.slow
def test_vctk_recipe_keeps_its_speakers(corpora: Path, tmp_path: Path) -> None:
    """The store's speakers become the model's, by name."""
    work = tmp_path / "out"
    options = ("--corpus", corpora / "vctk", "--output-dir", work, "--device", "cpu")
    done = run("vctk", "--tiny", *options, "--stop-stage", 2)
    assert done.returncode == 0, done.stderr[-3000:]
    done = run(
        "vctk", "--tiny", *options, "--stage", 4, "--stop-stage", 4,
        "--set-acoustic", "training.steps=2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    config = (work / "acoustic" / "config.yaml").read_text(encoding="utf-8")
    assert "p225" in config
    assert "p226" in config
    assert "p315" not in config
