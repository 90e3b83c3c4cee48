"""A real server on a free port, with a tiny voice."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.audio.files import read_audio
from tts.synthesizer import Synthesizer

if importlib.util.find_spec("fastapi") is None:
    collect_ignore_glob = ["test_*.py"]

ROOT = Path(__file__).parents[3]
TEXT = "Hello there, world. It is a fine day! Is it not?"
# Batches and singles agree to 1e-5; 16 bits round by half of 3e-5.
CLOSE = 1e-4


@dataclass(frozen=True)
class Served:
    """A server that runs.

    Attributes:
        address: Of it.
        app: Its application.
    """

    address: str
    app: Any

    @property
    def engine(self) -> Any:
        return self.app.state.parts.engine

    def client(self, **options: Any) -> Any:
        import httpx

        return httpx.Client(base_url=self.address, timeout=600, **options)

    def speak(self, input: str = TEXT, **fields: Any) -> Any:
        """The answer to a request for speech."""
        with self.client() as client:
            return client.post("/v1/audio/speech", json={"input": input, **fields})


@contextmanager
def serving(
    synthesizer: Synthesizer, mount_demo: Callable[..., Any] | None = None, **limits: Any
) -> Iterator[Served]:
    """Run a server in a thread until the block ends."""
    from tts.server.app import create_app
    from tts.server.listening import bind, make_server
    from tts.server.settings import ServerSettings

    # What is right does not depend on how busy the machine is.
    settings = ServerSettings(**{"first_byte_seconds": 600.0, **limits})
    app = create_app(synthesizer, settings, version="1.2.3", mount_demo=mount_demo)
    listening = bind("127.0.0.1", 0)
    server = make_server(app, settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    eventually(lambda: server.started)
    try:
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", app)
    finally:
        server.should_exit = True
        thread.join(60)
        listening.close()
        assert not thread.is_alive()


def environment(**more: str) -> dict[str, str]:
    """Ours, with nothing that would change a server."""
    own = {name: text for name, text in os.environ.items() if "STRAIGHTTALK" not in name}
    return {**own, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}


@contextmanager
def running(
    directory: Path, *arguments: object, **variables: str
) -> Iterator[tuple[str, Path, int]]:
    """Address, log and id of a server that is a process of its own, in an empty directory."""
    log = directory / "log"
    command = [sys.executable, "-m", "tts.cli", "serve", "--port", "0", *map(str, arguments)]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=directory, stderr=stream, env=environment(**variables)
        )
    try:
        address = ""
        while not address:
            assert process.poll() is None, log.read_text()
            found = re.search(r"Serving (http://\S+)", log.read_text())
            address = found[1] if found else ""
            time.sleep(0.05)
        yield address, log, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0
        assert "Traceback" not in log.read_text()


def eventually(claim: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.01)


def error_of(response: Any, status: int) -> dict[str, Any]:
    """The error in an answer, which must have OpenAI's shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"]
    assert "\n" not in body["error"]["message"]
    error: dict[str, Any] = body["error"]
    return error


def samples_of(wav: bytes) -> np.ndarray:
    """The samples of a sound file."""
    return read_audio(wav)[0].numpy()


class Gated(Synthesizer):
    """A voice that says each batch only when it is let."""

    def __init__(self, other: Synthesizer) -> None:
        super().__init__(
            other.voice, other.frontend, other.acoustic, other.vocoder, str(other.device)
        )
        self.permits = threading.Semaphore(0)
        self.batches: list[int] = []

    def speak_together(self, utterances, options):
        self.permits.acquire()
        self.batches.append(len(utterances))
        return super().speak_together(utterances, options)

    def speak_in_parts(self, utterance, options, heard_frames=0):
        self.permits.acquire()
        self.batches.append(1)
        yield from super().speak_in_parts(utterance, options, heard_frames)

    def let(self, batches: int = 1000) -> None:
        """Allow some batches."""
        self.permits.release(batches)


@pytest.fixture(scope="session")
def voice(tiny_voice) -> Synthesizer:
    return Synthesizer.from_pretrained(tiny_voice, device="cpu")


@pytest.fixture(scope="session")
def pair(tiny_voice_of_two) -> Synthesizer:
    return Synthesizer.from_pretrained(tiny_voice_of_two, device="cpu")


@pytest.fixture(scope="module")
def server(voice, tmp_path_factory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRAIGHTTALK_HOME", str(tmp_path_factory.mktemp("home")))
        with serving(voice) as served:
            yield served


@pytest.fixture
def gated(voice) -> Iterator[Gated]:
    made = Gated(voice)
    yield made
    made.let()
