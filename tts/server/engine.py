"""One thread that speaks: sentences of different requests are made together."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from text import Utterance
from tts.options import Options
from tts.speech import Speech
from tts.synthesizer import Synthesizer

# Sentences made ahead of a client that reads slowly.
READ_AHEAD = 4
JOIN_SECONDS = 60.0


class QueueFull(Exception):
    """There is no place for another request."""


class Job:
    """One text on its way; made, read and cancelled in the event loop.

    Args:
        synthesizer: The voice.
        utterances: Its sentences, at least one.
        options: How they are said.
        wake: Called when there may be work again.
    """

    def __init__(
        self,
        synthesizer: Synthesizer,
        utterances: Sequence[Utterance],
        options: Options,
        wake: Callable[[], None],
    ) -> None:
        self.synthesizer, self.options = synthesizer, options
        self.left = deque(utterances)
        self.made = self.read = 0
        self.cancelled = False
        self._sentences = len(utterances)
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[Speech | Exception] = asyncio.Queue()

    @property
    def key(self) -> tuple[object, ...]:
        """Jobs with equal keys can share a batch."""
        return id(self.synthesizer), *self.options.shared

    @property
    def ready(self) -> bool:
        """Whether its next sentence should be made."""
        return bool(self.left) and not self.cancelled and self.made - self.read < READ_AHEAD

    def deliver(self, piece: Speech | Exception) -> None:
        """Hand a piece over from the engine's thread."""
        # The loop is closed when the server ends.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)

    async def pieces(self) -> AsyncIterator[Speech]:
        """Each sentence with the silence that follows it.

        Raises:
            Exception: What went wrong with one.
        """
        for number in range(1, self._sentences + 1):
            piece = await self._pieces.get()
            if isinstance(piece, Exception):
                raise piece
            self.read = number
            self._wake()
            last = number == self._sentences
            yield piece if last else self.synthesizer.with_pause(piece, self.options)

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
        self, synthesizer: Synthesizer, utterances: Sequence[Utterance], options: Options
    ) -> Iterator[Job]:
        """Have a text said; leaving the block cancels what is not yet made of it."""
        job = Job(synthesizer, utterances, options, self._wake)
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
        while True:
            with self._condition:
                while not self._closed and not any(job.ready for job in self._jobs):
                    self._condition.wait()
                if self._closed:
                    return
                batch = [(job, job.left.popleft()) for job in self._choose()]
            self._on_batch(len(batch))
            self._speak(batch)

    def _choose(self) -> list[Job]:
        waiting = sorted((job for job in self._jobs if job.ready), key=lambda job: job.made)
        return [job for job in waiting if job.key == waiting[0].key][: self.batch_size]

    def _speak(self, batch: Sequence[tuple[Job, Utterance]]) -> None:
        try:
            pieces = batch[0][0].synthesizer.speak_together(
                [utterance for _, utterance in batch], [job.options for job, _ in batch]
            )
        except Exception as error:
            if len(batch) == 1:
                batch[0][0].deliver(error)
                return
            # One of them is at fault; the others shall not hear of it.
            for pair in batch:
                self._speak([pair])
            return
        for (job, _), piece in zip(batch, pieces, strict=True):
            job.made += 1
            job.deliver(piece)
