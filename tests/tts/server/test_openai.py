"""OpenAI's own client, and curl, speak to the server."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess

import numpy as np
import openai
import pytest

from core.audio.files import read_audio
from tests.tts.server.conftest import CLOSE, TEXT, samples_of

PCM_HZ = 24000


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=f"{server.address}/v1", api_key="any", max_retries=0) as made:
        yield made


def seconds_of(content, kind):
    if kind == "pcm":
        return len(content) / 2 / PCM_HZ
    waveform, rate = read_audio(content)
    return len(waveform) / rate


def test_official_client_gets_the_synthesizers_samples(client, voice):
    """The same text and seed over HTTP and in Python are the same 16-bit samples."""
    content = client.audio.speech.create(
        model="tts-1", voice="alloy", input=TEXT, response_format="wav", extra_body={"seed": 3}
    ).read()
    wanted = voice.synthesize(TEXT, seed=3).waveform.numpy()
    np.testing.assert_allclose(samples_of(content), wanted, atol=CLOSE)


@pytest.mark.parametrize("kind", ["mp3", "opus", "flac", "wav", "pcm"])
@pytest.mark.parametrize("stream", [False, True])
def test_official_client_gets_every_format(client, voice, kind, stream):
    """Each decodes and lasts as long; only an MP3 without a length has its delay more."""
    answer = client.audio.speech.create(
        model="tts-1-hd",
        voice="nova",
        input=TEXT,
        response_format=kind,
        extra_body={"stream": stream},
    )
    spare = 0.09 if stream and kind == "mp3" else 0.05
    wanted = voice.synthesize(TEXT).seconds
    assert abs(seconds_of(answer.content, kind) - wanted) <= spare
    media = {"mp3": "audio/mpeg", "opus": "audio/ogg", "pcm": "audio/pcm;rate=24000"}
    assert answer.response.headers["content-type"] == media.get(kind, f"audio/{kind}")
    assert ("content-length" in answer.response.headers) is not stream


@pytest.mark.parametrize(("speed", "ratio"), [(0.5, 2.0), (2.0, 0.5)])
def test_speed_divides_the_duration(client, speed, ratio):
    """Within a tenth; a long word has no pauses that do not scale."""
    text = "Anything that is said at length is said at length here, and then once more."

    def seconds(speed):
        answer = client.audio.speech.create(
            model="tts-1", voice="alloy", input=text, speed=speed, response_format="pcm"
        )
        return seconds_of(answer.content, "pcm")

    assert seconds(speed) / seconds(1.0) == pytest.approx(ratio, rel=0.1)


def test_official_client_streams(client, voice):
    """Chunks arrive; together they are the sound."""
    create = client.audio.speech.with_streaming_response.create
    with create(model="tts-1", voice="alloy", input=TEXT, response_format="wav") as answer:
        chunks = list(answer.iter_bytes())
    assert len(chunks) > 1
    wanted = voice.synthesize(TEXT).waveform.numpy()
    np.testing.assert_allclose(samples_of(b"".join(chunks)), wanted, atol=CLOSE)


def test_events_hold_the_sound(client, voice):
    """`stream_format` "sse": deltas in base64, then one "done" with the usage."""
    create = client.audio.speech.with_streaming_response.create
    with create(
        model="gpt-4o-mini-tts",
        voice="alloy",
        input=TEXT,
        response_format="wav",
        stream_format="sse",
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert {e["type"] for e in events[:-1]} == {"speech.audio.delta"}
    assert events[-1]["type"] == "speech.audio.done"
    assert events[-1]["usage"]["total_tokens"] == len(TEXT)
    content = b"".join(base64.b64decode(e["audio"]) for e in events[:-1])
    wanted = voice.synthesize(TEXT).waveform.numpy()
    np.testing.assert_allclose(samples_of(content), wanted, atol=CLOSE)


def test_official_client_lists_models(client):
    """Ours and the names that stand for it; one alone; none of another name."""
    names = [model.id for model in client.models.list()]
    assert names == ["straighttalk", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"]
    assert client.models.retrieve("tts-1").owned_by == "straighttalk"
    with pytest.raises(openai.NotFoundError, match="unknown model"):
        client.models.retrieve("gpt-5")


def test_official_client_understands_errors(client):
    """Its exceptions carry our sentence, field and code."""
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.audio.speech.create(model="tts-1", voice="alloy", input="Hi.", speed=9.0)
    assert caught.value.param == "speed"
    with pytest.raises(openai.NotFoundError) as missing:
        client.audio.speech.create(model="tts-1", voice="nobody", input="Hi.")
    assert (missing.value.param, missing.value.code) == ("voice", "voice_not_found")


def test_async_client_speaks(server, voice):
    """The same from asyncio."""
    import asyncio

    async def speak():
        async with openai.AsyncOpenAI(base_url=f"{server.address}/v1", api_key="any") as made:
            answer = await made.audio.speech.create(
                model="tts-1", voice="alloy", input=TEXT, response_format="flac"
            )
            return answer.content

    wanted = voice.synthesize(TEXT).waveform.numpy()
    np.testing.assert_allclose(samples_of(asyncio.run(speak())), wanted, atol=CLOSE)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_speaks(server, tmp_path):
    """As the README shows."""
    body = '{"input": "Hello, world.", "response_format": "wav"}'
    subprocess.run(
        [
            "curl", "-sf", f"{server.address}/v1/audio/speech", "-H",
            "Content-Type: application/json", "-d", body, "-o", str(tmp_path / "hello.wav"),
        ],
        check=True,
    )  # fmt: skip
    assert len(samples_of((tmp_path / "hello.wav").read_bytes())) > 1000
