"""What a rectified-flow vocoder is made of, as read from YAML."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo, field_validator

from core.config import Config, require_values
from core.flow import check_time_schedule, required_sampling
from vocoder.config import SamplingConfig


class StftConvNeXtConfig(Config):
    """A ConvNeXt stack on STFT frames.

    Attributes:
        kind: Which network.
        n_fft: FFT size of the frames it works on; small windows learn faster. A divisor of the
            mel's n_fft.
        channels: Width of the residual stream.
        blocks: Number of ConvNeXt blocks.
        kernel: Width of the depthwise convolutions in frames.
        expansion: Hidden width in units of `channels`.
        mel_blocks: ConvNeXt blocks that read the mel, once a synthesis.
    """

    kind: Literal["stft-convnext"] = "stft-convnext"
    n_fft: int = Field(512, ge=32, le=8192)
    channels: int = Field(384, ge=8, le=4096)
    blocks: int = Field(8, ge=1, le=64)
    kernel: int = Field(7, ge=1, le=63)
    expansion: int = Field(3, ge=1, le=8)
    mel_blocks: int = Field(2, ge=0, le=16)


class DilatedConfig(Config):
    """WaveODE's gated dilated convolutions on samples; the defaults are its published sizes.

    Attributes:
        kind: Which network.
        layers: Number of layers.
        channels: Width of the residual stream.
        skip_channels: Width of what the layers add up to.
        dilation_cycle: The dilation doubles from layer to layer and starts again after so many.
        kernel: Taps of the dilated convolutions, odd.
        time_channels: Sinusoids of the time.
        time_width: Width of its embedding.
        time_scale: What time is multiplied by before its sinusoids.
        upsample_strides: From frames to samples, multiplying to the hop; None takes the hop's two
            nearest factors, 16 and 16 for 256.
    """

    kind: Literal["dilated"] = "dilated"
    layers: int = Field(30, ge=1, le=200)
    channels: int = Field(128, ge=1, le=2048)
    skip_channels: int = Field(128, ge=1, le=2048)
    dilation_cycle: int = Field(10, ge=1, le=16)
    kernel: int = Field(3, ge=1, le=31)
    time_channels: int = Field(128, ge=2, le=2048)
    time_width: int = Field(512, ge=1, le=4096)
    time_scale: float = Field(999.0, gt=0, le=1e5)
    upsample_strides: tuple[int, ...] | None = None

    @field_validator("upsample_strides")
    @classmethod
    def _strides_are_positive(cls, strides: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if strides is not None and (not strides or min(strides) < 1):
            raise ValueError("give whole numbers above 0 that multiply to the hop")
        return strides


def _network_kind(value: Any) -> str:
    """A network that does not say its kind is the first."""
    if isinstance(value, dict):
        return str(value.get("kind", "stft-convnext"))
    return str(getattr(value, "kind", ""))


NetworkConfig = Annotated[
    Annotated[StftConvNeXtConfig, Tag("stft-convnext")] | Annotated[DilatedConfig, Tag("dilated")],
    Discriminator(
        _network_kind,
        custom_error_type="network_kind",
        custom_error_message="its kind must be stft-convnext or dilated",
    ),
]
"""Any velocity network; `kind` says which."""


class RectifiedConfig(Config):
    """A rectified flow on the waveform.

    Attributes:
        kind: Which family of vocoder.
        network: The velocity network.
        prior: "mel": noise shaped by the envelope that the mel implies; "white": white noise.
        prior_deviation: Deviation of the white prior; unused by the shaped one.
        preconditioned: Whether the network predicts only what the best linear velocity leaves.
        loss: "cells": errors of STFT cells in units of the best linear velocity's; "waveform": the
            plain mean square of the velocity's error, WaveODE's.
        energy_power: Errors of cells are weighted by the envelope to this power; unused by the
            loss on the waveform.
        time_schedule: Which times it is trained at: "uniform"; "t0" (for one step) or a number of
            Euler steps, which are then the only ones it can be sampled with; "t1".
        sampling: Defaults of sampling.
    """

    kind: Literal["rectified"] = "rectified"
    network: NetworkConfig = StftConvNeXtConfig()
    prior: Literal["mel", "white"] = "mel"
    prior_deviation: float = Field(0.1, gt=0, le=10)
    preconditioned: bool = True
    loss: Literal["cells", "waveform"] = "cells"
    energy_power: float = Field(1.0, ge=0, le=2)
    time_schedule: Annotated[str | int, BeforeValidator(check_time_schedule)] = "uniform"
    sampling: SamplingConfig = SamplingConfig()

    @field_validator("sampling")
    @classmethod
    def _sampling_follows_the_schedule(
        cls, sampling: SamplingConfig, info: ValidationInfo
    ) -> SamplingConfig:
        schedule = info.data.get("time_schedule", "uniform")
        return require_values(sampling, required_sampling(schedule), f"for {schedule!r}")
