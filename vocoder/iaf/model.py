"""Parallel WaveNet's student: inverse autoregressive flows from logistic noise to the waveform."""

from __future__ import annotations

import torch
from torch import Tensor

from core.audio.mel import MelSpec
from core.audio.stft import Stft
from core.errors import InputError
from vocoder.iaf.base import AutoregressiveVocoder
from vocoder.iaf.config import IafConfig
from vocoder.iaf.flows import InverseAutoregressiveFlow
from vocoder.iaf.losses import (
    cross_entropy,
    logistic_entropy,
    logistic_log_prob,
    logistic_noise,
    power_loss,
)
from vocoder.iaf.teacher import DIGEST_BYTES, WaveNetVocoder, load_teacher, teacher_digest
from vocoder.iaf.wavenet import Affine
from vocoder.interface import Generated


class IafVocoder(AutoregressiveVocoder):
    """The student.

    Sound from noise is one pass; noise from sound, and so the likelihood, goes sample by sample
    through every layer of every flow. With the published 60 layers and a batch of 8, a window of
    512 samples is a graph of 30,720 layer steps: some 11 seconds of one core to build and
    differentiate, and 1 GB. Both grow with the window and little with the batch.

    Args:
        config: What it is made of.
        spec: The mel contract.

    Raises:
        InputError: The strides of the condition do not multiply to the hop.
    """

    teacher_sha256: Tensor

    def __init__(self, config: IafConfig, spec: MelSpec) -> None:
        super().__init__(config, spec)
        self.config = config
        self.flow = InverseAutoregressiveFlow(config.network, config.flows)
        self.stft = Stft(spec.n_fft, spec.hop_samples, spec.win_samples)
        # Stays with the weights: zeros when there was no teacher.
        digest = torch.zeros(DIGEST_BYTES, dtype=torch.uint8)
        self.register_buffer("teacher_sha256", digest)
        # In a tuple, so that the teacher is no part of the model, its weights or its average.
        self._teacher: tuple[WaveNetVocoder, ...] = ()

    def measure_corpus(self, waveform: Tensor, log_mel: Tensor) -> None:
        """Set the statistics, and note which teacher's file it is that will be distilled.

        Raises:
            InputError: The teacher's training is missing, damaged or of another mel contract.
        """
        super().measure_corpus(waveform, log_mel)
        if self.config.teacher is not None:
            load_teacher(self.config.teacher, self.spec)
            self.teacher_sha256.copy_(teacher_digest(self.config.teacher))

    def transform(
        self, z: Tensor, log_mel: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Affine]:
        """Noise to sound.

        Args:
            z: Of the base, (B, T * hop).
            log_mel: (B, M, T).
            mask: Real frames (B, 1, T), or None.

        Returns:
            The waveform, and its shift and log-scale given z_{<t} and the mel, each (B, T * hop);
            log |det| of the waveform in z is the sum of the log-scales.
        """
        x, affine = self.flow(z, self.condition(log_mel, mask))
        return self.unit * x, self._in_units(affine)

    def inverse(
        self, waveform: Tensor, log_mel: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Sound to noise, one sample after the other: z and the log-scales, each (B, T * hop)."""
        condition = self.condition(log_mel, mask)
        z, log_scale = self.flow.inverse(waveform / self.unit, condition)
        return z, log_scale + self.unit.log()

    def conditional(self, waveform: Tensor, log_mel: Tensor) -> Affine:
        """See `AutoregressiveVocoder.conditional`; costs the sequential inverse."""
        z, _ = self.inverse(waveform, log_mel)
        return self.transform(z, log_mel)[1]

    def log_prob(self, waveform: Tensor, log_mel: Tensor, mask: Tensor | None = None) -> Tensor:
        """See `AutoregressiveVocoder.log_prob`.

        A second of audio is 22,050 passes through all layers, about a minute at published sizes.
        """
        z, log_scale = self.inverse(waveform, log_mel, mask)
        return self.on_real(logistic_log_prob(z) - log_scale, mask)

    def losses(self, waveform: Tensor, log_mel: Tensor) -> dict[str, Tensor]:
        """The objective of the configuration, in nats a sample.

        "likelihood": "loss" is -log p of a window of `likelihood_frames` frames a recording, the
        window being a sequence of its own that begins after silence. "distillation": "loss" is
        KL(student || teacher), the cross-entropy less the student's entropy, and the weighted
        power loss.
        """
        if self.config.objective == "likelihood":
            return self._likelihood_losses(waveform, log_mel)
        return self._distillation_losses(waveform, log_mel)

    def _likelihood_losses(self, waveform: Tensor, log_mel: Tensor) -> dict[str, Tensor]:
        frames, hop = log_mel.shape[2], self.spec.hop_samples
        count = min(self.config.likelihood_frames, frames)
        start = int(torch.randint(frames - count + 1, ()))
        rate = self.conditioner.rate
        heard = self.condition(log_mel)[:, :, start * rate : (start + count) * rate]
        window = self.with_noise_floor(waveform[:, start * hop : (start + count) * hop])
        z, log_scale = self.flow.inverse(window / self.unit, heard)
        nats = logistic_log_prob(z) - log_scale - self.unit.log()
        return {"loss": -nats.mean()}

    def _distillation_losses(self, waveform: Tensor, log_mel: Tensor) -> dict[str, Tensor]:
        z = logistic_noise(torch.randn_like(waveform))
        copy, student = self.transform(z, log_mel)
        teacher = self.teacher().conditional(copy, log_mel)
        crossed = cross_entropy(student, teacher, self.config.cross_entropy_draws).mean()
        entropy = logistic_entropy(student.log_scale).mean()
        deviation = self.unit * torch.pi / 3**0.5
        power = power_loss(copy, waveform, self.stft, deviation)
        divergence = crossed - entropy
        return {
            "loss": divergence + self.config.power_weight * power,
            "divergence": divergence.detach(),
            "entropy": entropy.detach(),
            "power": power.detach(),
        }

    def teacher(self) -> WaveNetVocoder:
        """The teacher, read when it is first needed.

        Raises:
            InputError: There is none, it is not fit to be loaded, or its weights are not those
                that this model began to be distilled from.
        """
        if not self._teacher:
            directory = self.config.teacher
            if directory is None:
                raise InputError("this model has no teacher: its objective is 'likelihood'")
            digest = teacher_digest(directory)
            if not self.teacher_sha256.any():
                # A warm start from a model that had no teacher.
                self.teacher_sha256.copy_(digest)
            if not torch.equal(digest, self.teacher_sha256.cpu()):
                raise InputError(
                    f"the teacher in {directory} is not the one that this model began with: its "
                    "weights have another SHA-256"
                )
            self._teacher = (load_teacher(directory, self.spec).to(self.unit.device),)
        return self._teacher[0]

    def from_noise(self, z: Tensor, log_mel: Tensor, mask: Tensor | None) -> Generated:
        """One pass through each flow."""
        return Generated(self.transform(z, log_mel, mask)[0], 1)

    def _in_units(self, affine: Affine) -> Affine:
        return Affine(self.unit * affine.shift, affine.log_scale + self.unit.log())
