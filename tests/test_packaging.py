"""What a wheel holds, and that the metadata, the code and the tested versions agree."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from functools import lru_cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PACKAGES = ("core", "text", "tts", "vocoder")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
# Where the distribution's name is not the module's.
MODULES = {"pyyaml": "yaml", "huggingface_hub": "huggingface_hub", "pillow": "PIL"}


@lru_cache
def project() -> dict[str, object]:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        table: dict[str, object] = tomllib.load(stream)["project"]
    return table


def requirements(*extras: str) -> list[Requirement]:
    table = project()
    texts = list(table["dependencies"])
    for extra in extras:
        texts += table["optional-dependencies"][extra]
    return [Requirement(text) for text in texts]


def imported() -> set[str]:
    """Top-level modules that the packages import anywhere."""
    names: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names.update(alias.name.split(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names.add(node.module.split(".")[0])
    return names


def build(source: Path) -> Path:
    """A wheel of this tree, built from a copy."""
    source.joinpath("tree").mkdir()
    for name in (*PACKAGES, "configs", "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / "tree" / name)
    # A foreign directory with an __init__.py must stay out.
    (source / "tree" / "configs" / "__init__.py").touch()
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(source), str(source / "tree")]
    # The time of everything in it: wheels know none before 1980.
    environment = {**os.environ, "PIP_NO_INDEX": "1", "SOURCE_DATE_EPOCH": "315532800"}
    subprocess.run(command, check=True, env=environment)
    (path,) = source.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names of the files in a wheel."""
    with zipfile.ZipFile(build(tmp_path_factory.mktemp("source"))) as archive:
        return archive.namelist()


@pytest.mark.slow
def test_the_same_tree_makes_the_same_wheel(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Byte by byte, so that anyone can check what was published."""
    one, two = (build(tmp_path_factory.mktemp("source")).read_bytes() for _ in range(2))
    assert one == two


def test_wheel_holds_the_four_packages_and_nothing_else(wheel: list[str]) -> None:
    """No configs, egs, tests or app at the top of site-packages."""
    tops = {name.split("/")[0] for name in wheel if ".dist-info" not in name}
    assert tops == set(PACKAGES)


def test_wheel_holds_every_module_and_data_file(wheel: list[str]) -> None:
    """Each tracked file of the packages: modules, py.typed, voices, tables."""
    listed = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    assert {name for name in listed.stdout.split() if (ROOT / name).exists()} <= set(wheel)


def test_wheel_names_its_licence_and_command(wheel: list[str]) -> None:
    """The licence's text and the entry point travel along."""
    endings = {name.split(".dist-info/")[1] for name in wheel if ".dist-info/" in name}
    assert {"licenses/LICENSE", "entry_points.txt"} <= endings


def test_every_package_is_typed() -> None:
    """PEP 561: a py.typed beside every top __init__."""
    assert all((ROOT / package / "py.typed").is_file() for package in PACKAGES)


def test_shipped_voices_are_complete_and_small() -> None:
    """Each has configuration, both models and a card; 60 MB in all."""
    voices = [path for path in (ROOT / "core" / "voices").glob("*") if path.is_dir()]
    for voice in voices:
        names = {path.name for path in voice.iterdir()}
        assert {"config.yaml", "acoustic.safetensors", "vocoder.safetensors", "README.md"} <= names
    sizes = [path.stat().st_size for voice in voices for path in voice.iterdir()]
    assert sum(sizes) <= 60_000_000


def test_shipped_voices_say_under_which_licence_they_may_be_used() -> None:
    """The card travels with the weights and names the licence that the configuration names."""
    for facts in (ROOT / "core" / "voices").glob("*/config.yaml"):
        (licence,) = re.findall(r"^licence: (\S+)$", facts.read_text(encoding="utf-8"), re.M)
        card = facts.with_name("README.md").read_text(encoding="utf-8")
        assert f"\nlicense: {licence.lower()}\n" in card
        assert licence in card


def test_imports_are_declared() -> None:
    """Everything the packages import comes with Python, with them, or with a named requirement."""
    extras = ("train", "eval", "hub", "demo", "serve")
    declared = {MODULES.get(r.name, r.name.replace("-", "_")) for r in requirements(*extras)}
    # pydantic-core is pydantic's own half; packaging comes with lightning.
    declared |= {"pydantic_core", *PACKAGES, *sys.stdlib_module_names}
    assert imported() - declared == set()


def test_base_requirements_are_imported() -> None:
    """Nothing is installed that nothing uses."""
    base = {MODULES.get(r.name, r.name.replace("-", "_")) for r in requirements()}
    assert base - imported() == set()


@pytest.mark.parametrize("python", PYTHONS)
def test_constraints_name_one_version_that_the_requirements_allow(python: str) -> None:
    """For every supported Python and every extra but torchaudio, whose torch is another."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    environment = {"python_version": python, "python_full_version": f"{python}.1"}
    pins: dict[str, Version] = {}
    for line in lines:
        if line and not line.startswith("#"):
            pin = Requirement(line)
            if pin.marker is None or pin.marker.evaluate(environment):
                assert pin.name not in pins, f"{pin.name} is pinned twice for Python {python}"
                pins[pin.name.lower()] = Version(str(pin.specifier).removeprefix("=="))
    for wanted in requirements("train", "demo", "eval", "hub", "serve", "browser", "dev"):
        if wanted.name != "straighttalk":
            name = re.sub(r"[-_.]+", "-", wanted.name).lower()
            assert pins[name] in wanted.specifier, f"{wanted} against {pins[name]}"


def test_python_versions_are_those_promised() -> None:
    """3.10 to 3.13."""
    allowed = SpecifierSet(project()["requires-python"])
    assert all(python in allowed for python in PYTHONS)
    assert "3.9" not in allowed
    assert "3.14" not in allowed
