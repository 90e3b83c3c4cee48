"""`straighttalk train`, `features` and `package`: from a corpus to a voice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.training_state import newest_state

pytest.importorskip("lightning")
ROOT = Path(__file__).parents[3]
TRAINING = """
training:
  steps: {steps}
  warmup_steps: 1
  precision: fp32
  validate_every_steps: 1000
"""
ACOUSTIC = """
name: tiny-acoustic
acoustic:
  encoder: {{channels: 16, conv_blocks: 1, attention_layers: 1, heads: 2}}
  decoder: {{channels: 16, blocks: 1, attention_every: 0, condition_channels: 8}}
data: {{features: features, batch_seconds: 4}}
"""
VOCODER = """
name: tiny-vocoder
vocoder:
  kind: rectified
  network: {{kind: stft-convnext, channels: 16, blocks: 1, mel_blocks: 1}}
  sampling: {{steps: 2, consistency_rounds: 1, final_rounds: 1}}
data: {{features: features, batch_size: 2, window_frames: 16, statistics_windows: 8}}
"""
TEXTS = ("Hello there.", "How are you?", "This is fine.", "One more line.")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Tones of two seconds that pretend to be speech, with a manifest and experiments."""
    root = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    lines = []
    for number, split in enumerate(("train", "train", "valid", "test")):
        sound = 0.1 * rng.standard_normal(2 * 22050) * np.hanning(2 * 22050)
        soundfile.write(root / f"{number}.wav", sound, 22050)
        facts = {
            "id": f"u{number}",
            "audio": f"{number}.wav",
            "text": TEXTS[number],
            "split": split,
        }
        lines.append(json.dumps(facts) + "\n")
    (root / "manifest.jsonl").write_text("".join(lines), encoding="utf-8")
    for name, text in (("acoustic", ACOUSTIC), ("vocoder", VOCODER)):
        (root / f"{name}.yaml").write_text((text + TRAINING).format(steps=2), encoding="utf-8")
    return root


@pytest.fixture
def here(corpus, straighttalk, monkeypatch):
    """The corpus as the current directory."""
    monkeypatch.chdir(corpus)
    return corpus


def test_a_corpus_becomes_a_voice_that_speaks(straighttalk, here):
    """Features, both trainings, package, say: each by its command."""
    ran = straighttalk("features", "manifest.jsonl", "features", "--json")
    assert ran.code == 0, ran.err
    assert ran.json()[0]["utterances"] == {"train": 2, "valid": 1, "test": 1}
    for model in ("acoustic", "vocoder"):
        ran = straighttalk("train", model, f"{model}.yaml", "--device", "cpu")
        assert ran.code == 0, ran.err
        assert (here / "runs" / f"tiny-{model}" / "weights.safetensors").is_file()
    (here / "card.md").write_text("# Noise\n", encoding="utf-8")
    ran = straighttalk(
        "package", "--acoustic", "runs/tiny-acoustic", "--vocoder", "runs/tiny-vocoder",
        "--output-dir", "voices/noise", "--licence", "CC0-1.0", "--card", "card.md",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "# Noise" in (here / "voices" / "noise" / "README.md").read_text(encoding="utf-8")
    ran = straighttalk("say", "Hello there.", "-v", "voices/noise", "-o", "a.wav")
    assert ran.code == 0, ran.err
    ran = straighttalk("train", "vocoder", "vocoder.yaml", "--device", "cpu")
    assert ran.code == 1
    assert "--resume" in ran.error()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["acustic", "acoustic.yaml"], 2, "acoustic"),
        (["acoustic", "missing.yaml"], 1, "missing.yaml"),
        (["acoustic", "acoustic.yaml", "--set", "training.stps=3"], 1, "did you mean 'steps'"),
        (["acoustic", "acoustic.yaml", "--set", "training.steps=many"], 1, "training.steps"),
        (["acoustic", "acoustic.yaml", "--set", "training.steps"], 1, "key=value"),
        (["acoustic", "vocoder.yaml"], 1, "unknown key"),
        (["vocoder", "vocoder.yaml", "--set", "data.features=nowhere"], 1, "nowhere"),
        (["vocoder", "vocoder.yaml", "--device", "gpu"], 1, "unknown device 'gpu'"),
        (["vocoder", "vocoder.yaml", "--resum"], 2, "did you mean --resume"),
    ],
)
def test_a_mistake_is_found_before_the_first_step(straighttalk, here, arguments, code, said):
    """And named; no run is begun."""
    ran = straighttalk("train", *arguments, "--output-dir", "runs/never")
    assert ran.code == code
    assert said in ran.error()
    assert not (here / "runs" / "never").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.jsonl", "f"], "there is no manifest missing.jsonl"),
        (["manifest.jsonl", "f", "--sample-rate", "10"], "--sample-rate is 10 Hz"),
        (["manifest.jsonl", "f", "-l", "xx-nowhere"], "xx-nowhere"),
    ],
)
def test_features_need_a_corpus(straighttalk, here, arguments, said):
    """The mistake is named."""
    ran = straighttalk("features", *arguments)
    assert ran.code == 1
    assert said in ran.error()


def test_package_needs_two_trainings(straighttalk, here):
    """What is missing is named, and no voice is begun."""
    ran = straighttalk("package", "--acoustic", "nowhere", "--vocoder", "nowhere",
                       "--output-dir", "voices/none", "--licence", "CC0-1.0")  # fmt: skip
    assert ran.code == 1
    assert "nowhere" in ran.error()
    assert not (here / "voices" / "none").exists()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_saves_the_state_and_resume_goes_on(straighttalk, here, number, code, tmp_path):
    """SIGTERM ends with 0, Ctrl-C with 130, both with a state to go on from."""
    assert straighttalk("features", "manifest.jsonl", "features", "--quiet").code == 0
    train = ["train", "vocoder", "vocoder.yaml", "--device", "cpu", "--output-dir"]
    train += [str(tmp_path / "run"), "--set"]
    command = [sys.executable, "-m", "tts.cli", *train, "training.steps=100000"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    log = tmp_path / "log"
    with (
        log.open("wb") as stream,
        subprocess.Popen(
            command, env=environment, cwd=here, stdout=stream, stderr=stream
        ) as process,
    ):
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("run/events*")):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        time.sleep(3)
        process.send_signal(number)
        assert process.wait(60) == code, log.read_text()
    assert "--resume" in log.read_text(encoding="utf-8")
    state = newest_state(tmp_path / "run")
    assert state is not None
    step = int(state.stem.removeprefix("step"))
    ran = straighttalk(*train, f"training.steps={step + 2}", "--resume")
    assert ran.code == 0, ran.err
