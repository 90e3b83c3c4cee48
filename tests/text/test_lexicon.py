"""Pronunciations of the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from text import TextError, TextFrontend, load_lexicon


def _write(folder: Path, content: str) -> Path:
    path = folder / "lexicon.txt"
    path.write_text(content, encoding="utf-8")
    return path


def test_lexicon_file_reads_words_tabs_spaces_and_comments(tmp_path: Path) -> None:
    """Tab or two spaces part a word from its phonemes."""
    path = _write(tmp_path, "# names\nGIF\tdʒˈɪf\n\nKathleen  kˈæθ liːn\r\n")
    assert load_lexicon(path) == {"gif": "dʒˈɪf", "kathleen": "kˈæθ liːn"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tb\nword\n", "line 2.*'word'"),
        ("word phonemes\n", "line 1"),
        ("word\th€\n", "U\\+20AC.*line 1"),
        ("a\tb\n\nA\tc\n", "line 3.*line 1"),
        ("a\t, .\n", "line 1.*no sound"),
    ],
)
def test_lexicon_errors_name_the_line(tmp_path: Path, content: str, message: str) -> None:
    """One sentence says which line, and what is wrong with it."""
    with pytest.raises(TextError, match=message):
        load_lexicon(_write(tmp_path, content))


def test_missing_lexicon_is_named(tmp_path: Path) -> None:
    """The path is in the message."""
    with pytest.raises(TextError, match=r"nowhere\.txt"):
        TextFrontend(lexicon=tmp_path / "nowhere.txt")


def test_lexicon_matches_whole_words_in_any_case() -> None:
    """Also where normalisation would have spelled the word, and with its neighbours unharmed."""
    frontend = TextFrontend(lexicon={"gif": "dʒˈɪf", "Bob": "bˈɔb"})
    said = frontend.process("a GIF, by BOB and Bobby.")
    assert said.phonemes.startswith("ɐ dʒˈɪf, baɪ bˈɔb")
    assert {word.text for word in said.words} >= {"GIF", "Bobby"}
    assert "bˈɔbi" not in said.phonemes


def test_inline_phonemes_are_spoken_as_written() -> None:
    """They are one word, and the article before them is unstressed."""
    said = TextFrontend().process("Say a [[həlˈoʊ]], please.")
    assert said.phonemes == "sˈeɪ ɐ həlˈoʊ, plˈiːz."
    word = next(word for word in said.words if word.text == "[[həlˈoʊ]]")
    assert said.phonemes[word.start : word.end] == "həlˈoʊ"


@pytest.mark.parametrize(("text", "named"), [("[[h€]]", "U\\+20AC"), ("[[ ]]", "no sound")])
def test_wrong_inline_phonemes_are_named(text: str, named: str) -> None:
    """The character, not a guess."""
    with pytest.raises(TextError, match=named):
        TextFrontend().process(f"Say {text} now.")
