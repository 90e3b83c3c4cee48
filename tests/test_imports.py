"""Who may import whom, and what stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("core", "text", "vocoder", "tts", "app")
ALLOWED = {
    "core": {"core"},
    "text": {"text"},
    "vocoder": {"core", "vocoder"},
    "tts": {"core", "text", "tts"},
}
HEAVY = {"gradio", "librosa", "lightning", "pytorch_lightning", "phonemizer", "scipy", "matplotlib"}


def imports(source: str, package: str) -> Iterator[str]:
    """Full dotted names of everything a source imports; `package` resolves relative imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*parents, node.module or ""] if node.level else [node.module or ""])
            yield from (f"{base}.{alias.name}".replace("..", ".") for alias in node.names)


def forbidden(place: str, source: str) -> list[str]:
    """Imports that a file at `place` (as "tts/model.py") must not have."""
    parts = place.removesuffix(".py").split("/")
    package = parts[0]
    if place == "app.py" or place.startswith(("tts/cli/", "tts/demo/")):
        return []
    allowed = set(ALLOWED[package])
    found = []
    for name in imports(source, ".".join(parts[:-1])):
        head, _, rest = name.partition(".")
        # The chain text -> mel -> sound is joined in one place, and there by public names only.
        public = place == "tts/synthesizer.py" and head == "vocoder" and rest.count(".") == 0
        on_top = name.startswith(("tts.cli", "tts.demo"))
        if on_top or (head in OURS and head not in allowed and not public):
            found.append(name)
    return found


FILES = [
    str(path.relative_to(ROOT).as_posix())
    for package in ALLOWED
    for path in sorted((ROOT / package).rglob("*.py"))
]


@pytest.mark.parametrize("place", FILES)
def test_imports_point_downwards(place: str) -> None:
    """core and text know nobody, vocoder knows core, tts knows core and text."""
    assert forbidden(place, (ROOT / place).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("core/a.py", "import text"),
        ("core/a.py", "from tts.model import AcousticModel"),
        ("core/flow/a.py", "def f():\n    from vocoder import Vocoder"),
        ("text/a.py", "from core.errors import InputError"),
        ("text/a.py", "from ..core import errors"),
        ("vocoder/a.py", "import text.symbols"),
        ("vocoder/a.py", "import app"),
        ("tts/model.py", "from vocoder import Vocoder"),
        ("tts/model.py", "from .cli.say import say"),
        ("tts/server/app.py", "from tts.demo.page import mount"),
        ("tts/synthesizer.py", "from vocoder.rectified.stft_network import StftConvNeXt"),
    ],
)
def test_an_import_upwards_is_seen(place: str, source: str) -> None:
    """Anywhere in the file, also relative ones."""
    assert forbidden(place, source)


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("core/audio/a.py", "from core.errors import InputError"),
        ("core/flow/a.py", "from . import paths"),
        ("tts/synthesizer.py", "from vocoder import Vocoder"),
        ("tts/cli/say.py", "from vocoder.training import train"),
        ("tts/demo/flows.py", "from vocoder.interface import FlowVocoder"),
        ("vocoder/a.py", "import torch"),
    ],
)
def test_an_import_downwards_is_allowed(place: str, source: str) -> None:
    """Also of packages that are not ours."""
    assert forbidden(place, source) == []


@pytest.mark.parametrize(
    ("statement", "without"),
    [
        ("import text", HEAVY | {"torch", "numpy", "pydantic"}),
        ("import core.flow", HEAVY | {"pydantic", "soundfile"}),
        ("import core.audio.mel, core.audio.files, core.checkpoint", HEAVY),
        ("import vocoder", HEAVY),
        ("import tts", HEAVY),
    ],
)
def test_an_import_stays_light(statement: str, without: set[str]) -> None:
    """Heavy packages are imported where they are used, not where we are."""
    program = f"{statement}\nimport sys\nprint(*(set({sorted(without)!r}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.split() == []
