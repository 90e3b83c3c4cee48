"""No package of ours runs what it reads: a walk over the syntax of every file."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("core", "text", "vocoder", "tts", "egs", "benchmarks")
FILES = [
    *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))),
    *sorted(ROOT.glob("*.py")),
]

MODULES = {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "marshal", "shelve", "pty"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
CALLS = {
    "torch.load",
    "torch.hub.load",
    "yaml.load",
    "yaml.load_all",
    "yaml.full_load",
    "yaml.unsafe_load",
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
}
METHODS = {"load_from_checkpoint"}
# Keyword and the only value it may have.
KEYWORDS = {"shell": False, "trust_remote_code": False, "allow_pickle": False, "weights_only": True}


def dotted(node: ast.expr) -> str:
    """`a.b.c` as text; empty for anything that is not names all the way."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""


def imported(tree: ast.AST) -> dict[str, str]:
    """Local names and what they stand for."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(
                {a.asname or a.name.split(".")[0]: a.asname and a.name for a in node.names}
            )
        elif isinstance(node, ast.ImportFrom):
            names.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
    return {local: full or local for local, full in names.items()}


def dangers(source: str) -> list[str]:
    """Everything in a source that could run what it reads."""
    tree = ast.parse(source)
    names = imported(tree)
    found = [full for full in names.values() if full.split(".")[0] in MODULES]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        first, _, rest = dotted(node.func).partition(".")
        full = f"{names.get(first, first)}.{rest}".rstrip(".")
        last = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if full in BUILTINS | CALLS or last in METHODS:
            found.append(full or last)
        for keyword in node.keywords:
            allowed = KEYWORDS.get(keyword.arg or "")
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if allowed is not None and value is not allowed:
                found.append(f"{keyword.arg}=")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_runs_what_it_reads(path: Path) -> None:
    """No pickle, no unsafe YAML, no shell, no code from a hub."""
    assert dangers(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import torch; torch.load('a')",
        "from torch import load; load('a')",
        "from torch import load as fetch; fetch('a')",
        "import torch as t; t.load('a')",
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "def f():\n    from joblib import load",
        "import yaml; yaml.load(s, Loader=yaml.Loader)",
        "from yaml import unsafe_load; unsafe_load(s)",
        "eval('1')",
        "exec(code)",
        "import subprocess; subprocess.run('ls', shell=True)",
        "import subprocess; subprocess.run('ls', shell=flag)",
        "import os; os.system('ls')",
        "AutoModel.from_pretrained('a', trust_remote_code=True)",
        "import numpy as np; np.load('a', allow_pickle=True)",
        "Model.load_from_checkpoint('a')",
    ],
)
def test_the_walk_sees_every_danger(source: str) -> None:
    """Also under another name."""
    assert dangers(source)


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()",
        "import yaml; yaml.safe_load(s)",
        "import json; json.load(f)",
        "import re; re.compile('a')",
        "import numpy as np; np.load('a', allow_pickle=False)",
        "import torch; torch.compile(model)",
        "keys = {'trust_remote_code'}",
    ],
)
def test_the_walk_lets_harmless_code_through(source: str) -> None:
    """Same words, nothing run."""
    assert dangers(source) == []


def test_the_walk_covers_the_packages() -> None:
    """A moved folder must not silence the test."""
    seen = {path.relative_to(ROOT).parts[0] for path in FILES}
    assert {"core", "text", "vocoder", "tts"} <= seen
