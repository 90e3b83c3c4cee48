"""`straighttalk say`: many utterances, timings, and playing aloud."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.audio.pcm import wav_header
from tts.synthesizer import Synthesizer

TEXT = "Hello there, my friend."
TWO = "Hello there, my friend. How are you today?"
posix = pytest.mark.skipif(os.name == "nt", reason="needs a shell script on the path")


def sounds(directory: Path) -> list[str]:
    """Names of what lies in a directory."""
    return sorted(p.name for p in directory.iterdir())


def install_player(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, end: int) -> Path:
    """Put a player on the path that keeps what it hears in a file, and its arguments in another."""
    heard = tmp_path / "heard"
    heard.mkdir()
    script = tmp_path / "bin" / name
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\necho "$@" > {heard}/arguments\n/bin/cat > {heard}/sound\nexit {end}\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent))
    return heard


def test_lines_with_ids_become_files_of_these_names(say, tmp_path):
    """`id|text` to DIR/id.wav, and a JSON line for each."""
    (tmp_path / "in.txt").write_text("a1|Hello there.\n\nb.2|How are you?\n", encoding="utf-8")
    ran = say("-i", "in.txt", "--output-dir", "out", "--json")
    assert ran.code == 0, ran.err
    assert sounds(tmp_path / "out") == ["a1.wav", "b.2.wav"]
    assert [facts["id"] for facts in ran.json()] == ["a1", "b.2"]
    for facts in ran.json():
        assert soundfile.info(facts["file"]).duration == pytest.approx(
            facts["audio_seconds"], abs=1e-4
        )


def test_plain_lines_become_files_of_their_numbers(say, tmp_path):
    """The number is that of the line in the file; blank lines are nobody's."""
    (tmp_path / "in.txt").write_text("Hello there.\n\nHow are you?\n", encoding="utf-8")
    assert say("-i", "in.txt", "--output-dir", "out", "-f", "flac").code == 0
    assert sounds(tmp_path / "out") == ["0001.flac", "0003.flac"]


def test_a_line_sounds_as_it_does_alone(say, tmp_path):
    """The other lines of a file change nothing."""
    (tmp_path / "in.txt").write_text(f"a|Something else.\nb|{TEXT}\n", encoding="utf-8")
    assert say("-i", "in.txt", "--output-dir", "out").code == 0
    assert say(TEXT, "-o", "b.wav").code == 0
    assert (tmp_path / "out" / "b.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_lines_with_ids_can_become_one_sound(say, tmp_path):
    """As long as the lines alone and the silence between them."""
    (tmp_path / "in.txt").write_text("a|Hello there.\nb|How are you?\n", encoding="utf-8")
    ran = say("-i", "in.txt", "-o", "all.wav", "--json", "--timings", "all.json")
    parts = [facts["audio_seconds"] for facts in ran.json()]
    assert soundfile.info("all.wav").duration == pytest.approx(sum(parts) + 0.25, abs=1e-3)
    facts = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    assert facts["audio_seconds"] == pytest.approx(soundfile.info("all.wav").duration, abs=1e-4)
    assert facts["sentences"][1]["start_seconds"] == pytest.approx(parts[0] + 0.25, abs=1e-3)


def test_ids_are_never_spoken(say, tmp_path):
    """A file of `id|text` into one sound says the texts alone."""
    (tmp_path / "in.txt").write_text(f"x|{TEXT}\n", encoding="utf-8")
    assert say("-i", "in.txt", "-o", "a.wav").code == 0
    assert say(TEXT, "-o", "b.wav").code == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a|One.\na|Two.\n", "line 2: the id 'a' stands twice"),
        ("a|One.\nA|Two.\n", "line 2: the id 'A' stands twice"),
        ("../a|One.\n", "line 1: the id '../a' is no file name"),
        ("/etc/x|One.\n", "line 1: the id '/etc/x' is no file name"),
        (".a|One.\n", "line 1: the id '.a' is no file name"),
        ("a|One.\nTwo.\n", "line 2: 'Two.' is not `id|text`"),
        ("\n \n", "holds no text"),
        ("a|One.\nb|\n", "line 2"),
    ],
)
def test_a_bad_line_is_named_with_its_number(say, tmp_path, content, said):
    """And ends with 1."""
    (tmp_path / "in.txt").write_text(content, encoding="utf-8")
    ran = say("-i", "in.txt", "--output-dir", "out")
    assert ran.code == 1
    assert said in ran.error()


