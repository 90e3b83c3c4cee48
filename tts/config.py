"""What an acoustic model is made of, as read from YAML."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from core.config import Config, require_values
from core.errors import InputError
from core.flow import check_grids, check_time_schedule, required_sampling
from core.precision import Precision
from core.quality import Departure, changes_for


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
        dropout: While training.
    """

    channels: int = Field(256, ge=8, le=4096)
    blocks: int = Field(8, ge=1, le=64)
    attention_every: int = Field(4, ge=0, le=64)
    kernel: int = Field(7, ge=1, le=63)
    expansion: int = Field(3, ge=1, le=8)
    heads: int = Field(4, ge=1, le=64)
    condition_channels: int = Field(128, ge=1, le=2048)
    dropout: float = Field(0.0, ge=0, lt=1)


class MelEffort(Config):
    """What a quality changes; null keeps the default.

    Attributes:
        steps: Solver steps.
        temperature: Deviation of the prior noise.
        precision: Of the decoder.
    """

    steps: int | None = Field(None, ge=1, le=1000)
    temperature: float | None = Field(None, ge=0, le=2)
    precision: Precision | None = None


class MelSamplingConfig(Config):
    """How mels are sampled when the caller does not say otherwise.

    Attributes:
        steps: Solver steps.
        method: Solver.
        grid: Time grid.
        grids: Grids that a search found, by their number of steps; they go before `grid`.
        temperature: Deviation of the prior noise.
        guidance: Scale of classifier-free guidance; 1 for none.
        denoise: How much of the recordings' noise is taken out, in units of its power.
        precision: Of the decoder; the text's side computes in float32.
        qualities: What "fast" and "best" change.
    """

    steps: int = Field(4, ge=1, le=1000)
    method: str = "euler"
    grid: str = "uniform"
    grids: Annotated[dict[str, str], AfterValidator(check_grids)] = Field({})
    temperature: float = Field(0.667, ge=0, le=2)
    guidance: float = Field(1.0, ge=0, le=10)
    denoise: float = Field(0.0, ge=0, le=1000)
    precision: Precision = "fp32"
    qualities: dict[Departure, MelEffort] = Field({})

    def at(self, quality: str | None) -> MelSamplingConfig:
        """The same for a quality; None is "balanced".

        Raises:
            InputError: There is no such quality.
        """
        return self.model_copy(update=changes_for(quality, self.model_dump()["qualities"]))


class AcousticConfig(Config):
    """Phoneme ids to mel by conditional flow matching.

    Attributes:
        blanks: Whether a blank stands between phonemes, and at both ends.
        speakers: Names of the speakers; empty for one voice.
        speaker_channels: Width of a speaker's embedding.
        speaker_embedding: Whether speakers are known by name, from a table that is learned, or by
            vectors from elsewhere, such as x-vectors.
        speaker_vector_channels: Length of those vectors.
        sigma_min: Share of the prior's noise left at t = 1 (Lipman et al., 2023, eq. 22).
        sigma: Deviation of noise added to the path at every time (Tong et al., 2024, eq. 14);
            VoiceFlow has 0.1.
        prior_on_mean: Whether the prior's noise lies around the encoder's mean, and not around 0.
        condition_on_mean: Whether the decoder sees the encoder's mean and features; if not, it
            knows of the text only what the prior shows.
        condition_drop: Probability that an item's condition is hidden from the decoder in training,
            which guidance needs.
        alignment_prior: Factor of the beta-binomial prior in alignment search, which keeps it near
            the diagonal; 0 for none, VoiceFlow has 0.05.
        coupling: Which frame of noise goes with which frame of an item in training: any, or by
            optimal transport (`tts.coupling`).
        preconditioned: Whether the decoder predicts only what the best linear velocity around the
            encoder's mean leaves.
        time_schedule: Which times it is trained at: "uniform"; "t0" (for one step) or a number of
            Euler steps, which are then the only ones it can be sampled with; "t1".
        encoder: Sizes.
        decoder: Sizes.
        sampling: Defaults of sampling.
    """

    blanks: bool = True
    speakers: tuple[str, ...] = ()
    speaker_channels: int = Field(64, ge=1, le=1024)
    speaker_embedding: Literal["table", "vector"] = "table"
    speaker_vector_channels: int = Field(512, ge=1, le=8192)
    sigma_min: float = Field(0.0, ge=0, lt=1)
    sigma: float = Field(0.0, ge=0, lt=1)
    prior_on_mean: bool = False
    condition_on_mean: bool = True
    condition_drop: float = Field(0.0, ge=0, lt=1)
    alignment_prior: float = Field(0.0, ge=0, le=100)
    coupling: Literal["independent", "optimal-transport"] = "independent"
    preconditioned: bool = True
    time_schedule: Annotated[str | int, BeforeValidator(check_time_schedule)] = "uniform"
    encoder: EncoderConfig = EncoderConfig()
    decoder: DecoderConfig = DecoderConfig()
    sampling: MelSamplingConfig = MelSamplingConfig()

    @field_validator("sampling")
    @classmethod
    def _sampling_follows_the_schedule(
        cls, sampling: MelSamplingConfig, info: ValidationInfo
    ) -> MelSamplingConfig:
        schedule = info.data.get("time_schedule", "uniform")
        return require_values(sampling, required_sampling(schedule), f"for {schedule!r}")

    @model_validator(mode="after")
    def _check_together(self) -> AcousticConfig:
        if self.sigma and self.sigma_min:
            raise InputError(
                f"sigma is {self.sigma} and sigma_min {self.sigma_min}: they are the noise of two "
                "different paths, so set one of them to 0"
            )
        if not self.condition_on_mean and not self.prior_on_mean:
            raise InputError(
                "condition_on_mean and prior_on_mean are both false: the decoder would know "
                "nothing of the text, so set one of them to true"
            )
        if not self.condition_on_mean and self.preconditioned:
            raise InputError(
                "condition_on_mean is false and preconditioned true: the decoder would see only "
                "the distance from a mean it does not know, so set preconditioned to false"
            )
        if self.condition_drop and not self.condition_on_mean and not self.many_speakers:
            raise InputError(
                f"condition_drop is {self.condition_drop} and condition_on_mean false: "
                "a decoder without a condition has none to drop"
            )
        if self.speakers and self.speaker_embedding == "vector":
            raise InputError(
                "speaker_embedding is vector: leave out speakers, whose names the model never sees"
            )
        if self.sampling.guidance != 1 and not self.condition_drop:
            raise InputError(
                f"sampling.guidance is {self.sampling.guidance}: guidance needs a model trained "
                "with condition_drop above 0"
            )
        return self

    @property
    def many_speakers(self) -> bool:
        """Whether the model is told who speaks."""
        return len(self.speakers) > 1 or self.speaker_embedding == "vector"
