"""Whatever is sent gets speech or a 4xx."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tts.server.conftest import error_of, samples_of, serving

PLANES = (0x20, 0x370, 0x590, 0x600, 0x900, 0x4E00, 0xAC00, 0xE000, 0xFE00, 0x10000, 0x1D400,
          0x1F600, 0x20000, 0x30000, 0xE0000, 0xF0000, 0x10FF00)  # fmt: skip
SPECIMENS = (
    "'; DROP TABLE voices; --", "<script>alert(1)</script>", "<speak><break time='9s'/>Hi</speak>",
    "\u202eright to left\u202c", "a\u200bb\u200dc\ufeffd", "\x00\x01\x1b[31mred\x1b[0m",
    "e" + "\u0301" * 3000,
    "w" * 4096, "../../etc/passwd", "${jndi:ldap://x}", "{{7*7}}", "%s%n%x", "\r\nSet-Cookie: a=b",
    "👩‍👩‍👧‍👦" * 50, "1" * 500, "-" * 4096, "[[", "[[həlˈoʊ]]", "]]" * 100, "ﷺ" * 9, "٣" * 99,
    "!?" * 2000, "\n" * 4096, "a\n\n" * 99, "1,000,000.00 $ " * 20, "http://" + "x." * 200,
)  # fmt: skip


def speaks_or_refuses(client, text, **fields):
    """Sound of at least one sample that is finite, or one sentence without the text."""
    # As short as it can be said: what is in question is whether it is.
    hasty = {"speed": 4, "steps": 1, "vocoder_steps": 1}
    body = {"input": text, "response_format": "wav", **hasty, **fields}
    answer = client.post("/v1/audio/speech", json=body)
    if answer.status_code != 200:
        error = error_of(answer, 422)
        assert len(text) < 9 or text not in error["message"]
        return False
    samples = samples_of(answer.content)
    assert len(samples)
    assert np.isfinite(samples).all()
    return True


@pytest.fixture(scope="module")
def client(voice):
    with serving(voice) as served, served.client() as made:
        yield made


@pytest.mark.parametrize("text", SPECIMENS, ids=range(len(SPECIMENS)))
def test_strange_texts_are_spoken_or_refused(client, text):
    """Markup, code, marks, floods."""
    speaks_or_refuses(client, text)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(min_size=1, max_size=200).filter(lambda t: "\ud800" not in ascii(t)))
def test_any_text_is_spoken_or_refused(client, text):
    """Unicode of every plane."""
    speaks_or_refuses(client, text)


def strange_text(rng):
    """Some characters of a few planes, words and specimens, in any order."""
    parts = []
    for _ in range(rng.randrange(1, 12)):
        kind = rng.randrange(4)
        if kind == 0:
            start = rng.choice(PLANES)
            parts.append("".join(chr(start + rng.randrange(256)) for _ in range(rng.randrange(40))))
        elif kind == 1:
            characters = (rng.randrange(sys.maxunicode + 1) for _ in range(rng.randrange(30)))
            parts.append("".join(chr(c) for c in characters if not 0xD800 <= c < 0xE000))
        elif kind == 2:
            parts.append(rng.choice(SPECIMENS)[:300])
        else:
            parts.append(" ".join(rng.choices(["the", "12", "Mr.", "$5", "a", "-", "x@y.z"], k=9)))
    return " ".join(parts)[:4096] or "x"


@pytest.mark.slow
def test_two_thousand_texts_are_spoken_or_refused(client):
    """Never a 5xx; most hold something that can be said."""
    rng = random.Random(0)
    spoken = sum(speaks_or_refuses(client, strange_text(rng)) for _ in range(2000))
    assert spoken > 1000


def check_schema(server, examples):
    schema = schemathesis.openapi.from_url(f"{server.address}/openapi.json")
    strategies = [
        operation.ok().as_strategy(generation_mode=mode)
        for operation in schema.get_all_operations()
        for mode in schemathesis.GenerationMode
        if mode.is_positive or operation.ok().method == "post"
    ]
    assert len(strategies) >= 8

    for strategy in strategies:

        @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=strategy)
        def probe(case):
            # A text that fits the schema may still hold nothing that can be said.
            excluded = [schemathesis.checks.positive_data_acceptance]
            case.call_and_validate(excluded_checks=excluded)

        probe()


def test_schema_is_kept_briefly(server):
    """Answers are those that /openapi.json promises, never a 5xx."""
    check_schema(server, 5)


@pytest.mark.slow
def test_schema_is_kept(server):
    """At least 100 cases for each operation, right and wrong ones."""
    check_schema(server, 100)
