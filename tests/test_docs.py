"""The documents name what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from core.config import load_config
from core.errors import InputError
from tts.cli import build
from tts.training import AcousticExperiment
from vocoder.training import VocoderExperiment

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.fixture(scope="module")
def tests():
    """Names of all tests."""
    files = (ROOT / "tests").rglob("test_*.py")
    return {n for f in files for n in re.findall(r"^def (test_\w+)", f.read_text("utf-8"), re.M)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_tests_that_a_document_names_exist(document, tests):
    """A mending is held by a test of that name."""
    named = set(re.findall(r"`(?:[\w/.]+::)?(test_\w+)`", document.read_text("utf-8")))
    assert named <= tests


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_that_a_document_names_exist(document):
    """With the options that stand beside them."""
    commands = get_command(build()).commands
    text = document.read_text("utf-8").replace("\\\n", " ")
    for name, rest in re.findall(r"straighttalk ([a-z][a-z-]*)([^`\n]*)", text):
        if f"straighttalk {name}" not in re.sub(r"\s+", " ", " ".join(code(text))):
            continue
        assert name in commands, name
        known = {option for p in commands[name].params for option in [*p.opts, *p.secondary_opts]}
        given = set(re.findall(r"(?<=\s)(--[a-z][a-z-]*)", rest))
        assert given <= known | {"--help"}, (name, given - known)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_a_document_names_exist(document):
    """Links and configurations."""
    text = document.read_text("utf-8")
    for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text):
        assert (document.parent / link).exists(), link
    for config in re.findall(r"\bconfigs/[\w-]+\.yaml", text):
        assert (ROOT / config).is_file(), config


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_settings_that_a_document_names_exist(document):
    """In one of the experiments that are shipped."""
    keys = re.findall(r"--set ([\w.]+)=", document.read_text("utf-8"))
    for key in set(keys):
        known = []
        for config in (ROOT / "configs").glob("kathleen-*.yaml"):
            tree = yaml.safe_load(config.read_text("utf-8"))
            model = AcousticExperiment if "acoustic" in tree else VocoderExperiment
            try:
                load_config(config, model, [f"{key}=null"])
            except InputError as error:
                known.append("unknown key" not in str(error))
            else:
                known.append(True)
        assert any(known), key


def code(text: str) -> list[str]:
    """What stands in code blocks and between backticks."""
    blocks = re.findall(r"```.*?```", text, re.S)
    return blocks + re.findall(r"`[^`\n]+`", re.sub(r"```.*?```", "", text, flags=re.S))
