"""`straighttalk say`: from a text to sound."""

from __future__ import annotations

import io
import json
import re
import wave

import numpy as np
import pytest
import soundfile

from tts.synthesizer import Synthesizer

TEXT = "Hello there, my friend."
TWO = "Hello there, my friend. How are you today?"


def samples(path) -> np.ndarray:
    """The 16-bit samples of a file."""
    return soundfile.read(path, dtype="int16")[0]


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg"])
def test_output_has_the_format_of_its_extension(say, tmp_path, suffix):
    """A file that libsndfile reads, at the voice's rate, with sound in it and nothing beside it."""
    ran = say(TEXT, "-o", f"out/hello.{suffix}")
    assert ran.code == 0, ran.err
    assert ran.out == b""
    assert [p.name for p in (tmp_path / "out").iterdir()] == [f"hello.{suffix}"]
    info = soundfile.info(tmp_path / "out" / f"hello.{suffix}")
    assert info.format == {"wav": "WAV", "flac": "FLAC", "mp3": "MP3", "ogg": "OGG"}[suffix]
    assert (info.samplerate, info.channels) == (22050, 1)
    assert np.abs(soundfile.read(tmp_path / "out" / f"hello.{suffix}")[0]).max() > 1e-3


def test_format_goes_before_the_extension(say, tmp_path):
    """`--format flac` writes FLAC whatever the file's name."""
    assert say(TEXT, "-o", "speech.bin", "--format", "flac").code == 0
    assert soundfile.info(tmp_path / "speech.bin").format == "FLAC"


def test_command_line_and_python_say_the_same(say, tiny_voice, tmp_path):
    """Same seed, same samples, up to the rounding to 16 bits."""
    assert say(TWO, "-o", "a.wav", "--seed", 7, "--steps", 3).code == 0
    speech = Synthesizer.from_pretrained(tiny_voice).synthesize(TWO, seed=7, steps=3)
    wanted = np.clip(speech.waveform.numpy(), -1, 1) * 32768
    assert np.abs(samples(tmp_path / "a.wav") - wanted).max() <= 1.0


