"""The demo: what the page answers, and that it answers nobody else."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import app
from tests.tts.conftest import make_voice
from tts.synthesizer import Synthesizer

needs_gradio = pytest.mark.skipif(
    importlib.util.find_spec("gradio") is None, reason="the extra `demo` is not installed"
)
ROOT = Path(__file__).parents[1]
HOW = ("tiny", "en-us", "balanced", "ann", 1.0, 0.667, 2, 2, 0)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    voice = make_voice(tmp_path_factory.mktemp("demo") / "tiny", ("ann", "bob"))
    demo = app.build_demo(Synthesizer.from_pretrained(voice, device="cpu"))
    yield app.launch(demo)
    demo.close()


def call(address: str, name: str, *values: object) -> list[Any]:
    """What the page's own request brings to its outputs at last."""
    dependencies = json.loads(read(f"{address}config"))["dependencies"]
    (number,) = (d["id"] for d in dependencies if d["api_name"] == name)
    body = {"data": values, "fn_index": number, "session_hash": "test"}
    queue = f"{address}gradio_api/queue"
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{queue}/join", json.dumps(body).encode(), headers)
    urllib.request.urlopen(request, timeout=60).close()
    with urllib.request.urlopen(f"{queue}/data?session_hash=test", timeout=300) as stream:
        events = [json.loads(line[5:]) for line in stream if line.startswith(b"data:")]
    (done,) = (event for event in events if event["msg"] == "process_completed")
    assert done["success"], done["output"]
    return list(done["output"]["data"])


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        content: bytes = answer.read()
    return content


@needs_gradio
def test_page_speaks(address: str) -> None:
    """The page's request brings a sound that can be fetched, the cost and the phonemes."""
    strip, status, _, phonemes = call(address, "speak", "Hello there.", *HOW)
    sound = strip.partition('data-whole="')[2].partition('"')[0]
    assert read(f"{address}{sound}")[:4] == b"RIFF"
    assert "real-time factor" in status
    assert phonemes.startswith("həlˈoʊ")


@needs_gradio
@pytest.mark.parametrize(
    ("text", "sentence"), [("   ", "nothing to"), ("Say [[§]].", "§"), ("x" * 4097, "4,097")]
)
def test_page_explains_a_mistake(address: str, text: str, sentence: str) -> None:
    """One sentence in place of the cost, no sound and no trace."""
    strip, status, _, _ = call(address, "speak", text, *HOW)
    assert "data-whole" not in strip
    assert sentence in status
    assert "\n" not in status


@needs_gradio
def test_page_is_private(address: str) -> None:
    """Loopback, a bounded queue, no statistics, nothing from other hosts."""
    config = json.loads(read(f"{address}config"))
    assert address.startswith("http://127.0.0.1:")
    assert not config["analytics_enabled"]
    assert "fonts.googleapis" not in read(address).decode()
    assert "fonts.googleapis" not in json.dumps(config)


def test_import_loads_no_gradio_and_no_model() -> None:
    """`import app` is cheap."""
    code = "import sys, app; print(sorted({'gradio', 'librosa', 'matplotlib'} & set(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_unknown_voice_ends_with_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 or 2, no trace."""
    assert app.main(["--voice", "nobody"]) in (1, 2)
    assert capsys.readouterr().err.startswith("error: unknown voice 'nobody'")
