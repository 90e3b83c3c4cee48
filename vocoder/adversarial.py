"""Fine-tuning of a vocoder's few-step sampler against critics (Flow2GAN, 2025).

In one step a flow can only answer with the mean of all waveforms that fit, which is close to
silence. Here the solver itself is trained: noise is carried to sound in as many steps, and with as
many rounds of mel consistency, as it will be used with; gradients flow through solve and rounds,
and critics judge the result beside the recording. As the rounds set the loudness of every band,
what is left to learn is the phases.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from core.adversarial import feature_distance, judge_unmoved
from core.audio.mel import MelExtractor, MelSpec
from core.config import Config
from core.flow import make_grid, solve
from core.training import TrainingConfig
from vocoder.consistency import impose_mel
from vocoder.critics import WaveformCritics
from vocoder.interface import Sampling, VocoderModel
from vocoder.rectified.model import RectifiedVocoder
from vocoder.task import VocoderTask

# FFT sizes and bands of the log mels whose distance is part of the loss.
MEL_SIZES = ((512, 64), (1024, 100), (2048, 160))


class AdversarialConfig(Config):
    """How the sampler is fine-tuned.

    Attributes:
        steps: Numbers of solver steps; each training step draws one of them.
        rounds: Rounds of mel consistency on the sampled waveform.
        critics_from: Step in which the critics join; before, only the log mels count.
        critic_rate: Learning rate of the critics, as a multiple of the vocoder's.
        mel_weight: Of the L1 distance of log mels of several resolutions.
        feature_weight: Of the distance between the critics' features, in units of their size.
        flow_weight: Of the flow-matching loss, which keeps the flow good at many steps.
        n_ffts: One spectral critic each.
        periods: One period critic each.
        channels: Width of the critics' first layers.
    """

    steps: tuple[int, ...] = Field((1,), min_length=1)
    rounds: int = Field(4, ge=0, le=100)
    critics_from: int = Field(150, ge=0)
    critic_rate: float = Field(1.5, gt=0, le=100)
    mel_weight: float = Field(5.0, ge=0)
    feature_weight: float = Field(4.0, ge=0)
    flow_weight: float = Field(0.0, ge=0)
    n_ffts: tuple[int, ...] = Field((1024, 512, 256), min_length=1)
    periods: tuple[int, ...] = Field((2, 5, 11), min_length=1)
    channels: int = Field(32, ge=4, le=512)


class MelDistances(nn.Module):
    """Mean L1 distance of log mels at several resolutions, up to the highest frequency there is.

    Args:
        sample_rate_hz: Of the waveforms.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        super().__init__()
        self.extractors = nn.ModuleList(
            MelExtractor(
                MelSpec(
                    sample_rate_hz=sample_rate_hz,
                    n_fft=n_fft,
                    win_samples=n_fft,
                    hop_samples=n_fft // 4,
                    n_mels=n_mels,
                    f_max_hz=sample_rate_hz / 2,
                )
            )
            for n_fft, n_mels in MEL_SIZES
        )

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        """Of two batches of waveforms (B, L)."""
        distances = [F.l1_loss(extract(made), extract(real)) for extract in self.extractors]
        return torch.stack(distances).mean()


class AdversarialVocoderTask(VocoderTask):
    """A rectified vocoder's sampler and its critics in training.

    Both learn from one backward pass: the critics see the sampled waveform detached, and the
    vocoder is judged by critics whose weights are.

    Args:
        model: A trained rectified vocoder, or what a subclass that samples otherwise takes.
        config: Optimisation.
        sampling: How the logged audio is sampled.
        adversarial: The game.
    """

    model: RectifiedVocoder

    def __init__(
        self,
        model: VocoderModel,
        config: TrainingConfig,
        sampling: Sampling,
        adversarial: AdversarialConfig,
    ) -> None:
        super().__init__(model, config, sampling)
        self.adversarial = adversarial
        game = adversarial
        self.critics = WaveformCritics(game.n_ffts, game.periods, game.channels)
        self.mel_distances = MelDistances(model.spec.sample_rate_hz)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The model's groups, and the critics at their own rate."""
        rate = self.config.learning_rate * self.adversarial.critic_rate
        critics = {"params": list(self.critics.parameters()), "lr": rate, "weight_decay": 0.0}
        return [*super().parameter_groups(), critics]

    def losses(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Losses of the sampler and of the critics."""
        game, real = self.adversarial, batch["waveform"]
        choice = int(torch.randint(len(game.steps), ()))
        made = self.sample(batch["mel"], game.steps[choice])
        mel = self.mel_distances(made, real)
        parts, loss = {"mel": mel}, game.mel_weight * mel
        if game.flow_weight:
            parts["flow"] = self.model.training_loss(real, batch["mel"])["loss"]
            loss = loss + game.flow_weight * parts["flow"]
        if not self.training or self.global_step >= game.critics_from:
            against = self.judge(made, real)
            parts |= against
            weighted = against["deceived"] + game.feature_weight * against["detail"]
            loss = loss + against["critics"] + weighted
        return {"loss": loss, **parts}

    def sample(self, log_mel: Tensor, steps: int) -> Tensor:
        """Carry fresh noise to sound, differentiably: (B, M, T) to (B, T * hop)."""
        model, sampling = self.model, self.sampling
        seeds = torch.randint(2**31, (len(log_mel),)).tolist()
        x_0 = model.noise(log_mel, seeds)
        grid = make_grid(sampling.grid, steps)
        x = solve(model.field(log_mel), x_0, grid, sampling.method).x
        known = (log_mel, model.envelope, model.stft)
        return impose_mel(x, *known, self.adversarial.rounds, sampling.momentum)

    def judge(self, made: Tensor, real: Tensor) -> dict[str, Tensor]:
        """What the critics lose, and what the sampler does.

        Args:
            made: Sampled waveforms (B, L).
            real: Recordings of the same mels (B, L).
        """
        count = len(real)
        both = self.critics(torch.cat([real, made.detach()]))
        ours = judge_unmoved(self.critics, made)
        critics, deceived, detail = [], [], []
        for (scores, features), (judged, own) in zip(both, ours, strict=True):
            truth, lie = scores.float().tensor_split([count])
            critics.append((truth - 1).square().mean() + lie.square().mean())
            deceived.append((judged.float() - 1).square().mean())
            detail.append(feature_distance(own, [layer[:count] for layer in features]))
        parts = {"critics": critics, "deceived": deceived, "detail": detail}
        return {name: torch.stack(values).mean() for name, values in parts.items()}
