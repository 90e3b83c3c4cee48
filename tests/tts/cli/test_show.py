"""`straighttalk text`, `voices`, `doctor`, `--version`: what is there."""

from __future__ import annotations

import shutil

import pytest

from text import TextFrontend

TEXT = "Hello there, my friend."


@pytest.fixture
def home(tmp_path, tiny_voice, tiny_voice_of_two, straighttalk, monkeypatch):
    """A home with two voices and a broken one."""
    voices = tmp_path / "home" / "voices"
    shutil.copytree(tiny_voice, voices / "tiny")
    shutil.copytree(tiny_voice_of_two, voices / "pair")
    (voices / "broken").mkdir()
    (voices / "broken" / "config.yaml").write_text("format: 2\n", encoding="utf-8")
    monkeypatch.setenv("STRAIGHTTALK_HOME", str(tmp_path / "home"))
    return voices


def test_text_shows_what_the_frontend_makes(straighttalk):
    """Normalised text, phonemes and ids, as the library has them."""
    (facts,) = straighttalk("text", TEXT, "--json").json()
    spoken = TextFrontend().process(TEXT)
    assert facts["text"] == TEXT
    assert facts["normalized"] == spoken.normalized
    assert facts["phonemes"] == spoken.phonemes
    assert facts["ids"] == spoken.ids
    assert [w["text"] for w in facts["words"]] == [w.text for w in spoken.words]


def test_text_is_shown_to_people_too(straighttalk):
    """On stdout; it also reads standard input."""
    spoken = TextFrontend().process(TEXT)
    for ran in (straighttalk("text", TEXT), straighttalk("text", stdin=TEXT.encode())):
        assert ran.code == 0, ran.err
        assert spoken.phonemes in ran.out.decode()
        assert " ".join(map(str, spoken.ids)) in ran.out.decode()


def test_text_knows_languages_and_lexicons(straighttalk, tmp_path):
    """Each changes the phonemes."""
    (tmp_path / "lexicon.txt").write_text("friend  həlˈoʊ\n", encoding="utf-8")
    said = {
        straighttalk("text", TEXT, "--json", *more).json()[0]["phonemes"]
        for more in ((), ("-l", "de"), ("--lexicon", "lexicon.txt"))
    }
    assert len(said) == 3
    ran = straighttalk("text", TEXT, "-l", "xx-nowhere")
    assert ran.code == 1
    assert "xx-nowhere" in ran.error()


def test_normalisation_can_be_turned_off(straighttalk):
    """The text is then taken as it is."""
    (facts,) = straighttalk("text", "Take 3 more.", "--json", "--no-normalize").json()
    assert facts["normalized"] == "Take 3 more."


def test_voices_are_listed_with_their_facts(straighttalk, home):
    """Names that --voice takes; a voice that cannot be read is listed with the reason."""
    found = {v["name"]: v for v in straighttalk("voices", "--json").json()[0]}
    assert {"tiny", "pair", "broken"} <= set(found)
    assert found["pair"]["speakers"] == ["ann", "bob"]
    assert found["tiny"]["language"] == "en-us"
    assert found["tiny"]["bytes"] == sum(f.stat().st_size for f in (home / "tiny").iterdir())
    assert "config.yaml" in found["broken"]["error"]
    shown = straighttalk("voices")
    assert "pair\ten-us, CC0-1.0, 22050 Hz, 2 speakers" in shown.out.decode()
    assert "broken: " in shown.err
    assert straighttalk("say", "--list-voices").out == shown.out


def test_a_listed_voice_speaks(straighttalk, home):
    """By its name."""
    assert straighttalk("say", TEXT, "-v", "tiny", "-o", "a.wav").code == 0


def test_doctor_speaks_and_reports(straighttalk, tiny_voice):
    """Versions, device, player, directories and the speed of a test sentence."""
    ran = straighttalk("doctor", "-v", tiny_voice, "--json")
    assert ran.code == 0, ran.err
    (facts,) = ran.json()
    assert facts["ok"] is True
    assert facts["packages"]["torch"]
    assert facts["player"] is None
    assert facts["voice"] == "tiny"
    assert facts["espeak"].startswith("1.")
    assert facts["rtf"] == pytest.approx(facts["seconds"] / facts["audio_seconds"], abs=2e-3)
    assert "threads: " in straighttalk("doctor", "-v", tiny_voice).out.decode()


def test_doctor_fails_where_nothing_speaks(straighttalk):
    """The facts come all the same, and the reason in one sentence."""
    ran = straighttalk("doctor", "-v", "nobody", "--json")
    assert ran.code == 1
    assert ran.json()[0]["ok"] is False
    assert "unknown voice 'nobody'" in ran.error()


@pytest.mark.parametrize("command", [[], ["say"]])
def test_version_is_one_line(straighttalk, command):
    """`straighttalk --version` and `straighttalk say --version`."""
    ran = straighttalk(*command, "--version")
    assert ran.code == 0
    assert ran.out.decode().startswith("straighttalk ")


@pytest.mark.parametrize("command", ["say", "text", "vocode", "train"])
def test_help_has_examples(straighttalk, command):
    """Every command says how it is used."""
    ran = straighttalk(command, "--help")
    assert ran.code == 0
    assert f"straighttalk {command} " in ran.out.decode()
    assert "xample" in ran.out.decode()
