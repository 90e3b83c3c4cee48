"""Marks of prosody in what is asked."""

from __future__ import annotations

import pytest

from tests.tts.server.conftest import error_of, samples_of

PATH = "/v1/audio/speech"


@pytest.fixture(scope="module")
def client(server):
    with server.client() as made:
        yield made


def test_marks_are_obeyed(client):
    """A pause before the text makes the sound longer by as much."""
    lengths = []
    for text in ("Hi you.", "[pause 2s]Hi you."):
        answer = client.post(PATH, json={"input": text, "response_format": "wav"})
        assert answer.status_code == 200
        lengths.append(len(samples_of(answer.content)))
    assert lengths[1] - lengths[0] == pytest.approx(2 * 22050, abs=256)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hi [pause 99s] you.", "[pause 99s]"),
        ("Hi. [rate 0.8]You.", "never closed"),
        ("Hi [pause 10s] [pause 10s] you. " * 4, "80 s; at most 60 s"),
    ],
)
def test_wrong_marks_are_refused(client, text, words):
    """Before any sound, and with them more silence than fits a request."""
    answer = client.post(PATH, json={"input": text})
    assert words in error_of(answer, 422)["message"]
