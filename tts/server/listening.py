"""Uvicorn, set up to be patient only so long."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from core.errors import InputError
from tts.server.settings import ServerSettings

SIGTERM_EXIT = 128 + 15
BACKLOG = 256
# Beyond the queue: clients that are being told to come back, pages, health checks.
SPARE_CONNECTIONS = 512


def patient_protocol(seconds: float) -> type[H11Protocol]:
    """HTTP/1.1 that closes a connection whose next request does not arrive in time.

    Args:
        seconds: From the connection, or the end of the last request, to the end of the next head.
    """

    class Patient(H11Protocol):
        _alarm: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._calm()

        def _watch(self) -> None:
            if self.cycle is not None and not self.cycle.response_complete:
                self._calm()
            elif self._alarm is None:
                self._alarm = self.loop.call_later(seconds, self.transport.close)

        def _calm(self) -> None:
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None

    return Patient


def bind(host: str, port: int) -> socket.socket:
    """Take a port; 0 takes a free one.

    Raises:
        InputError: It cannot be taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot listen on {host}, port {port}: {reason}") from error
    return listening


def make_server(app: FastAPI, settings: ServerSettings, root_path: str = "") -> uvicorn.Server:
    """Uvicorn around an application.

    Args:
        app: From `create_app`.
        settings: Its limits.
        root_path: Path under which a proxy shows it.
    """
    protocol: Any = patient_protocol(settings.body_seconds)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=protocol,
            log_config=None,
            access_log=False,
            server_header=False,
            root_path=root_path,
            backlog=BACKLOG,
            limit_concurrency=settings.queue_size + SPARE_CONNECTIONS,
            h11_max_incomplete_event_size=1 << 14,
            timeout_graceful_shutdown=round(settings.shutdown_seconds),
        )
    )


def listen(server: uvicorn.Server, listening: socket.socket) -> None:
    """Serve until a signal ends it; answers under way are finished on SIGTERM."""
    try:
        server.run(sockets=[listening])
    except SystemExit as end:
        # Uvicorn repeats the signal when all is done, which is no failure.
        if end.code != SIGTERM_EXIT:
            raise
