"""From a request to its pieces of speech, for as long as its client listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from core.errors import InputError
from text import TextError, Utterance, iter_sentences
from tts.options import SENTENCE_SILENCE_SECONDS, Options
from tts.server.engine import QueueFull
from tts.server.errors import ApiError, text_error, too_busy
from tts.server.schema import MODELS, UtteranceRequest
from tts.server.state import State, state_of, trace_of
from tts.speech import Speech
from tts.synthesizer import Synthesizer

MOST_SILENCE_SECONDS = 60.0
# A place is free again when somebody's sentences are said, which takes seconds.
RETRY_SECONDS = 2
T = TypeVar("T")


@dataclass(frozen=True)
class Order:
    """A request that can be carried out.

    Attributes:
        synthesizer: The voice.
        utterances: Its sentences.
        options: How they are said.
    """

    synthesizer: Synthesizer
    utterances: Sequence[Utterance]
    options: Options


def understand(state: State, body: UtteranceRequest) -> Order:
    """Find the voice and read the text, all of it, so that a mistake is told before any sound.

    Raises:
        ApiError: Something is unknown, too long, or cannot be spoken.
    """
    if body.model not in MODELS:
        sentence = f"unknown model {body.model[:80]!r}; allowed: {', '.join(MODELS)}"
        raise ApiError(404, sentence, param="model", code="model_not_found")
    most = state.settings.max_characters
    if len(body.input) > most:
        sentence = f"input has {len(body.input):,} characters; at most {most:,} are allowed"
        raise ApiError(422, sentence, param="input", code="input_too_long")
    id = body.voice if isinstance(body.voice, str) else body.voice.id
    synthesizer, speaker = state.shelf.take(id, body.speaker)
    frontend = synthesizer.frontend
    try:
        sentences = list(iter_sentences([body.input], frontend.language))
        # A text without sentences is refused by the frontend, which knows why.
        utterances = frontend.process_batch(sentences or [""])
    except TextError as error:
        raise text_error(error) from error
    silence = body.sentence_silence * (len(utterances) - 1)
    if silence > max(MOST_SILENCE_SECONDS, SENTENCE_SILENCE_SECONDS * len(utterances)):
        sentence = f"sentence_silence would add {silence:g} s; at most {MOST_SILENCE_SECONDS:g} s"
        raise ApiError(422, sentence + " are allowed", param="sentence_silence")
    pauses = sum(pause.seconds for utterance in utterances for pause in utterance.pauses)
    if pauses > MOST_SILENCE_SECONDS:
        sentence = f"the pauses in input last {pauses:g} s; at most {MOST_SILENCE_SECONDS:g} s"
        raise ApiError(422, sentence + " are allowed", param="input")
    return Order(synthesizer, utterances, body.options(speaker))


async def speech_pieces(
    request: Request, body: UtteranceRequest, in_parts: bool = False
) -> AsyncGenerator[Order | Speech]:
    """The order, then each sentence as it is made; or its parts, where nobody else waits.

    Holds a place in the queue until it is closed.

    Raises:
        ApiError: The queue is full, or the request cannot be carried out.
    """
    state, trace = state_of(request), trace_of(request)
    try:
        with state.engine.place():
            order = await run_in_threadpool(understand, state, body)
            state.metrics.characters.inc(len(body.input))
            trace.facts |= {
                "voice": order.synthesizer.voice.facts.name,
                "characters": len(body.input),
                "sentences": len(order.utterances),
                "audio_seconds": 0.0,
            }
            if state.settings.log_texts:
                trace.facts["text"] = body.input
            yield order
            told = order.synthesizer, order.utterances, order.options
            with state.engine.job(*told, in_parts) as job:
                async for piece in job.pieces():
                    state.metrics.audio_seconds.inc(piece.seconds)
                    if "first_audio_seconds" not in trace.facts:
                        trace.facts["first_audio_seconds"] = round(trace.seconds, 4)
                        state.metrics.first_audio_seconds.observe(trace.seconds)
                    trace.facts["audio_seconds"] += piece.seconds
                    yield piece
    except QueueFull:
        most = state.engine.queue_size
        sentence = f"all {most} places in the queue are taken: come back later"
        raise too_busy(sentence, "queue_full", RETRY_SECONDS) from None
    except InputError as error:
        raise ApiError(422, "this text cannot be spoken with these options") from error


async def in_time(request: Request, work: Awaitable[T], seconds: float) -> T:
    """Wait for something unless its client leaves or it takes too long; it is cancelled then.

    Raises:
        ApiError: Either happened.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_departure(request))
    tasks = {working, leaving}
    try:
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if working in done:
            return working.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if leaving in done:
        state_of(request).metrics.left_early.inc()
        raise ApiError(499, "the client left", code="client_left")
    sentence = f"no sound could be made within {seconds:g} s: come back later"
    raise too_busy(sentence, "too_slow", RETRY_SECONDS)


async def _departure(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class SoundResponse(StreamingResponse):
    """A streamed answer whose source is closed when its client leaves, and which has an end.

    Args:
        source: The rest of the bytes.
        first: The first bytes, which are there already.
        media_type: Their type.
        seconds: How long the answer may take.
        on_departure: Called when the client leaves before the end.
    """

    def __init__(
        self,
        source: AsyncGenerator[bytes],
        first: bytes,
        media_type: str,
        seconds: float,
        state: State,
    ) -> None:
        async def all_bytes() -> AsyncGenerator[bytes]:
            yield first
            async for chunk in source:
                yield chunk
            self._done = True

        super().__init__(all_bytes(), media_type=media_type)
        self._source, self._seconds, self._state, self._done = source, seconds, state, False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await asyncio.wait_for(super().__call__(scope, receive, send), self._seconds)
        finally:
            await self._source.aclose()
            if not self._done:
                self._state.metrics.left_early.inc()
