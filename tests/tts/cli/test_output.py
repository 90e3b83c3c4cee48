"""Streams, progress and errors."""

from __future__ import annotations

import errno
import io
import sys
import time
import wave

import numpy as np
import pytest
import soundfile

from tts.cli import messages
from tts.cli.messages import Progress, explain
from tts.cli.output import StreamSink, free_name, to_pcm, wav_header

RATE = 8000


class Pipe(io.BytesIO):
    """A stream that cannot go back."""

    def seekable(self) -> bool:
        return False


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def stream(target, seconds: float) -> np.ndarray:
    """Write noise in pieces of half a second; returns its 16-bit samples."""
    sound = np.random.default_rng(0).uniform(-1, 1, round(seconds * RATE)).astype(np.float32)
    sink = StreamSink(target, RATE)
    for start in range(0, len(sound), RATE // 2):
        sink.write(sound[start : start + RATE // 2])
    sink.finish()
    return np.frombuffer(to_pcm(sound)[0], "<i2")


@pytest.mark.parametrize("seconds", [0.0, 0.3, 9.9])
def test_a_short_stream_has_its_true_length(seconds):
    """Python's own reader counts the samples that are there."""
    pipe = Pipe()
    wanted = stream(pipe, seconds)
    pipe.seek(0)
    with wave.open(pipe) as file:
        assert file.getnframes() == len(wanted)
        assert (np.frombuffer(file.readframes(len(wanted)), "<i2") == wanted).all()


def test_a_long_stream_is_read_to_its_end():
    """It begins before it is over, and libsndfile takes its sizes for "until the end"."""
    pipe = Pipe()
    wanted = stream(pipe, 12.0)
    assert pipe.getvalue()[:44] == wav_header(RATE, None)
    samples, rate = soundfile.read(io.BytesIO(pipe.getvalue()), dtype="int16")
    assert rate == RATE
    assert (samples == wanted).all()


def test_a_stream_at_once_holds_nothing():
    """A header without a length and the first piece are there before the second is made."""
    pipe = Pipe()
    sink = StreamSink(pipe, RATE, at_once=True)
    sink.write(np.zeros(10, np.float32))
    assert pipe.getvalue() == wav_header(RATE, None) + bytes(20)
    sink.write(np.zeros(10, np.float32))
    sink.finish()
    assert pipe.getvalue() == wav_header(RATE, None) + bytes(40)


def test_a_long_stream_into_a_file_is_put_right(tmp_path):
    """As behind a shell's `>`, after what others wrote there."""
    with (tmp_path / "a.wav").open("wb") as file:
        file.write(b"before")
        wanted = stream(file, 12.0)
        file.write(b"after")
    content = (tmp_path / "a.wav").read_bytes()
    assert content == b"before" + wav_header(RATE, 2 * len(wanted)) + wanted.tobytes() + b"after"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
def test_a_long_stream_that_is_appended_is_left_alone(tmp_path):
    """Behind `>>` a second header would land at the end."""
    with (tmp_path / "a.wav").open("ab") as file:
        wanted = stream(file, 12.0)
    assert (tmp_path / "a.wav").read_bytes() == wav_header(RATE, None) + wanted.tobytes()


def test_samples_are_cut_and_never_wrap():
    """±2 becomes full scale; both are counted."""
    data, clipped = to_pcm(np.array([-2.0, -1.0, 0.0, 1.0, 2.0], np.float32))
    assert np.frombuffer(data, "<i2").tolist() == [-32768, -32768, 0, 32767, 32767]
    assert clipped == 2


def test_free_name_counts_up(tmp_path, monkeypatch):
    """The lowest number that is free."""
    monkeypatch.chdir(tmp_path)
    for name in ("speech.wav", "speech-2.wav", "speech-4.wav"):
        (tmp_path / name).touch()
    assert str(free_name("speech.wav")) == "speech-3.wav"
    assert str(free_name("other.flac")) == "other.flac"


def test_a_quick_job_shows_no_progress(monkeypatch):
    """Nothing before two seconds have passed."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress("speaking", 10) as progress:
        progress.advance(5)
    assert screen.getvalue() == ""


def test_a_slow_job_shows_a_bar_on_a_terminal(monkeypatch):
    """With what was done before it appeared."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(messages, "PATIENCE_SECONDS", 0.01)
    with Progress("speaking", 10) as progress:
        progress.advance(5)
        deadline = time.monotonic() + 10
        while "50%" not in screen.getvalue():
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert "speaking" in screen.getvalue()


def test_a_slow_job_writes_lines_elsewhere(monkeypatch):
    """A log gets a plain line now and then, unless --quiet."""
    for quiet, lines in ((False, ["speaking: 1,500 of 2,000 characters"]), (True, [])):
        log = io.StringIO()
        monkeypatch.setattr(sys, "stderr", log)
        with Progress("speaking", 2000, quiet=quiet) as progress:
            progress.advance(700)
            monkeypatch.setattr(messages, "PLAIN_INTERVAL_SECONDS", -1.0)
            progress.advance(800)
            monkeypatch.undo()
        assert log.getvalue().splitlines() == lines


def test_errors_of_the_system_name_the_file():
    """Whatever the reason."""
    full = OSError(errno.ENOSPC, "No space left on device", "a.wav")
    assert explain(full) == ("a.wav: no space left on device", 1)
    assert explain(OSError("cannot write a.wav: it is a pipe")) == (
        "cannot write a.wav: it is a pipe",
        1,
    )
    assert explain(KeyError("x")) is None
