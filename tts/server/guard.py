"""What stands before every route: names, keys, sizes, patience, the log."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import logging
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tts.server import errors
from tts.server.errors import ApiError
from tts.server.logs import LOGGER
from tts.server.metrics import Metrics
from tts.server.settings import ServerSettings

logger = logging.getLogger(LOGGER)
DEMO = "/demo"
OPEN_PATHS = ("/health", "/healthz", "/readyz")
CHALLENGE = {"WWW-Authenticate": 'Bearer, Basic realm="StraightTalk"'}
TRACE_CHARACTERS = 200


@dataclass
class Trace:
    """One request, for the log; routes add to `facts`."""

    in_demo: bool
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    status: int = 0
    began: float = field(default_factory=time.perf_counter)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.perf_counter() - self.began


class Guard:
    """Lets through who may come in, in time and with little luggage; answers all others.

    Args:
        app: What is guarded.
        settings: What is allowed.
        metrics: Told of every answer.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        # A mount changes the scope's own path.
        trace = Trace(in_demo=_in_demo(scope["path"]))
        scope.setdefault("state", {})["trace"] = trace

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                trace.status = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", trace.id.encode())]
                headers.append((b"x-content-type-options", b"nosniff"))
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._answer(scope, receive, sending)
        except ApiError as error:
            await self._refuse(error, trace, scope, receive, sending)
        except Exception:
            logger.exception("failed", extra={"facts": {"id": trace.id}})
            failure = ApiError(500, "the server failed, which is its own fault", code="internal")
            await self._refuse(failure, trace, scope, receive, sending)
        finally:
            self._record(scope, trace)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {key: value.decode("latin-1") for key, value in scope["headers"]}
        in_demo = _in_demo(scope["path"])
        limit = self._settings.max_upload_bytes if in_demo else self._settings.max_body_bytes
        _check_length(headers, limit)
        # Who is refused before the body was read may see a broken connection, not the answer.
        body = None if in_demo else await self._body(receive, limit)
        self._check_host(headers)
        self._check_key(scope["path"], headers)
        if body is None:
            await self._app(scope, _counted(receive, limit), send)
            return
        if scope["method"] == "POST":
            _check_json(headers)
        await self._app(scope, _replayed(body, receive), send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {key: value.decode("latin-1") for key, value in scope["headers"]}
        try:
            self._check_host(headers)
            self._check_key(scope["path"], headers)
        except ApiError:
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._app(scope, receive, send)

    def _check_host(self, headers: dict[bytes, str]) -> None:
        allowed = self._settings.allowed_hosts
        host = headers.get(b"host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        # A page elsewhere may point its own name at this machine.
        if allowed and name.strip("[]").lower() not in allowed:
            raise ApiError(421, "this server does not go by the name in the header Host")

    def _check_key(self, path: str, headers: dict[bytes, str]) -> None:
        key = self._settings.api_key
        if key is None or path in OPEN_PATHS:
            return
        given = _given_key(headers.get(b"authorization", ""))
        wanted = key.get_secret_value().encode()
        if not hmac.compare_digest(given, wanted):
            sentence = "the API key is missing or wrong: send the header Authorization: Bearer KEY"
            raise ApiError(401, sentence, code="invalid_api_key", headers=CHALLENGE)

    async def _body(self, receive: Receive, limit: int) -> bytes:
        try:
            return await asyncio.wait_for(_read(receive, limit), self._settings.body_seconds)
        except asyncio.TimeoutError:
            raise ApiError(408, "the body took too long to arrive") from None

    async def _refuse(
        self, error: ApiError, trace: Trace, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if trace.status:
            # Sound is under way: only a broken connection tells the client that it is not whole.
            raise ConnectionAbortedError
        # What is left of the body is not waited for.
        error.headers["Connection"] = "close"
        await errors.response(error)(scope, receive, send)

    def _record(self, scope: Scope, trace: Trace) -> None:
        name = DEMO if trace.in_demo else getattr(scope.get("route"), "path", "other")
        self._metrics.requests.labels(name, str(trace.status)).inc()
        self._metrics.request_seconds.labels(name).observe(trace.seconds)
        facts = {
            "id": trace.id,
            "method": scope["method"][:TRACE_CHARACTERS],
            "route": name,
            "status": trace.status,
            "seconds": round(trace.seconds, 4),
            **trace.facts,
        }
        logger.info("request", extra={"facts": facts})


def _in_demo(path: str) -> bool:
    return path == DEMO or path.startswith(DEMO + "/")


def _given_key(header: str) -> bytes:
    """The key in an `Authorization` header: a bearer's, or a password typed into a browser."""
    kind, _, rest = header.partition(" ")
    if kind.lower() == "bearer":
        return rest.strip().encode()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return b""


def _check_length(headers: dict[bytes, str], limit: int) -> None:
    declared = headers.get(b"content-length", "")
    if declared.isdigit():
        _check_size(int(declared[:20]), limit)


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise ApiError(413, f"the body is larger than {limit:,} bytes")


def _check_json(headers: dict[bytes, str]) -> None:
    kind = headers.get(b"content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "the body must be JSON: send the header Content-Type: application/json")


async def _read(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError(499, "the client left before its body had come", code="client_left")
        body += message.get("body", b"")
        _check_size(len(body), limit)
        if not message.get("more_body", False):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    left = [body]

    async def replay() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return replay


def _counted(receive: Receive, limit: int) -> Receive:
    read = 0

    async def count() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        _check_size(read, limit)
        return message

    return count
