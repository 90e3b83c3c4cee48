"""What the routes share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from fastapi import Request

from tts.server.engine import Engine
from tts.server.guard import Trace
from tts.server.metrics import Metrics
from tts.server.settings import ServerSettings
from tts.server.shelf import Shelf


@dataclass(frozen=True)
class State:
    """The parts of a running server.

    Attributes:
        settings: What it allows.
        shelf: Its voices.
        engine: What speaks.
        metrics: What it counts.
        version: Of StraightTalk.
        started: When, in seconds since 1970.
    """

    settings: ServerSettings
    shelf: Shelf
    engine: Engine
    metrics: Metrics
    version: str
    started: int


def state_of(request: Request) -> State:
    """The server that a request came to."""
    return cast("State", request.app.state.parts)


def trace_of(request: Request) -> Trace:
    """What is noted about a request."""
    return cast("Trace", request.scope["state"]["trace"])
