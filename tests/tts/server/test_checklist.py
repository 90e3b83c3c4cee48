"""What users of such a server were promised, where no other file has it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from packaging.requirements import Requirement
from packaging.version import Version

from core.audio.files import encode_audio, read_audio
from core.audio.writer import audio_writer
from core.data.download import fetch
from core.errors import InputError
from tests.tts.server.conftest import TEXT, error_of, samples_of, serving
from tts.server.settings import ServerSettings

ROOT = Path(__file__).parents[3]
# Everything this process may still reach when the network is gone.
OFFLINE = """
import socket
def kept_here(real, place):
    def call(*given):
        host = given[place][0] if isinstance(given[place], tuple) else given[place]
        if isinstance(host, str) and host not in ("127.0.0.1", "::1", "localhost", "0.0.0.0"):
            print("the test forbids", host)
            raise OSError("no network")
        return real(*given)
    return call
socket.socket.connect = kept_here(socket.socket.connect, 1)
socket.getaddrinfo = kept_here(socket.getaddrinfo, 0)
"""
SERVER = """
from fastapi.testclient import TestClient
from tts.server.app import create_app
with TestClient(create_app(voice)) as client:
    answer = client.post("/v1/audio/speech", json={"input": "Hello."})
    assert answer.status_code == 200, answer.text
    assert client.get("/docs").status_code == 200
"""
DEMO = """
from urllib.request import urlopen
from tts.demo.page import build_demo, launch
demo = build_demo(voice)
with urlopen(launch(demo)) as answer:
    assert b"StraightTalk" in answer.read()
demo.close()
"""
COMMANDS = """
from tts.cli import run
assert run(["say", "Hello.", "-v", str(place), "-o", "a.wav", "--quiet"]) == 0
assert run(["vocode", "a.wav", "-v", str(place), "--output-dir", "copies"]) == 0
"""
NAMES = [
    "../x", "/etc/passwd", "..\\x", "%2e%2e", "\x00", "a" * 190, "CON", "NUL.txt", "hf://a/b",
    "./tiny", "~", "kathleen/..", "C:\\x", "\\\\host\\share", "https://example.com/v",
]  # fmt: skip


@pytest.mark.parametrize(
    "address", ["http://example.com/a", "file:///etc/passwd", "ftp://example.com/a", "//etc/passwd"]
)
def test_downloads_are_encrypted_and_named(address, tmp_path):
    """Anything but https is refused before a connection; nothing is left behind."""
    with pytest.raises(InputError):
        fetch(address, tmp_path / "a", "0" * 64, 10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("program", [SERVER, DEMO, COMMANDS], ids=["serve", "demo", "say"])
def test_everything_starts_and_speaks_without_a_network(tiny_voice, tmp_path, program):
    """In a process for which every other host is out of reach; none is even asked for."""
    if program == DEMO:
        pytest.importorskip("gradio")
    beginning = f"""{OFFLINE}
from pathlib import Path
from tts.synthesizer import Synthesizer
place = Path({str(tiny_voice)!r})
voice = Synthesizer.from_pretrained(place, device="cpu")
"""
    ran = subprocess.run(
        [sys.executable, "-c", beginning + program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert "forbids" not in ran.stdout


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_voice_names_cannot_leave_the_voices(server, name):
    """A name that is a path gets the answer of any unknown one, there or not."""

    def said(name):
        error = error_of(server.speak("Hi.", voice=name), 404)
        return error["code"], error["message"].rpartition("allowed:")[2]

    assert said(name) == said("nobody-of-this-name")


def test_markup_is_only_text(server):
    """No entity is expanded and no depth is followed: there is no parser to be fooled."""
    bomb = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]><speak>&c;</speak>'
    deep = "<p>" * 40 + "word" + "</p>" * 40
    for text in (bomb, deep, '<speak>Hi<break time="9999s"/></speak>', "<speak", "&lt;&#0;&bad;"):
        answer = server.speak(text, response_format="wav", steps=1, vocoder_steps=1)
        assert answer.status_code in (200, 422)
        if answer.status_code == 200:
            # Far below what the pause of that markup would add.
            assert len(samples_of(answer.content)) < 600 * 22050


@pytest.mark.slow
def test_long_text_streams_in_bounded_memory(voice):
    """A megabyte of text; memory grows by less than 200 MB."""
    text = "This is a short sentence. " * 40_000
    process = psutil.Process()
    limits = {"max_characters": 1_000_000, "max_body_bytes": 2 << 20, "total_seconds": 7200.0}
    with serving(voice, **limits) as served, served.client() as client:
        assert served.speak("Warm.", response_format="pcm").status_code == 200
        before = process.memory_info().rss
        body = {"input": text[:1_000_000], "response_format": "pcm", "steps": 1, "vocoder_steps": 1}
        peak = read = 0
        with client.stream("POST", "/v1/audio/speech", json=body, timeout=600) as answer:
            for chunk in answer.iter_raw():
                read += len(chunk)
                peak = max(peak, process.memory_info().rss - before)
        assert read > 1_000_000
        assert peak < 200 << 20


def test_same_seed_gives_the_same_bytes(server, voice):
    """Twice over HTTP, and as in Python; another seed gives others."""
    first, second, other = (
        server.speak(TEXT, seed=seed, response_format="wav", stream=False).content
        for seed in (7, 7, 8)
    )
    assert first == second != other
    wanted = encode_audio(voice.synthesize(TEXT, seed=7).waveform, 22050, "wav")
    assert first == wanted


@pytest.mark.slow
def test_large_upload_takes_no_memory(server):
    """A gigabyte is offered; memory grows by less than 64 MB."""
    process = psutil.Process()
    before = process.memory_info().rss
    host, port = server.address.removeprefix("http://").split(":")
    head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host, int(port))) as stream:
        stream.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(1 << 14):
                stream.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
        except OSError:
            pass
    assert process.memory_info().rss - before < 64 << 20


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["flac", "opus"])
def test_sound_that_unpacks_to_hours_is_refused(kind, tmp_path):
    """Ten hours of silence in few bytes end at the limit: in seconds, in less than 256 MB."""
    path = tmp_path / f"silence.{kind}"
    with audio_writer(path, 8000) as writer:
        for _ in range(600):
            writer.write(torch.zeros(8000 * 60))
    assert path.stat().st_size < 25_000_000
    program = """
