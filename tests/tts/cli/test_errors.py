"""Every mistake is one sentence and an exit code, and leaves nothing behind."""

from __future__ import annotations

import pytest

TEXT = "Hello there."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sped", "2"], "unknown option --sped, did you mean"),
        (["--voyce", "x"], "unknown option --voyce, did you mean --voice?"),
        (["--speed", "fast"], "--speed"),
        (["--steps", "2.5"], "--steps"),
        (["-t", "Again."], "give the text once"),
        (["-i", "x.txt"], "give the text once"),
        (["--output-dir", "out", "-o", "x.wav"], "not both"),
        (["--output-dir", "out"], "--output-dir goes with -i"),
    ],
)
def test_wrong_usage_ends_with_two(say, tmp_path, arguments, said):
    """Unknown flags are never spoken aloud."""
    ran = say(TEXT, *arguments)
    assert ran.code == 2
    assert said in ran.error()
    assert "straighttalk say --help shows what is allowed" in ran.err
    assert ran.out == b""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--speed", "0.1"], "speed is 0.1; it must be from 0.25 to 4"),
        (["--speed", "nan"], "speed is nan"),
        (["--steps", "0"], "steps is 0"),
        (["--steps", "1000000"], "steps is 1000000"),
        (["--vocoder-steps", "-3"], "vocoder steps is -3"),
        (["--temperature", "9"], "temperature is 9"),
        (["--sentence-silence", "60"], "sentence silence is 60"),
        (["--seed", "-1"], "seed is -1"),
        (["--volume", "11"], "volume is 11"),
        (["--volume", "nan"], "volume is nan"),
        (["--batch-size", "0"], "batch size is 0"),
        (["--method", "eular"], "'eular', did you mean 'euler'?"),
        (["--grid", "unifrom"], "'unifrom', did you mean 'uniform'?"),
        (["--grid", "0,0.5,0.4,1"], "must increase"),
        (["--device", "gpu"], "unknown device 'gpu'"),
        (["-s", "ann"], "has one speaker"),
        (["-l", "xx-nowhere"], "xx-nowhere"),
        (["--lexicon", "missing.txt"], "missing.txt"),
        (["--timings", "x.doc"], "timings format 'doc'"),
        (["-o", "x.aiff"], "audio format 'aiff'"),
        (["-f", "wave"], "audio format 'wave'"),
        (["-o", "-", "-f", "mp3"], "mp3 cannot be written to a stream"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(say, tmp_path, arguments, said):
    """The exit code is 1, and nothing is written."""
    output = [] if "-o" in arguments else ["-o", "x.wav"]
    ran = say(TEXT, *output, *arguments)
    assert ran.code == 1
    assert said in ran.error()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", " \n\t", "?!", "\u200b", "🙂"])
def test_nothing_to_say_is_said(say, tmp_path, text):
    """Empty and unspeakable texts, as an argument and on standard input."""
    for ran in (say(text, "-o", "x.wav"), say("-o", "x.wav", stdin=text.encode())):
        assert ran.code == 1
        assert ran.error()
    assert not list(tmp_path.iterdir())


def test_unknown_speaker_is_answered_with_the_known(straighttalk, tiny_voice_of_two):
    """Did you mean."""
    ran = straighttalk("say", "-v", tiny_voice_of_two, TEXT, "-o", "x.wav", "-s", "anne")
    assert ran.code == 1
    assert "unknown speaker 'anne', did you mean 'ann'? Allowed: ann, bob" in ran.error()


@pytest.mark.parametrize("command", [["say", TEXT, "-o", "x.wav"], ["vocode", "x.npy"]])
@pytest.mark.parametrize(
    "name", ["nobody", "../x", "/etc/passwd", "..\\x", "%2e%2e", "x" * 10_000, "hf://../x"]
)
def test_a_voice_that_is_none_is_refused(straighttalk, tmp_path, command, name):
    """Whatever its name looks like."""
    (tmp_path / "x.npy").write_bytes(b"")
    more = ["--output-dir", "out"] if command[0] == "vocode" else []
    ran = straighttalk(*command, *more, "-v", name)
    assert ran.code == 1
    assert ran.error()
    assert [p.name for p in tmp_path.iterdir()] == ["x.npy"]


def test_missing_input_is_named(say):
    """The file and the reason."""
    ran = say("-i", "missing.txt", "-o", "x.wav")
    assert ran.code == 1
    assert ran.error() == "missing.txt: no such file or directory"


def test_a_directory_is_no_output(say, tmp_path):
    """It is refused before anything is spoken."""
    (tmp_path / "here").mkdir()
    ran = say(TEXT, "-o", "here")
    assert ran.code == 1
    assert "here" in ran.error()


def test_debug_shows_the_trace_and_the_sentence(say):
    """For reports of faults."""
    ran = say(TEXT, "-o", "x.wav", "--steps", 0, "--debug")
    assert ran.code == 1
    assert "Traceback" in ran.err
    assert ran.err.splitlines()[-1].startswith("error: steps is 0")


def test_a_fault_of_the_program_is_no_trace(say, monkeypatch):
    """It is said to be one, and --debug shows more."""
    import tts.synthesizer

    def broken(*arguments, **more):
        raise KeyError("x")

    monkeypatch.setattr(tts.synthesizer.Synthesizer, "from_pretrained", broken)
    ran = say(TEXT, "-o", "x.wav")
    assert ran.code == 1
    assert "its own fault (KeyError: 'x')" in ran.error()


def test_interruption_ends_with_130(say, monkeypatch, tmp_path):
    """Ctrl-C in the midst of speaking leaves no part of a file."""
    import tts.synthesizer

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(tts.synthesizer.Synthesizer, "_speak", interrupted)
    ran = say(TEXT, "-o", "x.wav")
    assert ran.code == 130
    assert "Traceback" not in ran.err
    assert not list(tmp_path.iterdir())


def test_unknown_command_is_answered_with_the_nearest(straighttalk):
    """Did you mean."""
    ran = straighttalk("sya", "Hello")
    assert ran.code == 2
    assert "did you mean 'say'" in ran.error().lower()
