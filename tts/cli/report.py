"""What is said about sound that was made: a line for people, or a line of JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any

from tts.cli.messages import tell


@dataclass
class Tally:
    """Sums over a sound.

    Attributes:
        audio_seconds: Its length.
        seconds: The time it took to make.
        acoustic_nfe: Function evaluations of the acoustic model.
        vocoder_nfe: Function evaluations of the vocoder.
        acoustic_seconds: Time of the acoustic model.
        vocoder_seconds: Time of the vocoder.
        clipped_samples: Samples that left [-1, 1] and were cut.
        notes: What the text's normalisation dropped or could not read.
    """

    audio_seconds: float = 0.0
    seconds: float = 0.0
    acoustic_nfe: int = 0
    vocoder_nfe: int = 0
    acoustic_seconds: float = 0.0
    vocoder_seconds: float = 0.0
    clipped_samples: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def rtf(self) -> float:
        """Real-time factor: seconds of work a second of sound."""
        return self.seconds / self.audio_seconds if self.audio_seconds else 0.0

    def facts(self) -> dict[str, Any]:
        """Everything, rounded to microseconds."""
        facts: dict[str, Any] = {"rtf": round(self.rtf, 6)}
        for name, value in self.__dict__.items():
            facts[name] = round(value, 6) if isinstance(value, float) else value
        return facts

    def sentence(self) -> str:
        """The same for people."""
        counts = " + ".join(str(n) for n in (self.acoustic_nfe, self.vocoder_nfe) if n)
        text = (
            f"{self.audio_seconds:.2f} s of audio in {self.seconds:.2f} s "
            f"(real-time factor {self.rtf:.3f}, {counts} function evaluations)"
        )
        if self.clipped_samples:
            text += f"; {self.clipped_samples} samples were too loud and cut"
        return text


def print_json(facts: dict[str, Any], *, to_stderr: bool = False) -> None:
    """Write one line of JSON."""
    stream = sys.stderr if to_stderr else sys.stdout
    stream.write(json.dumps(facts, ensure_ascii=False) + "\n")
    stream.flush()


def report(
    tally: Tally, name: str, facts: dict[str, Any], *, as_json: bool, to_stderr: bool, quiet: bool
) -> None:
    """Say what was made.

    Args:
        tally: The sums.
        name: Where the sound went, for people; "" when that is plain.
        facts: What else belongs into the JSON line.
        as_json: A line of JSON instead of one for people.
        to_stderr: Whether standard output is taken by the sound.
        quiet: Whether people want to hear nothing; JSON is written all the same.
    """
    if as_json:
        print_json({**facts, **tally.facts()}, to_stderr=to_stderr)
        return
    for note in tally.notes:
        tell(f"note: {note}", quiet=quiet)
    tell(f"{name}: {tally.sentence()}" if name else tally.sentence(), quiet=quiet)
