"""Marks of prosody: never spoken, never guessed, carried over the ends of sentences."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text import TextError, TextFrontend, Utterance, split_sentences
from text.marks import EMPHASIS_RATE, unmarked


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend()


def rates_of(said: Utterance) -> dict[str, set[float]]:
    """The rates of each word's symbols."""
    rates = said.rates or [1.0] * len(said.ids)
    return {word.text: set(rates[word.start : word.end]) for word in said.words}


@pytest.mark.parametrize(
    ("marked", "plain", "phonemes"),
    [
        ("Go [pause 300ms] home.", "Go home.", "ɡˈoʊ, hˈoʊm."),
        ("Go, [pause .5s] home.", "Go, home.", "ɡˈoʊ, hˈoʊm."),
        ("Go [Pause 2 s], home.", "Go, home.", "ɡˈoʊ, hˈoʊm."),
        ("Go, [pause 1s], home.", "Go,, home.", "ɡˈoʊ, hˈoʊm."),
        ("[pause 1s] Go home [pause 1s]", "Go home", "ɡˌoʊ hˈoʊm."),
        ("Go[pause 1s]home.", "Go home.", "ɡˈoʊ, hˈoʊm."),
        ("[rate 0.8]Go[/rate] home.", "Go home.", "ɡˌoʊ hˈoʊm."),
        ("Go [emphasis]home[/emphasis].", "Go home.", "ɡˌoʊ hˈoʊm."),
        ("[rate 2][emphasis]Go[/rate] home[/emphasis].", "Go home.", "ɡˈoʊ hˈoʊm."),
        ("Dr. [emphasis]Lee[/emphasis] [rate 1.5]paid $5[/rate].", "Dr. Lee paid $5.",
         "dˈɑːktɚ lˈiː pˈeɪd fˈaɪv dˈɑːlɚz."),
    ],
)  # fmt: skip
def test_marks_are_never_spoken(
    frontend: TextFrontend, marked: str, plain: str, phonemes: str
) -> None:
    """The text, its words and its sounds are those of the text without them, but for a comma."""
    said = frontend.process(marked)
    assert (said.text, said.phonemes) == (plain, phonemes)
    assert not re.search("pause|rate|emphasis", said.normalized)
    assert [w.text for w in said.words] == [w.text for w in frontend.process(plain).words]


@pytest.mark.parametrize(
    "text",
    [
        "Stay [sic] here.",
        "He [laughs] left.",
        "So be it [emphasis added].",
        "We [pause for laughter] go on.",
        "The [rate of change] is [rate-limited] here.",
        "Say [[pause]] now.",
        "One [1] two [2s].",
    ],
)
def test_other_brackets_are_ordinary_text(frontend: TextFrontend, text: str) -> None:
    """They are left where they are, with their words, and nothing is slower or longer."""
    said = frontend.process(text)
    assert said.text == text == unmarked(text)
    assert (said.rates, said.pauses) == ([], [])


def test_rate_is_that_of_the_words_between(frontend: TextFrontend) -> None:
    """And emphasis multiplies it, on words that are written out as well."""
    said = frontend.process("Buy [rate 0.5]it for $[emphasis]3[/emphasis] [/rate]now.")
    expected = {"Buy": {1.0}, "it": {0.5}, "for": {0.5}, "now": {1.0}}
    expected |= {word: {0.5 * EMPHASIS_RATE} for word in ("three", "dollars")}
    assert rates_of(said) == expected


def test_emphasis_stresses_a_word_that_has_no_stress(frontend: TextFrontend) -> None:
    """Yours is unstressed in a sentence; what the user gave is left alone."""
    assert "juː " in frontend.process("I saw you there.").phonemes
    assert "jˈuː " in frontend.process("I saw [emphasis]you[/emphasis] there.").phonemes
    given = frontend.process("I saw [emphasis][[juː]][/emphasis] there.")
    assert "juː " in given.phonemes


def test_pause_is_the_mark_and_the_space_after_it(frontend: TextFrontend) -> None:
    """Pauses in a row are one; the first and the last stand before and after all words."""
    said = frontend.process("[pause 1s] Go [pause 1s][pause 2s] home, [pause 50ms] now. [pause 3s]")
    found = [(said.phonemes[p.start : p.end], p.seconds) for p in said.pauses]
    assert found == [("", 1.0), (", ", 3.0), (", ", 0.05), (".", 3.0)]
    assert (said.pauses[0].start, said.pauses[0].end) == (0, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hi [pause] you.", r"\[pause\] after 'Hi' .* from 0.05 to 10 s"),
        ("Hi [pause 300] you.", r"\[pause 300\] .* \[pause 300ms\] or \[pause 0.5s\]"),
        ("Hi [pause 10.1s] you.", "out of range"),
        ("Hi [pause 10ms] you.", "out of range"),
        ("Hi [pause -1s] you.", "malformed"),
        ("Hi [pause long] you.", "malformed"),
        ("Hi [pause 1s you.", "malformed"),
        ("Hi [/pause] you.", "malformed"),
        ("[rate 3]Hi[/rate] you.", r"\[rate 3\] .* from 0.5 to 2"),
        ("[rate fast]Hi[/rate] you.", "malformed"),
        ("[rate]Hi[/rate] you.", "malformed"),
        ("[rate 0.8]Hi[/rate 0.8] you.", "malformed"),
        ("[emphasis 2]Hi[/emphasis] you.", "malformed"),
        ("[rate 0.8]Hi you.", r"\[rate 0.8\] is never closed: write \[/rate\]"),
        ("Hi [/rate] you.", r"closes no \[rate\]"),
        ("[rate 0.8]Hi [rate 0.9]you[/rate][/rate].", r"stands inside \[rate 0.8\]"),
        ("Hi" + " [pause 9s] you" * 4, "longer than 30 s"),
        ("[pause 1s]", "no sentence follows|nothing to say"),
    ],
)
def test_wrong_mark_is_told(frontend: TextFrontend, text: str, words: str) -> None:
    """In one sentence that names the mark, alone and in a text that is cut into sentences."""
    with pytest.raises(TextError, match=words):
        frontend.process(text)
    with pytest.raises(TextError, match=words):
        frontend.process_batch(split_sentences(f"One. {text} Two." if "Hi" in text else text))


