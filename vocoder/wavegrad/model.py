"""WaveGrad (Chen et al., 2021): trained on any noise level, sampled by any schedule."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.audio.mel import MelSpec
from core.audio.stft import Stft
from core.errors import InputError, unknown_name
from core.flow import (
    SOLVERS,
    Field,
    noise_level_scale,
    solve,
    step_seeds,
    time_to_noise_level,
)
from vocoder.consistency import impose_mel
from vocoder.envelope import MelEnvelope
from vocoder.interface import FlowVocoder, Generated, Sampling
from vocoder.wavegrad.config import WaveGradConfig
from vocoder.wavegrad.diffusion import NoiseEstimate, ancestral, probability_flow
from vocoder.wavegrad.network import WaveGradNetwork
from vocoder.wavegrad.schedules import noise_levels, parse_schedule, sampling_times

ANCESTRAL = "ancestral"


class WaveGradVocoder(FlowVocoder):
    """Diffusion vocoder.

    Args:
        config: What it is made of.
        spec: The mel contract.

    Raises:
        InputError: The network's factors do not multiply to the hop.
    """

    mel_mean: Tensor
    mel_deviation: Tensor
    levels: Tensor

    def __init__(self, config: WaveGradConfig, spec: MelSpec) -> None:
        super().__init__()
        self.config = config
        self.spec = spec
        self.network = WaveGradNetwork(config.network, spec)
        self.envelope = MelEnvelope(spec)
        self.stft = Stft(spec.n_fft, spec.hop_samples, spec.win_samples)
        self.register_buffer("mel_mean", torch.zeros(spec.n_mels, 1))
        self.register_buffer("mel_deviation", torch.ones(spec.n_mels, 1))
        # On the CPU even where the model is made on the meta device to be loaded.
        with torch.device("cpu"):
            levels = noise_levels(parse_schedule(config.schedule, 1))
        self.least_level = float(levels[-1])
        self.register_buffer("levels", levels.float(), persistent=False)

    def measure_corpus(self, waveform: Tensor, log_mel: Tensor) -> None:
        """Set the mel's mean and deviation a band."""
        self.mel_mean.copy_(log_mel.mean(dim=(0, 2))[:, None])
        self.mel_deviation.copy_(log_mel.std(dim=(0, 2))[:, None].clamp_min(1e-3))

    def draw_levels(self, count: int) -> Tensor:
        """Noise levels to train on, (count,): uniform between two neighbours of the schedule's."""
        number = torch.randint(1, len(self.levels), (count,), device=self.levels.device)
        share = torch.rand(count, device=self.levels.device)
        return torch.lerp(self.levels[number - 1], self.levels[number], share)

    def training_loss(
        self, waveform: Tensor, log_mel: Tensor, x_0: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Mean |estimated noise - noise|; see `FlowVocoder.training_loss`."""
        noise = torch.randn_like(waveform) if x_0 is None else x_0
        level = self.draw_levels(len(waveform))
        share = level[:, None]
        y = share * waveform + ((1 - share) * (1 + share)).sqrt() * noise
        return {"loss": (self.noise_estimate(log_mel)(y, level) - noise).abs().mean()}

    def noise_estimate(self, log_mel: Tensor, mask: Tensor | None = None) -> NoiseEstimate:
        """The network's estimate eps(y, l) of the noise for one batch of mels.

        Args:
            log_mel: (B, M, T).
            mask: Real frames (B, 1, T), or None.
        """
        mel = (log_mel - self.mel_mean) / self.mel_deviation

        def estimate(y: Tensor, level: Tensor) -> Tensor:
            noise: Tensor = self.network(y, level.expand(len(y)), mel, mask)
            return noise

        return estimate

    def noise(self, log_mel: Tensor, seeds: Sequence[int], mask: Tensor | None = None) -> Tensor:
        """White noise of deviation 1; see `FlowVocoder.noise`."""
        return self.white_noise(log_mel, seeds, mask)

    def field(self, log_mel: Tensor, mask: Tensor | None = None) -> Field:
        """The probability-flow ODE's velocity on the straight path; see `FlowVocoder.field`.

        Before the time of the noisiest level of training it goes on as `probability_flow` tells.
        """
        estimate = self.noise_estimate(log_mel, mask)
        return probability_flow(estimate, self.least_level, clamp=self.config.clamp)

    @torch.inference_mode()
    def generate(
        self,
        log_mel: Tensor,
        seeds: Sequence[int],
        sampling: Sampling,
        mask: Tensor | None = None,
    ) -> Generated:
        """Synthesise a batch; see `VocoderModel.generate`.

        Raises:
            InputError: An unknown method, or a schedule or grid that is none.
        """
        white = self.noise(log_mel, seeds, mask)
        if sampling.method != ANCESTRAL:
            return self.carry(white, log_mel, sampling, mask)
        times = sampling_times(sampling.grid, sampling.steps)
        levels = time_to_noise_level(times).clamp_min(self.least_level)

        def draw(step: int) -> Tensor:
            return self.noise(log_mel, step_seeds(seeds, step), mask)

        estimate = self.noise_estimate(log_mel, mask)
        waveform = ancestral(estimate, white, levels, draw, clamp=self.config.clamp)
        return Generated(self._finish(waveform, log_mel, sampling, mask), len(levels) - 1)

    @torch.inference_mode()
    def carry(
        self,
        x_0: Tensor,
        log_mel: Tensor,
        sampling: Sampling,
        mask: Tensor | None = None,
    ) -> Generated:
        """Carry noise along the ODE to sound; see `FlowVocoder.carry`.

        A schedule's noisiest level is not pure noise, yet sampling begins from noise as if it
        were.

        Raises:
            InputError: The method is "ancestral", which draws noise at every step, or unknown; or
                a schedule or grid is none.
        """
        if sampling.method == ANCESTRAL:
            raise InputError(
                f"method {ANCESTRAL!r} draws noise at every step: given noise can only be carried "
                f"along the ODE, by {', '.join(SOLVERS)}"
            )
        if sampling.method not in SOLVERS:
            raise unknown_name("method", sampling.method, [ANCESTRAL, *SOLVERS])
        times = sampling_times(sampling.grid, sampling.steps)
        start = x_0 / noise_level_scale(times[0]).item()
        hop = self.spec.hop_samples
        samples = None if mask is None else mask[:, 0].repeat_interleave(hop, dim=1)
        field = self.field(log_mel, mask)
        solution = solve(field, start, times, sampling.method, mask=samples)
        return Generated(self._finish(solution.x, log_mel, sampling, mask), solution.nfe)

    def _finish(
        self, waveform: Tensor, log_mel: Tensor, sampling: Sampling, mask: Tensor | None
    ) -> Tensor:
        """The finished waveform's mel-consistency rounds."""
        rounds, momentum = sampling.final_rounds, sampling.momentum
        return impose_mel(waveform, log_mel, self.envelope, self.stft, rounds, momentum, mask)
