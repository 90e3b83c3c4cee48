"""`straighttalk serve` as a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np

from core.audio.files import read_audio
from tests.tts.server.conftest import TEXT, samples_of

ROOT = Path(__file__).parents[3]
SECRET = "Nobody may read this sentence anywhere."


def environment(**more: str) -> dict[str, str]:
    own = {name: text for name, text in os.environ.items() if "STRAIGHTTALK" not in name}
    return {**own, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tts.cli", "serve", *map(str, arguments)]


@contextmanager
def running(directory: Path, *arguments: object, **variables: str) -> Iterator[tuple[str, Path]]:
    """The address of a server that runs in an empty directory, and its log."""
    log = directory / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command("--port", 0, *arguments),
            cwd=directory,
            stderr=stream,
            env=environment(**variables),
        )
    try:
        address = ""
        while not address:
            assert process.poll() is None, log.read_text()
            found = re.search(r"Serving (http://\S+)", log.read_text())
            address = found[1] if found else ""
        yield address, log
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0
        assert "Traceback" not in log.read_text()


def requests_in(log: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "request"]


def speak(address: str, text: str, **fields: object) -> httpx.Response:
    body = {"input": text, "response_format": "wav", **fields}
    return httpx.post(f"{address}/v1/audio/speech", json=body, timeout=600)


def test_command_serves_and_ends_well(tiny_voice, voice, tmp_path):
    """Loopback, no texts in the log, SIGTERM is no failure; `say` sounds alike."""
    with running(tmp_path, "-v", tiny_voice) as (address, log):
        assert address.startswith("http://127.0.0.1:")
        content = speak(address, TEXT, seed=5).content
        assert speak(address, SECRET).status_code == 200
        assert speak(address, f"[[§]] {SECRET}").status_code == 422
        assert httpx.get(f"{address}/{SECRET}").status_code == 404
    # A line is written when its answer has been sent: all are there when the server has ended.
    lines = requests_in(log)
    assert [line["status"] for line in lines] == [200, 200, 422, 404]
    assert lines[0]["characters"] == len(TEXT)
    assert "Nobody" not in log.read_text()
    say = [sys.executable, "-m", "tts.cli", "say", TEXT, "-v", tiny_voice, "--seed", "5"]
    said = subprocess.run([*say, "-o", "a.wav"], cwd=tmp_path, env=environment(), check=False)
    assert said.returncode == 0
    from_command, _ = read_audio(tmp_path / "a.wav")
    np.testing.assert_array_equal(from_command, samples_of(content))


def test_texts_are_logged_when_asked_for(tiny_voice, tmp_path):
    """By a switch, or its environment variable."""
    with running(tmp_path, "-v", tiny_voice, "--log-texts") as (address, log):
        assert speak(address, SECRET).status_code == 200
    assert requests_in(log)[0]["text"] == SECRET


def test_environment_sets_the_server(tiny_voice, tmp_path):
    """STRAIGHTTALK_* for every limit, and the key."""
    with running(
        tmp_path,
        STRAIGHTTALK_VOICE=str(tiny_voice),
        STRAIGHTTALK_API_KEY="a-key-of-good-length",
        STRAIGHTTALK_MAX_CHARACTERS="10",
        STRAIGHTTALK_QUEUE_SIZE="3",
    ) as (address, _):
        assert speak(address, "Hi.").status_code == 401
        assert httpx.get(f"{address}/health").json()["queue_size"] == 3
        headers = {"Authorization": "Bearer a-key-of-good-length"}
        url = f"{address}/v1/audio/speech"
        for text, status in (("Hi there.", 200), ("Hi there, you.", 422)):
            answer = httpx.post(url, json={"input": text}, headers=headers, timeout=600)
            assert answer.status_code == status
