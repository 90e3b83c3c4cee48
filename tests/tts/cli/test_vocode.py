"""`straighttalk vocode`: mels and recordings to sound."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import torch

from vocoder import Vocoder

RATE = 22050


@pytest.fixture
def vocode(straighttalk, tiny_voice):
    """`straighttalk vocode` with the tiny voice."""

    def call(*arguments):
        return straighttalk("vocode", *arguments, "-v", tiny_voice)

    return call


@pytest.fixture
def recording(tmp_path):
    """A tone of half a second, 44.1 kHz, stereo."""
    time = np.arange(22050) / 44100
    tone = 0.3 * np.sin(2 * np.pi * 440 * time)
    soundfile.write(tmp_path / "tone.flac", np.stack([tone, tone], axis=1), 44100)
    return tmp_path / "tone.flac"


@pytest.fixture
def mel(tmp_path):
    """A log mel of 20 frames."""
    values = np.random.default_rng(0).normal(-5.0, 1.0, (80, 20)).astype(np.float32)
    np.save(tmp_path / "some.npy", values)
    return tmp_path / "some.npy"


def test_a_recording_is_copied_at_the_voice_s_rate(vocode, recording, tmp_path):
    """As long as it was, mono, under its own name."""
    ran = vocode("tone.flac", "--output-dir", "out")
    assert ran.code == 0, ran.err
    info = soundfile.info(tmp_path / "out" / "tone.wav")
    assert (info.samplerate, info.channels, info.frames) == (RATE, 1, 11025)
    assert "2 function evaluations" in ran.err


def test_a_mel_becomes_what_the_library_makes_of_it(vocode, mel, tmp_path, tiny_voice):
    """The same samples up to the rounding to 16 bits, a hop a frame."""
    ran = vocode(mel, "--output-dir", "out", "--seed", 5, "--steps", 3, "--grid", "sway")
    assert ran.code == 0, ran.err
    made = Vocoder.from_pretrained(tiny_voice).vocode(
        torch.from_numpy(np.load(mel)), seed=5, steps=3, grid="sway"
    )
    written = soundfile.read(tmp_path / "out" / "some.wav", dtype="int16")[0]
    assert len(written) == 20 * 256
    assert np.abs(written - made.waveform.numpy() * 32768).max() <= 1.0


def test_json_is_a_line_a_file(vocode, recording, mel):
    """With the evaluations of the solver: three steps of the midpoint rule are six."""
    ran = vocode("tone.flac", "some.npy", "--output-dir", "o", "--json", "--steps", 3,
                 "--method", "midpoint")  # fmt: skip
    facts = ran.json()
    assert [f["id"] for f in facts] == ["tone", "some"]
    assert {f["vocoder_nfe"] for f in facts} == {6}
    assert facts[1]["audio_seconds"] == pytest.approx(20 * 256 / RATE, abs=1e-4)
    assert facts[0]["rtf"] == pytest.approx(facts[0]["seconds"] / facts[0]["audio_seconds"], 1e-3)
    assert json.dumps(facts)


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_any_width_of_float_is_a_mel(vocode, mel, kind, tmp_path):
    """And no other type of number."""
    np.save(tmp_path / "wide.npy", np.load(mel).astype(kind))
    assert vocode("wide.npy", "--output-dir", "out").code == 0


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (
            np.zeros((20, 80), np.float32),
            "has shape (20, 80); a mel for this voice has (80, frames)",
        ),
        (np.zeros((1, 80, 20), np.float32), "has shape (1, 80, 20)"),
        (np.zeros((80, 0), np.float32), "has shape (80, 0)"),
        (np.zeros((80, 20), np.int64), "must hold one array of floats"),
        (np.full((80, 20), np.nan, np.float32), "not finite"),
        (np.zeros((80, 51_680), np.float16), "lasts 600 s; at most 600 s"),
        (np.array([{"a": 1}], dtype=object), "no .npy array of numbers"),
    ],
)
def test_a_mel_that_is_none_is_refused(vocode, tmp_path, array, said):
    """With its shape or its fault; pickles are not opened."""
    np.save(tmp_path / "bad.npy", array, allow_pickle=True)
    ran = vocode("bad.npy", "--output-dir", "out")
    assert ran.code == 1
    assert said in ran.error()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"RIFF0000WAVE", b"\x93NUMPY\x01", b"PK\x03\x04"])
@pytest.mark.parametrize("name", ["bad.npy", "bad.wav"])
def test_a_damaged_file_is_refused(vocode, tmp_path, name, content):
    """It is named."""
    (tmp_path / name).write_bytes(content)
    ran = vocode(name, "--output-dir", "out")
    assert ran.code == 1
    assert name in ran.error()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--steps", 0], "steps is 0; it must be from 1 to 1000"),
        (["--seed", -1], "seed is -1"),
        (["--method", "rk5"], "unknown method 'rk5'"),
        (["--grid", "cosin"], "did you mean 'cosine'"),
        (["--device", "tpu"], "unknown device 'tpu'"),
    ],
)
def test_a_wrong_value_is_named(vocode, mel, tmp_path, arguments, said):
    """And nothing is written."""
    ran = vocode("some.npy", "--output-dir", "out", *arguments)
    assert ran.code == 1
    assert said in ran.error()
    assert not (tmp_path / "out").exists()


def test_two_inputs_cannot_become_one_file(vocode, mel, tmp_path):
    """Before anything is made."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "some.npy").write_bytes(mel.read_bytes())
    ran = vocode("some.npy", "other/some.npy", "--output-dir", "out")
    assert ran.code == 1
    assert "would both be written to" in ran.error()
    assert not (tmp_path / "out").exists()


def test_an_input_is_not_overwritten(vocode, tmp_path):
    """`vocode a.wav --output-dir .` would."""
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    before = (tmp_path / "a.wav").read_bytes()
    ran = vocode("a.wav", "--output-dir", ".")
    assert ran.code == 1
    assert "would be overwritten" in ran.error()
    assert (tmp_path / "a.wav").read_bytes() == before


def test_a_recording_of_more_than_ten_minutes_is_refused(vocode, tmp_path):
    """It is named with the limit."""
    soundfile.write(tmp_path / "long.flac", np.zeros(601 * 8000), 8000)
    ran = vocode("long.flac", "--output-dir", "out")
    assert ran.code == 1
    assert "longer than 600 seconds" in ran.error()


def test_missing_inputs_and_directories_are_usage_errors(vocode):
    """Both are required; a file that is not there is a failure."""
    assert vocode("--output-dir", "out").code == 2
    assert vocode("x.wav").code == 2
    assert vocode("x.wav", "--output-dir", "out").error() == "there is no file x.wav"
