"""Batching, fairness, cancellation, places."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.tts.server.conftest import CLOSE, TEXT, error_of, eventually, samples_of, serving
from tts.options import Options
from tts.server.engine import READ_AHEAD, Engine, QueueFull

TEXTS = ["One and two.", "Three.", "Four, five and six are more.", "Seven!"]


def wave_of(voice, text, **options):
    return voice.synthesize(text, **options).waveform.numpy()


def test_queued_requests_are_made_together_and_sound_as_alone(gated):
    """Those that wait share batches, with their own seeds and speeds; each has its own sound."""
    with serving(gated, batch_size=4) as served, ThreadPoolExecutor(8) as pool:
        first = pool.submit(served.speak, "First.")
        eventually(lambda: served.engine.taken == 1)
        asked = [
            pool.submit(served.speak, text, seed=n, speed=1 + n / 4, response_format="wav")
            for n, text in enumerate(TEXTS)
        ]
        eventually(lambda: served.engine.taken == 5)
        eventually(lambda: len(served.engine._jobs) == 5)
        gated.let()
        assert first.result().status_code == 200
        for n, (text, answer) in enumerate(zip(TEXTS, asked, strict=True)):
            wanted = wave_of(gated, text, seed=n, speed=1 + n / 4)
            np.testing.assert_allclose(samples_of(answer.result().content), wanted, atol=CLOSE)
    assert gated.batches == [1, 4]


def test_requests_of_other_settings_are_made_apart(gated):
    """Steps and temperature are of a batch, not of a sentence."""
    with serving(gated) as served, ThreadPoolExecutor(4) as pool:
        first = pool.submit(served.speak, "First.")
        eventually(lambda: served.engine.taken == 1)
        asked = [pool.submit(served.speak, "Two.", steps=n, response_format="wav") for n in (1, 3)]
        eventually(lambda: len(served.engine._jobs) == 3)
        gated.let()
        assert first.result().status_code == 200
        for n, answer in zip((1, 3), asked, strict=True):
            wanted = wave_of(gated, "Two.", steps=n)
            np.testing.assert_allclose(samples_of(answer.result().content), wanted, atol=CLOSE)
    assert gated.batches == [1, 1, 1]


def test_idle_server_gives_memory_back_once(gated, monkeypatch):
    """After the last sentence, and not again and again."""
    given = []
    monkeypatch.setattr("tts.server.engine.GIVE_BACK_SECONDS", 0.5)
    monkeypatch.setattr("tts.server.engine.give_back", lambda: given.append(gated.batches[:]))
    with serving(gated) as served:
        gated.let()
        assert served.speak("One.").status_code == 200
        eventually(lambda: given)
        time.sleep(1.2)
    assert given == [[1]]


def test_short_text_does_not_wait_for_a_long_one(gated):
    """It is answered while the long one, asked for before, still has sentences to come."""
    with serving(gated, batch_size=1) as served, ThreadPoolExecutor(4) as pool:
        long = pool.submit(served.speak, "Again. " * 50, stream=False)
        eventually(lambda: len(served.engine._jobs) == 1)
        gated.let(1)
        eventually(lambda: len(gated.batches) == 1)
        short = pool.submit(served.speak, "Short.")
        eventually(lambda: len(served.engine._jobs) == 2)
        # One batch of the long text is under way already.
        gated.let(2)
        assert short.result().status_code == 200
        assert not long.done()
        gated.let()
        assert long.result().status_code == 200


def test_full_queue_is_told_to_come_back(gated):
    """429 with Retry-After; the others are answered; the place is free again."""
    with serving(gated, queue_size=2) as served, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(served.speak, "Hi.") for _ in range(2)]
        eventually(lambda: served.engine.taken == 2)
        answer = served.speak("Hi.")
        error = error_of(answer, 429)
        assert (error["type"], error["code"]) == ("rate_limit_error", "queue_full")
        assert int(answer.headers["retry-after"]) >= 1
        gated.let()
        assert [a.result().status_code for a in asked] == [200, 200]
        assert served.engine.taken == 0
        assert served.speak("Hi.").status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_request_that_waits_too_long_is_told_to_come_back(gated, stream):
    """The limit on the first byte; its place is free again."""
    with serving(gated, first_byte_seconds=0.3) as served:
        answer = served.speak("Hi.", stream=stream)
        assert error_of(answer, 429)["code"] == "too_slow"
        assert "retry-after" in answer.headers
        assert served.engine.taken == 0
        gated.let()


def test_answer_that_takes_too_long_is_broken_off(gated):
    """The limit on the whole; the client sees that it is not whole."""
    import httpx

    with serving(gated, total_seconds=0.5) as served:
        gated.let(1)
        with pytest.raises(httpx.RemoteProtocolError):
            served.speak("One. Two.", response_format="wav")
        eventually(lambda: served.engine.taken == 0)
        gated.let()


def test_failure_of_one_spares_the_others_in_its_batch(gated):
    """What breaks a batch is found; the others are said, and the server lives on."""
    real = gated._mels

    def fragile(batch, options):
        if any("three" in u.text.lower() for u in batch):
            raise RuntimeError("a secret from inside")
        return real(batch, options)

    gated._mels = fragile
    with serving(gated) as served, ThreadPoolExecutor(8) as pool:
        first = pool.submit(served.speak, "First.")
        eventually(lambda: served.engine.taken == 1)
        asked = [pool.submit(served.speak, text) for text in TEXTS]
        eventually(lambda: len(served.engine._jobs) == 5)
        gated.let()
        assert first.result().status_code == 200
        statuses = [answer.result().status_code for answer in asked]
        assert statuses == [200, 500, 200, 200]
        assert "secret" not in asked[1].result().text
        error_of(asked[1].result(), 500)
        assert served.speak("Hi.").status_code == 200


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 30))


def test_engine_makes_little_more_than_is_read(voice):
    """A client that reads slowly fills no memory: four sentences ahead, then it waits."""

    async def read_slowly():
        engine = Engine(1, 1)
        sentences = voice.frontend.process_batch(["Again."] * 20)
        with engine.job(voice, sentences, Options()) as job:
            pieces = job.pieces()
            await anext(pieces)
            for _ in range(100):
                await asyncio.sleep(0.01)
                assert job.made <= 1 + READ_AHEAD
            assert job.made == 1 + READ_AHEAD
            assert len([piece async for piece in pieces]) == 19
        await asyncio.to_thread(engine.close)
        assert not engine.alive

    run(read_slowly())


def test_engine_drops_what_nobody_wants(gated):
    """A cancelled job's sentences are not made."""

    async def leave():
        engine = Engine(1, 1)
        sentences = gated.frontend.process_batch(["Again."] * 20)
        with engine.job(gated, sentences, Options()) as job:
            gated.let(1)
            await anext(job.pieces())
        gated.let()
        await asyncio.to_thread(engine.close)
        assert len(gated.batches) <= 2

    run(leave())


def test_places_are_counted():
    """As many as there are, given back in any event."""
    engine = Engine(1, 1)
    with engine.place():
        assert engine.taken == 1
        with pytest.raises(QueueFull):
            engine.place().__enter__()
    assert engine.taken == 0
    engine.close()


def test_threads_that_share_a_voice_take_turns(voice):
    """The demo and the server may speak at once; both are right."""
    wanted = wave_of(voice, TEXT)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(wave_of(voice, TEXT))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_array_equal(result, wanted)
