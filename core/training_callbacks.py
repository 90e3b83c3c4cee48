"""What happens between the steps of a training: averaging, saving, stopping."""

from __future__ import annotations

import logging
import signal
import threading
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO
from lightning.pytorch.callbacks import Checkpoint, WeightAveraging
from safetensors.torch import load_file
from torch import Tensor

from core.checkpoint import WEIGHTS, save_weights
from core.errors import InputError
from core.training_state import list_states, load_state, save_state, state_path, state_step

# Exit codes after a state was saved: an interrupt is what a shell calls 128 + its number.
EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 0}

_log = logging.getLogger(__name__)


class StateIO(CheckpointIO):
    """Lightning's training states as safetensors."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write a state atomically."""
        # Our models rebuild these from YAML; they are no part of the state.
        drop = ("hyper_parameters", "datamodule_hyper_parameters")
        save_state(Path(path), {k: v for k, v in checkpoint.items() if k not in drop})

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a state on the CPU.

        Raises:
            InputError: It is damaged, or no state of a training.
        """
        state = load_state(Path(path))
        try:
            # The last batch of a finished training is not the last of one with more steps.
            state["loops"]["fit_loop"]["epoch_loop.batch_progress"]["is_last_batch"] = False
        except (KeyError, TypeError) as error:
            raise InputError(f"{path} is not a state of a training") from error
        return state

    def remove_checkpoint(self, path: Any) -> None:
        """Remove a state that newer ones replace."""
        Path(path).unlink(missing_ok=True)


class Averaging(WeightAveraging):
    """Exponential moving average of the weights; buffers are copied, not averaged.

    Besides the training state it keeps the averaged model in `weights.safetensors`, ready to use.

    Args:
        decay: Final decay; early on (1 + n) / (10 + n) is used where it is smaller.
        directory: Where the averaged weights go.
        begun_with: Weights that the training began from, or None.
        share: How much of those is mixed into the averaged weights that are written.
    """

    def __init__(
        self, decay: float, directory: Path, begun_with: Path | None = None, share: float = 0.0
    ) -> None:
        def average(averaged: list[Tensor], current: list[Tensor], count: Tensor | int) -> None:
            number = int(count)
            weight = 1.0 - min(decay, (1 + number) / (10 + number))
            torch._foreach_lerp_(averaged, current, weight)

        super().__init__(multi_avg_fn=average, use_buffers=False)
        self._directory, self._begun_with, self._share = directory, begun_with, share

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the averages to the state and write the averaged weights beside it."""
        super().on_save_checkpoint(trainer, pl_module, checkpoint)
        if trainer.is_global_zero:
            prefix = "model."
            weights = {
                k.removeprefix(prefix): v
                for k, v in checkpoint["state_dict"].items()
                if k.startswith(prefix)
            }
            if self._begun_with is not None and self._share:
                learnt = dict(pl_module.named_parameters())
                for name, old in load_file(self._begun_with).items():
                    if prefix + name in learnt:
                        new = weights[name]
                        weights[name] = torch.lerp(new, old.to(new), self._share)
            save_weights(self._directory / WEIGHTS, weights)


class States(Checkpoint):
    """Saves states by the clock, after the last step, and when a signal ends the training.

    A state is taken between two steps and at no other moment: in the middle of one the weights are
    half updated, and in a validation the averaged weights stand in the place of the current ones.

    Args:
        directory: Where they go.
        every_minutes: Time between two.
        keep: How many to keep.
    """

    def __init__(self, directory: Path, every_minutes: float, keep: int) -> None:
        self.directory, self.every_seconds, self.keep = directory, 60.0 * every_minutes, keep
        self._saved = 0.0
        self._signal: int | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock and wait for signals; Lightning puts the old handlers back."""
        self._saved = time.monotonic()
        if threading.current_thread() is threading.main_thread():
            for number in EXIT_CODES:
                signal.signal(number, self._on_signal)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save when it is time.

        Raises:
            SystemExit: There was a signal, and the state is safe.
        """
        strategy, step = trainer.strategy, trainer.global_step
        # All processes must save together, whichever of them had the signal.
        stop = strategy.reduce_boolean_decision(self._signal is not None, all=False)
        due = strategy.broadcast(time.monotonic() - self._saved >= self.every_seconds)
        if stop or due or step >= trainer.max_steps:
            trainer.save_checkpoint(state_path(self.directory, step))
            self._saved = time.monotonic()
            if trainer.is_global_zero:
                self._prune(step)
        if stop:
            _log.warning("stopped after step %d; go on with --resume", step)
            raise SystemExit(EXIT_CODES.get(signal.Signals(self._signal or signal.SIGTERM), 0))

    def _prune(self, step: int) -> None:
        # A later state can only be a damaged one: it must not push out the good ones.
        past = [path for path in list_states(self.directory) if state_step(path) <= step]
        for path in past[: -self.keep]:
            path.unlink(missing_ok=True)

    def _on_signal(self, number: int, frame: Any) -> None:
        self._signal = number
        # A second signal is not waited for.
        signal.signal(number, signal.SIG_DFL)
