"""Sound that leaves as it is made, and clients that leave before it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from core.audio.pcm import wav_header
from tests.tts.server.conftest import CLOSE, eventually, samples_of, serving
from tts.synthesizer import Synthesizer

LONG = "This is one of many sentences. " * 40
# Asks for a long text, tells that sound has come, and reads no further.
CLIENT = """
import sys, time, urllib.request
body = b'{"input": "%s", "response_format": "wav"}' % sys.argv[2].encode()
request = urllib.request.Request(
    sys.argv[1] + "/v1/audio/speech", body, {"Content-Type": "application/json"}
)
stream = urllib.request.urlopen(request)
stream.read(100)
print("heard", flush=True)
time.sleep(600)
"""


def test_first_sound_leaves_before_the_rest_is_made(gated):
    """One of three sentences is made; its samples are with the client."""
    body = {"input": "One. Two. Three.", "response_format": "wav"}
    wanted = gated.synthesize("One.").waveform.numpy()
    with serving(gated) as served, served.client() as client:
        gated.let(1)
        with client.stream("POST", "/v1/audio/speech", json=body) as answer:
            chunks = answer.iter_bytes()
            content = b""
            while len(content) < 44 + 2 * len(wanted):
                content += next(chunks)
            assert gated.batches == [1]
            assert content[:44] == wav_header(22050, None)
            samples = np.frombuffer(content[44:], "<i2")[: len(wanted)] / 32768
            np.testing.assert_allclose(samples, wanted, atol=CLOSE)
            gated.let()
            content += b"".join(chunks)
    whole = gated.synthesize("One. Two. Three.").waveform.numpy()
    np.testing.assert_allclose(samples_of(content), whole, atol=CLOSE)


LONGER = "This is a sentence of a few more words than the others have, for it to come in parts."


class Slow(Synthesizer):
    """A voice whose sentences go on only when they are let, after their first part."""

    def __init__(self, other):
        super().__init__(other.voice, other.frontend, other.acoustic, other.vocoder)
        self.permits = threading.Semaphore(0)

    def speak_in_parts(self, utterance, options, heard_frames=0):
        for part in super().speak_in_parts(utterance, options, heard_frames):
            yield part
            self.permits.acquire()


@pytest.mark.parametrize("kind", ["wav", "pcm"])
def test_first_sound_leaves_inside_the_first_sentence(voice, kind):
    """Its first part is with the client while the second is not made; together they are it."""
    slow = Slow(voice)
    wanted = voice.synthesize(LONGER).waveform.numpy()
    head = 44 if kind == "wav" else 0
    with serving(slow) as served, served.client() as client:
        body = {"input": LONGER, "response_format": kind}
        with client.stream("POST", "/v1/audio/speech", json=body) as answer:
            chunks = answer.iter_bytes()
            content = next(chunks)
            while len(content) < 44 + 1000:
                content += next(chunks)
            assert len(content) < head + 2 * len(wanted)
            slow.permits.release(100)
            content += b"".join(chunks)
    if kind == "wav":
        assert content[:44] == wav_header(22050, 2 * len(wanted))
        np.testing.assert_allclose(samples_of(content), wanted, atol=2 * CLOSE)


def test_single_sentence_has_an_exact_header(server, voice):
    """Streamed or not: its length is known when its first byte leaves."""
    samples = len(voice.synthesize("Hello there.").waveform)
    for stream in (True, False):
        content = server.speak("Hello there.", response_format="wav", stream=stream).content
        assert content[:44] == wav_header(22050, 2 * samples)
        assert len(content) == 44 + 2 * samples


def test_killed_client_frees_its_place_within_a_second(voice):
    """A process that is killed in the midst of its sound."""
    with serving(voice, queue_size=1) as served:
        command = [sys.executable, "-c", CLIENT, served.address, LONG * 3]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
            assert client.stdout is not None
            assert client.stdout.readline() == b"heard\n"
            assert served.engine.taken == 1
            os.kill(client.pid, signal.SIGKILL)
            began = time.monotonic()
            eventually(lambda: served.engine.taken == 0)
            assert time.monotonic() - began < 1.0
        assert served.engine._jobs == []
        assert served.speak("Hi.").status_code == 200
        assert "clients_left_total 1.0" in served.client().get("/metrics").text


def test_client_that_leaves_before_its_sound_frees_its_place(gated):
    """Nothing was sent yet; nothing is made for it."""
    import httpx

    with serving(gated, queue_size=1) as served:
        with httpx.Client(base_url=served.address, timeout=0.3) as client:
            try:
                client.post("/v1/audio/speech", json={"input": LONG})
                raise AssertionError("it was answered")
            except httpx.ReadTimeout:
                pass
        eventually(lambda: served.engine.taken == 0, seconds=2)
        gated.let()
        assert served.speak("Hi.").status_code == 200


def test_server_ends_after_the_answers_under_way(gated):
    """A shutdown in the midst of a text lets it be said to its end."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        with serving(gated) as served:
            gated.let(1)
            answer = pool.submit(served.speak, "One. Two.", response_format="wav")
            eventually(lambda: len(gated.batches) == 1)
            pool_release = time.monotonic() + 0.3
            while time.monotonic() < pool_release:
                time.sleep(0.05)
            gated.let()
        wanted = gated.synthesize("One. Two.").waveform.numpy()
        np.testing.assert_allclose(samples_of(answer.result().content), wanted, atol=CLOSE)
