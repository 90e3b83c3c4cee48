"""Playing sound through whatever player the system has."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Player:
    """A program that plays sound.

    Attributes:
        program: Its name on the path.
        arguments: What follows it; "{rate}" and "{file}" are filled in.
    """

    program: str
    arguments: tuple[str, ...]

    @property
    def streams(self) -> bool:
        """Whether it takes 16-bit samples on its standard input instead of a file."""
        return "{file}" not in self.arguments

    def command(self, sample_rate_hz: int, file: Path | None = None) -> list[str]:
        """The command line that plays."""
        facts = {"{rate}": str(sample_rate_hz), "{file}": str(file)}
        filled = []
        for argument in self.arguments:
            for mark, fact in facts.items():
                argument = argument.replace(mark, fact)
            filled.append(argument)
        return [self.program, *filled]

    def start(self, sample_rate_hz: int, file: Path | None = None) -> subprocess.Popen[bytes]:
        """Start playing, silently but for the sound."""
        return subprocess.Popen(
            self.command(sample_rate_hz, file),
            stdin=subprocess.PIPE if self.streams else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


# In order of preference; those that take samples as they come play while the rest is being made.
PLAYERS = (
    Player("pacat", ("--playback", "--rate={rate}", "--format=s16le", "--channels=1")),
    Player("aplay", ("-q", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", "{rate}", "-")),
    Player("play", ("-q", "-t", "s16", "-L", "-c", "1", "-r", "{rate}", "-")),
    Player("paplay", ("{file}",)),
    Player("pw-play", ("{file}",)),
    Player("afplay", ("{file}",)),
    Player("ffplay", ("-nodisp", "-autoexit", "-loglevel", "quiet", "{file}")),
    Player("mpv", ("--no-terminal", "--no-video", "{file}")),
    Player(
        "powershell",
        ("-NoProfile", "-Command", "(New-Object Media.SoundPlayer '{file}').PlaySync()"),
    ),
)


def find_player() -> Player | None:
    """The first known player that is installed, or None."""
    return next((p for p in PLAYERS if shutil.which(p.program)), None)
