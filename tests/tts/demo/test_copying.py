"""Copies of a recording."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.audio.files import encode_audio, read_audio
from core.errors import InputError
from tts.demo.copying import GRIFFIN_LIM, copies, systems


def test_every_vocoder_copies_with_every_number_of_steps(voices, recording):
    """The recording first; Griffin-Lim takes no steps."""
    made = list(copies(voices, recording, systems(voices), [1, 3], 0))
    wanted = [("Recording", None), ("tiny", 1), ("tiny", 3), ("other", 1), ("other", 3)]
    assert [(copy.name, copy.steps) for copy in made] == [*wanted, (GRIFFIN_LIM, None)]
    assert [copy.nfe for copy in made] == [0, 1, 3, 1, 3, 0]
    for copy in made:
        assert len(copy.waveform) == len(made[0].waveform) == 22050


def test_a_copy_is_the_vocoders_own(voices, recording):
    """The waveform of the recording's mel, and the difference of the mels."""
    original, copy = copies(voices, recording, ["tiny"], [2], 9)
    vocoder = voices.default.vocoder
    sound, _ = read_audio(recording, 22050)
    wanted = vocoder.vocode(vocoder.mel(sound), steps=2, seed=9).waveform[: len(sound)]
    torch.testing.assert_close(copy.waveform, wanted)
    difference = vocoder.mel(wanted) - vocoder.mel(sound)
    torch.testing.assert_close(copy.difference, difference, atol=1e-4, rtol=1e-4)
    distance = float(copy.scores["Log-mel distance"])
    assert distance == pytest.approx(float(difference.abs().mean()), abs=2e-3)
    assert original.difference is None


def sound(seconds: float) -> bytes:
    return encode_audio(np.zeros(int(8000 * seconds), np.float32), 8000, "wav")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"This is no sound at all.", "the audio"),
        (b"", "the audio"),
        (sound(13.0), "longer than 12 seconds"),
        (sound(0.1), "at least 0.3 s"),
    ],
)
def test_what_is_no_recording_is_refused(voices, content, sentence):
    """One sentence without a path."""
    with pytest.raises(InputError, match=sentence) as error:
        list(copies(voices, content, ["tiny"], [1], 0))
    assert "/" not in str(error.value)


@pytest.mark.parametrize(
    ("names", "steps", "sentence"),
    [([], [1], "at least one"), (["tiny"], [], "at least one"), (["../x"], [1], "unknown vocoder")],
)
def test_nothing_chosen_is_refused(voices, recording, names, steps, sentence):
    """Names come from a list."""
    with pytest.raises(InputError, match=sentence):
        list(copies(voices, recording, names, steps, 0))