import resource, sys, time
from core.audio.files import read_audio
from core.errors import InputError
content = open(sys.argv[1], "rb").read()
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
try:
    read_audio(content)
except InputError as error:
    print(error)
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 << 10
assert time.process_time() - start < 5
"""
    done = subprocess.run(
        [sys.executable, "-c", program, path], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout == "the audio is longer than 600 seconds\n"


@pytest.mark.parametrize(
    "content", [b"", b"text named .wav", b"MZ\x90", b"#!/bin/sh", b".snd" + b"\0" * 60, b"riff"]
)
def test_what_is_no_sound_is_refused_by_its_head(content):
    """No decoder sees it."""
    with pytest.raises(InputError):
        read_audio(content)


def test_errors_tell_nothing_of_the_inside(server):
    """No path, no trace, no text in the body of an error."""
    text = "A sentence that is private, [[§]] and long."
    for fields in ({"input": text}, {"input": "Hi.", "voice": "nobody"}, {"input": text * 99}):
        body = {"voice": "alloy", **fields}
        content = server.speak(**body).text
        assert text not in content
        assert "private" not in content
        assert not re.search(r"/\w+/\w+|\.py|Traceback|line \d", content)


@pytest.mark.parametrize(
    ("extra", "name", "floor"),
    [
        ("serve", "starlette", "0.49.1"),
        ("demo", "python-multipart", "0.0.18"),
        ("demo", "gradio", "6.7"),
    ],
)
def test_floors_stand_in_the_metadata(extra, name, floor):
    """Releases with known faults cannot be installed with us, and are not here."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(r) for r in table["optional-dependencies"][extra]]
    (one,) = (r for r in wanted if r.name == name)
    assert f">={floor}" in str(one.specifier)
    assert Version(metadata.version(name)) in one.specifier


def test_security_policy_names_the_server():
    """How to report, which versions, who is not trusted."""
    policy = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    for words in ("Report a", "latest release", "HTTP clients", "text", "voices", "recordings"):
        assert words in policy


def test_server_is_closed_unless_it_is_told_otherwise(server):
    """No debugging, no demo for the asking, and limits on everything."""
    assert not server.app.debug
    settings = ServerSettings()
    assert (settings.max_characters, settings.max_body_bytes) == (4096, 1 << 16)
    assert (settings.queue_size, settings.log_texts, settings.body_seconds) == (32, False, 10.0)


def test_openapi_document_is_whole(server):
    """Every operation names its errors in OpenAI's shape, and says what it does."""
    with server.client() as client:
        schema = client.get("/openapi.json").json()
    shape = {"$ref": "#/components/schemas/ErrorBody"}
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            assert operation["summary"]
            assert operation["description"]
            wrong = {s: r for s, r in operation["responses"].items() if s[0] == "4"}
            assert path == "/health" or "401" in wrong
            for answer in wrong.values():
                assert answer["content"]["application/json"]["schema"] == shape
    assert "HTTPValidationError" not in json.dumps(schema)


def test_loudness_is_the_voices(server, voice):
    """Nothing is brought to full scale on its way."""
    content = server.speak("Hello there.", response_format="flac").content
    wanted = voice.synthesize("Hello there.").waveform.abs().max().item()
    assert np.abs(samples_of(content)).max() == pytest.approx(wanted, abs=1e-4)
