"""A rectified flow on the waveform (Liu et al., 2022), conditioned on a mel spectrogram.

State and velocity are waveforms; the network works on their STFT frames, or, as WaveODE's, on the
waveforms themselves. For noise of deviation
sigma and Gaussian data of deviation s in a time-frequency cell, the best linear velocity is

    u(x) = (t s^2 - (1 - t) sigma^2) / V_t x,        V_t = (1 - t)^2 sigma^2 + t^2 s^2,

and what is left of x_1 - x_0 has deviation s sigma / sqrt(V_t). The preconditioned model predicts
only that rest, in units of its deviation; the mel gives s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from core.audio.mel import MelSpec
from core.audio.stft import Stft
from core.flow import (
    METHODS,
    Field,
    LinearPath,
    check_schedule_steps,
    draw_times,
    make_grid,
    sample,
    step_seeds,
)
from core.precision import in_precision
from vocoder.consistency import impose_mel, mel_consistent
from vocoder.envelope import MelEnvelope
from vocoder.interface import FlowVocoder, Generated, Sampling
from vocoder.rectified.config import RectifiedConfig, StftConvNeXtConfig
from vocoder.rectified.dilated_network import DilatedNetwork
from vocoder.rectified.network import VelocityNetwork
from vocoder.rectified.stft_network import StftConvNeXt

# A Hann window's mean square; white noise of deviation 1 has STFT power n_fft times this.
HANN_POWER = 3.0 / 8.0
# Below this fraction of full scale an STFT cell is silent.
LEAST_DEVIATION = 1e-5
# On speech, a cut that is farther away moves no sample by 1e-5 in any number of rounds.
ROUNDS_REACH_FRAMES = 24


def build_network(config: RectifiedConfig, spec: MelSpec) -> VelocityNetwork:
    """Make the velocity network that a configuration names."""
    if isinstance(config.network, StftConvNeXtConfig):
        return StftConvNeXt(config.network, spec)
    return DilatedNetwork(config.network, spec)


class RectifiedVocoder(FlowVocoder):
    """Rectified-flow vocoder.

    Args:
        config: What it is made of.
        spec: The mel contract.

    Raises:
        InputError: The network does not fit the contract: its n_fft is no divisor of the
            contract's or too small for the hop, or its strides do not multiply to the hop.
    """

    mel_mean: Tensor
    mel_deviation: Tensor

    def __init__(self, config: RectifiedConfig, spec: MelSpec) -> None:
        super().__init__()
        self.config = config
        self.spec = spec
        self.path = LinearPath()
        self.envelope = MelEnvelope(spec)
        self.stft = Stft(spec.n_fft, spec.hop_samples, spec.win_samples)
        self.network = build_network(config, spec)
        self.frames = Stft(self.network.n_fft, spec.hop_samples)
        self.register_buffer("mel_mean", torch.zeros(spec.n_mels, 1))
        self.register_buffer("mel_deviation", torch.ones(spec.n_mels, 1))

    @property
    def synthesises(self) -> bool:
        """Not when it was trained at t = 1 alone."""
        return self.config.time_schedule != "t1"

    def measure_corpus(self, waveform: Tensor, log_mel: Tensor) -> None:
        """Set the mel's mean and deviation a band and the envelope's gain a bin."""
        self.mel_mean.copy_(log_mel.mean(dim=(0, 2))[:, None])
        self.mel_deviation.copy_(log_mel.std(dim=(0, 2))[:, None].clamp_min(1e-3))
        self.envelope.measure_gain(waveform, log_mel)

    def deviations(self, log_mel: Tensor, n_fft: int) -> tuple[Tensor, Tensor]:
        """Deviation of speech and of noise in every cell of an STFT, each (B, F, T)."""
        envelope = self.envelope(log_mel)
        speech = self.envelope.resize(envelope, n_fft).clamp_min(LEAST_DEVIATION)
        if self.config.prior == "mel":
            return speech, speech
        white = self.config.prior_deviation * (HANN_POWER * n_fft) ** 0.5
        return speech, torch.full_like(speech, white)

    def prior_noise(self, white: Tensor, log_mel: Tensor, mask: Tensor | None = None) -> Tensor:
        """Shape white noise (B, T * hop) of deviation 1 into the prior's x_0."""
        if self.config.prior == "white":
            return self.config.prior_deviation * white
        return self.stft.inverse(self.stft(white) * self.prior_gains(log_mel), mask)

    def prior_gains(self, log_mel: Tensor) -> Tensor:
        """What the STFT of white noise is multiplied by in the shaped prior, (B, F, T)."""
        return self.envelope(log_mel) / (HANN_POWER * self.spec.win_samples) ** 0.5

    def noise(self, log_mel: Tensor, seeds: Sequence[int], mask: Tensor | None = None) -> Tensor:
        """Draw x_0 of the shaped prior; see `FlowVocoder.noise`."""
        return self.prior_noise(self.white_noise(log_mel, seeds, mask), log_mel, mask)

    def field(self, log_mel: Tensor, mask: Tensor | None = None) -> Field:
        """The velocity u(t, x) for one batch of mels, as the solvers take it.

        Args:
            log_mel: (B, M, T).
            mask: Real frames (B, 1, T), or None.
        """
        mel = (log_mel - self.mel_mean) / self.mel_deviation
        condition = self.network.encode_mel(mel, mask)
        if self.network.on_waveform and not self.config.preconditioned:
            return lambda t, x: self.network(t, x, condition, mask)
        speech, noise = self.deviations(log_mel, self.network.n_fft)

        def velocity(t: Tensor, x: Tensor) -> Tensor:
            time = t.reshape(-1, 1, 1).float()
            variance = (1 - time).square() * noise.square() + time.square() * speech.square()
            spectrum = self.frames(x)
            rest = self._rest(t, spectrum * variance.rsqrt(), condition, mask)
            if self.config.preconditioned:
                slope = (time * speech.square() - (1 - time) * noise.square()) / variance
                out = slope * spectrum + speech * noise * variance.rsqrt() * rest
            else:
                out = (speech.square() + noise.square()).sqrt() * rest
            return self.frames.inverse(out, mask)

        return velocity

    def _rest(self, t: Tensor, cells: Tensor, condition: Tensor, mask: Tensor | None) -> Tensor:
        """The network's answer to standardised cells (B, F, T), in such cells."""
        if not self.network.on_waveform:
            rest: Tensor = self.network(t, cells, condition, mask)
            return rest
        # Cells of deviation 1 make a waveform of this; the network is to see and answer 1.
        deviation = (HANN_POWER * self.network.n_fft) ** -0.5
        wave = self.frames.inverse(cells, mask) / deviation
        return self.frames(deviation * self.network(t, wave, condition, mask))

    def context_frames(self, sampling: Sampling) -> int | None:
        """How far a mel must be read beyond a stretch; see `FlowVocoder.context_frames`.

        The reach of the network and its frames is a matter of sizes. That of the mel-consistency
        rounds is bounded by one window a round, and in truth fades within a few frames.
        """
        if sampling.method not in METHODS:
            # Fresh noise at every step, or steps that depend on the whole.
            return None
        steps = len(make_grid(sampling.grid, sampling.steps)) - 1
        calls = steps * METHODS[sampling.method].stages
        hop, network = self.spec.hop_samples, self.network
        # On cells, between an STFT and its inverse, which together reach one window.
        frames = 0 if network.on_waveform and not self.config.preconditioned else network.n_fft
        turns = 2 if network.on_waveform and frames else 1
        call = network.state_reach_frames + turns * -(-frames // hop)
        rounds = calls * sampling.consistency_rounds + sampling.final_rounds
        faded = min(rounds * -(-self.spec.win_samples // hop), ROUNDS_REACH_FRAMES)
        return network.mel_reach_frames + calls * call + faded

    def training_loss(
        self, waveform: Tensor, log_mel: Tensor, x_0: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Flow-matching loss; see `FlowVocoder.training_loss`.

        On cells it is in units of the Gaussian floor, louder cells weighing more, and comes with
        "error", the same without the weights: 1 is what the best linear velocity reaches on
        Gaussian speech.
        """
        t = draw_times(self.config.time_schedule, len(waveform), waveform.device)
        if x_0 is None:
            x_0 = self.prior_noise(torch.randn_like(waveform), log_mel)
        x_t = self.path.sample(x_0, waveform, t)
        target = self.path.velocity(x_0, waveform, t)
        error = self.field(log_mel)(t, x_t) - target
        if self.config.loss == "waveform":
            return {"loss": error.square().mean()}
        difference = self.stft(error)
        speech, noise = self.deviations(log_mel, self.spec.n_fft)
        time = t[:, None, None]
        variance = (1 - time).square() * noise.square() + time.square() * speech.square()
        power = difference.real.square() + difference.imag.square()
        cells = power * variance / (speech * noise).square()
        weight = speech.pow(self.config.energy_power)
        weight = weight / weight.mean(dim=(1, 2), keepdim=True)
        return {"loss": (weight * cells).mean(), "error": cells.mean().detach()}

    @torch.inference_mode()
    def generate(
        self,
        log_mel: Tensor,
        seeds: Sequence[int],
        sampling: Sampling,
        mask: Tensor | None = None,
    ) -> Generated:
        """Synthesise a batch; see `VocoderModel.generate`.

        Methods are those of `solve`, and "sde[:strength]".
        """

        def fresh(step: int) -> Tensor:
            return self.noise(log_mel, step_seeds(seeds, step), mask)

        return self._run(self.noise(log_mel, seeds, mask), fresh, log_mel, sampling, mask)

    @torch.inference_mode()
    def carry(
        self,
        x_0: Tensor,
        log_mel: Tensor,
        sampling: Sampling,
        mask: Tensor | None = None,
    ) -> Generated:
        """Carry noise to sound, with mel-consistency rounds; see `FlowVocoder.carry`.

        Raises:
            InputError: The method is stochastic, so that x_0 alone does not decide the sound.
        """
        return self._run(x_0, None, log_mel, sampling, mask)

    def _run(
        self,
        x_0: Tensor,
        fresh: Callable[[int], Tensor] | None,
        log_mel: Tensor,
        sampling: Sampling,
        mask: Tensor | None,
    ) -> Generated:
        grid = make_grid(sampling.grid, sampling.steps)
        check_schedule_steps(self.config.time_schedule, grid, sampling.method)
        field = in_precision(self.field(log_mel, mask), sampling.precision)
        known = (log_mel, self.envelope, self.stft)
        if sampling.consistency_rounds:
            rounds = sampling.consistency_rounds
            field = mel_consistent(field, *known, rounds, sampling.momentum, mask)
        # Frames to samples, so that padding does not change an adaptive solver's steps.
        hop = self.spec.hop_samples
        real = None if mask is None else mask[:, 0].repeat_interleave(hop, dim=1)
        method, path = sampling.method, self.path
        solution = sample(field, x_0, grid, method, fresh, path=path, mask=real)
        rounds = sampling.final_rounds
        waveform = impose_mel(solution.x, *known, rounds, sampling.momentum, mask)
        return Generated(waveform, solution.nfe)
