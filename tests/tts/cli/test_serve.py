"""`straighttalk serve` refuses what is not safe or cannot be."""

from __future__ import annotations

import importlib.util
import socket

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("fastapi") is None, reason="the extra `serve` is not installed"
)


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (["--host", "0.0.0.0"], {}, "set STRAIGHTTALK_API_KEY"),
        (["--host", "0.0.0.0"], {"STRAIGHTTALK_API_KEY": "short"}, "at least 8"),
        (["--port", "99999"], {}, "65535"),
        (["--queue-size", "0"], {}, "queue_size"),
        (["--host", "no.such.host.invalid", "--public"], {}, "cannot listen on"),
        (["-v", "nobody"], {}, "unknown voice 'nobody'"),
        (["--prot", "1"], {}, "--port"),
    ],
)
def test_mistakes_are_told_before_anything_is_served(
    straighttalk, monkeypatch, arguments, variables, words
):
    """One sentence each; others are not let in by oversight."""
    for name in ("STRAIGHTTALK_API_KEY", "STRAIGHTTALK_VOICE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ran = straighttalk("serve", *arguments)
    assert ran.code in (1, 2)
    assert words in ran.error()


def test_taken_port_is_told(straighttalk, tiny_voice):
    """Another program has it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = straighttalk("serve", "-v", tiny_voice, "--port", taken.getsockname()[1])
    assert ran.code == 1
    assert "cannot listen on 127.0.0.1" in ran.error()
