"""The same sentence with different numbers of steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.errors import InputError
from tts.demo.limits import FLOW_CHARACTERS, Deadline, check_text
from tts.options import Options
from tts.speech import Speech
from tts.synthesizer import Synthesizer

STEPS = (1, 2, 4, 10, 32)
HALVES = {"both": "Both halves", "mel": "The mel decoder", "vocoder": "The vocoder"}


@dataclass(frozen=True)
class Choices:
    """How the paths are walked; None takes the voice's own.

    Attributes:
        halves: Whose steps are changed, a key of `HALVES`.
        method: Solver of both halves.
        grid: Time grid of both halves.
        seed: Of the noise.
    """

    halves: str = "both"
    method: str | None = None
    grid: str | None = None
    seed: int = 0


def compare(
    synthesizer: Synthesizer, text: str, choices: Choices, steps: Sequence[int] = STEPS
) -> Iterator[tuple[int, Speech]]:
    """Say a text once for each number of steps, from the same noise.

    Args:
        synthesizer: The voice.
        text: A short one.
        choices: How.
        steps: The numbers.

    Yields:
        The number and what it gives.

    Raises:
        InputError: The text is too long, a choice is not allowed, or it takes too much time.
        text.TextError: There is nothing to say.
    """
    check_text(text, FLOW_CHARACTERS)
    if choices.halves not in HALVES:
        raise InputError(f"steps of {choices.halves!r} cannot be changed; allowed: {list(HALVES)}")
    deadline = Deadline()
    speaker = next(iter(synthesizer.speakers), None)
    for number in steps:
        deadline.check()
        options = Options(
            speaker=speaker,
            steps=number if choices.halves in ("both", "mel") else None,
            vocoder_steps=number if choices.halves in ("both", "vocoder") else None,
            method=choices.method,
            grid=choices.grid,
            seed=choices.seed,
        )
        yield number, synthesizer.synthesize(text, options)
