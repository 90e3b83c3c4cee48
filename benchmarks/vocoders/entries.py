"""Who runs the race, and how each is sampled."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import unknown_name

HERE = Path(__file__).parent
STEP_COUNTS = (1, 2, 4, 6, 10, 25, 50)
ONE_PASS = (1,)
PLAIN: dict[str, Any] = {"consistency_rounds": 0, "final_rounds": 0}


@dataclass(frozen=True)
class Entry:
    """A vocoder in the race.

    Attributes:
        title: For the table.
        modes: Ways of sampling by name, as changes of its configured sampling; none for a teacher,
            which is not judged.
        steps: Step counts it is judged at.
        share: Of the time; a student and its teacher share one vocoder's.
        teacher: The entry that it is distilled from, or None.
    """

    title: str
    modes: dict[str, dict[str, Any]] = field(default_factory=lambda: {"plain": PLAIN})
    steps: tuple[int, ...] = STEP_COUNTS
    share: float = 1.0
    teacher: str | None = None


ROUNDS: dict[str, dict[str, Any]] = {"plain": PLAIN, "mel-consistent": {}}
ENTRIES = {
    "rectified-stft": Entry("rectified flow on STFT frames", ROUNDS),
    "waveode": Entry("WaveODE: rectified flow on samples", ROUNDS),
    "wavegrad": Entry(
        "WaveGrad",
        {
            "plain": {"final_rounds": 0},
            "probability flow": {"final_rounds": 0, "method": "euler"},
            "mel-consistent": {"final_rounds": 30},
        },
    ),
    "iaf-likelihood": Entry("Parallel WaveNet by likelihood", steps=ONE_PASS),
    "wavenet-teacher": Entry("WaveNet, the teacher", modes={}, share=0.5),
    "iaf-distilled": Entry(
        "Parallel WaveNet by distillation", steps=ONE_PASS, share=0.5, teacher="wavenet-teacher"
    ),
}
"""By the name of the YAML file beside this one; a teacher stands before its student."""


def config_file(name: str) -> Path:
    """The experiment of an entry."""
    return HERE / f"{name}.yaml"


def choose(only: str | None) -> list[str]:
    """Names out of a list with commas between; None takes all.

    Raises:
        InputError: One is unknown.
    """
    names = list(ENTRIES) if only is None else only.replace(",", " ").split()
    for name in names:
        if name not in ENTRIES:
            raise unknown_name("vocoder", name, ENTRIES, "--only")
    return names
