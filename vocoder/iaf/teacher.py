"""An autoregressive WaveNet with a logistic answer: slow to sample, quick to train, and a teacher.

It is the inverse of an inverse autoregressive flow: z_t = (x_t - mu_t) / s_t with mu_t and s_t
functions of x_{<t}, so its likelihood is one pass and its sampling goes sample by sample.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from pydantic import ConfigDict
from torch import Tensor

from core.audio.mel import MelSpec
from core.checkpoint import WEIGHTS, load_weights
from core.config import Config, load_config
from core.errors import InputError
from vocoder.iaf.base import AutoregressiveVocoder
from vocoder.iaf.config import TeacherConfig
from vocoder.iaf.losses import log_prob
from vocoder.iaf.wavenet import Affine, WaveNet
from vocoder.interface import Generated

DIGEST_BYTES = 32


class WaveNetVocoder(AutoregressiveVocoder):
    """The teacher.

    Args:
        config: What it is made of.
        spec: The mel contract.

    Raises:
        InputError: The strides of the condition do not multiply to the hop.
    """

    def __init__(self, config: TeacherConfig, spec: MelSpec) -> None:
        super().__init__(config, spec)
        self.network = WaveNet(config.network, config.layers)

    def conditional(self, waveform: Tensor, log_mel: Tensor, mask: Tensor | None = None) -> Affine:
        """See `AutoregressiveVocoder.conditional`; one pass."""
        affine = self.network(waveform / self.unit, self.condition(log_mel, mask))
        return Affine(self.unit * affine.shift, affine.log_scale + self.unit.log())

    def log_prob(self, waveform: Tensor, log_mel: Tensor, mask: Tensor | None = None) -> Tensor:
        """See `AutoregressiveVocoder.log_prob`; one pass."""
        return self.on_real(log_prob(waveform, self.conditional(waveform, log_mel, mask)), mask)

    def losses(self, waveform: Tensor, log_mel: Tensor) -> dict[str, Tensor]:
        """Exact negative log-likelihood in nats a sample, the true past given."""
        return {"loss": -self.log_prob(self.with_noise_floor(waveform), log_mel).mean()}

    def from_noise(self, z: Tensor, log_mel: Tensor, mask: Tensor | None) -> Generated:
        """One pass through the layers for each sample."""

        def emit(t: int, shift: Tensor, log_scale: Tensor) -> Tensor:
            return shift + log_scale.exp() * z[:, t]

        x, _ = self.network.walk(self.condition(log_mel, mask), z.shape[1], emit)
        return Generated(self.unit * x, z.shape[1])


class _Experiment(Config):
    """What a student needs of the configuration of its teacher's training."""

    model_config = ConfigDict(extra="ignore")

    mel: MelSpec
    vocoder: TeacherConfig


def teacher_digest(directory: Path) -> Tensor:
    """SHA-256 of the weights in a training's directory, (32,) uint8.

    Raises:
        InputError: The file cannot be read.
    """
    path = directory / WEIGHTS
    try:
        digest = hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        raise InputError(f"cannot read the teacher's {path}: {error.strerror}") from error
    return torch.tensor(list(digest), dtype=torch.uint8)


def load_teacher(directory: Path, spec: MelSpec) -> WaveNetVocoder:
    """The averaged model of a training of kind "wavenet", frozen.

    Args:
        directory: Of the training: `config.yaml` and weights.
        spec: The student's mel contract.

    Raises:
        InputError: The training is missing, damaged, of another kind or of another mel contract.
    """
    experiment = load_config(directory / "config.yaml", _Experiment)
    spec.require_same(experiment.mel, ours="the student's", theirs="the teacher's")
    # A resumed training reads its teacher in another step; the step's draws must not notice.
    with torch.random.fork_rng(devices=[]):
        model = WaveNetVocoder(experiment.vocoder, experiment.mel)
    load_weights(directory / WEIGHTS, model)
    return model.requires_grad_(False).eval()
