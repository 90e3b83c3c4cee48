"""Fine-tuning of the few-step sampler against a critic (Flow2GAN, 2025; PeriodWave-Turbo, 2024).

A flow trained on a small corpus leaves its mels too smooth in a few steps and too noisy in many.
Here the solver itself is trained: the decoder is sampled from noise in as many steps as it will be
used with, gradients flow through the solve, and a least-squares critic (Mao et al., 2017) judges
the result beside the recording. Text, alignment and durations stay as they are.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from core.adversarial import feature_distance, judge_unmoved
from core.config import Config
from core.flow import make_grid, solve
from core.training import Task, TrainingConfig
from tts.critic import MelCritic
from tts.frames import masked_mean
from tts.losses import align_batch
from tts.model import AcousticModel
from tts.pairs import DECODER_SIDE

Batch = dict[str, Tensor]


class AdversarialConfig(Config):
    """How the sampler is fine-tuned.

    Attributes:
        steps: Numbers of solver steps; each training step draws one of them.
        temperature: Deviation of the noise it begins with.
        critic_first: Steps in which only the critic learns.
        critic_rate: Learning rate of the critic, as a multiple of the decoder's.
        feature_weight: Of the distance between the critic's features, in units of their size.
        coarse_weight: Of the L1 distance between mels blurred over `coarse_size` bands and frames:
            the flow's colour and loudness are kept, the detail is left to the critic.
        coarse_size: Bands and frames of that blur.
        channels: Width of the critic's first layer.
    """

    steps: tuple[int, ...] = Field((2,), min_length=1)
    temperature: float = Field(0.667, ge=0, le=2)
    critic_first: int = Field(150, ge=0)
    critic_rate: float = Field(2.0, gt=0, le=100)
    feature_weight: float = Field(2.0, ge=0)
    coarse_weight: float = Field(3.0, ge=0)
    coarse_size: int = Field(4, ge=1, le=16)
    channels: int = Field(32, ge=4, le=512)


class AdversarialTask(Task):
    """An acoustic model's sampler and its critic in training; the text's side is frozen.

    Both learn from one backward pass: the critic sees the sampled mel detached, and the decoder is
    judged by a critic whose weights are detached.

    Args:
        model: A trained acoustic model.
        config: Optimisation.
        adversarial: The game.
    """

    model: AcousticModel

    def __init__(
        self, model: AcousticModel, config: TrainingConfig, adversarial: AdversarialConfig
    ) -> None:
        super().__init__(model, config)
        self.adversarial = adversarial
        self.critic = MelCritic(adversarial.channels)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.split(".")[0] in DECODER_SIDE)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The model's groups, and the critic at its own rate."""
        rate = self.config.learning_rate * self.adversarial.critic_rate
        critic = {"params": list(self.critic.parameters()), "lr": rate, "weight_decay": 0.0}
        return [*super().parameter_groups(), critic]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Losses of the critic and of the sampler."""
        choice = int(torch.randint(len(self.adversarial.steps), ()))
        learning = not self.training or self.global_step >= self.adversarial.critic_first
        with torch.set_grad_enabled(self.training and learning):
            made, real, mean, mask = self.sample(batch, self.adversarial.steps[choice])
        truth, patches, features = self.critic(real, mean, mask)
        score, _, _ = self.critic(made.detach(), mean, mask)
        critic = _distance(truth, 1.0, patches) + _distance(score, 0.0, patches)
        if not learning:
            return {"loss": critic, "critic": critic}
        judged = judge_unmoved(self.critic, made, mean, mask)
        deceived = _distance(judged[0], 1.0, patches)
        detail = feature_distance(judged[2], features)
        size = self.adversarial.coarse_size
        coarse = F.l1_loss(_blur(made * mask, size), _blur(real, size))
        game = self.adversarial
        loss = critic + deceived + game.feature_weight * detail + game.coarse_weight * coarse
        parts = {"critic": critic, "deceived": deceived, "detail": detail, "coarse": coarse}
        return {"loss": loss, **parts}

    def sample(self, batch: Batch, steps: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Sample with the recording's durations.

        Args:
            batch: As for ordinary training.
            steps: Solver steps.

        Returns:
            Sampled mel, the recording's and the text's mean (B, M, T), all in the model's units,
            and the mask (B, 1, T).
        """
        model = self.model
        for name, part in model.named_children():
            if name not in DECODER_SIDE:
                part.eval()
        with torch.no_grad():
            encoded, real, durations = align_batch(model, batch)
        field, mean, mask = model.field(encoded, durations)
        noise = self.adversarial.temperature * torch.randn_like(mean) * mask
        sampling = model.config.sampling
        x_0 = model.prior_mean(mean) + noise
        made = solve(field, x_0, make_grid(sampling.grid, steps), sampling.method, mask=mask).x
        return made, torch.where(mask, real[:, :, : mask.shape[2]], 0.0), mean.detach(), mask


def _distance(score: Tensor, target: float, real: Tensor) -> Tensor:
    """Mean square distance of the scores of real frames from a target."""
    return masked_mean((score.float() - target).square(), real)


def _blur(mel: Tensor, size: int) -> Tensor:
    return F.avg_pool2d(mel[:, None].float(), min(size, mel.shape[2]))
