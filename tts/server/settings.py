"""What a server allows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from core.config import Config

Seconds = Annotated[float, Field(gt=0, le=86_400)]
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ServerSettings(Config):
    """Limits and habits of a server.

    Attributes:
        api_key: What clients must show; None lets everyone in.
        allowed_hosts: Names that the header `Host` may give; empty for any.
        max_characters: Longest text.
        max_body_bytes: Longest body of a request, but for the demo's uploads.
        max_upload_bytes: Longest upload to the demo.
        body_seconds: How long a request's head, and its body, may take to arrive.
        queue_size: Requests waiting or being answered; one more is told to come back.
        batch_size: Sentences of different requests that are made together.
        loaded_voices: Voices kept in memory, those used last.
        first_byte_seconds: How long a request may wait for its first sound.
        total_seconds: How long an answer may take.
        shutdown_seconds: How long answers under way may take when the server is told to end.
        log_texts: Whether texts are written to the log.
    """

    api_key: SecretStr | None = None
    allowed_hosts: tuple[str, ...] = ()
    max_characters: int = Field(default=4096, ge=1, le=1_000_000)
    max_body_bytes: int = Field(default=1 << 16, ge=1024, le=1 << 26)
    max_upload_bytes: int = Field(default=25_000_000, ge=1024, le=1 << 30)
    body_seconds: Seconds = 10.0
    queue_size: int = Field(default=32, ge=1, le=10_000)
    batch_size: int = Field(default=4, ge=1, le=256)
    loaded_voices: int = Field(default=4, ge=1, le=1000)
    first_byte_seconds: Seconds = 60.0
    total_seconds: Seconds = 600.0
    shutdown_seconds: Seconds = 30.0
    log_texts: bool = False
