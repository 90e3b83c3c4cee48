"""The acoustic model: phoneme ids to mel by conditional flow matching.

The encoder gives each token a mean mel and features; alignment search or the duration predictor
says how many frames each token lasts; a flow carries noise to the mel, conditioned on both (Guo et
al., 2024, VoiceFlow, section 3.1). The decoder predicts what the best linear velocity around
the mean leaves (`tts.velocity`), in units of its deviation, which is measured in training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from core.audio.mel import MelSpec
from core.errors import InputError
from core.flow import (
    Field,
    LinearPath,
    check_schedule_steps,
    choose_grid,
    guided,
    make_grid,
    sample,
    seeded_noise,
    step_seeds,
)
from core.precision import in_precision
from tts.config import AcousticConfig
from tts.decoder import Decoder
from tts.denoising import NoiseReduction
from tts.encoder import DurationPredictor, Encoder
from tts.frames import Encoded, Mels, fold_blanks, follow, unfold_blanks, upsampling
from tts.prosody import Hold, hold, token_speeds
from tts.speakers import embed_speaker, speaker_layer
from tts.velocity import GaussianVelocity

BLANK = 0
LEAST_DEVIATION = 0.05


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
    hidden_condition: Tensor | None

    def __init__(self, config: AcousticConfig, spec: MelSpec, symbols: int) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        speaker_channels = config.speaker_channels if config.many_speakers else 0
        self.speakers = speaker_layer(config)
        self.encoder = Encoder(config.encoder, symbols, speaker_channels)
        width = config.encoder.channels
        self.mean_out = nn.Linear(width, spec.n_mels)
        self.features_out = (
            nn.Linear(width, config.decoder.condition_channels)
            if config.condition_on_mean
            else None
        )
        self.durations = DurationPredictor(width, config.encoder.kernel, config.encoder.dropout)
        text = spec.n_mels + config.decoder.condition_channels if config.condition_on_mean else 0
        condition = text + speaker_channels
        self.decoder = Decoder(config.decoder, spec.n_mels, condition)
        hidden = nn.Parameter(torch.zeros(condition)) if config.condition_drop else None
        self.register_parameter("hidden_condition", hidden)
        self.path = LinearPath(config.sigma_min)
        self.noise_reduction = NoiseReduction(spec.n_mels)
        self.register_buffer("mel_mean", torch.zeros(()))
        self.register_buffer("mel_deviation", torch.ones(()))
        self.register_buffer("residual_variance", torch.ones(spec.n_mels, 1))

    def measure_corpus(self, log_mel: Tensor, mask: Tensor) -> None:
        """Set the mel's mean, deviation and noise over real frames.

        Args:
            log_mel: (B, M, T).
            mask: (B, 1, T) bool.
        """
        values = log_mel.masked_select(mask)
        self.mel_mean.copy_(values.mean())
        self.mel_deviation.copy_(values.std().clamp_min(1e-3))
        self.noise_reduction.measure_corpus(log_mel, mask)

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
            speaker: Speaker numbers (B,), shares of all speakers (B, S), or vectors (B, V), as
                the model knows them; None for a model of one voice.
        """
        embedding = embed_speaker(self.speakers, speaker)
        mask = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
        hidden = self.encoder(ids, mask[:, :, None], embedding)
        mean = self.mean_out(hidden).float().transpose(1, 2)
        return Encoded(hidden, mean, mask, embedding)

    def field(
        self, encoded: Encoded, durations: Tensor, hidden: Tensor | None = None
    ) -> tuple[Field, Tensor, Tensor]:
        """The velocity for one batch with its durations.

        Args:
            encoded: From `encode`.
            durations: Frames of each token (B, N).
            hidden: Items whose condition the decoder does not see (B,) bool; None for none.

        Returns:
            u(t, x) with x (B, M, T), the mean mel (B, M, T) in the model's units, and the mask of
            real frames (B, 1, T).
        """
        index, mask = upsampling(durations)
        gather = index[:, None].expand(-1, self.spec.n_mels, -1)
        mean = encoded.mean.gather(2, gather) * mask
        condition = self._condition(encoded, mean, index)
        centre = mean.detach()
        if hidden is not None:
            if self.hidden_condition is None:
                raise InputError("guidance needs a model trained with condition_drop above 0")
            unseen = hidden[:, None, None]
            condition = torch.where(unseen, self.hidden_condition, condition)
            centre = torch.where(unseen, 0.0, centre)
        linear = self._gaussian(hidden, centre, self.prior_mean(centre))
        # An item alone has no padding.
        frame_mask = mask.transpose(1, 2) if len(mask) > 1 else None

        def velocity(t: Tensor, x: Tensor) -> Tensor:
            if not self.config.preconditioned:
                return self.decoder(t, x, condition, frame_mask)
            time = t.reshape(-1, 1, 1).to(x.dtype)
            offset = linear.offset(time, x)
            state = offset * linear.state_variance(time).rsqrt()
            rest = self.decoder(t, state, condition, frame_mask)
            return (linear.velocity(time, offset) + linear.rest(time) * rest) * mask

        return velocity, mean, mask

    def guided_field(
        self, encoded: Encoded, durations: Tensor, guidance: float
    ) -> tuple[Field, Tensor, Tensor]:
        """`field` with classifier-free guidance (Ho & Salimans, 2022).

        Raises:
            InputError: The guidance is not 1 and the model was trained without dropped conditions.
        """
        field, mean, mask = self.field(encoded, durations)
        if guidance == 1:
            return field, mean, mask
        everyone = torch.ones(len(mask), dtype=torch.bool, device=mask.device)
        without, _, _ = self.field(encoded, durations, everyone)
        return guided(field, without, guidance), mean, mask

    def _condition(self, encoded: Encoded, mean: Tensor, index: Tensor) -> Tensor:
        """What the decoder sees of the text and the speaker, (B, T, C)."""
        parts = [mean.new_zeros(*index.shape, 0)]
        if self.features_out is not None:
            features = self.features_out(encoded.hidden)
            features = features.gather(1, index[:, :, None].expand(-1, -1, features.shape[2]))
            parts += [mean.transpose(1, 2), features.to(mean.dtype)]
        if encoded.speaker is not None:
            parts.append(encoded.speaker[:, None].expand(-1, index.shape[1], -1))
        return torch.cat(parts, dim=2)

    def prior_mean(self, mean: Tensor) -> Tensor:
        """Mean of the prior (B, M, T) for a mean mel: itself or zero."""
        return mean.detach() if self.config.prior_on_mean else torch.zeros_like(mean)

    def _gaussian(
        self, hidden: Tensor | None, mean: Tensor | float = 0.0, prior_mean: Tensor | float = 0.0
    ) -> GaussianVelocity:
        variance = self.residual_variance
        if hidden is not None:
            # Without a text, a standardised mel has mean 0 and variance 1.
            variance = torch.where(hidden[:, None, None], 1.0, variance)
        return GaussianVelocity(self.path, self.config.sigma, variance, mean, prior_mean)

    def rest_scale(self, t: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Deviation of what the best linear velocity leaves, (B, M, 1); 1 without it.

        Args:
            t: Times (B,).
            hidden: As in `field`.
        """
        if not self.config.preconditioned:
            return torch.ones_like(self.residual_variance)[None]
        return self._gaussian(hidden).rest(t.reshape(-1, 1, 1))

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
        quality: str | None = None,
        steps: int | None = None,
        method: str | None = None,
        grid: str | None = None,
        temperature: float | None = None,
        guidance: float | None = None,
        denoise: float | None = None,
        durations: Tensor | None = None,
        pauses: Sequence[Sequence[Hold]] = (),
        noise: Tensor | None = None,
    ) -> Mels:
        """Synthesise a batch.

        Args:
            ids: (B, N) without blanks.
            lengths: Real ids of each item (B,).
            seeds: One an item; its mel does not depend on the rest of the batch.
            speaker: As in `encode`.
            speed: Above 1 is faster; a number, (B, 1), or one for each id (B, N).
            quality: "fast", "balanced" or "best"; what is given beside it goes before it.
            steps: Solver steps; None takes the quality's, as below.
            method: Solver, or "sde[:strength]".
            grid: Time grid.
            temperature: Deviation of the prior noise.
            guidance: Scale of classifier-free guidance; values besides 0 and 1 cost twice as much.
            denoise: How much of the corpus's noise is taken out; see `NoiseReduction`.
            durations: Frames of each token, or of each id (B, N), in place of the predicted ones.
            pauses: Ids of each item that last a given time; empty for none.
            noise: Around the prior's mean, (B, M, T), in place of drawn noise and its temperature.
        """
        defaults = self.config.sampling.at(quality)
        tokens, token_lengths = self.with_blanks(ids, lengths)
        encoded = self.encode(tokens, token_lengths, speaker)
        if durations is None or durations.shape != tokens.shape:
            log_frames = self.durations(encoded.hidden, encoded.mask[:, :, None])
            speed = token_speeds(speed, ids, blanks=self.config.blanks)
            predicted = self.durations.frames(log_frames, encoded.mask, speed)
            durations = predicted if durations is None else unfold_blanks(durations, predicted)
        durations, before = hold(durations, pauses, blanks=self.config.blanks)
        guidance = defaults.guidance if guidance is None else guidance
        field, mean, mask = self.guided_field(encoded, durations, guidance)
        deviation = defaults.temperature if temperature is None else temperature
        centre, fresh = self.prior_mean(mean), None
        if noise is None:
            noise = deviation * self.white_noise(mask, seeds)

            def fresh(step: int) -> Tensor:
                return deviation * self.white_noise(mask, step_seeds(seeds, step))

        steps = defaults.steps if steps is None else steps
        method = method or defaults.method
        times = make_grid(choose_grid(defaults, grid, steps, method), steps)
        check_schedule_steps(self.config.time_schedule, times, method)
        field = in_precision(field, defaults.precision)
        solution = sample(
            field, centre + noise, times, method, fresh, path=self.path, centre=centre, mask=mask
        )
        denoise = defaults.denoise if denoise is None else denoise
        log_mel = solution.x * self.mel_deviation + self.mel_mean
        log_mel = self.noise_reduction(log_mel, denoise, mask)
        floor = math.log(self.spec.log_floor)
        log_mel = torch.where(mask, log_mel.clamp_min(floor), floor)
        durations = fold_blanks(durations) if self.config.blanks else durations
        durations[:, 0] -= before
        nfe = solution.nfe * (1 if guidance in (0, 1) else 2)
        return Mels(log_mel, mask, durations, before, nfe)
