"""What an acoustic model is made of, as read from YAML."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from core.config import Config
from core.flow import check_grids


class EncoderConfig(Config):
    """Phonemes to hidden features.

    Attributes:
        channels: Width.
        conv_blocks: ConvNeXt blocks, before the attention layers.
        attention_layers: Pairs of attention and ConvNeXt block.
        kernel: Width of the convolutions in tokens.
        heads: Attention heads.
        dropout: While training.
    """

    channels: int = Field(192, ge=8, le=2048)
    conv_blocks: int = Field(4, ge=0, le=32)
    attention_layers: int = Field(3, ge=0, le=32)
    kernel: int = Field(5, ge=1, le=63)
    heads: int = Field(4, ge=1, le=64)
    dropout: float = Field(0.1, ge=0, lt=1)


class DecoderConfig(Config):
    """The velocity network on mel frames.

    Attributes:
        channels: Width.
        blocks: ConvNeXt blocks.
        attention_every: An attention layer after every so many blocks; 0 for none.
        kernel: Width of the convolutions in frames.
        expansion: Hidden width in units of `channels`.
        heads: Attention heads.
        condition_channels: Features of the encoder that the decoder sees besides the mean.
        dropout: Of hidden units while training.
        drop_path: Probability of skipping a block for an item while training.
    """

    channels: int = Field(256, ge=8, le=4096)
    blocks: int = Field(8, ge=1, le=64)
    attention_every: int = Field(4, ge=0, le=64)
    kernel: int = Field(7, ge=1, le=63)
    expansion: int = Field(3, ge=1, le=8)
    heads: int = Field(4, ge=1, le=64)
    condition_channels: int = Field(128, ge=1, le=2048)
    dropout: float = Field(0.0, ge=0, lt=1)
    drop_path: float = Field(0.0, ge=0, lt=1)


class MelSamplingConfig(Config):
    """How mels are sampled when the caller does not say otherwise.

    Attributes:
        steps: Solver steps.
        method: Solver.
        grid: Time grid.
        grids: Grids that a search found, by their number of steps; they go before `grid`.
        temperature: Deviation of the prior noise.
    """

    steps: int = Field(4, ge=1, le=1000)
    method: str = "euler"
    grid: str = "uniform"
    grids: Annotated[dict[str, str], AfterValidator(check_grids)] = Field({})
    temperature: float = Field(0.667, ge=0, le=2)


class AcousticConfig(Config):
    """Phoneme ids to mel by conditional flow matching.

    Attributes:
        blanks: Whether a blank stands between phonemes, and at both ends.
        speakers: Names of the speakers; empty for one voice.
        speaker_channels: Width of a speaker's embedding.
        sigma_min: Deviation of the path's noise at t = 1.
        preconditioned: Whether the decoder predicts only what the best linear velocity around the
            encoder's mean leaves.
        encoder: Sizes.
        decoder: Sizes.
        sampling: Defaults of sampling.
    """

    blanks: bool = True
    speakers: tuple[str, ...] = ()
    speaker_channels: int = Field(64, ge=1, le=1024)
    sigma_min: float = Field(0.0, ge=0, lt=1)
    preconditioned: bool = True
    encoder: EncoderConfig = EncoderConfig()
    decoder: DecoderConfig = DecoderConfig()
    sampling: MelSamplingConfig = MelSamplingConfig()
