"""A vocoder in training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from core.audio.mel import MelExtractor
from core.training import Task, TrainingConfig
from vocoder.interface import Sampling, VocoderModel
from vocoder.pairs import require_flow


class VocoderTask(Task):
    """A vocoder in training; logs audio and mels of one validation batch.

    Args:
        model: The vocoder.
        config: How it is trained.
        sampling: How the logged audio is sampled.
    """

    model: VocoderModel

    def __init__(self, model: VocoderModel, config: TrainingConfig, sampling: Sampling) -> None:
        super().__init__(model, config)
        self.sampling = sampling

    def losses(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The vocoder's own losses."""
        if "x_0" in batch:
            flow = require_flow(self.model)
            return flow.training_loss(batch["waveform"], batch["mel"], batch["x_0"])
        return self.model.training_loss(batch["waveform"], batch["mel"])

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Losses, and in the first batch sound, mel pictures and the copy's log-mel distance."""
        super().validation_step(batch, batch_idx)
        if batch_idx or not self.model.synthesises:
            return
        count = min(4, len(batch["mel"]))
        copy = self.model.generate(batch["mel"][:count], list(range(count)), self.sampling).waveform
        extract = MelExtractor(self.model.spec).to(copy.device)
        distance = (extract(copy) - batch["mel"][:count]).abs().mean()
        self.log("valid/log_mel_l1", distance, prog_bar=True)
        board: Any = getattr(self.logger, "experiment", None)
        if board is not None:
            rate, step = self.model.spec.sample_rate_hz, self.global_step
            board.add_audio("copy", copy.reshape(1, -1), step, rate)
            board.add_audio("recording", batch["waveform"][:count].reshape(1, -1), step, rate)
            pictures = torch.cat([batch["mel"][:count], extract(copy)], dim=1).flip(1)
            low, high = pictures.amin(), pictures.amax()
            board.add_images("mels", ((pictures - low) / (high - low))[:, None], step)
