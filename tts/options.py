"""How to speak."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from core.errors import InputError, unknown_name
from core.quality import QUALITIES

SENTENCE_SILENCE_SECONDS = 0.25
SPEEDS = (0.25, 4.0)
MOST_STEPS = 1000
MOST_FRAMES = 1024
PAUSES = (0.25, 4.0)
PAUSING = ",;:.!?"


@dataclass(frozen=True)
class Options:
    """How to speak; None takes the voice's default.

    Attributes:
        speaker: Name of the speaker, for a voice that has several, or several in shares, as in
            "p225:0.7+p226:0.3".
        speaker_vector: Who speaks, for a voice that knows speakers by vectors.
        speed: Above 1 is faster; 0.25 to 4.
        quality: "fast", "balanced" or "best": steps, rounds and temperature that go together, of
            which those given here go before them.
        steps: Solver steps of the mel decoder.
        vocoder_steps: Solver steps of the vocoder.
        method: Solver of both.
        grid: Time grid of both.
        temperature: Deviation of the mel decoder's noise, 0 to 2.
        guidance: Scale of classifier-free guidance, 0 to 10, for a voice trained for it.
        denoise: How much of the recordings' noise is taken out, 0 to 1000 times its power.
        durations: Frames of each phoneme of the whole text, in place of the voice's own.
        seed: The same seed gives the same speech.
        sentence_silence_seconds: Silence after each sentence but the last.
        pauses: Factor on the pauses that punctuation makes inside a sentence, 0.25 to 4: one for
            all marks, as in "1.5", or some, as in ",=0.5 ;=2".
    """

    speaker: str | None = None
    speaker_vector: tuple[float, ...] | None = None
    speed: float = 1.0
    quality: str | None = None
    steps: int | None = None
    vocoder_steps: int | None = None
    method: str | None = None
    grid: str | None = None
    temperature: float | None = None
    guidance: float | None = None
    denoise: float | None = None
    durations: tuple[int, ...] | None = None
    seed: int = 0
    sentence_silence_seconds: float = SENTENCE_SILENCE_SECONDS
    pauses: str | None = None

    def __post_init__(self) -> None:
        ranges = {
            "speed": (self.speed, *SPEEDS),
            "steps": (self.steps, 1, MOST_STEPS),
            "vocoder steps": (self.vocoder_steps, 1, MOST_STEPS),
            "temperature": (self.temperature, 0.0, 2.0),
            "guidance": (self.guidance, 0.0, 10.0),
            "denoise": (self.denoise, 0.0, 1000.0),
            "seed": (self.seed, 0, 2**63 - 1),
            "sentence silence": (self.sentence_silence_seconds, 0.0, 10.0),
        }
        for name, (value, low, high) in ranges.items():
            if value is not None and not low <= value <= high:
                raise InputError(f"{name} is {value}; it must be from {low:g} to {high:g}")
        if self.quality is not None and self.quality not in QUALITIES:
            raise unknown_name("quality", self.quality, QUALITIES)
        if self.pauses is not None:
            read_pauses(self.pauses)
        if self.durations is not None:
            if self.speed != 1 or self.pauses is not None:
                given = "speed" if self.speed != 1 else "pauses"
                raise InputError(f"durations are given: leave out the {given}")
            for number, frames in enumerate(self.durations, 1):
                if not 0 <= frames <= MOST_FRAMES:
                    raise InputError(
                        f"duration {number} is {frames}; it must be from 0 to {MOST_FRAMES} frames"
                    )

    @property
    def pause_factors(self) -> Mapping[str, float]:
        """Factor on the pause at each mark of punctuation."""
        return read_pauses(self.pauses) if self.pauses is not None else {}

    @property
    def shared(self) -> tuple[object, ...]:
        """What sentences must have in common to be made in one batch."""
        return (
            self.quality, self.steps, self.vocoder_steps, self.method, self.grid, self.temperature,
            self.guidance, self.denoise, self.durations is None,
        )  # fmt: skip


def read_pauses(text: str) -> dict[str, float]:
    """Factors on pauses by mark.

    Args:
        text: As in `Options.pauses`.

    Raises:
        InputError: It is written otherwise, or a factor is out of range.
    """
    factors: dict[str, float] = {}
    for part in text.split() or [text]:
        marks, factor = (part[0], part[2:]) if part[1:2] == "=" else (PAUSING, part)
        try:
            value = float(factor)
        except ValueError:
            value = math.nan
        low, high = PAUSES
        if not (set(marks) <= set(PAUSING) and low <= value <= high):
            raise InputError(
                f"pauses has {part!r}; it must be a factor from {low:g} to {high:g}, or such "
                f"factors by mark, as in ',=0.5 ;=2', for the marks {' '.join(PAUSING)}"
            )
        factors |= dict.fromkeys(marks, value)
    return factors


def with_choices(options: Options | None, choices: Mapping[str, object]) -> Options:
    """The options with some of them changed.

    Args:
        options: To begin with; None for the defaults.
        choices: Fields of `Options` and their new values.

    Raises:
        InputError: There is no such option, or it is out of range.
    """
    known = Options.__dataclass_fields__
    for name in choices:
        if name not in known:
            raise unknown_name("option", name, sorted(known))
    return replace(options or Options(), **choices)  # type: ignore[arg-type]
