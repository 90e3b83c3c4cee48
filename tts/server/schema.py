"""What is sent to the server and what comes back, apart from sound."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.quality import Quality
from tts.options import SENTENCE_SILENCE_SECONDS, SPEEDS, Options

MODEL = "straighttalk"
MODELS = (MODEL, "tts-1", "tts-1-hd", "gpt-4o-mini-tts")
# Names that clients send when nobody has chosen; they all mean the default voice.
OPENAI_VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage",
    "shimmer", "verse",
)  # fmt: skip
MOST_STEPS = 64
Steps = Annotated[int, Field(ge=1, le=MOST_STEPS)]
AudioFormat = Literal["mp3", "opus", "flac", "wav", "pcm"]
TimingsFormat = Literal["json", "srt", "vtt", "TextGrid"]


class Body(BaseModel):
    """Base of what clients send."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class VoiceId(Body):
    """A voice as an object, which OpenAI's clients may send in place of its name."""

    id: Annotated[str, Field(min_length=1, max_length=200)]


class UtteranceRequest(Body):
    """What to say, and how."""

    model: Annotated[str, Field(max_length=200, description="One of `/v1/models`.")] = MODEL
    input: Annotated[str, Field(min_length=1, description="The text.")]
    voice: Annotated[
        Annotated[str, Field(min_length=1, max_length=200)] | VoiceId,
        Field(description="One of `/v1/audio/voices`, or one of OpenAI's names for the default."),
    ] = "alloy"
    instructions: Annotated[
        str | None,
        Field(description="Taken for compatibility: these voices read, they do not act."),
    ] = None
    speed: Annotated[float, Field(ge=SPEEDS[0], le=SPEEDS[1], description="Above 1: faster.")] = 1.0
    speaker: Annotated[
        str | None, Field(max_length=200, description="For a voice that has several.")
    ] = None
    seed: Annotated[
        int, Field(ge=0, le=2**63 - 1, description="The same seed gives the same sound.")
    ] = 0
    temperature: Annotated[float | None, Field(ge=0, le=2, description="Liveliness.")] = None
    quality: Annotated[
        Quality | None, Field(description="Steps, rounds and temperature in a word.")
    ] = None
    steps: Annotated[Steps | None, Field(description="Solver steps of the mel decoder.")] = None
    vocoder_steps: Annotated[Steps | None, Field(description="Solver steps of the vocoder.")] = None
    sentence_silence: Annotated[
        float, Field(ge=0, le=10, description="Seconds between sentences.")
    ] = SENTENCE_SILENCE_SECONDS

    def options(self, speaker: str | None) -> Options:
        """The same for a `Synthesizer`."""
        return Options(
            speaker=speaker,
            speed=self.speed,
            quality=self.quality,
            steps=self.steps,
            vocoder_steps=self.vocoder_steps,
            temperature=self.temperature,
            seed=self.seed,
            sentence_silence_seconds=self.sentence_silence,
        )


class SpeechRequest(UtteranceRequest):
    """What to say, how, and as what kind of sound."""

    response_format: AudioFormat = "mp3"
    stream: Annotated[
        bool, Field(description="Whether sound is sent as it is made; else when all is made.")
    ] = True
    stream_format: Annotated[
        Literal["audio", "sse"], Field(description="Bare sound, or events with base64 in them.")
    ] = "audio"


class TimingsRequest(UtteranceRequest):
    """What to say, how, and how to write its times."""

    timings_format: TimingsFormat = "json"


class Model(BaseModel):
    """A model, as OpenAI describes one."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = MODEL


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[Model]


class VoiceFactsOut(BaseModel):
    """A voice, or one speaker of it: `id` is what goes into `voice`."""

    id: str
    name: str
    language: str
    licence: str
    sample_rate_hz: int
    speakers: list[str]


class VoiceList(BaseModel):
    """All voices, the default one first."""

    voices: list[VoiceFactsOut]


class Health(BaseModel):
    """How the server is."""

    status: Literal["ok", "ending"]
    version: str
    device: str
    queue: Annotated[int, Field(description="Requests waiting or being answered.")]
    queue_size: int
