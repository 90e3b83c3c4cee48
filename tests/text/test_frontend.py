"""From a text to ids and words."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text import TextError, TextFrontend, Utterance
from text.espeak import Espeak
from text.phonemes import Phonemizer
from text.symbols import PUNCTUATION, SYMBOLS


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend()


def _check(utterance: Utterance) -> None:
    """Ids spell the phonemes, and the words share out all that sounds."""
    assert "".join(SYMBOLS[i] for i in utterance.ids) == utterance.phonemes
    owners = [0] * len(utterance.ids)
    end = 0
    for word in utterance.words:
        assert end <= word.start <= word.end <= len(utterance.ids)
        end = word.end
        for place in range(word.start, word.end):
            owners[place] += 1
    for symbol, count in zip(utterance.phonemes, owners, strict=True):
        assert count == 1 or symbol in PUNCTUATION
        assert count <= 1


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("my", "mˈaɪ"),
        ("Hello, world.", "həlˈoʊ, wˈɜːld."),
        ("of the", "ʌvðə"),
        ("vitamin A is", "vˈaɪɾəmɪn ˈeɪ ɪz"),
        ("Dr. Smith", "dˈɑːktɚ smˈɪθ"),
    ],
)
def test_phonemes_are_those_of_espeak(frontend: TextFrontend, text: str, phonemes: str) -> None:
    """Goldens of eSpeak NG 1.52."""
    assert frontend.process(text).phonemes == phonemes


def test_closing_frontend_ends_every_text_with_a_mark() -> None:
    """With a period where there is none, and otherwise as any."""
    closing, plain = TextFrontend(closing=True), TextFrontend()
    assert closing.process("Hello [[wˈɜːld]]").phonemes == "həlˈoʊ wˈɜːld."
    for text in ("Hello, world.", "Why?", "One, two,", "So: [pause 1s]"):
        assert closing.process(text) == plain.process(text)


def test_words_share_what_espeak_runs_together(frontend: TextFrontend) -> None:
    """Groups of several words are cut where the words alone come nearest."""
    said = frontend.process("One of the men in the house said that it is not going to be there.")
    _check(said)
    sounds = {w.text: said.phonemes[w.start : w.end] for w in said.words}
    expected = {"of": "ʌv", "the": "ðə", "that": "ðˌɐɾ", "it": "ɪt", "to": "tə", "be": "bi"}
    assert {text: sounds[text] for text in expected} == expected
    assert len(said.words) == 16


def test_words_keep_what_espeak_takes_apart(frontend: TextFrontend) -> None:
    """A word of foreign letters is spelled in several groups, all of them its own."""
    said = frontend.process("Привет world")
    _check(said)
    assert [w.text for w in said.words] == ["Привет", "world"]
    assert said.phonemes[said.words[1].start : said.words[1].end] == "wˈɜːld"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_any_string_gives_an_utterance_or_our_error(text: str) -> None:
    """Nothing else comes out, whatever goes in."""
    with contextlib.suppress(TextError):
        _check(SHARED.process(text))


SHARED = TextFrontend()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-us", "s'" * 220),
        ("fa", "a Hamrah-E-Aval a"),
        ("sk", "15200"),
        ("cs", "15200"),
        ("en-us", "x" * 5000),
        ("en-us", "a\u0301" * 3000),
        ("en-us", "word " * 2000),
        ("de", "9" * 400),
        ("cmn", "你好世界" * 100),
    ],
)
def test_what_hangs_other_systems_returns(language: str, text: str) -> None:
    """Texts from the bug trackers of eSpeak NG's users, and endless words."""
    began = time.monotonic()
    _check(TextFrontend(language).process(text))
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("text", ["", " ", "...", "\U0001f600", "\ud800", "?!"])
def test_unspeakable_text_is_an_error_in_one_sentence(frontend: TextFrontend, text: str) -> None:
    """It shows the text and says what to do."""
    with pytest.raises(TextError, match="nothing to say") as caught:
        frontend.process(text)
    assert "\n" not in str(caught.value)


