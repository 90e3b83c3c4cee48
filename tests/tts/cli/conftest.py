"""Running the command line inside the test process."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tts.cli import run


@dataclass(frozen=True)
class Ran:
    """What a command line did.

    Attributes:
        code: Its exit code.
        out: Its standard output.
        err: Its standard error.
    """

    code: int
    out: bytes
    err: str

    def json(self) -> list[dict[str, Any]]:
        """Standard output as lines of JSON."""
        return [json.loads(line) for line in self.out.decode().splitlines()]

    def error(self) -> str:
        """The one sentence of a failure."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0].removeprefix("error: ")


Straighttalk = Callable[..., Ran]


@pytest.fixture
def straighttalk(
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    tmp_path: Path,
) -> Straighttalk:
    """Run a command line in an empty directory, without a player, with nothing on stdin."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    monkeypatch.setenv("STRAIGHTTALK_HOME", str(tmp_path / "no-home"))
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*arguments: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capfdbinary.readouterr()
        code = run([str(a) for a in arguments])
        out, err = capfdbinary.readouterr()
        return Ran(code, out, err.decode())

    return call


@pytest.fixture
def say(straighttalk: Straighttalk, tiny_voice: Path) -> Straighttalk:
    """`straighttalk say` with the tiny voice."""

    def call(*arguments: object, stdin: bytes = b"") -> Ran:
        return straighttalk("say", "-v", tiny_voice, *arguments, stdin=stdin)

    return call
