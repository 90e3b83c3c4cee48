"""`straighttalk serve` as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np

from core.audio.files import read_audio
from tests.tts.server.conftest import TEXT, environment, running, samples_of

SECRET = "Nobody may read this sentence anywhere."


def requests_in(log: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "request"]


def speak(address: str, text: str, **fields: object) -> httpx.Response:
    body = {"input": text, "response_format": "wav", **fields}
    return httpx.post(f"{address}/v1/audio/speech", json=body, timeout=600)


def test_command_serves_and_ends_well(tiny_voice, voice, tmp_path):
    """Loopback, no texts in the log, SIGTERM is no failure; `say` sounds alike."""
    with running(tmp_path, "-v", tiny_voice) as (address, log, _):
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
    with running(tmp_path, "-v", tiny_voice, "--log-texts") as (address, log, _):
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
    ) as (address, _, _):
        assert speak(address, "Hi.").status_code == 401
        assert httpx.get(f"{address}/health").json()["queue_size"] == 3
        headers = {"Authorization": "Bearer a-key-of-good-length"}
        url = f"{address}/v1/audio/speech"
        for text, status in (("Hi there.", 200), ("Hi there, you.", 422)):
            answer = httpx.post(url, json={"input": text}, headers=headers, timeout=600)
            assert answer.status_code == status
