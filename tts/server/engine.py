"""One thread that speaks: sentences of different requests are made together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from core.memory import give_back
from text import Utterance
from tts.options import Options
from tts.speech import Speech
from tts.synthesizer import Synthesizer

# Sentences made ahead of a client that reads slowly.
READ_AHEAD = 4
JOIN_SECONDS = 60.0
GIVE_BACK_SECONDS = 5.0


class QueueFull(Exception):
    """There is no place for another request."""


class Job:
    """One text on its way; made, read and cancelled in the event loop.

    Args:
        synthesizer: The voice.
        utterances: Its sentences, at least one.
        options: How they are said.
        in_parts: Whether sound is wanted inside sentences.
        wake: Called when there may be work again.
    """

    def __init__(
        self,
        synthesizer: Synthesizer,
        utterances: Sequence[Utterance],
        options: Options,
        in_parts: bool,
        wake: Callable[[], None],
    ) -> None:
        self.synthesizer, self.options, self.in_parts = synthesizer, options, in_parts
        self.left = deque(utterances)
        self.made = self.read = self.made_frames = 0
        self.cancelled = False
        self._sentences = len(utterances)
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[tuple[Speech | Exception | None, bool]] = asyncio.Queue()

    @property
    def key(self) -> tuple[object, ...]:
        """Jobs with equal keys can share a batch."""
        return id(self.synthesizer), *self.options.shared

    @property
    def ready(self) -> bool:
        """Whether its next sentence should be made."""
        return bool(self.left) and not self.cancelled and self.made - self.read < READ_AHEAD

    def deliver(self, piece: Speech | Exception | None, ends: bool = True) -> None:
        """Hand a piece over from the engine's thread.

        Args:
            piece: A sentence, a part of one, or why there is none; None when all parts were.
            ends: Whether its sentence ends with it.
        """
        if ends:
            self.made += 1
        if isinstance(piece, Speech):
            self.made_frames += piece.mel.shape[1]
        # The loop is closed when the server ends.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, (piece, ends))

    async def pieces(self) -> AsyncIterator[Speech]:
        """Each sentence with the silence that follows it; or its parts, and that silence.

        Raises:
            Exception: What went wrong with one.
        """
        voice, options, heard = self.synthesizer, self.options, None
        while self.read < self._sentences:
            piece, ends = await self._pieces.get()
            if isinstance(piece, Exception):
                raise piece
            if ends:
                self.read += 1
                self._wake()
            pause = ends and self.read < self._sentences
            if piece is not None:
                heard = piece
                yield voice.with_pause(piece, options) if pause else piece
            elif pause and heard is not None and options.sentence_silence_seconds:
                yield voice.pause(heard, options)

    def cancel(self) -> None:
        """Make nothing more of it."""
        self.cancelled = True


class Engine:
    """The thread that owns the models, and the places in its queue.

    Between two sentences it looks anew at who waits, so a short text need not wait for the end of a
    long one. Those who have heard least come first.

    Args:
        queue_size: Requests at a time, waiting or being answered.
        batch_size: Sentences made together.
        on_batch: Told how many sentences each batch has.
    """

    def __init__(
        self, queue_size: int, batch_size: int, on_batch: Callable[[int], None] = lambda size: None
    ) -> None:
        self.queue_size, self.batch_size = queue_size, batch_size
        self.taken = 0
        self._on_batch = on_batch
        self._jobs: list[Job] = []
        self._closed = False
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="speech", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still speaks."""
        return self._thread.is_alive() and not self._closed

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place in the queue; in the event loop only.

        Raises:
            QueueFull: All are taken.
        """
        if self.taken >= self.queue_size:
            raise QueueFull
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    @contextmanager
    def job(
        self,
        synthesizer: Synthesizer,
        utterances: Sequence[Utterance],
        options: Options,
        in_parts: bool = False,
    ) -> Iterator[Job]:
        """Have a text said; leaving the block cancels what is not yet made of it."""
        job = Job(synthesizer, utterances, options, in_parts, self._wake)
        with self._condition:
            self._jobs.append(job)
            self._condition.notify()
        try:
            yield job
        finally:
            job.cancel()
            with self._condition:
                self._jobs.remove(job)

    def close(self) -> None:
        """End the thread after the batch it is at."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        self._thread.join(JOIN_SECONDS)

    def _wake(self) -> None:
        with self._condition:
            self._condition.notify()

    def _work(self) -> None:
        gave_back, owing = time.monotonic(), False
        while True:
            with self._condition:
                # An idle server wakes once, to give back what it freed.
                longest = GIVE_BACK_SECONDS if owing else None
                awaited = self._condition.wait_for(self._has_work, longest)
                if self._closed:
                    return
                batch = [(job, job.left.popleft()) for job in self._choose()] if awaited else []
            if batch:
                self._on_batch(len(batch))
                self._speak(batch)
                owing = True
            if not awaited or time.monotonic() - gave_back > GIVE_BACK_SECONDS:
                give_back()
                gave_back, owing = time.monotonic(), False

    def _has_work(self) -> bool:
        return self._closed or any(job.ready for job in self._jobs)

    def _choose(self) -> list[Job]:
        waiting = sorted((job for job in self._jobs if job.ready), key=lambda job: job.made)
        return [job for job in waiting if job.key == waiting[0].key][: self.batch_size]

    def _speak(self, batch: Sequence[tuple[Job, Utterance]]) -> None:
        first = batch[0][0]
        try:
            # Those that share a batch wait for each other, but not for their turn.
            if len(batch) == 1 and first.in_parts:
                self._speak_in_parts(*batch[0])
                return
            pieces = first.synthesizer.speak_together(
                [utterance for _, utterance in batch], [job.options for job, _ in batch]
            )
        except Exception as error:
            if len(batch) == 1:
                first.deliver(error)
                return
            # One of them is at fault; the others shall not hear of it.
            for pair in batch:
                self._speak([pair])
            return
        for (job, _), piece in zip(batch, pieces, strict=True):
            job.deliver(piece)

    def _speak_in_parts(self, job: Job, utterance: Utterance) -> None:
        parts = job.synthesizer.speak_in_parts(utterance, job.options, job.made_frames)
        for part in parts:
            job.deliver(part, ends=False)
            if job.cancelled:
                return
        job.deliver(None)