def test_a_file_that_is_no_text_is_refused(say, tmp_path):
    """The line is named."""
    (tmp_path / "in.txt").write_bytes(b"Good.\n\xff\xfe\n")
    ran = say("-i", "in.txt", "-o", "a.wav")
    assert ran.code == 1
    assert ran.error() == "in.txt, line 2 is not UTF-8 text"
    assert not (tmp_path / "a.wav").exists()


@pytest.mark.parametrize("suffix", ["json", "srt", "vtt", "TextGrid"])
def test_timings_are_written_beside_the_sound(say, tmp_path, suffix):
    """Every word of the text stands in them."""
    assert say(TWO, "-o", "a.wav", "--timings", f"a.{suffix}").code == 0
    text = (tmp_path / f"a.{suffix}").read_text(encoding="utf-8")
    for word in ("friend", "today"):
        assert word in text


def test_word_times_are_in_order_and_inside_the_sound(say, tmp_path):
    """Words lie in their sentences, phonemes touch, and the last one ends with the sound."""
    assert say(TWO, "-o", "a.wav", "--timings", "a.json").code == 0
    facts = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    duration = soundfile.info("a.wav").duration
    assert facts["audio_seconds"] == pytest.approx(duration, abs=1e-4)
    for tier in ("sentences", "words", "phonemes"):
        times = [t for s in facts[tier] for t in (s["start_seconds"], s["end_seconds"])]
        assert times == sorted(times)
        assert times[0] >= 0
    assert facts["sentences"][-1]["end_seconds"] == pytest.approx(duration, abs=1e-4)
    assert facts["phonemes"][-1]["end_seconds"] == pytest.approx(duration, abs=1e-4)
    assert len(facts["words"]) == 8


def test_each_file_of_a_directory_has_timings_of_its_own(say, tmp_path):
    """`--timings srt` with --output-dir."""
    (tmp_path / "in.txt").write_text("a|Hello there.\nb|How are you?\n", encoding="utf-8")
    assert say("-i", "in.txt", "--output-dir", "out", "--timings", "srt").code == 0
    assert sounds(tmp_path / "out") == ["a.srt", "a.wav", "b.srt", "b.wav"]
    assert "How" not in (tmp_path / "out" / "a.srt").read_text(encoding="utf-8")


def test_without_player_the_sound_goes_to_a_free_name(say, tmp_path):
    """speech.wav, then speech-2.wav; nothing is overwritten and the name is said."""
    ran = say(TEXT)
    assert ran.code == 0
    assert "no player was found, so the speech is in speech.wav" in ran.err
    assert "speech-2.wav" in say(TEXT, "--seed", 1).err
    assert sounds(tmp_path) == ["speech-2.wav", "speech.wav"]
    assert soundfile.info("speech.wav").frames > 0


def test_no_play_writes_a_file(say, tmp_path):
    """--no-play needs no player, and --format names the file."""
    ran = say(TEXT, "--no-play", "-f", "flac")
    assert ran.code == 0, ran.err
    assert sounds(tmp_path) == ["speech.flac"]
    assert "speech.flac" in ran.err


def test_play_without_a_player_fails(say, tmp_path):
    """Who asks for sound is told that there is none."""
    ran = say(TEXT, "--play")
    assert ran.code == 1
    assert "no player was found" in ran.error()
    assert not sounds(tmp_path)


@posix
def test_the_player_hears_every_sample(say, tmp_path, monkeypatch):
    """Exactly what goes into a file, at the voice's rate."""
    heard = install_player(tmp_path, monkeypatch, "aplay", 0)
    ran = say(TWO)
    assert ran.code == 0, ran.err
    assert "-r 22050" in (heard / "arguments").read_text(encoding="utf-8")
    assert say(TWO, "-o", "a.pcm").code == 0
    assert (heard / "sound").read_bytes() == (tmp_path / "a.pcm").read_bytes()
    assert not (tmp_path / "speech.wav").exists()


