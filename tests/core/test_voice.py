"""Finding voices by name, path and environment, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.audio.mel import MelSpec
from core.errors import InputError
from core.voice import SHIPPED, VoiceFacts, find_voice, home, list_voices, write_facts

FACTS = VoiceFacts(
    format=1,
    name="ann",
    language="en-us",
    licence="CC0-1.0",
    symbols="abc",
    mel=MelSpec(),
    acoustic={"blanks": True},
    vocoder={"kind": "rectified"},
)

STRANGE = [
    "../ann",
    "../../secret/ann",
    "/etc/passwd",
    "/etc/no-such-file",
    "..\\ann",
    "C:\\voices\\ann",
    "%2e%2e/ann",
    "%2e%2e%2fann",
    "ann\0",
    "ann\0.yaml",
    "a" * 10_000,
    "a/" * 5_000,
    "NUL",
    "CON",
    "aux.txt",
    "COM1",
    ".",
    "..",
    "~",
    "hf://someone/ann",
    "file:///etc/passwd",
    "\n",
    "ａｎｎ",
]


@pytest.fixture
def voices(tmp_path, monkeypatch):
    """A home with the voice "ann", and a voice "secret/ann" outside of it."""
    monkeypatch.setenv("STRAIGHTTALK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STRAIGHTTALK_VOICE", raising=False)
    write_facts(tmp_path / "home" / "voices" / "ann", FACTS)
    write_facts(tmp_path / "secret" / "ann", FACTS)
    return tmp_path


def test_voice_is_found_by_name(voices):
    """A directory of that name under `$STRAIGHTTALK_HOME/voices`, with its facts unchanged."""
    found = find_voice("ann", paths=False)
    assert found.directory == voices / "home" / "voices" / "ann"
    assert found.file("README.md") == found.directory / "README.md"
    assert found.facts == FACTS


def test_voice_is_found_by_path(voices, monkeypatch):
    """As text with a slash in it, or as a Path, also a relative one without."""
    assert find_voice(str(voices / "secret" / "ann")).facts == FACTS
    monkeypatch.chdir(voices / "secret")
    assert find_voice("./ann").facts == FACTS
    assert find_voice(Path("ann")).directory == Path("ann")


def test_environment_names_the_default_voice(voices, monkeypatch):
    """`$STRAIGHTTALK_VOICE` is what no name means; a name goes before it."""
    monkeypatch.setenv("STRAIGHTTALK_VOICE", "ann")
    assert find_voice().directory.name == "ann"
    monkeypatch.setenv("STRAIGHTTALK_VOICE", "bob")
    assert find_voice("ann").directory.name == "ann"
    with pytest.raises(InputError, match="unknown voice 'bob'"):
        find_voice()


def test_home_can_be_moved(voices, monkeypatch):
    """`$STRAIGHTTALK_HOME`, or the user's cache."""
    assert home() == voices / "home"
    monkeypatch.delenv("STRAIGHTTALK_HOME")
    assert home().name == "straighttalk"


def test_shipped_voice_goes_before_one_of_the_same_name(voices, tmp_path, monkeypatch):
    """Nothing in the home can stand in the place of what was installed."""
    shipped = tmp_path / "shipped"
    write_facts(shipped / "ann", FACTS)
    monkeypatch.setattr("core.voice.SHIPPED", shipped)
    assert list_voices()["ann"] == shipped / "ann"
    assert SHIPPED.name == "voices"


@pytest.mark.parametrize("name", STRANGE, ids=lambda name: ascii(name)[:24])
def test_no_name_leaves_the_voices(voices, name):
    """Where paths are not allowed every other name gets the same answer, be there a file or not."""
    with pytest.raises(InputError) as caught:
        find_voice(name, paths=False)
    message = str(caught.value)
    assert message.startswith(f"unknown voice {name[:80]!r}")
    assert len(message) < 400


# Addresses would go to the network.
@pytest.mark.parametrize(
    "name",
    [name for name in STRANGE if not name.startswith("hf://")],
    ids=lambda name: ascii(name)[:24],
)
def test_every_name_gets_an_answer(voices, name, monkeypatch):
    """Where paths are allowed too: one sentence, no crash of the file system's."""
    monkeypatch.chdir(voices / "home")
    with pytest.raises(InputError) as caught:
        find_voice(name)
    assert len(str(caught.value)) < 400


def test_link_out_of_the_voices_is_no_name(voices):
    """A link in the home to somewhere else is not followed for those who may not give paths."""
    (voices / "home" / "voices" / "linked").symlink_to(voices / "secret" / "ann")
    with pytest.raises(InputError, match="unknown voice 'linked'"):
        find_voice("linked", paths=False)
    assert find_voice("linked").facts == FACTS


def test_misspelt_name_is_guessed(voices):
    """With "did you mean"."""
    with pytest.raises(InputError, match="did you mean 'ann'"):
        find_voice("anna", paths=False)


@pytest.mark.parametrize(
    "address", ["hf://", "hf://one", "hf://a/b/c", "hf://a/../b", "hf://a/b c"]
)
def test_bad_hub_address_is_refused(voices, address):
    """Before anything is asked of the network."""
    with pytest.raises(InputError, match="no hub address"):
        find_voice(address)


def test_directory_without_configuration_is_no_voice(voices):
    """Neither by name nor by path."""
    (voices / "home" / "voices" / "empty").mkdir()
    assert "empty" not in list_voices()
    with pytest.raises(InputError, match=r"no voice: it has no config\.yaml"):
        find_voice(voices / "home" / "voices" / "empty")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format: 1", "format: 2", "format is 2"),
        ("licence:", "license:", "did you mean 'licence'"),
        ("hop_samples: 256", "hop_samples: 1e9", "hop_samples"),
        ("n_mels: 80", "n_mels: .nan", "n_mels"),
        ("blanks: true", "_target_: os.system", "cannot choose code"),
    ],
)
def test_damaged_configuration_is_one_sentence(voices, key, value, message):
    """The file and the key are named."""
    path = voices / "secret" / "ann" / "config.yaml"
    text = path.read_text(encoding="utf-8")
    assert key in text
    path.write_text(text.replace(key, value), encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        find_voice(path.parent)
    assert str(path) in str(caught.value)
