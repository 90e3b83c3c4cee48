"""Make reflow pairs in processes of their own, and kill those.

    python tests/killed_reflow.py DIRECTORY KILLS

Makes DIRECTORY/{acoustic,vocoder}/{straight,killed}: the same pairs once without a stop, and once
killed with SIGKILL as often as asked for, wherever it falls, and begun again each time.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from core.checkpoint import save_weights
from core.config import save_config
from core.training import WEIGHTS
from tests import tiny
from text.symbols import SYMBOLS
from tts.cli import run as straighttalk
from tts.model import AcousticModel
from tts.training import AcousticExperiment, BatchConfig
from vocoder.rectified.model import RectifiedVocoder
from vocoder.training import VocoderExperiment, WindowConfig

MODELS = ("acoustic", "vocoder")


def write_runs(root, store):
    """Directories of two trainings, with random weights: DIRECTORY/runs/{acoustic,vocoder}."""
    acoustic = AcousticExperiment(
        name="a", mel=tiny.SPEC, acoustic=tiny.acoustic_config(), data=BatchConfig(features=store)
    )
    vocoder = VocoderExperiment(
        name="v", mel=tiny.SPEC, vocoder=tiny.vocoder_config(), data=WindowConfig(features=store)
    )
    models = (
        AcousticModel(acoustic.acoustic, tiny.SPEC, len(SYMBOLS)),
        RectifiedVocoder(vocoder.vocoder, tiny.SPEC),
    )
    for name, experiment, model in zip(MODELS, (acoustic, vocoder), models, strict=True):
        directory = root / "runs" / name
        directory.mkdir(parents=True)
        save_config(directory / "config.yaml", experiment)
        save_weights(directory / WEIGHTS, tiny.awaken(model, deviation=0.1).state_dict())
    return root / "runs"


def arguments(root, model, directory):
    """One pair a file and many steps, so that a kill falls in the middle of one."""
    return [
        "reflow", model, "--run", str(root / "runs" / model), "--features", str(root / "store"),
        "--output-dir", str(directory), "--batch-size", "1", "--steps", "30", "--device", "cpu",
    ]  # fmt: skip


def start(root, model, directory):
    """Make pairs in a child process."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        torch.set_num_threads(1)
        with (root / "log").open("a") as log, contextlib.redirect_stderr(log):
            code = straighttalk(arguments(root, model, directory))
    finally:
        os._exit(code)


def finish(root, model, directory):
    """Make pairs to the end."""
    status = os.waitpid(start(root, model, directory), 0)[1]
    if status:
        raise SystemExit(f"pairs of the {model} ended with status {status}")


def kill(root, model, directory, rng):
    """Make pairs until there is another part, and a little further, and kill."""
    before = set(directory.glob("part-*"))
    child = start(root, model, directory)
    while not set(directory.glob("part-*")) - before:
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.001)
    time.sleep(rng.uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def main(root, kills):
    """Everything, for both models."""
    rng = random.Random(0)
    write_runs(root, tiny.write_store(root / "store"))
    for model in MODELS:
        finish(root, model, root / model / "straight")
        for _ in range(kills):
            kill(root, model, root / model / "killed", rng)
        finish(root, model, root / model / "killed")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