def test_batch_is_the_same_as_singles(frontend: TextFrontend) -> None:
    """Neither batching nor memory changes a phoneme."""
    texts = ["The end of the day.", "It is 5 p.m., of course!", "The end of the day.", "A B C"]
    assert frontend.process_batch(texts) == [TextFrontend().process(text) for text in texts]
    assert frontend.process_batch([]) == []


def test_normalization_can_be_switched_off() -> None:
    """Then eSpeak NG reads signs and numbers its own way."""
    said = TextFrontend(normalize=False).process("No. 5 & 6")
    assert said.normalized == "No. 5 & 6"
    _check(said)


def test_memory_is_bounded() -> None:
    """The oldest clauses are forgotten first, and still answered in a batch that is too large."""
    phonemizer = Phonemizer("en-us", remembered=3)
    said = phonemizer.pronounce(["one", "two", "three", "four", "five"])
    assert len(said) == 5
    assert len(phonemizer._clauses) == 3
    assert len(phonemizer._words) == 3


@pytest.mark.slow
def test_ten_thousand_sentences_take_seconds(frontend: TextFrontend) -> None:
    """Distinct sentences, one call; the bound is wide for a busy machine."""
    letters = "abcdefghijklmnopqrstuv"
    texts = [
        f"The man of letter {a}{b}{c} went home, and {c}{a} paid {len(a) + i % 90} dollars."
        for i, (a, b, c) in enumerate((a, b, c) for a in letters for b in letters for c in letters)
    ][:10_000]
    began = time.monotonic()
    assert len(frontend.process_batch(texts)) == 10_000
    assert time.monotonic() - began < 90


def test_threads_may_share_a_frontend(frontend: TextFrontend) -> None:
    """A demo serves many at once."""
    texts = [f"thread number {n} speaks of the weather" for n in range(8)]
    said: dict[str, str] = {}
    threads = [
        threading.Thread(target=lambda t=t: said.update({t: frontend.process(t).phonemes}))
        for t in texts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == {text: frontend.process(text).phonemes for text in texts}


WORKER = """
import json, os, sys, time
print("null", flush=True)
for line in sys.stdin:
    clauses = json.loads(line)
    if "crash" in clauses:
        os._exit(139)
    if "hang" in clauses:
        time.sleep(60)
    print(json.dumps([clause.upper() for clause in clauses]), flush=True)
"""


@pytest.mark.parametrize(("word", "what"), [("crash", "crashed"), ("hang", "did not answer")])
def test_a_crash_or_hang_of_espeak_is_our_error(tmp_path: Path, word: str, what: str) -> None:
    """The clause that did it is named, and the next call is answered by a fresh worker."""
    script = tmp_path / "worker.py"
    script.write_text(WORKER, encoding="utf-8")
    espeak = Espeak("en-us", answer_seconds=2.0, worker=script)
    with pytest.raises(TextError, match=f"{what}.*'{word}'"):
        espeak.phonemize(["fine", word, "well"])
    assert espeak.phonemize(["fine", "well"]) == ["FINE", "WELL"]
    espeak.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the files of loaded libraries")
def test_a_worker_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """phonemizer's copy of the library is gone before it is used, so a kill leaves none."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    espeak = Espeak("en-us")
    assert espeak.phonemize(["fine"]) == ["fˈaɪn"]
    assert not list(tmp_path.iterdir())
    espeak.close()


def test_unknown_language_is_an_error() -> None:
    """Before any text is read."""
    with pytest.raises(TextError, match="'klingon'"):
        TextFrontend("klingon")


def test_import_of_text_is_light() -> None:
    """Neither torch nor phonemizer is loaded by the import, nor by writing text out."""
    code = (
        "import sys, text; text.normalize('5 apples'); "
        "print([m for m in ('torch', 'numpy', 'phonemizer', 'num2words') if m in sys.modules])"
    )
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "[]"
