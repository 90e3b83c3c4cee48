"""What a Parallel WaveNet and its teacher are made of, as read from YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from core.config import Config
from core.errors import InputError
from vocoder.config import SamplingConfig

Layers = Annotated[int, Field(ge=1, le=100)]
Stride = Annotated[int, Field(ge=1, le=1024)]


class WaveNetConfig(Config):
    """A stack of dilated causal convolutions of two taps, and how it hears the mel.

    Attributes:
        channels: Width of the residual stream.
        skip_channels: Width of the sum over layers that the answer is read from.
        cycle: Layer l is dilated by 2^(l mod cycle) samples.
        condition_channels: Width of the mel's encoding.
        upsampling: From frames to samples: "repeat" each frame's encoding, or "transposed"
            convolutions.
        strides: Of the transposed convolutions; they must multiply to the mel's hop.
        log_scale_limit: Largest absolute log-scale, in nats.
    """

    channels: int = Field(64, ge=1, le=4096)
    skip_channels: int = Field(128, ge=1, le=4096)
    cycle: int = Field(10, ge=1, le=16)
    condition_channels: int = Field(80, ge=1, le=4096)
    upsampling: Literal["repeat", "transposed"] = "repeat"
    strides: tuple[Stride, ...] = Field((8, 8, 4), min_length=1, max_length=16)
    log_scale_limit: float = Field(7.0, gt=0, le=20)


class OnePassSampling(SamplingConfig):
    """How a vocoder samples that integrates no ODE: there is nothing to choose."""

    steps: int = Field(1, ge=1, le=1)
    method: Literal["euler"] = "euler"
    grid: Literal["uniform"] = "uniform"
    grids: dict[str, str] = Field({}, max_length=0)
    consistency_rounds: int = Field(0, ge=0, le=0)
    final_rounds: int = Field(0, ge=0, le=0)


class AutoregressiveConfig(Config):
    """What the student and the teacher share.

    Attributes:
        network: Each of the networks.
        noise_floor: Width of the uniform noise added to recordings whose likelihood is maximised;
            one step of 16 bits by default. Without it the density of digital silence has no
            bound; with it none exceeds -ln noise_floor nats a sample.
        temperature: The base's noise is multiplied by it to synthesise.
        sampling: Defaults of sampling; there is nothing to choose.
    """

    network: WaveNetConfig = WaveNetConfig()
    noise_floor: float = Field(2.0**-15, gt=0, le=0.1)
    temperature: float = Field(1.0, ge=0, le=2)
    sampling: OnePassSampling = OnePassSampling()


class IafConfig(AutoregressiveConfig):
    """Inverse autoregressive flows on the waveform.

    Attributes:
        kind: Which family of vocoder.
        flows: Layers of each flow's network, from noise to sound.
        objective: "likelihood": exact, by the sequential inverse, on short windows;
            "distillation": of a teacher.
        likelihood_frames: Length of the windows that likelihood is maximised on, in mel frames.
        teacher: Directory of the teacher's training, a vocoder of kind "wavenet"; for
            distillation.
        cross_entropy_draws: Draws of each sample x_t in the estimate of the cross-entropy.
        power_weight: Weight of the power loss beside the divergence; for distillation.
    """

    kind: Literal["iaf"] = "iaf"
    flows: tuple[Layers, ...] = Field((10, 10, 10, 30), min_length=1, max_length=16)
    objective: Literal["likelihood", "distillation"] = "likelihood"
    likelihood_frames: int = Field(2, ge=1, le=1024)
    teacher: Path | None = None
    cross_entropy_draws: int = Field(8, ge=1, le=1024)
    power_weight: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _check(self) -> IafConfig:
        if self.objective == "distillation" and self.teacher is None:
            raise InputError(
                "objective 'distillation' needs `teacher`, the directory of a training of kind "
                "'wavenet'"
            )
        if self.objective == "likelihood" and (self.teacher is not None or self.power_weight):
            raise InputError(
                "`teacher` and `power_weight` belong to objective 'distillation', not 'likelihood'"
            )
        return self


class TeacherConfig(AutoregressiveConfig):
    """An autoregressive WaveNet: trained in parallel, sampled one sample after the other.

    Attributes:
        kind: Which family of vocoder.
        layers: Of its network.
    """

    kind: Literal["wavenet"] = "wavenet"
    layers: Layers = 30
