"""Corpora spoken by eSpeak NG, one of each shape, made once."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests import espeak_corpus

EGS = Path(__file__).parents[2] / "egs"


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with one corpus of each shape."""
    root = tmp_path_factory.mktemp("corpora")
    espeak_corpus.make_ljspeech(root / "ljspeech")
    espeak_corpus.make_kathleen_repository(root / "kathleen-repository")
    espeak_corpus.make_kathleen_copy(root / "kathleen-copy")
    espeak_corpus.make_vctk(root / "vctk")
    return root


@pytest.fixture
def preparer() -> Callable[[str], ModuleType]:
    """Loads a recipe's prepare.py by the recipe's name."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"prepare_{name}", EGS / name / "prepare.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
