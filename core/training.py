"""The glue between our models and PyTorch Lightning.

Every random draw of a training step comes from torch's global generator, seeded from (seed, step,
rank) when the step begins, and the batch of a step is a function of the same three. Weights,
averages, optimiser and step number are therefore the whole state of a training: one that was
killed goes on exactly as it would have.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from core.checkpoint import WEIGHTS
from core.config import Config
from core.data.batching import StepSampler, step_loader
from core.errors import InputError
from core.training_callbacks import Averaging, StateIO, States
from core.training_state import newest_state, remove_leftovers

__all__ = ["WEIGHTS", "Task", "TrainingConfig", "find_state", "fit", "learning_rate_factor"]


class TrainingConfig(Config):
    """How a model is trained.

    Attributes:
        steps: Optimiser steps in all, which the learning rate's schedule is made for.
        stop_after: Ends the training sooner, the schedule being what it is; null for not.
        learning_rate: Peak of the schedule: linear warm-up, then a cosine.
        final_learning_rate: Where the cosine ends, as a fraction of the peak.
        warmup_steps: Steps of the warm-up.
        weight_decay: AdamW's.
        betas: AdamW's.
        gradient_clip: Largest norm of the gradient.
        ema_decay: Of the averaged weights, which are the ones that are shipped; early on
            (1 + n) / (10 + n) is used where it is smaller.
        precision: "bf16" for bfloat16 autocast, "fp32" for full precision.
        seed: Seed of everything drawn.
        validate_every_steps: Steps between validations.
        checkpoint_every_minutes: Minutes between training states.
        keep_states: How many states to keep.
        workers: Processes that prepare batches.
        warm_start: Weights to begin from, or null.
        warm_start_without: Parts of the model that begin afresh all the same, such as
            [decoder, features_out] when the decoder is to be of another size.
        warm_start_share: How much of the weights it began from is in those that are shipped, which
            lie on the line between them and the averaged ones (Wortsman et al., 2022, eq. 1).
    """

    steps: int = Field(100_000, ge=1)
    stop_after: int | None = Field(None, ge=1)
    learning_rate: float = Field(5e-4, gt=0, le=1)
    final_learning_rate: float = Field(0.02, ge=0, le=1)
    warmup_steps: int = Field(500, ge=0)
    weight_decay: float = Field(0.01, ge=0, le=1)
    betas: tuple[float, float] = (0.9, 0.98)
    gradient_clip: float = Field(1.0, gt=0)
    ema_decay: float = Field(0.999, ge=0, lt=1)
    precision: Literal["bf16", "fp32"] = "bf16"
    seed: int = Field(0, ge=0, lt=2**31)
    validate_every_steps: int = Field(1000, ge=1)
    checkpoint_every_minutes: float = Field(5.0, gt=0)
    keep_states: int = Field(2, ge=1)
    workers: int = Field(0, ge=0, le=64)
    warm_start: Path | None = None
    warm_start_without: tuple[str, ...] = ()
    warm_start_share: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _check_share(self) -> TrainingConfig:
        if self.warm_start_share and (self.warm_start is None or self.warm_start_without):
            raise ValueError(
                f"warm_start_share is {self.warm_start_share}: it takes a warm_start of the whole "
                "model"
            )
        return self


class Task(pl.LightningModule):
    """One model in training: optimiser, schedule, seeds, skipped steps.

    A subclass gives `losses(batch)`: named scalars, of which "loss" is minimised.

    Args:
        model: The network that is trained and shipped.
        config: How.
    """

    skipped_steps: Tensor

    def __init__(self, model: nn.Module, config: TrainingConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.register_buffer("skipped_steps", torch.zeros(()))

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Named scalar losses of a batch; "loss" is the one to minimise."""
        raise TypeError(f"{type(self).__name__} must define losses()")

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed every draw of the step."""
        self._began = time.monotonic()
        entropy = [self.config.seed, self.global_step, self.global_rank]
        torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of one batch."""
        losses = self.losses(batch)
        self.log_dict({f"train/{k}": v.detach() for k, v in losses.items()}, prog_bar=True)
        return losses["loss"]

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Log the throughput."""
        seconds = time.monotonic() - self._began
        self.log("steps_per_second", 1.0 / max(seconds, 1e-9), prog_bar=True)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Losses on held-out data, with the same draws every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(batch_idx)
            losses = self.losses(batch)
        self.log_dict({f"valid/{k}": v for k, v in losses.items()}, prog_bar=True, sync_dist=True)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a state of another model before anything of it is used."""
        own = {name: tuple(value.shape) for name, value in self.state_dict().items()}
        given = {name: tuple(value.shape) for name, value in checkpoint["state_dict"].items()}
        differing = sorted({name for name, _ in own.items() ^ given.items()})
        if differing:
            raise InputError(
                f"the training state is another model's: {len(differing)} tensors differ, such as "
                f"{differing[0]}; use the configuration that it was begun with"
            )

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the gradient's norm; a gradient that is not finite is dropped and counted."""
        norm = nn.utils.clip_grad_norm_(self.parameters(), self.config.gradient_clip)
        self.log("gradient_norm", norm)
        if not torch.isfinite(norm):
            # Without gradients AdamW leaves weights and moments alone.
            optimizer.zero_grad(set_to_none=True)
            self.skipped_steps += 1
            self.log("skipped_steps", self.skipped_steps, prog_bar=True)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What AdamW trains: weight decay on the model's matrices only."""
        matrices = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim <= 1]
        return [
            {"params": matrices, "weight_decay": self.config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]

    def configure_optimizers(self) -> Any:
        """AdamW; warm-up and cosine."""
        config = self.config
        optimizer = torch.optim.AdamW(
            self.parameter_groups(), lr=config.learning_rate, betas=config.betas, fused=True
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(step, config)
        )
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


def learning_rate_factor(step: int, config: TrainingConfig) -> float:
    """The learning rate at a step as a fraction of its peak."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(config.steps - config.warmup_steps, 1)
    cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return config.final_learning_rate + (1 - config.final_learning_rate) * cosine


def find_state(directory: Path, resume: bool) -> Path | None:
    """The state to go on from, or None when a training begins.

    Raises:
        InputError: There are states and `resume` is not asked for, or none of them can be read.
    """
    state = newest_state(directory)
    if state is not None and not resume:
        raise InputError(
            f"{directory} already holds a training ({state.name}): "
            "go on with --resume, or name another directory with --output-dir"
        )
    return state


def fit(
    task: Task,
    train: Dataset[Any],
    valid: DataLoader[Any],
    directory: Path,
    *,
    resume: bool,
    accelerator: str = "auto",
    devices: int | str = "auto",
) -> None:
    """Train to the last step, saving states on the way.

    Args:
        task: What is trained.
        train: Maps the number of a batch to it; on one process that of the step.
        valid: Held-out batches.
        directory: Where states, averaged weights and TensorBoard logs go.
        resume: Go on from the newest state there; without one, begin.
        accelerator: Lightning's: "auto", "cpu", "cuda", "mps".
        devices: Lightning's.

    Raises:
        InputError: There are states and `resume` is not asked for, none of them can be read, or
            the newest is another model's.
        OSError: A state cannot be written; those written before are unharmed.
        SystemExit: A signal ended the training, after its state was saved.
    """
    config = task.config
    state = find_state(directory, resume)
    remove_leftovers(directory)
    trainer = pl.Trainer(
        accelerator=accelerator,
        devices=devices,
        max_steps=min(config.steps, config.stop_after or config.steps),
        max_epochs=1,
        precision="bf16-mixed" if config.precision == "bf16" else "32-true",
        plugins=[StateIO()],
        callbacks=[
            Averaging(config.ema_decay, directory, config.warm_start, config.warm_start_share),
            States(directory, config.checkpoint_every_minutes, config.keep_states),
            TQDMProgressBar(refresh_rate=1 if sys.stderr.isatty() else 200),
        ],
        logger=TensorBoardLogger(directory, name="", version=""),
        val_check_interval=min(config.validate_every_steps, config.steps),
        num_sanity_val_steps=0,
        log_every_n_steps=min(50, config.steps),
        enable_model_summary=False,
        use_distributed_sampler=False,
    )

    class Loaders(pl.LightningDataModule):
        # Lightning asks for the loader after it has restored the step number.
        def train_dataloader(self) -> DataLoader[Any]:
            processes = trainer.global_rank, trainer.world_size
            sampler = StepSampler(config.steps, trainer.global_step, *processes)
            return step_loader(train, sampler, config.workers)

        def val_dataloader(self) -> DataLoader[Any]:
            return valid

    trainer.fit(task, datamodule=Loaders(), ckpt_path=None if state is None else str(state))
