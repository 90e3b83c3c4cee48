"""TextGrids as Praat writes them, long and short, and as our own writer does."""

from __future__ import annotations

import pytest

from core.errors import InputError
from tts.speech import Span
from tts.textgrid import read_textgrid
from tts.timings import Timings, to_textgrid

SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
1.25
<exists>
2
"PointTier"
"clicks"
0
1.25
1
0.5
"x"
"IntervalTier"
"words"
0
1.25
3
0
0.2
""
0.2
0.75
"say ""hi"" [2] 3"
0.75
1.25
"naïve"
"""


def texts(grid, tier="words"):
    return [(i.start_seconds, i.end_seconds, i.text) for i in grid.tiers[tier]]


EXPECTED = [(0.0, 0.2, ""), (0.2, 0.75, 'say "hi" [2] 3'), (0.75, 1.25, "naïve")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_short_format_is_read_in_every_encoding(tmp_path, encoding):
    """Quotes are doubled, labels may look like anything, tiers of points are passed over."""
    file = tmp_path / "a.TextGrid"
    file.write_text(SHORT, encoding=encoding)
    grid = read_textgrid(file)
    assert grid.seconds == 1.25
    assert list(grid.tiers) == ["words"]
    assert texts(grid) == EXPECTED


def test_long_format_of_our_writer_is_read_back(tmp_path):
    """Times and texts of words and phones, with empty intervals in the gaps."""
    words = [Span('say "hi" [2]', 0.2, 0.75), Span("naïve", 0.75, 1.25)]
    timings = Timings(1.5, [Span("x", 0.0, 1.25)], words, [Span("s", 0.2, 0.3)])
    file = tmp_path / "a.TextGrid"
    file.write_text(to_textgrid(timings), encoding="utf-8")
    grid = read_textgrid(file)
    assert list(grid.tiers) == ["sentences", "words", "phones"]
    expected = [(0.0, 0.2, ""), *((w.start_seconds, w.end_seconds, w.text) for w in words)]
    assert texts(grid) == [*expected, (1.25, 1.5, "")]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text[: text.index('"naïve"')], "it ends too early"),
        (lambda text: text.replace("TextGrid", "Sound"), "is no TextGrid"),
        (lambda text: text.replace("\n0.75\n1.25", "\n0.7\n1.25"), "'naïve' from 0.7 to 1.25 s is"),
        (lambda text: text.replace("\n3\n0", '\n"3"\n0'), "'3' stands where a number should"),
        (lambda text: "", "it ends too early"),
    ],
)
def test_damaged_files_are_refused(tmp_path, change, sentence):
    """In one sentence that names the file."""
    file = tmp_path / "bad.TextGrid"
    file.write_text(change(SHORT), encoding="utf-8")
    with pytest.raises(InputError, match=sentence) as refusal:
        read_textgrid(file)
    assert "bad.TextGrid" in str(refusal.value)


def test_other_bytes_are_refused(tmp_path):
    """A recording under that name, or no file at all."""
    (tmp_path / "a.TextGrid").write_bytes(b"RIFF\xff\xfe\x80")
    with pytest.raises(InputError, match="neither UTF-8 nor UTF-16"):
        read_textgrid(tmp_path / "a.TextGrid")
    with pytest.raises(InputError, match="no such file"):
        read_textgrid(tmp_path / "b.TextGrid")
