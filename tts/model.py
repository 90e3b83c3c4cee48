"""The acoustic model: phoneme ids to mel by conditional flow matching.

The encoder gives each token a mean mel and features; alignment search or the duration predictor
says how many frames each token lasts; a flow carries noise to the mel, conditioned on both (Guo et
al., 2024, VoiceFlow, section 3.1). Around the mean mu, with residual deviation s measured in
training and noise of deviation 1, the best linear velocity is

    u(x) = mu + (t s^2 - (1 - t)) / V_t (x - t mu),        V_t = (1 - t)^2 + t^2 s^2,

and what is left has deviation s / sqrt(V_t): the decoder predicts that rest in its own units.
(With sigma_min m > 0 the path's 1 - (1 - m) t takes the place of 1 - t, times its slope in u.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.audio.mel import MelSpec
from core.flow import Field, LinearPath, choose_grid, make_grid, seeded_noise, solve
from tts.config import AcousticConfig
from tts.decoder import Decoder
from tts.encoder import DurationPredictor, Encoder

BLANK = 0
STATISTICS_MOMENTUM = 0.01
LEAST_DEVIATION = 0.05


@dataclass(frozen=True)
class Encoded:
    """A batch of texts as the encoder sees it.

    Attributes:
        hidden: (B, N, C).
        mean: Mean mel of each token, standardised, (B, M, N).
        mask: Real tokens (B, N) bool.
        speaker: Speaker embedding (B, S), or None.
    """

    hidden: Tensor
    mean: Tensor
    mask: Tensor
    speaker: Tensor | None


@dataclass(frozen=True)
class Mels:
    """A batch of synthesised mels.

    Attributes:
        log_mel: (B, M, T), in the contract's units; the log floor on padding.
        mask: Real frames (B, 1, T) bool.
        durations: Frames of each given id, (B, N) int64; blanks are counted to their neighbours.
        nfe: Evaluations of the decoder.
    """

    log_mel: Tensor
    mask: Tensor
    durations: Tensor
    nfe: int


class AcousticModel(nn.Module):
    """Phoneme ids to mel.

    Args:
        config: What it is made of.
        spec: The mel contract.
        symbols: Size of the symbol table.
    """

    mel_mean: Tensor
    mel_deviation: Tensor
    residual_variance: Tensor

    def __init__(self, config: AcousticConfig, spec: MelSpec, symbols: int) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        many = len(config.speakers) > 1
        speaker_channels = config.speaker_channels if many else 0
        self.speakers = nn.Embedding(len(config.speakers), speaker_channels) if many else None
        self.encoder = Encoder(config.encoder, symbols, speaker_channels)
        width = config.encoder.channels
        self.mean_out = nn.Linear(width, spec.n_mels)
        self.features_out = nn.Linear(width, config.decoder.condition_channels)
        self.durations = DurationPredictor(width, config.encoder.kernel, config.encoder.dropout)
        condition = spec.n_mels + config.decoder.condition_channels + speaker_channels
        self.decoder = Decoder(config.decoder, spec.n_mels, condition)
        self.path = LinearPath(config.sigma_min)
        self.register_buffer("mel_mean", torch.zeros(()))
        self.register_buffer("mel_deviation", torch.ones(()))
        self.register_buffer("residual_variance", torch.ones(spec.n_mels, 1))

    def measure_corpus(self, log_mel: Tensor, mask: Tensor) -> None:
        """Set the mel's mean and deviation over real frames.

        Args:
            log_mel: (B, M, T).
            mask: (B, 1, T) bool.
        """
        values = log_mel.masked_select(mask)
        self.mel_mean.copy_(values.mean())
        self.mel_deviation.copy_(values.std().clamp_min(1e-3))

    def standardise(self, log_mel: Tensor) -> Tensor:
        """Log mel to the model's units."""
        return (log_mel - self.mel_mean) / self.mel_deviation

    def with_blanks(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Put a blank before, between and after the ids of each item, when configured.

        Args:
            ids: (B, N), padded with blanks.
            lengths: Real ids of each item (B,).

        Returns:
            ids (B, 2N+1) and lengths 2n+1; or both unchanged.
        """
        if not self.config.blanks:
            return ids, lengths
        out = ids.new_full((ids.shape[0], 2 * ids.shape[1] + 1), BLANK)
        out[:, 1::2] = ids
        return out, 2 * lengths + 1

    def encode(self, ids: Tensor, lengths: Tensor, speaker: Tensor | None = None) -> Encoded:
        """Encode ids that already have their blanks.

        Args:
            ids: (B, N).
            lengths: (B,).
            speaker: Speaker numbers (B,), or None for a model of one voice.
        """
        embedding = None
        if self.speakers is not None:
            if speaker is None:
                raise ValueError(f"this model has {len(self.config.speakers)} speakers: name one")
            embedding = self.speakers(speaker)
        mask = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
        hidden = self.encoder(ids, mask[:, :, None], embedding)
        mean = self.mean_out(hidden).float().transpose(1, 2)
        return Encoded(hidden, mean, mask, embedding)

    def field(self, encoded: Encoded, durations: Tensor) -> tuple[Field, Tensor, Tensor]:
        """The velocity for one batch with its durations.

        Args:
            encoded: From `encode`.
            durations: Frames of each token (B, N).

        Returns:
            u(t, x) with x (B, M, T), the mean mel (B, M, T) in the model's units, and the mask of
            real frames (B, 1, T).
        """
        index, mask = upsampling(durations)
        gather = index[:, None].expand(-1, self.spec.n_mels, -1)
        mean = encoded.mean.gather(2, gather) * mask
        features = self.features_out(encoded.hidden)
        features = features.gather(1, index[:, :, None].expand(-1, -1, features.shape[2]))
        parts = [mean.transpose(1, 2), features.to(mean.dtype)]
        if encoded.speaker is not None:
            parts.append(encoded.speaker[:, None].expand(-1, index.shape[1], -1))
        condition = torch.cat(parts, dim=2)
        centre = mean.detach()
        variance = self.residual_variance

        def velocity(t: Tensor, x: Tensor) -> Tensor:
            time = t.reshape(-1, 1, 1).to(x.dtype)
            noise, slope = self.path.sigma(time), self.path.sigma_dot(time)
            total = noise.square() + time.square() * variance
            frame_mask = mask.transpose(1, 2)
            if not self.config.preconditioned:
                return self.decoder(t, x, condition, frame_mask)
            offset = x - time * centre
            rest = self.decoder(t, offset * total.rsqrt(), condition, frame_mask)
            linear = centre + (time * variance + slope * noise) / total * offset
            return (linear + (variance / total).sqrt() * rest) * mask

        return velocity, mean, mask

    def rest_scale(self, t: Tensor) -> Tensor:
        """Deviation of what the best linear velocity leaves, (B, M, 1); 1 without it."""
        if not self.config.preconditioned:
            return torch.ones_like(self.residual_variance)[None]
        time = t.reshape(-1, 1, 1)
        total = self.path.sigma(time).square() + time.square() * self.residual_variance
        return (self.residual_variance / total).sqrt()

    def follow_statistics(self, mel: Tensor, mean: Tensor, mask: Tensor) -> None:
        """Move the residual variance towards that of a batch (in the model's units)."""
        with torch.no_grad():
            residual = ((mel - mean).square() * mask).sum(dim=(0, 2)) / mask.sum()
            residual = residual[:, None].clamp_min(LEAST_DEVIATION**2)
            follow(self.residual_variance, residual)

    def white_noise(self, mask: Tensor, seeds: Sequence[int]) -> Tensor:
        """Noise of deviation 1 for each real frame, (B, M, T).

        Args:
            mask: Real frames (B, 1, T).
            seeds: One an item; its noise does not depend on the rest of the batch.
        """
        # Drawn frame by frame, so that a longer utterance begins with the same noise.
        shapes = [(int(n), self.spec.n_mels) for n in mask.sum(dim=(1, 2)).tolist()]
        return seeded_noise(seeds, shapes).to(mask.device).transpose(1, 2)

    @torch.inference_mode()
    def synthesise(
        self,
        ids: Tensor,
        lengths: Tensor,
        seeds: Sequence[int],
        *,
        speaker: Tensor | None = None,
        speed: float | Tensor = 1.0,
        steps: int | None = None,
        method: str | None = None,
        grid: str | None = None,
        temperature: float | None = None,
        durations: Tensor | None = None,
    ) -> Mels:
        """Synthesise a batch.

        Args:
            ids: (B, N) without blanks.
            lengths: Real ids of each item (B,).
            seeds: One an item; its mel does not depend on the rest of the batch.
            speaker: Speaker numbers (B,), for a model of several voices.
            speed: Above 1 is faster; a number, or (B, 1).
            steps: Solver steps; None takes the configured default, as below.
            method: Solver.
            grid: Time grid.
            temperature: Deviation of the prior noise.
            durations: Frames of each token, blanks included, in place of the predicted ones.
        """
        defaults = self.config.sampling
        tokens, token_lengths = self.with_blanks(ids, lengths)
        encoded = self.encode(tokens, token_lengths, speaker)
        if durations is None:
            log_frames = self.durations(encoded.hidden, encoded.mask[:, :, None])
            rate = torch.as_tensor(speed, dtype=torch.float64, device="cpu")
            durations = self.durations.frames(log_frames, encoded.mask, rate)
        field, _, mask = self.field(encoded, durations)
        deviation = defaults.temperature if temperature is None else temperature
        noise = self.white_noise(mask, seeds)
        steps = defaults.steps if steps is None else steps
        method = method or defaults.method
        times = make_grid(choose_grid(defaults, grid, steps, method), steps)
        solution = solve(field, deviation * noise, times, method, mask=mask)
        log_mel = solution.x * self.mel_deviation + self.mel_mean
        floor = math.log(self.spec.log_floor)
        log_mel = torch.where(mask, log_mel.clamp_min(floor), floor)
        if self.config.blanks:
            durations = fold_blanks(durations)
        return Mels(log_mel, mask, durations, solution.nfe)


def upsampling(durations: Tensor) -> tuple[Tensor, Tensor]:
    """Which token each frame belongs to.

    Args:
        durations: (B, N) int64.

    Returns:
        Token index (B, T), 0 on padding, and the mask of real frames (B, 1, T) bool.
    """
    ends = durations.cumsum(dim=1)
    total = ends[:, -1:]
    frame = torch.arange(int(total.max()), device=durations.device).expand(len(durations), -1)
    index = torch.searchsorted(ends, frame.contiguous(), right=True)
    mask = frame < total
    return torch.where(mask, index, 0), mask[:, None]


def fold_blanks(durations: Tensor) -> Tensor:
    """Durations with blanks, (B, 2N+1), to those of the ids alone, (B, N).

    The blank after an id is counted to it, the first blank to the first id.
    """
    folded = durations[:, 1::2] + durations[:, 2::2]
    folded[:, 0] += durations[:, 0]
    return folded


def follow(statistic: Tensor, batch: Tensor) -> None:
    """Move a running statistic a little towards a batch's, unless that is not finite."""
    # The step of such a batch is skipped; the statistic would never recover from it.
    statistic.lerp_(torch.where(torch.isfinite(batch), batch, statistic), STATISTICS_MOMENTUM)


def masked_mean(value: Tensor, mask: Tensor) -> Tensor:
    """Mean of value over the real positions of a mask that broadcasts to it."""
    weight = mask.expand_as(value)
    return torch.where(weight, value, 0.0).sum() / weight.sum()
