"""Many clients at once: right answers, 429 and nothing else, flat memory."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import psutil
import pytest

from tests.tts.server.conftest import CLOSE, eventually, running, samples_of, serving

TEXTS = ["One.", "Two and three.", "Four, five. Six!", "Seven is a number, and so is eight."]
SEEDS = range(3)


@pytest.fixture(scope="module")
def wanted(voice):
    return {
        (text, seed): voice.synthesize(text, seed=seed).waveform.numpy()
        for text in TEXTS
        for seed in SEEDS
    }


def hammer(address, wanted, seconds, number, counts):
    """One client: asks, checks what it hears, comes back when told to, leaves at times."""
    rng = random.Random(number)
    with httpx.Client(base_url=address, timeout=600) as client:
        # On a busy machine it takes seconds to become a client.
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            text, seed = rng.choice(TEXTS), rng.choice(SEEDS)
            body = {"input": text, "seed": seed, "response_format": "wav"}
            with client.stream("POST", "/v1/audio/speech", json=body) as answer:
                counts[answer.status_code] = counts.get(answer.status_code, 0) + 1
                if answer.status_code == 429:
                    assert int(answer.headers["retry-after"]) >= 1
                    time.sleep(0.2)
                    continue
                assert answer.status_code == 200
                if rng.random() < 0.1:
                    continue
                content = answer.read()
            np.testing.assert_allclose(samples_of(content), wanted[text, seed], atol=CLOSE)


def storm(address, wanted, clients, seconds):
    """Counts of the statuses that many clients got; the queue is empty afterwards."""
    counts: dict[int, int] = {}
    with ThreadPoolExecutor(clients) as pool:
        futures = [pool.submit(hammer, address, wanted, seconds, n, counts) for n in range(clients)]
        for future in futures:
            future.result()
    eventually(lambda: httpx.get(f"{address}/health", timeout=60).json()["queue"] == 0, seconds=120)
    assert set(counts) <= {200, 429}
    assert counts[200] > 0
    return counts


def test_thirty_clients_hear_their_own_texts(voice, wanted):
    """Also while some leave in the midst; the queue is empty afterwards."""
    with serving(voice, queue_size=16, batch_size=8) as served:
        storm(served.address, wanted, clients=30, seconds=3)
        assert served.engine._jobs == []
        assert served.speak("Hi.").status_code == 200


def test_two_hundred_clients_at_once_harm_nobody(voice):
    """All knock together: as many as there are places are answered, the others get a 429."""
    with serving(voice, queue_size=8) as served, ThreadPoolExecutor(200) as pool:
        barrier = threading.Barrier(200, timeout=300)

        def knock():
            barrier.wait()
            return served.speak("Seven is a number.", response_format="wav").status_code

        statuses = [future.result() for future in [pool.submit(knock) for _ in range(200)]]
        assert set(statuses) <= {200, 429}
        assert statuses.count(200) >= 8
        eventually(lambda: served.engine.taken == 0)


@pytest.mark.slow
def test_fifty_clients_for_two_minutes_leave_memory_flat(
    tiny_voice, wanted, tmp_path, record_property
):
    """Nothing but 200 and 429, and what the server's process needed in the first half minute is
    enough for two more."""
    options = ("-v", tiny_voice, "--no-demo", "--batch-size", 8)
    with running(tmp_path, *options) as (address, _, number):
        process = psutil.Process(number)
        storm(address, wanted, clients=50, seconds=30)
        before = process.memory_info().rss
        counts = storm(address, wanted, clients=50, seconds=120)
        after = process.memory_info().rss
        record_property("seen", f"{counts}, {before >> 20} MB before, {after >> 20} MB after")
        assert after < 1.1 * before


@pytest.mark.slow
def test_five_hundred_requests_leave_memory_flat(tiny_voice, tmp_path):
    """One after the other."""
    with (
        running(tmp_path, "-v", tiny_voice, "--no-demo") as (address, _, number),
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        process = psutil.Process(number)

        def ask(count):
            for n in range(count):
                body = {"input": TEXTS[n % len(TEXTS)], "response_format": "mp3"}
                assert client.post("/v1/audio/speech", json=body).status_code == 200

        ask(100)
        before = process.memory_info().rss
        ask(500)
        assert process.memory_info().rss < 1.1 * before