def test_seed_decides_every_sample(say, tmp_path):
    """Twice the same seed gives the same bytes; another seed gives other sound."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert say(TEXT, "-o", f"{name}.wav", "--seed", seed).code == 0
    a, b, c = ((tmp_path / f"{name}.wav").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_batches_change_nothing(say, tmp_path):
    """Within 1e-4 of full scale."""
    assert say(TWO, "-o", "a.wav").code == 0
    assert say(TWO, "-o", "b.wav", "--batch-size", 8).code == 0
    a, b = samples(tmp_path / "a.wav"), samples(tmp_path / "b.wav")
    assert len(a) == len(b)
    assert np.abs(a.astype(int) - b).max() <= 4


def test_stdout_is_one_wav_and_nothing_else(say):
    """The header's sizes are exact for a short sound."""
    ran = say(TEXT, "-o", "-")
    assert ran.code == 0, ran.err
    with wave.open(io.BytesIO(ran.out)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (22050, 1, 2)
        assert 44 + 2 * file.getnframes() == len(ran.out)


def test_stdout_and_file_have_the_same_samples(say, tmp_path):
    """A stream is no other encoding."""
    ran = say(TEXT, "-o", "-", "--seed", 3)
    assert say(TEXT, "-o", "a.wav", "--seed", 3).code == 0
    assert ran.out[44:] == samples(tmp_path / "a.wav").astype("<i2").tobytes()


def test_pcm_on_stdout_has_no_header(say):
    """`-o - --format pcm` is the samples alone."""
    wav, pcm = say(TEXT, "-o", "-"), say(TEXT, "-o", "-", "-f", "pcm")
    assert pcm.out == wav.out[44:]


@pytest.mark.parametrize("arguments", [[], ["-"], ["-i", "-"]])
def test_text_comes_from_standard_input(say, tmp_path, arguments):
    """With no TEXT, with `-`, and with `-i -`."""
    assert say(TEXT, "-o", "a.wav").code == 0
    ran = say(*arguments, "-o", "b.wav", stdin=f"\ufeff{TEXT}\n".encode())
    assert ran.code == 0, ran.err
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_words_of_an_unquoted_text_are_one_text(say, tmp_path):
    """`say Hello there` says both words; `-t` is TEXT."""
    assert say("Hello", "there", "-o", "a.wav").code == 0
    assert say("-t", "Hello there", "-o", "b.wav").code == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_json_is_a_line_with_the_facts(say):
    """Two Euler steps are two evaluations, three Heun steps are six."""
    (facts,) = say(TEXT, "-o", "a.wav", "--json").json()
    assert (facts["acoustic_nfe"], facts["vocoder_nfe"]) == (2, 2)
    assert facts["audio_seconds"] == pytest.approx(soundfile.info("a.wav").duration, abs=1e-4)
    assert facts["rtf"] == pytest.approx(facts["seconds"] / facts["audio_seconds"], rel=1e-3)
    assert 0 < facts["acoustic_seconds"] + facts["vocoder_seconds"] < facts["seconds"]
    assert facts["file"] == "a.wav"
    more = ("--steps", 3, "--vocoder-steps", 5, "--method", "heun")
    (facts,) = say(TEXT, "-o", "a.wav", "--json", *more).json()
    assert (facts["acoustic_nfe"], facts["vocoder_nfe"]) == (6, 10)


def test_json_goes_to_stderr_when_stdout_has_the_sound(say):
    """Only sound on stdout."""
    ran = say(TEXT, "-o", "-", "--json")
    assert ran.out[:4] == b"RIFF"
    assert json.loads(ran.err)["audio_seconds"] > 0


def test_people_get_a_sentence(say):
    """Seconds of audio, time, real-time factor and evaluations, on stderr."""
    ran = say(TEXT, "-o", "a.wav")
    pattern = (
        r"a\.wav: \S+ s of audio in \S+ s \(real-time factor \S+, 2 \+ 2 function evaluations\)"
    )
    assert re.search(pattern, ran.err)


def test_quiet_says_nothing(say):
    """But makes the sound."""
    ran = say(TEXT, "-o", "a.wav", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, b"", "")


def test_speed_above_one_is_faster(say):
    """Twice as fast is shorter than half as fast."""
    lengths = []
    for speed in (0.5, 1.0, 2.0):
        assert say(TEXT, "-o", "a.wav", "--speed", speed).code == 0
        lengths.append(soundfile.info("a.wav").frames)
    assert lengths[0] > lengths[1] > lengths[2]


def test_sentence_silence_lies_between_sentences(say):
    """Two sentences with a second between them are a second longer, within one mel frame."""
    lengths = []
    for silence in (0, 1):
        assert say(TWO, "-o", "a.wav", "--sentence-silence", silence).code == 0
        lengths.append(soundfile.info("a.wav").duration)
    assert lengths[1] - lengths[0] == pytest.approx(1.0, abs=256 / 22050)


def test_volume_scales_the_samples(say, tmp_path):
    """Half is half; a hundredfold would clip, which is said and never wraps."""
    assert say(TEXT, "-o", "a.wav").code == 0
    assert say(TEXT, "-o", "b.wav", "--volume", 0.5).code == 0
    a, b = samples(tmp_path / "a.wav"), samples(tmp_path / "b.wav")
    assert np.abs(a / 2 - b).max() <= 1.0
    ran = say(TEXT, "-o", "c.wav", "--volume", 10, "--json")
    loud = samples(tmp_path / "c.wav")
    assert ran.json()[0]["clipped_samples"] == np.count_nonzero(np.abs(a * 10.0) > 32768)
    assert (loud.astype(int) * a >= 0).all()


def test_underscores_in_flags_are_hyphens(say, tmp_path):
    """`--sentence_silence` is `--sentence-silence`, as in Piper."""
    assert say(TWO, "-o", "a.wav", "--sentence-silence", 1).code == 0
    assert say(TWO, "--output_file", "b.wav", "--sentence_silence", 1).code == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_speaker_is_chosen_by_name(straighttalk, tiny_voice_of_two, tmp_path):
    """The first one speaks unless another is named."""
    for name, more in (("a", ()), ("b", ("-s", "ann")), ("c", ("-s", "bob"))):
        ran = straighttalk("say", "-v", tiny_voice_of_two, TEXT, "-o", f"{name}.wav", *more)
        assert ran.code == 0, ran.err
    a, b, c = ((tmp_path / f"{name}.wav").read_bytes() for name in "abc")
    assert a == b != c


def test_voice_comes_from_the_environment(straighttalk, tiny_voice, monkeypatch):
    """STRAIGHTTALK_VOICE is the default of --voice."""
    monkeypatch.setenv("STRAIGHTTALK_VOICE", str(tiny_voice))
    assert straighttalk("say", TEXT, "-o", "a.wav").code == 0


def test_grid_temperature_and_normalisation_matter(say, tmp_path):
    """Each flag changes the sound."""
    text = "It costs $3.50 in 1984."
    variants = {
        "a": (),
        "b": ("--grid", "0,0.2,1"),
        "c": ("--temperature", 0.1),
        "d": ("--no-normalize",),
        "e": ("-l", "de"),
    }
    for name, more in variants.items():
        ran = say(text, "-o", f"{name}.wav", *more)
        assert ran.code == 0, ran.err
    assert len({(tmp_path / f"{name}.wav").read_bytes() for name in variants}) == len(variants)


def test_lexicon_is_used(say, tmp_path):
    """A word's own pronunciation goes before eSpeak's."""
    (tmp_path / "lexicon.txt").write_text("friend  həlˈoʊ\n", encoding="utf-8")
    assert say(TEXT, "-o", "a.wav").code == 0
    ran = say(TEXT, "-o", "b.wav", "--lexicon", "lexicon.txt")
    assert ran.code == 0, ran.err
    assert (tmp_path / "a.wav").read_bytes() != (tmp_path / "b.wav").read_bytes()


def test_long_text_is_streamed_sentence_by_sentence(say, tiny_voice, monkeypatch, tmp_path):
    """No more than two sentences exist at once, and the sound is that of the whole."""
    import tts.cli.output as output

    written = []
    original = output.audio_writer

    def spy(path, rate, format=None):
        from contextlib import contextmanager

        @contextmanager
        def opened():
            with original(path, rate, format) as writer:
                write = writer.write
                writer.write = lambda w: (written.append(len(w)), write(w))[1]
                yield writer

        return opened()

    monkeypatch.setattr(output, "audio_writer", spy)
    text = "This is a sentence. " * 50
    assert say(text, "-o", "a.wav").code == 0
    assert len(written) == 50
    assert sum(written) == soundfile.info("a.wav").frames
