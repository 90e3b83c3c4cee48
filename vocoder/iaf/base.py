"""What the student and the teacher share: units, the condition, the noise, and no choices."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from core.audio.mel import MelSpec
from core.errors import InputError
from vocoder.iaf.conditioner import Conditioner
from vocoder.iaf.config import AutoregressiveConfig
from vocoder.iaf.losses import logistic_noise
from vocoder.iaf.wavenet import Affine
from vocoder.interface import Generated, Sampling, VocoderModel


class AutoregressiveVocoder(VocoderModel):
    """A vocoder in which x_t, given x_{<t} and the mel, is logistic.

    The networks work on the waveform in a unit in which standard logistic noise is as loud as the
    corpus, so that the identity that they begin as is a fair guess.

    Args:
        config: What it is made of.
        spec: The mel contract.

    Raises:
        InputError: The strides of the condition do not multiply to the hop.
    """

    mel_mean: Tensor
    mel_deviation: Tensor
    unit: Tensor

    def __init__(self, config: AutoregressiveConfig, spec: MelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.temperature = config.temperature
        self.noise_floor = config.noise_floor
        self.conditioner = Conditioner(config.network, spec.n_mels, spec.hop_samples)
        self.register_buffer("mel_mean", torch.zeros(spec.n_mels, 1))
        self.register_buffer("mel_deviation", torch.ones(spec.n_mels, 1))
        self.register_buffer("unit", torch.ones(()))

    def measure_corpus(self, waveform: Tensor, log_mel: Tensor) -> None:
        """Set the mel's mean and deviation a band, and the unit of the waveform."""
        self.mel_mean.copy_(log_mel.mean(dim=(0, 2))[:, None])
        self.mel_deviation.copy_(log_mel.std(dim=(0, 2))[:, None].clamp_min(1e-3))
        # A standard logistic variable has deviation pi / sqrt(3).
        deviation = waveform.square().mean().sqrt()
        self.unit.copy_((deviation * math.sqrt(3) / math.pi).clamp_min(1e-5))

    def condition(self, log_mel: Tensor, mask: Tensor | None = None) -> Tensor:
        """What the networks hear of a log mel (B, M, T): (B, C, T * rate)."""
        return self.conditioner((log_mel - self.mel_mean) / self.mel_deviation, mask)

    @abstractmethod
    def conditional(self, waveform: Tensor, log_mel: Tensor) -> Affine:
        """Shift and log-scale of x_t given x_{<t} and the mel, in the waveform's units.

        Args:
            waveform: (B, T * hop).
            log_mel: (B, M, T).
        """

    @abstractmethod
    def log_prob(self, waveform: Tensor, log_mel: Tensor, mask: Tensor | None = None) -> Tensor:
        """Exact log p(x_t | x_{<t}, mel) of every sample; they sum to that of the waveform.

        Before the first sample stands silence, as before an utterance.

        Args:
            waveform: (B, T * hop).
            log_mel: (B, M, T).
            mask: Real frames (B, 1, T) bool, or None when all are real.

        Returns:
            Nats (B, T * hop), zero where the mask is False.
        """

    @abstractmethod
    def losses(self, waveform: Tensor, log_mel: Tensor) -> dict[str, Tensor]:
        """Losses of one batch, in full precision; see `training_loss`."""

    @abstractmethod
    def from_noise(self, z: Tensor, log_mel: Tensor, mask: Tensor | None) -> Generated:
        """The waveform that noise z (B, T * hop) of the base becomes."""

    def training_loss(self, waveform: Tensor, log_mel: Tensor) -> dict[str, Tensor]:
        """Losses of one batch, never in half precision.

        Half precision would move z = (x - shift) / scale by far more than a step of 16 bits.
        """
        with torch.autocast(waveform.device.type, enabled=False):
            return self.losses(waveform, log_mel)

    def with_noise_floor(self, waveform: Tensor) -> Tensor:
        """The waveform with the configuration's uniform noise, whose density has a bound."""
        return waveform + self.noise_floor * (torch.rand_like(waveform) - 0.5)

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
            InputError: `sampling` asks for more than one pass, or for a solver's choices.
        """
        _refuse_choices(sampling)
        z = self.temperature * logistic_noise(self.white_noise(log_mel, seeds, mask))
        made = self.from_noise(z, log_mel, mask)
        return Generated(self.on_real(made.waveform, mask), made.nfe)

    def on_real(self, samples: Tensor, mask: Tensor | None) -> Tensor:
        """Samples (B, T * hop), set to zero where the mask of frames is False."""
        if mask is None:
            return samples
        real = mask[:, 0].repeat_interleave(self.spec.hop_samples, dim=1)
        return torch.where(real, samples, 0.0)


def _refuse_choices(sampling: Sampling) -> None:
    for name, value, only in (
        ("steps", sampling.steps, 1),
        ("method", sampling.method, "euler"),
        ("grid", sampling.grid, "uniform"),
        ("consistency_rounds", sampling.consistency_rounds, 0),
        ("final_rounds", sampling.final_rounds, 0),
    ):
        if value != only:
            raise InputError(
                f"{name} is {value!r}; this vocoder integrates no ODE and takes only {only!r}"
            )
