"""What is asked, and how mistakes are answered."""

from __future__ import annotations

import json
import shutil

import pytest

from core.voice import home
from tests.tts.server.conftest import TEXT, error_of, samples_of, serving
from tts.timings import FORMATS, Timings

PATH = "/v1/audio/speech"


@pytest.fixture(scope="module")
def client(server):
    with server.client() as made:
        yield made


@pytest.mark.parametrize(
    ("fields", "status", "param", "words"),
    [
        ({}, 422, "input", "field required"),
        ({"input": ""}, 422, "input", "at least 1 character"),
        ({"input": "   "}, 422, "input", "nothing to say"),
        ({"input": "..."}, 422, "input", "nothing to say"),
        ({"input": 5}, 422, "input", "string"),
        ({"input": None}, 422, "input", "string"),
        ({"input": ["Hi."]}, 422, "input", "string"),
        ({"input": "Say [[§]]."}, 422, "input", "§"),
        ({"input": "Hi.", "speed": 9}, 422, "speed", "speed is 9"),
        ({"input": "Hi.", "speed": "fast"}, 422, "speed", "number"),
        ({"input": "Hi.", "steps": 65}, 422, "steps", "64"),
        ({"input": "Hi.", "steps": 0}, 422, "steps", "1"),
        ({"input": "Hi.", "vocoder_steps": 10**9}, 422, "vocoder_steps", "64"),
        ({"input": "Hi.", "seed": -1}, 422, "seed", "0"),
        ({"input": "Hi.", "seed": 2**63}, 422, "seed", "9223372036854775807"),
        ({"input": "Hi.", "temperature": 2.1}, 422, "temperature", "2"),
        ({"input": "Hi.", "sentence_silence": 11}, 422, "sentence_silence", "10"),
        ({"input": "Hi. " * 9, "sentence_silence": 9}, 422, "sentence_silence", "60 s"),
        ({"input": "Hi.", "response_format": "aac"}, 422, "response_format", "'opus'"),
        ({"input": "Hi.", "stream_format": "websocket"}, 422, "stream_format", "'sse'"),
        ({"input": "Hi.", "spead": 1}, 422, "spead", "unknown field 'spead'"),
        ({"input": "Hi.", "model": "gpt-5"}, 404, "model", "unknown model 'gpt-5'"),
        ({"input": "Hi.", "voice": "nobody"}, 404, "voice", "unknown voice 'nobody'"),
        ({"input": "Hi.", "voice": {"id": "nobody"}}, 404, "voice", "unknown voice"),
        ({"input": "Hi.", "voice": "tiny:ann"}, 404, "voice", "one speaker"),
        ({"input": "Hi.", "speaker": "ann"}, 404, "speaker", "one speaker"),
    ],
)
def test_mistakes_are_answered_with_their_field(client, fields, status, param, words):
    """The sentence names what is allowed; nothing was spoken."""
    error = error_of(client.post(PATH, json=fields), status)
    assert error["param"] == param
    assert words in error["message"]
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422), (b"{", 400), (b"\xff\xfe", 400), (b"[]", 422), (b"null", 422), (b'"Hi."', 422),
        (b'{"input": "Hi.", "speed": NaN}', 422), (b'{"input": "Hi.", "speed": 1e999}', 422),
        (b'{"input": "\\ud800"}', 422), (b'{"\\ud800": 1, "input": "Hi."}', 422),
        (b"[" * 60000, 400), (b'{"seed": ' + b"9" * 60000 + b', "input": "Hi."}', 400),
    ],
)  # fmt: skip
def test_bodies_that_are_no_request_are_refused(client, content, status):
    """Broken, empty, absurd or deep JSON is the client's fault."""
    error_of(
        client.post(PATH, content=content, headers={"Content-Type": "application/json"}), status
    )


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "multipart/form-data; boundary=x", "application/xml"]
)
def test_other_content_types_are_refused(client, kind):
    """415, also for what a page elsewhere can send without asking."""
    headers = {} if kind is None else {"Content-Type": kind}
    error_of(client.post(PATH, content=b'{"input": "Hi."}', headers=headers), 415)


@pytest.mark.parametrize("path", ["/nothing", "/v1/audio/../../etc/passwd", "/v1/audio/speech/"])
def test_unknown_paths_are_refused(client, path):
    """404 in the same shape."""
    assert error_of(client.get(path), 404)["code"] == "not_found"


def test_wrong_methods_are_refused(client):
    """405 in the same shape."""
    assert error_of(client.get(PATH), 405)["code"] == "method_not_allowed"


