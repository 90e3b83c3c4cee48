"""Requests for parts of files go to Starlette, past Gradio's own reading of them."""

from __future__ import annotations

from typing import Any

UNIT = b"bytes="
# Units have no case (RFC 9110, 14.1). Gradio knows this one alone, fails where it is followed by
# several ranges, and sends a request's own headers back; Starlette knows both.
SAME_UNIT = b"Bytes="


class PlainRanges:
    """Spells the unit of the header `Range` so that Starlette answers it.

    Args:
        app: Gradio's.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            headers = [(name, _respelt(name, value)) for name, value in scope["headers"]]
            scope = {**scope, "headers": headers}
        await self._app(scope, receive, send)


def _respelt(name: bytes, value: bytes) -> bytes:
    text = value.strip()
    return SAME_UNIT + text[len(UNIT) :] if name == b"range" and text.startswith(UNIT) else value