@pytest.mark.parametrize(
    "sentences",
    [
        "[rate 0.8]One.[/rate]|[rate 0.8]Two.[/rate]|Three.",
        "[pause 1s] One.[pause 1s]|Two.|[pause 1s] Three is four.",
        "I saw [rate 0.8]Mr. Lee[/rate].|[emphasis]He[/emphasis] left.",
        "[emphasis]Mr. Lee left.[/emphasis]|[emphasis]He[/emphasis] was late.",
    ],
)
def test_each_sentence_closes_what_it_opens(frontend: TextFrontend, sentences: str) -> None:
    """What is open at its end is opened again in the next: cut again, it is the same."""
    expected = sentences.split("|")
    assert split_sentences(" ".join(expected)) == expected
    text = " ".join(expected)
    for name in ("rate 0.8", "emphasis"):
        text = text.replace(f"[/{name.split()[0]}] [{name}]", " ")
    assert [unmarked(s) for s in split_sentences(text)] == [unmarked(s) for s in expected]
    for first, second in zip(split_sentences(text), expected, strict=True):
        assert rates_of(frontend.process(first)) == rates_of(frontend.process(second))


def test_span_lasts_over_sentences_and_paragraphs(frontend: TextFrontend) -> None:
    """As many as there are, however they come."""
    text = (
        "Zero. [rate 0.8]One is.\n\nTwo is. " + "Three, four and five, " * 30 + "six.[/rate] Seven."
    )
    sentences = split_sentences(text)
    rates = [rates_of(frontend.process(s)) for s in sentences]
    assert len(sentences) > 5
    assert {r for words in rates[1:-1] for r in set.union(*words.values())} == {0.8}
    assert {r for words in (rates[0], rates[-1]) for r in set.union(*words.values())} == {1.0}
    assert list(split_sentences(text)) == sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is.\n\n[pause 1s]\n\nTwo is.", ["One is.", "[pause 1s]Two is."]),
        ("One is.\n\n[pause 1s]\n", ["One is. [pause 1s]"]),
        ("One is. [pause 1s]", ["One is. [pause 1s]"]),
        ("One is.[pause 1s]Two is.", ["One is.", "[pause 1s]Two is."]),
    ],
)
def test_pause_that_stands_alone_goes_to_a_sentence(text: str, expected: list[str]) -> None:
    """To the next, or to the last where none follows."""
    assert split_sentences(text) == expected


def test_a_mark_is_never_cut(frontend: TextFrontend) -> None:
    """However long a sentence is, and wherever it must be cut."""
    for size in range(280, 310):
        text = "a" * size + " [pause 300ms] [rate 0.8]" + "b" * 300 + "[/rate]"
        found = [frontend.process(s) for s in split_sentences(text)]
        assert sum(p.seconds for said in found for p in said.pauses) == pytest.approx(0.3)
        assert "[" not in "".join(said.text for said in found)


_PIECES = ["[pause 300ms]", "[rate 0.8]", "[/rate]", "[emphasis]", "[/emphasis]", "[pause",
           "]", " ", ". ", ", ", "\n\n", "one", "Dr.", "$5", "[[a]]", "[sic]", "[rate"]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=12).map("".join))
def test_any_mixture_is_said_without_marks_or_refused(frontend: TextFrontend, text: str) -> None:
    """Rates for each symbol or none, pauses inside the sentence and in order."""
    try:
        found = frontend.process_batch(split_sentences(text))
    except TextError:
        return
    for said in found:
        assert "0.8" not in said.text
        assert "pause 300" not in said.text
        assert len(said.rates) in (0, len(said.ids))
        places = [place for p in said.pauses for place in (p.start, p.end)]
        assert places == sorted(places)
        assert all(0 <= place <= len(said.ids) for place in places)


def test_many_brackets_take_no_time() -> None:
    """Neither unclosed marks nor spaces between them make reading slow."""
    began = time.perf_counter()
    for piece in ("[pause ", "[rate 0.8", "[ ", "[/", ".[pause 1s]", "[pause 1s]" + " " * 50):
        unmarked(piece * 5000)
        try:
            split_sentences(piece * 1000 + " x.")
        except TextError:
            continue
    assert time.perf_counter() - began < 5.0
