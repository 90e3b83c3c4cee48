"""Numbers for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 4, 8, 16, 32, 64, 128, 256, 600)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """What a server counts, in a registry of its own."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self) -> None:
        self._registry = CollectorRegistry()

        def name(rest: str) -> str:
            return f"straighttalk_{rest}"

        registry = self._registry
        self._queue = Gauge(name("queue"), "Requests waiting or being answered.", registry=registry)
        self.requests = Counter(
            name("requests"), "Answers by operation and status.", ["route", "status"],
            registry=registry,
        )  # fmt: skip
        self.request_seconds = Histogram(
            name("request_seconds"), "From the request to the end of its answer.", ["route"],
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.first_audio_seconds = Histogram(
            name("first_audio_seconds"), "From the request to its first sound.",
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.batch_size = Histogram(
            name("batch_size"), "Sentences made together.", buckets=BATCHES, registry=registry
        )
        self.audio_seconds = Counter(
            name("audio_seconds"), "Seconds of speech made.", registry=registry
        )
        self.characters = Counter(
            name("characters"), "Characters that were asked for.", registry=registry
        )
        self.left_early = Counter(
            name("clients_left"), "Requests whose client left before the end.", registry=registry
        )

    def watch_queue(self, length: Callable[[], float]) -> None:
        """Read the queue's length whenever somebody asks for it."""
        self._queue.set_function(length)

    def text(self) -> bytes:
        """Everything in Prometheus's text format."""
        return generate_latest(self._registry)
