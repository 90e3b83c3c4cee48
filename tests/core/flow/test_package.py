"""The package as a whole: what it imports, what it exports, and the examples in its docstrings."""

from __future__ import annotations

import ast
import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import core.flow

DIRECTORY = Path(core.flow.__file__).parent
ROOT = DIRECTORY.parents[1]
MODULES = sorted(path.stem for path in DIRECTORY.glob("*.py"))


def own_imports(module):
    tree = ast.parse((DIRECTORY / f"{module}.py").read_text(encoding="utf-8"))
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
    return {name for name in names if name.partition(".")[0] in {"core", "text", "tts", "vocoder"}}


@pytest.mark.parametrize("module", MODULES)
def test_flow_imports_nothing_of_ours_but_errors(module):
    """Flows know neither audio nor networks nor configuration."""
    allowed = {"core.errors"} | {f"core.flow.{name}" for name in MODULES}
    assert own_imports(module) <= allowed


def reachable(module):
    found, left = set(), [module]
    while left:
        for name in own_imports(left.pop()):
            stem = name.rpartition(".")[2]
            if name.startswith("core.flow.") and stem not in found:
                found.add(stem)
                left.append(stem)
    return found


def test_solvers_know_neither_paths_nor_grids():
    """Not even through another module."""
    assert reachable("solvers") == {"adaptive", "fields", "tableaus"}


def test_importing_flows_is_light():
    """No audio, training, demo or language library comes with it."""
    heavy = {"gradio", "librosa", "lightning", "phonemizer", "scipy", "matplotlib", "soundfile"}
    code = "import sys, core.flow; print(*{n.partition('.')[0] for n in sys.modules})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())


def test_public_names_exist_and_are_sorted_once():
    """`from core.flow import *` works."""
    assert all(hasattr(core.flow, name) for name in core.flow.__all__)
    assert len(set(core.flow.__all__)) == len(core.flow.__all__)


@pytest.mark.parametrize("module", [m for m in MODULES if m != "__init__"])
def test_examples_in_docstrings_are_true(module):
    """Every doctest runs."""
    assert doctest.testmod(importlib.import_module(f"core.flow.{module}")).failed == 0
