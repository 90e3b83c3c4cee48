"""Speech, and its times."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from core.audio.encoder import StreamEncoder
from tts.server.errors import documented
from tts.server.schema import SpeechRequest, TimingsRequest
from tts.server.speaking import Order, SoundResponse, in_time, speech_pieces
from tts.server.state import state_of
from tts.speech import Speech
from tts.timings import FORMATS, Timings

# OpenAI's clients play bare samples at this rate.
PCM_RATE_HZ = 24_000
MEDIA = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": f"audio/pcm;rate={PCM_RATE_HZ}",
}
EVENTS = "text/event-stream"
TIMES = {
    "json": "application/json",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "TextGrid": "text/plain",
}
ERRORS = documented(400, 404, 408, 413, 415, 422, 429)
router = APIRouter()


def _content(kinds: list[str]) -> dict[str, Any]:
    binary = {"type": "string", "format": "binary"}
    event = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
    schemas: dict[str, dict[str, Any]] = {EVENTS: event, "application/json": {}}
    return {kind: {"schema": schemas.get(kind, binary)} for kind in kinds}


@router.post(
    "/v1/audio/speech",
    operation_id="speak",
    summary="Say a text",
    response_class=Response,
    responses={**ERRORS, 200: {"content": _content([*MEDIA.values(), EVENTS])}},
)
async def speech(body: SpeechRequest, request: Request) -> Response:
    """Say a text, sentence by sentence, as sound or as server-sent events with sound in them."""
    settings = state_of(request).settings
    chunks = _events(request, body) if body.stream_format == "sse" else _sound(request, body)
    media_type = EVENTS if body.stream_format == "sse" else MEDIA[body.response_format]
    try:
        first = await in_time(request, anext(chunks), settings.first_byte_seconds)
        if body.stream:
            return SoundResponse(
                chunks, first, media_type, settings.total_seconds, state_of(request)
            )
        rest = await in_time(request, _all(chunks), settings.total_seconds)
        return Response(first + rest, media_type=media_type)
    except BaseException:
        await chunks.aclose()
        raise


@router.post(
    "/extra/timings",
    operation_id="timings",
    summary="When each word and phoneme is said",
    response_class=Response,
    responses={**ERRORS, 200: {"content": _content(list(TIMES.values()))}},
)
async def timings(body: TimingsRequest, request: Request) -> Response:
    """The times of the speech that the same fields bring from `/v1/audio/speech`."""
    times = Timings()

    async def gather() -> None:
        async for piece in speech_pieces(request, body):
            if isinstance(piece, Speech):
                times.add(piece)

    await in_time(request, gather(), state_of(request).settings.total_seconds)
    return Response(FORMATS[body.timings_format](times), media_type=TIMES[body.timings_format])


async def _all(chunks: AsyncGenerator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


def _encoder(order: Order, body: SpeechRequest, samples: int | None) -> StreamEncoder:
    rate = PCM_RATE_HZ if body.response_format == "pcm" else None
    return StreamEncoder(body.response_format, order.synthesizer.sample_rate_hz, rate, samples)


async def _sound(request: Request, body: SpeechRequest) -> AsyncGenerator[bytes]:
    """The file, part by part; in one piece where its length is to be known."""
    pieces = speech_pieces(request, body, in_parts=body.stream)
    try:
        order = await anext(pieces)
        assert isinstance(order, Order)
        if not body.stream:
            spoken = [piece async for piece in pieces if isinstance(piece, Speech)]
            samples = sum(len(piece.waveform) for piece in spoken)
            whole = partial(_encode_all, _encoder(order, body, samples), spoken)
            yield await run_in_threadpool(whole)
            return
        encoder: StreamEncoder | None = None
        async for piece in pieces:
            assert isinstance(piece, Speech)
            encoder = encoder or _encoder(order, body, _length(order, body, piece))
            if chunk := await run_in_threadpool(encoder.feed, piece.waveform):
                yield chunk
        assert encoder is not None
        yield await run_in_threadpool(encoder.finish)
    finally:
        await pieces.aclose()


def _length(order: Order, body: SpeechRequest, first: Speech) -> int | None:
    """Samples of the whole, where its first part tells them and they are of use."""
    if body.response_format != "wav" or len(order.utterances) > 1:
        return None
    return round(first.sentences[0].end_seconds * first.sample_rate_hz)


def _encode_all(encoder: StreamEncoder, spoken: list[Speech]) -> bytes:
    return b"".join([*(encoder.feed(piece.waveform) for piece in spoken), encoder.finish()])


async def _events(request: Request, body: SpeechRequest) -> AsyncGenerator[bytes]:
    """The same as server-sent events, as OpenAI writes them."""
    chunks = _sound(request, body)
    try:
        async for chunk in chunks:
            audio = base64.b64encode(chunk).decode()
            yield _event({"type": "speech.audio.delta", "audio": audio})
        characters = len(body.input)
        usage = {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters}
        yield _event({"type": "speech.audio.done", "usage": usage})
    finally:
        await chunks.aclose()


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()
