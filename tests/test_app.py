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

import numpy as np
import pytest

import app
from core.errors import InputError
from tests.tts.conftest import make_voice
from tts.synthesizer import Options, Synthesizer

needs_gradio = pytest.mark.skipif(
    importlib.util.find_spec("gradio") is None, reason="the extra `demo` is not installed"
)
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def synthesizer(tmp_path_factory: pytest.TempPathFactory) -> Synthesizer:
    voice = make_voice(tmp_path_factory.mktemp("demo") / "tiny", ("ann", "bob"))
    return Synthesizer.from_pretrained(voice, device="cpu")


@pytest.fixture(scope="module")
def address(synthesizer: Synthesizer) -> Iterator[str]:
    demo = app.build_demo(synthesizer)
    yield app.launch(demo)
    demo.close()


def call(address: str, *values: object) -> list[Any]:
    """What the page's own request brings to its outputs."""
    dependencies = json.loads(read(f"{address}config"))["dependencies"]
    (number,) = (d["id"] for d in dependencies if d["api_name"] == "speak")
    body = {"data": values, "fn_index": number, "session_hash": "test"}
    queue = f"{address}gradio_api/queue"
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{queue}/join", json.dumps(body).encode(), headers)
    urllib.request.urlopen(request, timeout=30).close()
    with urllib.request.urlopen(f"{queue}/data?session_hash=test", timeout=60) as stream:
        events = [json.loads(line[5:]) for line in stream if line.startswith(b"data:")]
    (done,) = (event for event in events if event["msg"] == "process_completed")
    assert done["success"], done["output"]
    return list(done["output"]["data"])


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        content: bytes = answer.read()
    return content


def test_speak_gives_the_synthesizers_own_samples(synthesizer: Synthesizer) -> None:
    """int16 of the same seed's waveform, not brought to full scale."""
    options = Options(speaker="bob", seed=7)
    (rate, samples), _, _ = app.speak(synthesizer, "Hello there.", options)
    wanted = synthesizer.synthesize("Hello there.", options).waveform.numpy()
    assert rate == 22050
    np.testing.assert_allclose(samples / 32767.0, wanted, atol=0.6 / 32767.0)


def test_readout_tells_evaluations_and_real_time_factor(synthesizer: Synthesizer) -> None:
    """Euler takes one evaluation a step."""
    _, _, facts = app.speak(synthesizer, "Hello.", Options(steps=3, vocoder_steps=5))
    assert "3 evaluations of the mel decoder" in facts
    assert "5 of the vocoder" in facts
    assert "real-time factor" in facts


def test_mel_figure_spans_the_speech(synthesizer: Synthesizer) -> None:
    """Its time axis ends where the audio ends; a word stands above its middle."""
    speech = synthesizer.synthesize("Two words.")
    axes = app.mel_figure(speech, synthesizer.acoustic.spec).axes[0]
    assert axes.images[0].get_extent()[1] == pytest.approx(speech.seconds)
    assert axes.images[0].get_array().shape == speech.mel.shape


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("x" * (app.MAX_CHARACTERS + 1), Options(), "4,097 characters"),
        ("Hello.", Options(steps=65), "steps is 65"),
        ("Hello.", Options(vocoder_steps=65), "vocoder steps is 65"),
        ("Hello.", Options(speaker="bop"), "did you mean 'bob'"),
    ],
)
def test_speak_refuses_with_one_sentence(
    synthesizer: Synthesizer, text: str, options: Options, sentence: str
) -> None:
    """The mistake, its value and what is allowed."""
    with pytest.raises(InputError, match=sentence):
        app.speak(synthesizer, text, options)


@needs_gradio
def test_page_speaks(address: str) -> None:
    """The page's request brings a sound file, a picture and the cost."""
    sound, picture, cost = call(address, "Hello there.", "ann", 1.0, 2, 2, 0.667, 0)
    assert read(sound["url"])[:4] == b"RIFF"
    assert picture["plot"].startswith("data:image/")
    assert "real-time factor" in cost


@needs_gradio
@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (("   ", "ann", 1.0, 2, 2, 0.667, 0), "nothing to"),
        (("Say [[§]].", "ann", 1.0, 2, 2, 0.667, 0), "§"),
    ],
)
def test_page_explains_a_mistake(address: str, values: tuple[object, ...], sentence: str) -> None:
    """One sentence in place of the cost, no sound and no trace."""
    sound, picture, said = call(address, *values)
    assert sound is None
    assert picture is None
    assert sentence in said
    assert "\n" not in said


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
    """Exit code 1, no trace."""
    assert app.main(["--voice", "nobody"]) == 1
    assert capsys.readouterr().err.startswith("app.py: unknown voice 'nobody'")
