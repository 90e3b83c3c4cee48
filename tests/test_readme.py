"""The documents: links lead somewhere, examples run, commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "benchmarks/*.md", "egs/**/*.md", "core/voices/*/*.md")
    for path in ROOT.glob(pattern)
)
README = ROOT / "README.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def blocks(path: Path, language: str) -> list[str]:
    found = FENCE.findall(path.read_text(encoding="utf-8"))
    return [body for name, body in found if name == language]


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_document_links_lead_somewhere(path: Path) -> None:
    """Every relative link names a file of the repository, and its heading where it names one."""
    text = path.read_text(encoding="utf-8")
    for link in LINK.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, heading = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{link} in {path.name}"
        if heading:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in map(anchor, headings), f"{link} in {path.name}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_document_python_runs(path: Path, tmp_path: Path) -> None:
    """All fenced Python of a document, in order, as one program."""
    program = "\n".join(blocks(path, "python"))
    if program:
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{program}"
        ran = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr


def commands(path: Path) -> list[list[str]]:
    """Calls of our program in the fenced shell of a document, joined over line ends."""
    lines = "\n".join(blocks(path, "bash")).replace("\\\n", " ").splitlines()
    parts = [part for line in lines for part in re.split(r"&&|\|", line.split(" #")[0])]
    words = [shlex.split(part) for part in parts if part.strip()]
    return [w[1:] for w in words if w[0].rsplit("/", 1)[-1] == "straighttalk"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_document_commands_exist(path: Path) -> None:
    """Every subcommand and option that a document shows is one of the program's."""
    import typer

    from tts.cli import build

    program = typer.main.get_command(build())
    for words in commands(path):
        known = {option for p in program.params for option in p.opts + p.secondary_opts}
        command = program
        for word in words:
            inner = getattr(command, "commands", {})
            if word in inner:
                command = inner[word]
                known |= {o for p in command.params for o in p.opts + p.secondary_opts}
            elif re.match(r"--?[a-z]", word):
                assert word.split("=")[0] in known, f"{word} in {words}"
        assert command is not program or any(w.startswith("-") for w in words), words


def test_readme_shows_the_two_commands_first() -> None:
    """One that installs and speaks, one that installs and tests, before anything else is asked."""
    first, second = blocks(README, "bash")[:2]
    assert "pip install -c constraints.txt ." in first
    assert "straighttalk say" in first
    assert 'pip install -c constraints.txt -e ".[dev]"' in second
    assert "-m pytest" in second
