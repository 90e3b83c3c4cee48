"""Train both models in processes of their own, and kill those.

    python tests/killed_trainings.py DIRECTORY KILLS

Makes DIRECTORY/{acoustic,vocoder}/{straight,killed}: the same training once without a stop, and
once killed with SIGKILL as often as asked for, in the middle of steps, validations and saving, and
resumed each time. Beside them `straight.losses` and `killed.losses` hold a line for every step that
was taken: its number and its loss, to the last bit.
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

from core.training import Task, TrainingConfig
from core.training_state import list_states
from tests import tiny
from tts.training import AcousticExperiment, BatchConfig, train_acoustic
from vocoder.training import VocoderExperiment, WindowConfig, train_vocoder

STEPS = 12


def training():
    """Validated at every other step, saved after every step; five batches are an epoch."""
    return TrainingConfig(
        steps=STEPS, learning_rate=5e-3, warmup_steps=3, ema_decay=0.8, precision="fp32",
        validate_every_steps=2, checkpoint_every_minutes=1e-9, keep_states=2,
    )  # fmt: skip


def acoustic(store, directory, resume):
    # Dropout, so that the state of the random numbers matters.
    config = tiny.acoustic_config()
    encoder = config.encoder.model_copy(update={"dropout": 0.2})
    experiment = AcousticExperiment(
        name="a", mel=tiny.SPEC, acoustic=config.model_copy(update={"encoder": encoder}),
        data=BatchConfig(features=store, batch_seconds=0.7, join_probability=0.3),
        training=training(),
    )  # fmt: skip
    train_acoustic(experiment, directory, resume=resume, accelerator="cpu")


def vocoder(store, directory, resume):
    experiment = VocoderExperiment(
        name="v", mel=tiny.SPEC, vocoder=tiny.vocoder_config(),
        data=WindowConfig(features=store, batch_size=3, window_frames=12, statistics_windows=8),
        training=training(),
    )  # fmt: skip
    train_vocoder(experiment, directory, resume=resume, accelerator="cpu")


def write_losses(path):
    """Let every task write down its losses as soon as it knows them."""
    plain = Task.training_step

    def training_step(self, batch, batch_idx):
        loss = plain(self, batch, batch_idx)
        with path.open("a") as lines:
            lines.write(f"{self.global_step} {float(loss.detach()).hex()}\n")
        return loss

    Task.training_step = training_step


def start(train, store, directory, resume):
    """Train in a child process; this one has never computed anything, so that it can be forked."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        torch.set_num_threads(1)
        write_losses(directory.with_suffix(".losses"))
        with (
            (directory.parent / "log").open("a") as log,
            contextlib.redirect_stdout(log),
            contextlib.redirect_stderr(log),
        ):
            train(store, directory, resume)
        code = 0
    finally:
        os._exit(code)


def finish(train, store, directory, resume):
    """Train to the end."""
    child = start(train, store, directory, resume)
    status = os.waitpid(child, 0)[1]
    if status:
        raise SystemExit(f"training in {directory} ended with status {status}")


def kill(train, store, directory, resume, rng):
    """Train until there is another state, and a little further, and kill."""
    before = set(list_states(directory))
    child = start(train, store, directory, resume)
    while not set(list_states(directory)) - before:
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.002)
    time.sleep(rng.uniform(0, 0.12))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def main(root, kills):
    """Everything, for both models."""
    rng = random.Random(0)
    store = tiny.write_store(root / "store")
    for train in (acoustic, vocoder):
        directory = root / train.__name__
        directory.mkdir()
        finish(train, store, directory / "straight", False)
        for number in range(kills):
            kill(train, store, directory / "killed", number > 0, rng)
        finish(train, store, directory / "killed", True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
