"""A training of a few numbers, alone or shared by processes: `python distributed_training.py`.

Batch n holds the n-th row of a table. One process alone takes as many rows a step as several
processes do together.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from core.training import Task, TrainingConfig, fit

STEPS = 5


class Point(nn.Module):
    """A place that is drawn to the rows."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(3))


class Drawn(Task):
    """Mean squared distance, in units that differ from row to row so that order matters."""

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """The loss of some rows."""
        return {"loss": ((self.model.place - batch).square() * batch.abs()).mean()}


class Rows(Dataset[Tensor]):
    """Some rows of the table at a time."""

    def __init__(self, together: int) -> None:
        self.together = together
        self.table = torch.randn(1000, 3, generator=torch.Generator().manual_seed(7))

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> Tensor:
        """Batch number n."""
        return self.table[number * self.together : (number + 1) * self.together]


def main(directory: str, processes: str, together: str) -> None:
    """Train and keep the weights in `directory`."""
    config = TrainingConfig(
        steps=STEPS, learning_rate=0.1, warmup_steps=0, ema_decay=0.0, precision="fp32",
        validate_every_steps=STEPS,
    )  # fmt: skip
    rows = Rows(int(together))
    valid = DataLoader(rows, batch_size=None)
    count = int(processes)
    fit(
        Drawn(Point(), config), rows, valid, Path(directory), resume=False, accelerator="cpu",
        devices=count,
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