def test_text_of_the_longest_length_is_spoken_and_no_longer_one(client):
    """4,096 characters and 4,097; the length is counted in characters, not bytes."""
    assert client.post(PATH, json={"input": "é" * 4096}).status_code == 200
    error = error_of(client.post(PATH, json={"input": "é" * 4097}), 422)
    assert "4,097 characters; at most 4,096" in error["message"]


def test_voices_are_listed(client, voice):
    """Objects with `id` and `name`, the default first."""
    rows = client.get("/v1/audio/voices").json()["voices"]
    assert rows[0] == {
        "id": "tiny", "name": "tiny", "language": "en-us", "licence": "CC0-1.0",
        "sample_rate_hz": 22050, "speakers": [],
    }  # fmt: skip
    assert "kathleen" in [row["id"] for row in rows]


def test_speakers_are_voices_too(pair):
    """`voice:speaker` is the same as the field `speaker`."""
    with serving(pair) as served:
        with served.client() as client:
            ids = [row["id"] for row in client.get("/v1/audio/voices").json()["voices"]]
        assert ids[:3] == ["pair", "pair:ann", "pair:bob"]
        options = {"input": "Hi.", "response_format": "wav"}
        by_name = served.speak(voice="pair:bob", **options).content
        by_field = served.speak(speaker="bob", **options).content
        assert by_name == by_field != served.speak(**options).content
        assert "did you mean 'bob'" in error_of(served.speak(voice="pair:bobb"), 404)["message"]


def test_installed_voices_are_loaded_when_asked_for(
    voice, tiny_voice_of_two, tmp_path, monkeypatch
):
    """By name, from $STRAIGHTTALK_HOME; a broken one is a 404 without its path."""
    monkeypatch.setenv("STRAIGHTTALK_HOME", str(tmp_path))
    shutil.copytree(tiny_voice_of_two, home() / "voices" / "other")
    shutil.copytree(tiny_voice_of_two, home() / "voices" / "broken")
    (home() / "voices" / "broken" / "vocoder.safetensors").write_bytes(b"nothing")
    with serving(voice) as served:
        wanted = served.speak("Hi.", voice="other", speaker="bob", response_format="wav")
        assert len(samples_of(wanted.content)) > 1000
        error = error_of(served.speak("Hi.", voice="broken"), 404)
        assert str(tmp_path) not in json.dumps(error)


def test_links_out_of_the_voices_are_no_voices(voice, tiny_voice_of_two, tmp_path, monkeypatch):
    """Neither listed nor spoken with: where a link leads is not for clients to find out."""
    monkeypatch.setenv("STRAIGHTTALK_HOME", str(tmp_path))
    (home() / "voices").mkdir(parents=True)
    (home() / "voices" / "linked").symlink_to(tiny_voice_of_two)
    with serving(voice) as served:
        with served.client() as client:
            assert "linked" not in client.get("/v1/audio/voices").text
        assert "unknown voice" in error_of(served.speak("Hi.", voice="linked"), 404)["message"]


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_timings_are_those_of_the_speech(client, voice, kind):
    """The same text that `say --timings` writes."""
    times = Timings()
    for piece in voice.stream([TEXT], seed=2):
        times.add(piece)
    answer = client.post("/extra/timings", json={"input": TEXT, "seed": 2, "timings_format": kind})
    assert answer.status_code == 200
    assert answer.text == FORMATS[kind](times)


def test_health_and_metrics_tell_how_it_is(server):
    """Counts grow with the requests; every place is free again."""

    def numbers():
        with server.client() as client:
            lines = client.get("/metrics").text.splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    before = numbers()
    assert server.speak("Hi.").status_code == 200
    after = numbers()
    name = 'straighttalk_requests_total{route="/v1/audio/speech",status="200"}'
    assert after[name] == before.get(name, 0) + 1
    assert after["straighttalk_characters_total"] == before["straighttalk_characters_total"] + 3
    assert after["straighttalk_audio_seconds_total"] > before["straighttalk_audio_seconds_total"]
    with server.client() as client:
        for path in ("/health", "/healthz", "/readyz"):
            told = client.get(path).json()
            assert (told["status"], told["queue"], told["queue_size"]) == ("ok", 0, 32)
            assert told["version"] == "1.2.3"


def test_documentation_comes_from_here_alone(client):
    """The page has no scripts and nothing with an address elsewhere."""
    page = client.get("/docs").text
    assert "/v1/audio/speech" in page
    assert "<script" not in page
    assert "://" not in page.replace(str(client.base_url).rstrip("/"), "")
    assert client.get("/").headers["location"] == "/docs"
    assert client.get("/openapi.json").json()["info"]["version"] == "1.2.3"
