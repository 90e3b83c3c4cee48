"""Errors as OpenAI's clients expect them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from text import TextError

CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported_content_type",
    421: "unknown_host",
}
# A phoneme or a language code may be shown again; a stretch of the text may not.
QUOTED = re.compile(r"'(?:[^'\\]|\\.){9,}'|\"(?:[^\"\\]|\\.){9,}\"")


class ErrorDetail(BaseModel):
    """What is wrong: a sentence, its kind, the field at fault and a fixed word for programs."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """Body of every error."""

    error: ErrorDetail


class ApiError(Exception):
    """A request that cannot be answered.

    Args:
        status: HTTP status.
        message: One sentence, without a path or the text.
        param: The field at fault.
        code: A fixed word for programs.
        headers: Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param = status, message, param
        self.code = code or CODES.get(status)
        self.headers = dict(headers or {})


def too_busy(message: str, code: str, seconds: int) -> ApiError:
    """The answer to a request that found no place: come back later."""
    return ApiError(429, message, code=code, headers={"Retry-After": str(seconds)})


def text_error(error: TextError) -> ApiError:
    """The answer to a text that cannot be spoken; no stretch of the text is in it."""
    return ApiError(422, QUOTED.sub("the text", str(error)), param="input", code="unspeakable")


def response(error: ApiError) -> Response:
    """An error as an answer."""
    kinds = {401: "authentication_error", 429: "rate_limit_error"}
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    kind = kinds.get(error.status, kind)
    detail = {"message": error.message, "type": kind, "param": error.param, "code": error.code}
    # ASCII, for a name from the request may hold half of a surrogate pair.
    return Response(
        json.dumps({"error": detail}),
        error.status,
        error.headers,
        media_type="application/json",
    )


async def on_api_error(request: Request, error: Exception) -> Response:
    """Answer an `ApiError`."""
    assert isinstance(error, ApiError)
    return response(error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework itself refuses, such as an unknown path."""
    assert isinstance(error, HTTPException)
    messages = {404: "there is nothing here: /docs lists what there is"}
    message = messages.get(error.status_code, str(error.detail))
    return response(ApiError(error.status_code, message, headers=error.headers))


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Answer a body that is not JSON, or is not what the schema wants."""
    assert isinstance(error, RequestValidationError)
    first = _most_telling(error.errors())
    if first["type"] == "json_invalid":
        return response(ApiError(400, "the body is not valid JSON", code="invalid_json"))
    names = [str(part)[:80] for part in first["loc"] if part not in ("body", "query", "path")]
    param = names[0] if names else None
    return response(ApiError(422, _sentence(first, param), param=param, code=first["type"][:80]))


def _most_telling(errors: Sequence[Any]) -> Any:
    return next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])


def _sentence(error: Any, param: str | None) -> str:
    if param is None:
        return "the body must be a JSON object: " + str(error["msg"])
    if error["type"] == "extra_forbidden":
        return f"unknown field {param!r}; /docs lists the known ones"
    value = error.get("input")
    given = f" is {value}" if isinstance(value, int | float) and abs(value) < 1e15 else ""
    message = str(error["msg"])
    return f"{param}{given}: {message[:1].lower()}{message[1:]}"


DESCRIPTIONS = {
    400: "The body is not JSON.",
    401: "The API key is missing or wrong.",
    404: "The model or the voice is unknown.",
    408: "The request took too long to arrive.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    421: "The server does not go by this name.",
    422: "A field is missing, unknown or out of range, or the text cannot be spoken.",
    429: "The server is busy: come back after the seconds in `Retry-After`.",
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of an operation, for its documentation; 401 and 421 are everywhere."""
    return {
        status: {"model": ErrorBody, "description": DESCRIPTIONS[status]}
        for status in sorted({401, 421, *statuses})
    }
