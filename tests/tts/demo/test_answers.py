"""What the tabs answer, as HTML."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from core.audio.files import read_audio
from tests.tts.conftest import make_voice
from tts.demo.flow_answers import OWN, compared, measured, walked
from tts.demo.speak_answers import answer
from tts.demo.speaking import say
from tts.demo.vocoder_tab import copied
from tts.synthesizer import Synthesizer

CHOICES = ("tiny", "en-us", "balanced", "ann", 1.0, 0.5, 2, 2, 0)
TEXT = "Hello there. Is it 3?"


def content(address: str) -> bytes:
    return Path(unquote(address.removeprefix("gradio_api/file="))).read_bytes()


def linked(html: str) -> dict[str, bytes]:
    found = re.findall(r'<a href="([^"]+)" download="([^"]+)"', html)
    return {name: content(address) for address, name in found}


def test_every_sentence_is_shown_and_then_the_whole(voices, files):
    """A yield a sentence, and one with what can be saved."""
    shown = list(answer(voices, files, say, TEXT, CHOICES))
    assert [strip.count("<figure") for strip, *_ in shown] == [1, 2, 2]
    assert "download" not in shown[1][0]
    assert "real-time factor" in shown[-1][1]
    assert "Is it three?" in shown[-1][2]
    assert len(shown[-1][3].splitlines()) == 2


def test_what_is_saved_is_what_was_said(voices, files):
    """WAV of the whole length, subtitles and a TextGrid with the words."""
    *_, (strip, *_) = answer(voices, files, say, TEXT, CHOICES)
    saved = linked(strip)
    wanted = voices.default.synthesize(TEXT, speaker="ann", temperature=0.5)
    waveform, rate = read_audio(saved["speech.wav"])
    assert len(waveform) / rate == pytest.approx(wanted.seconds, abs=1e-3)
    assert b"Hello there." in saved["speech.srt"]
    assert b'"words"' in saved["speech.TextGrid"]


@pytest.mark.parametrize(
    ("text", "place", "value", "sentence"),
    [
        ("", 0, "tiny", "nothing to say"),
        ("Hi.", 0, "../../etc", "unknown voice"),
        ("Hi.", 0, "othre", "did you mean"),
        ("Hi.", 1, "xx-klingon", "xx-klingon"),
        ("Hi.", 2, "fats", "unknown quality"),
        ("Hi.", 3, "carol", "carol"),
        ("Hi.", 4, 9.0, "speed is 9"),
        ("Hi.", 6, 65, "steps is 65"),
        ("Hi.", 7, None, "vocoder steps is None"),
        ("Hi.", 8, -1, "seed is -1"),
        ("Say [[§]].", 0, "tiny", "§"),
    ],
)
def test_a_mistake_is_one_sentence(voices, files, text, place, value, sentence):
    """Told to screen readers at once, with no trace."""
    choices = (*CHOICES[:place], value, *CHOICES[place + 1 :])
    *_, (_, status, _, _) = answer(voices, files, say, text, choices)
    assert status.startswith('<p class="st-error" role="alert">')
    assert sentence in status
    assert "\n" not in status


def test_another_voice_and_language(voices, files):
    """The installed voice speaks; a language changes how it is read."""
    choices = ("other", "de", "fast", None, *CHOICES[4:])
    *_, (_, status, _, phonemes) = answer(voices, files, say, "Ich bin.", choices)
    assert "real-time factor" in status
    assert phonemes.startswith("ɪç")


def test_few_steps_and_many(voices, files):
    """A card for each number, with the cost of both halves."""
    shown = list(compared(voices, files, "both", "tiny", "Hi.", OWN, OWN, 0))
    assert [cards.count("<section") for cards, _ in shown] == [1, 2, 3, 4, 5]
    assert shown[-1][0].count("RTF") == 10
    assert "32 evaluations" in shown[-1][0]


def test_a_walk_has_a_stop_for_every_node(voices, files):
    """States, sounds and straight lines beside the paths; also along the vocoder."""
    for which in ("mel", "vocoder"):
        html, status = walked(voices, files, which, 3, "tiny", "Hi.", OWN, OWN, 0)
        assert html.count("ahead.png") == 5
        assert html.count('class="st-chord"') == 4
        assert "4 states" in status
    html, status = walked(voices, files, "mel", 3, "tiny", "", OWN, OWN, 0)
    assert "nothing to say" in status


def test_bends_before_and_after_reflow(tmp_path, files):
    """Two lines, and two more when the voice has a directory `reflow`."""
    from tts.demo.voices import Voices

    voice = make_voice(tmp_path / "straight")
    voices = Voices(Synthesizer.from_pretrained(voice, device="cpu"))
    before, _ = measured(voices, "straight", "Hi.", 0)
    make_voice(voice / "reflow")
    after, _ = measured(voices, "straight", "Hi.", 0)
    assert before.count("S = ") == 2
    assert after.count("S = ") == 4
    assert "Vocoder, after reflow" in after


def test_flows_are_those_of_the_voice_that_was_chosen(voices, files):
    """Another voice has other paths; an unknown one is a sentence, in all three parts."""

    def ask(voice):
        *_, (_, compared_status) = compared(voices, files, "both", voice, "Hi.", OWN, OWN, 0)
        return (
            compared_status,
            walked(voices, files, "mel", 2, voice, "Hi.", OWN, OWN, 0)[1],
            (measured(voices, voice, "Hi.", 0)),
        )

    *_, (own, _) = ask("tiny")
    *_, (other, _) = ask("other")
    assert own.count("S = ") == other.count("S = ") == 2
    assert own != other
    compare_status, walk_status, (_, measure_status) = ask("nobody")
    for status in (compare_status, walk_status, measure_status):
        assert "unknown voice &#x27;nobody&#x27;" in status


def test_copies_are_cards(voices, files, recording, tmp_path):
    """With difference and distance; a mistake keeps its sentence."""
    path = tmp_path / "talk.wav"
    path.write_bytes(recording)
    *_, (cards, status) = copied(voices, files, str(path), ["tiny"], [1, 2], 0)
    assert cards.count("<section") == 3
    assert cards.count("Log-mel distance") == 2
    assert "2 copies" in status
    ((_, status),) = copied(voices, files, None, ["tiny"], [1], 0)
    assert "no recording yet" in status
    path.write_text("This is text.")
    ((_, status),) = copied(voices, files, str(path), ["tiny"], [1], 0)
    assert 'role="alert"' in status
    assert str(tmp_path) not in status


def test_files_have_secret_names_and_are_known_for_removal(files):
    """128 bits each."""
    one, two = files.put("a.txt", b"1"), files.put("a.txt", b"2")
    assert one != two
    assert len(Path(one).parent.name) == 32
    assert len(files.written) == 2
    assert content(two) == b"2"
