"""What a WaveGrad is made of, as read from YAML."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from core.config import Config
from core.errors import InputError
from vocoder.config import SamplingConfig
from vocoder.wavegrad.schedules import is_schedule, parse_schedule

Factor = Annotated[int, Field(ge=2, le=64)]
Channels = Annotated[int, Field(ge=1, le=4096)]
Dilation = Annotated[int, Field(ge=1, le=512)]
FourDilations = tuple[Dilation, Dilation, Dilation, Dilation]


class WaveGradNetworkConfig(Config):
    """A mel's way up to samples, modulated by the noisy waveform's way down to frames.

    The defaults are the published sizes, but for the factors: those are [5, 5, 3, 2, 2] for the
    published hop of 300.

    Attributes:
        factors: The upsampling blocks' factors, from frames to samples; their product is the hop.
        upsampling_in: Width that the mel enters with.
        upsampling_channels: Width of each upsampling block.
        upsampling_dilations: Of each upsampling block's four convolutions.
        downsampling_in: Width that the waveform enters with; even, as all widths on the way down:
            half of them are sines of the noise level, half cosines.
        downsampling_channels: Width of each downsampling block, one fewer than the factors.
        downsampling_dilations: Of each downsampling block's convolutions.
    """

    factors: tuple[Factor, ...] = Field((4, 4, 4, 2, 2), min_length=1, max_length=16)
    upsampling_in: Channels = 768
    upsampling_channels: tuple[Channels, ...] = (512, 512, 256, 128, 128)
    upsampling_dilations: tuple[FourDilations, ...] = (
        (1, 2, 1, 2),
        (1, 2, 1, 2),
        (1, 2, 4, 8),
        (1, 2, 4, 8),
        (1, 2, 4, 8),
    )
    downsampling_in: Channels = 32
    downsampling_channels: tuple[Channels, ...] = (128, 128, 256, 512)
    downsampling_dilations: tuple[tuple[Dilation, ...], ...] = ((1, 2, 4),) * 4

    @model_validator(mode="after")
    def _lengths_agree(self) -> WaveGradNetworkConfig:
        blocks = len(self.factors)
        lengths = {
            "upsampling_channels": blocks,
            "upsampling_dilations": blocks,
            "downsampling_channels": blocks - 1,
            "downsampling_dilations": blocks - 1,
        }
        for name, wanted in lengths.items():
            given = len(getattr(self, name))
            if given != wanted:
                raise InputError(f"{name} has {given} entries; with {blocks} factors give {wanted}")
        for width in (self.downsampling_in, *self.downsampling_channels):
            if width % 2:
                raise InputError(f"a width on the way down is {width}; it must be even")
        if not all(self.downsampling_dilations):
            raise InputError("downsampling_dilations has an empty entry; give each at least one")
        return self


class WaveGradSampling(SamplingConfig):
    """How a WaveGrad samples when the caller does not say otherwise.

    Attributes:
        steps: Number of steps, where the grid does not bring its own.
        method: "ancestral", with fresh noise at every step, or a solver of the probability-flow
            ODE, a name of `core.flow.SOLVERS`; "euler" is DDIM.
        grid: "published", another noise schedule of `vocoder.wavegrad.schedules`, or a time grid
            of `core.flow`.
        consistency_rounds: None: only the finished waveform is brought to its mel.
        final_rounds: Mel-consistency rounds on the finished waveform; none by default.
    """

    steps: int = Field(25, ge=1, le=1000)
    method: str = "ancestral"
    grid: str = "published"
    consistency_rounds: int = Field(0, ge=0, le=0)
    final_rounds: int = Field(0, ge=0, le=1000)

    @field_validator("grid")
    @classmethod
    def _schedule_is_one(cls, grid: str) -> str:
        if is_schedule(grid):
            parse_schedule(grid, 1)
        return grid


class WaveGradConfig(Config):
    """A diffusion vocoder conditioned on the noise level.

    Attributes:
        kind: Which family of vocoder.
        network: Estimates the noise.
        schedule: The noise schedule it is trained on; noise levels are drawn between its own.
        clamp: Whether sampling keeps its estimates of the waveform in [-1, 1].
        sampling: Defaults of sampling.
    """

    kind: Literal["wavegrad"] = "wavegrad"
    network: WaveGradNetworkConfig = WaveGradNetworkConfig()
    schedule: str = "linear:1000:1e-6:1e-2"
    clamp: bool = True
    sampling: WaveGradSampling = WaveGradSampling()

    @field_validator("schedule")
    @classmethod
    def _training_schedule_is_one(cls, schedule: str) -> str:
        if not is_schedule(schedule) or schedule == "published":
            raise InputError(
                f"schedule {schedule!r} is none to train on: give one with its number of steps, "
                "such as linear:1000:1e-6:1e-2"
            )
        parse_schedule(schedule, 1)
        return schedule
