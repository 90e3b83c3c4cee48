"""`straighttalk convert`: recordings to noise and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

RATE = 22050


@pytest.fixture
def recording(tmp_path):
    """A gliding tone of 1.2 s."""
    time = np.arange(int(1.2 * RATE)) / RATE
    wave = 0.3 * np.sin(2 * np.pi * (300 + 200 * time) * time)
    soundfile.write(tmp_path / "tone.wav", wave, RATE)
    return tmp_path / "tone.wav"


def test_sound_goes_through_the_vocoders_noise_and_back(straighttalk, tiny_voice, recording):
    """The copy is as long as the recording and close to it, and the closeness is reported."""
    ran = straighttalk("convert", recording, "-o", "copy.wav", "-v", tiny_voice, "--json")
    assert ran.code == 0, ran.err
    facts = ran.json()[0]
    assert facts["vocoder_nfe"] == 2 * 4 * 16
    copy, given = soundfile.read("copy.wav")[0], soundfile.read(recording)[0]
    assert len(copy) == len(given)
    # Both files are rounded to 16 bits.
    assert np.abs(copy - given).max() < 2**-14
    assert facts["round_trip_snr_db"] > 60


def test_another_speaker_says_the_recording(straighttalk, tiny_voice_of_two, recording):
    """The rhythm stays: as many frames; the way back and forth closes."""
    arguments = ("convert", recording, "-t", "Oh, you.", "-v", tiny_voice_of_two, "--json")
    sounds = []
    for target in ("ann", "bob"):
        ran = straighttalk(*arguments, "--speaker-from", "ann", "-s", target, "-o", f"{target}.wav")
        assert ran.code == 0, ran.err
        assert ran.json()[0]["round_trip_log_mel_error"] < 0.05
        sounds.append(soundfile.read(f"{target}.wav")[0])
    assert len(sounds[0]) == len(sounds[1])
    assert np.abs(sounds[0] - sounds[1]).max() > 1e-3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-s", "bob"], "speakers go with --text"),
        (["-t", "Oh.", "-s", "bop"], "unknown speaker 'bop', did you mean 'bob'?"),
        (["-t", "Oh, hello, " * 20], "it does not match the recording"),
        (["--steps", "0"], "steps is 0; it must be from 1 to 1000"),
        (["--method", "eular"], "unknown method 'eular' in --method, did you mean 'euler'?"),
    ],
)
def test_mistakes_are_one_sentence(straighttalk, tiny_voice_of_two, recording, arguments, sentence):
    """And nothing is written."""
    ran = straighttalk("convert", recording, "-o", "x.wav", "-v", tiny_voice_of_two, *arguments)
    assert ran.code in (1, 2)
    assert sentence in ran.error()
    assert not (recording.parent / "x.wav").exists()


def test_durations_of_timings_can_be_said_again(straighttalk, tiny_voice):
    """`say --durations` takes what `say --timings` wrote, and refuses those of another text."""
    said = ("say", "Oh, hello.", "-v", tiny_voice, "--no-play", "--timings")
    assert straighttalk(*said, "one.json", "-o", "one.wav").code == 0
    assert straighttalk(*said, "two.json", "-o", "two.wav", "--durations", "one.json").code == 0
    with open("one.json") as one, open("two.json") as two:
        assert json.load(one) == json.load(two)
    assert np.array_equal(soundfile.read("one.wav")[0], soundfile.read("two.wav")[0])
    other = straighttalk("say", "Bye.", "-v", tiny_voice, "-o", "x.wav", "--durations", "one.json")
    assert "phonemes and there are" in other.error()