@posix
def test_a_player_of_files_gets_one(say, tmp_path, monkeypatch):
    """afplay reads no standard input; the file is gone afterwards."""
    heard = install_player(tmp_path, monkeypatch, "afplay", 0)
    assert say(TEXT).code == 0
    name = (heard / "arguments").read_text(encoding="utf-8").strip()
    assert name.endswith("speech.wav")
    assert not Path(name).exists()


@posix
@pytest.mark.parametrize("name", ["aplay", "afplay"])
def test_a_player_that_fails_loses_nothing(say, tmp_path, monkeypatch, name):
    """As where there is no sound card: the sound goes to speech.wav."""
    install_player(tmp_path, monkeypatch, name, 1)
    ran = say(TEXT)
    assert ran.code == 0
    assert f"{name} failed, so the speech is in speech.wav" in ran.err
    assert say(TEXT, "-o", "a.wav").code == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "speech.wav").read_bytes()


@posix
def test_play_and_output_do_both(say, tmp_path, monkeypatch):
    """A file and sound."""
    heard = install_player(tmp_path, monkeypatch, "aplay", 0)
    assert say(TEXT, "-o", "a.pcm", "--play").code == 0
    assert (heard / "sound").read_bytes() == (tmp_path / "a.pcm").read_bytes()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/dev/full is Linux's")
def test_full_disk_is_one_sentence(say):
    """ENOSPC: the device stays what it is."""
    ran = say(TEXT, "-o", "/dev/full")
    assert ran.code == 1
    assert "no space left on device" in ran.error()
    assert not Path("/dev/full").is_file()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs RLIMIT_FSIZE")
def test_a_file_that_cannot_grow_is_not_left_behind(say, tmp_path, monkeypatch):
    """A limit of 4 KiB a file stands for a full disk; neither it nor a part of it remains."""
    import resource
    import signal

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    stream = Synthesizer.stream

    def limited(*arguments, **more):
        for speech in stream(*arguments, **more):
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
            yield speech

    monkeypatch.setattr(Synthesizer, "stream", limited)
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    (tmp_path / "a.wav").write_bytes(b"old")
    try:
        ran = say(TWO, "-o", "a.wav")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, former)
    assert ran.code == 1
    assert "file too large" in ran.error()
    assert sounds(tmp_path) == ["a.wav"]
    assert (tmp_path / "a.wav").read_bytes() == b"old"


LONGER = "This is a sentence of a few more words than the others have, for it to come in parts."


def test_stream_pipes_the_same_sound_as_it_is_made(say, tmp_path, monkeypatch):
    """In more pieces, and put right at its end where standard output is a file."""
    whole = say(TWO + " " + LONGER, "-o", "whole.wav", "--json").json()[0]
    pieces, stream = [], Synthesizer.stream

    def counted(*arguments, **more):
        for speech in stream(*arguments, **more):
            pieces.append(len(speech.waveform))
            yield speech

    monkeypatch.setattr(Synthesizer, "stream", counted)
    arguments = ("--stream", "-o", "-", "--timings", "a.json", "--json")
    ran = say(TWO + " " + LONGER, *arguments)
    assert ran.code == 0, ran.err
    samples = np.frombuffer(ran.out[44:], "<i2") / 32768
    assert ran.out[:44] == wav_header(22050, 2 * len(samples))
    np.testing.assert_allclose(samples, soundfile.read(tmp_path / "whole.wav")[0], atol=2e-4)
    # Three sentences, two pauses, and parts.
    assert len(pieces) > 5
    times = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert len(times["sentences"]) == 3
    assert whole["audio_seconds"] == pytest.approx(len(samples) / 22050, abs=1e-3)


@posix
def test_stream_is_played_as_it_is_made(say, tmp_path, monkeypatch):
    """The player hears the samples that a file would have."""
    assert say(LONGER, "-o", "whole.wav").code == 0
    heard = install_player(tmp_path, monkeypatch, "aplay", 0)
    assert say(LONGER, "--stream").code == 0
    samples = np.frombuffer((heard / "sound").read_bytes(), "<i2") / 32768
    np.testing.assert_allclose(samples, soundfile.read(tmp_path / "whole.wav")[0], atol=2e-4)
