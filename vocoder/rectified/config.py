"""What a rectified-flow vocoder is made of, as read from YAML."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core.config import Config
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


class RectifiedConfig(Config):
    """A rectified flow on the waveform.

    Attributes:
        kind: Which family of vocoder.
        network: The velocity network.
        prior: "mel": noise shaped by the envelope that the mel implies; "white": white noise.
        prior_deviation: Deviation of the white prior; unused by the shaped one.
        preconditioned: Whether the network predicts only what the best linear velocity leaves.
        energy_power: Errors, in units of the envelope, are weighted by the envelope to this power.
        sampling: Defaults of sampling.
    """

    kind: Literal["rectified"] = "rectified"
    network: StftConvNeXtConfig = StftConvNeXtConfig()
    prior: Literal["mel", "white"] = "mel"
    prior_deviation: float = Field(0.1, gt=0, le=10)
    preconditioned: bool = True
    energy_power: float = Field(1.0, ge=0, le=2)
    sampling: SamplingConfig = SamplingConfig()
