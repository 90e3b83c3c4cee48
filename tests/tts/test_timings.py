"""Times of words in the formats that players and phoneticians read."""

from __future__ import annotations

import json
import re

import pytest
import torch

from core.errors import InputError
from tts.speech import Span, Speech
from tts.timings import FORMATS, Timings, timings_format, to_srt, to_textgrid, to_vtt, write_timings

RATE = 1000


def speech(words: str, seconds: float, pause: float = 0.0) -> Speech:
    """A sentence whose words share its time equally."""
    names = words.split()
    each = seconds / len(names)
    spans = tuple(Span(w, i * each, (i + 1) * each) for i, w in enumerate(names))
    return Speech(
        text=words,
        waveform=torch.zeros(round((seconds + pause) * RATE)),
        sample_rate_hz=RATE,
        mel=torch.zeros(1, 1),
        hop_samples=1,
        words=spans,
        phonemes=tuple(Span(s.text[0], s.start_seconds, s.end_seconds) for s in spans),
        sentences=(Span(words, 0.0, seconds),),
        notes=(),
        acoustic_nfe=1,
        vocoder_nfe=1,
        acoustic_seconds=0.0,
        vocoder_seconds=0.0,
    )


@pytest.fixture
def two() -> Timings:
    """Two sentences of a second, half a second of silence between them."""
    timings = Timings()
    timings.add(speech('Say "one" & <two>', 1.0, pause=0.5))
    timings.add(speech("And three", 1.0))
    return timings


def seconds(clock: str) -> float:
    """Read 00:00:01.500 or 00:00:01,500."""
    hours, minutes, rest = clock.replace(",", ".").split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


def test_pieces_are_moved_to_where_they_begin(two):
    """The second sentence begins after the first and its silence: at 1.5 s."""
    assert two.seconds == pytest.approx(2.5)
    assert two.sentences[1] == Span("And three", 1.5, 2.5)
    assert two.words[-1] == Span("three", 2.0, 2.5)


def test_silence_moves_what_follows(two):
    """A pause of 1 s puts the next sentence at 3.5 s."""
    two.add_silence(1.0)
    two.add(speech("Last", 0.5))
    assert two.words[-1] == Span("Last", 3.5, 4.0)


def test_json_has_every_tier_in_seconds(two, tmp_path):
    """The file parses, and its words are in order and inside the sound."""
    path = tmp_path / "a.json"
    write_timings(path, two)
    facts = json.loads(path.read_text(encoding="utf-8"))
    assert facts["audio_seconds"] == 2.5
    assert [w["text"] for w in facts["words"]] == ["Say", '"one"', "&", "<two>", "And", "three"]
    assert [s["start_seconds"] for s in facts["sentences"]] == [0.0, 1.5]
    ends = [w["end_seconds"] for w in facts["words"]]
    assert ends == sorted(ends)
    assert ends[-1] <= facts["audio_seconds"]


def test_srt_has_a_cue_a_sentence(two):
    """Number, times with a decimal comma, text, empty line."""
    blocks = to_srt(two).strip().split("\n\n")
    assert blocks[0] == '1\n00:00:00,000 --> 00:00:01,000\nSay "one" & <two>'
    assert blocks[1] == "2\n00:00:01,500 --> 00:00:02,500\nAnd three"


def test_long_sentences_are_cut_between_words():
    """No cue is longer than two lines of 42 characters; no word is lost."""
    timings = Timings()
    timings.add(speech(" ".join(["abcdefg"] * 100), 100.0))
    texts = [block.split("\n")[2] for block in to_srt(timings).strip().split("\n\n")]
    assert max(map(len, texts)) <= 84
    assert " ".join(texts).split() == ["abcdefg"] * 100


def test_vtt_marks_words_inside_its_cues(two):
    """Markup in a text is escaped; every word but the first has its own time."""
    text = to_vtt(two)
    assert text.startswith("WEBVTT\n\n")
    assert "&amp; <00:00:00.750>&lt;two&gt;" in text
    starts = [seconds(c) for c in re.findall(r"(\S+) -->", text)]
    assert starts == [0.0, 1.5]


def test_textgrid_intervals_touch_and_fill_the_sound(two):
    """Praat wants intervals without gaps from 0 to the end; quotes are doubled."""
    text = to_textgrid(two)
    assert 'text = """one"""' in text
    assert [int(n) for n in re.findall(r"intervals: size = (\d+)", text)] == [3, 7, 7]
    for tier in text.split("class = ")[2:]:
        bounds = [float(v) for v in re.findall(r"xm(?:in|ax) = (\S+)", tier)][2:]
        assert bounds[0] == 0.0
        assert bounds[-1] == 2.5
        assert bounds[1:-1:2] == bounds[2:-1:2]


def test_line_breaks_in_a_text_cannot_end_a_cue():
    """A cue's text is one line, whatever the text holds."""
    timings = Timings()
    timings.add(speech("x", 1.0))
    timings.sentences[0] = Span("a\n\n2\nb", 0.0, 1.0)
    assert to_srt(timings).split("\n")[2:] == ["a 2 b", ""]


def test_subtitles_show_what_was_written():
    """Said "three dollars fifty today", written "$3.50 today."; the cue has the whole time."""
    timings = Timings()
    timings.add(speech("three dollars fifty today", 1.0))
    timings.sentences[0] = Span("$3.50 today.", 0.0, 1.0)
    assert to_srt(timings) == "1\n00:00:00,000 --> 00:00:01,000\n$3.50 today.\n"
    assert "$3.50 <00:00:00.500>today." in to_vtt(timings)


def test_more_written_than_spoken_words_keep_their_order():
    """Said "x", written "x ! ? y": times do not run backwards."""
    timings = Timings()
    timings.add(speech("x", 1.0))
    timings.sentences[0] = Span("x ! ? y", 0.0, 1.0)
    assert to_vtt(timings).endswith("00:00:00.000 --> 00:00:01.000\nx ! ? y\n")


@pytest.mark.parametrize("name", ["a.srt", ".SRT", "srt", "/x/y.z.Srt"])
def test_format_is_the_extension_in_any_case(name):
    """And stands alone where there is no file name."""
    assert timings_format(name) == "srt"


def test_unknown_format_is_named_with_the_allowed_ones(tmp_path, two):
    """Nothing is written."""
    with pytest.raises(InputError, match=r"'strt'.*did you mean 'srt'.*json, srt, vtt, TextGrid"):
        write_timings(tmp_path / "a.strt", two)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", FORMATS)
def test_no_words_make_a_valid_file(kind):
    """A text may be nothing but phonemes or a pause."""
    timings = Timings()
    timings.add_silence(1.0)
    assert isinstance(FORMATS[kind](timings), str)
