"""Durations that are given when a text is said."""

from __future__ import annotations

import json

import pytest
import torch

from core.errors import InputError
from tests.tiny import acoustic_model, generator
from tts.frames import fold_blanks, unfold_blanks
from tts.options import Options
from tts.synthesizer import Synthesizer
from tts.timings import Timings, read_frames, write_timings

TEXT = "Oh, hello. You there?"


@pytest.fixture(scope="module")
def voice(tiny_voice):
    return Synthesizer.from_pretrained(tiny_voice, device="cpu")


def frames_of(speech):
    hop = speech.hop_samples / speech.sample_rate_hz
    return tuple(round((p.end_seconds - p.start_seconds) / hop) for p in speech.phonemes)


def test_unfolding_shares_as_predicted_and_loses_no_frame():
    """Folded again it is what was given; as long as predicted it is the prediction."""
    draw = generator()
    predicted = torch.randint(1, 9, (5, 13), generator=draw)
    given = torch.randint(0, 30, (5, 6), generator=draw)
    found = unfold_blanks(given, predicted)
    assert torch.equal(fold_blanks(found), given)
    assert bool((found >= 0).all())
    assert bool((found[:, 1::2] >= 1).logical_or(given == 0).all())
    assert torch.equal(unfold_blanks(fold_blanks(predicted), predicted), predicted)


@pytest.mark.parametrize("blanks", [False, True])
def test_mel_has_the_durations_of_its_ids(blanks):
    """With blanks and without."""
    model = acoustic_model(blanks=blanks)
    ids, given = torch.tensor([[3, 4, 5]]), torch.tensor([[7, 0, 9]])
    made = model.synthesise(ids, torch.tensor([3]), [0], durations=given)
    assert made.durations.tolist() == given.tolist()
    assert made.log_mel.shape[2] == 16


def test_own_durations_give_the_same_speech(voice, tmp_path):
    """What --timings wrote, given back, is the same sound to the last sample, pauses included."""
    speech = voice.synthesize(TEXT, seed=4)
    timings = Timings()
    timings.add(speech)
    write_timings(tmp_path / "t.json", timings)
    frames = read_frames(tmp_path / "t.json", speech.hop_samples / speech.sample_rate_hz)
    assert frames == frames_of(speech)
    again = voice.synthesize(TEXT, seed=4, durations=frames)
    assert torch.equal(again.waveform, speech.waveform)
    slower = voice.synthesize(TEXT, durations=tuple(2 * count for count in frames))
    assert frames_of(slower) == tuple(2 * count for count in frames)


def test_durations_of_another_text_are_refused(voice):
    """With both numbers; nothing is said before."""
    count = len(voice.synthesize(TEXT).phonemes)
    sentence = f"the text has {count} phonemes and there are 3 durations"
    with pytest.raises(InputError, match=sentence):
        voice.synthesize(TEXT, durations=(1, 2, 3))
    with pytest.raises(InputError, match="sentence 1 would last no frame"):
        voice.synthesize(TEXT, durations=(0,) * count)


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"durations": (3, -1)}, "duration 2 is -1; it must be from 0 to 1024"),
        ({"durations": (3,), "speed": 2.0}, "leave out the speed"),
        ({"guidance": 11.0}, "guidance is 11.0; it must be from 0 to 10"),
    ],
)
def test_options_out_of_range_are_refused(choices, sentence):
    """In one sentence."""
    with pytest.raises(InputError, match=sentence):
        Options(**choices)


@pytest.mark.parametrize("text", ["{}", "3", "[1.5]", "[true]", '{"phonemes": [{}]}', "nothing"])
def test_files_of_other_things_are_refused(tmp_path, text):
    """The sentence says what to write."""
    (tmp_path / "d.json").write_text(text)
    with pytest.raises(InputError, match="holds no durations: write a JSON list of frames"):
        read_frames(tmp_path / "d.json", 0.01)
    (tmp_path / "d.json").write_text(json.dumps([3, 4]))
    assert read_frames(tmp_path / "d.json", 0.01) == (3, 4)


def test_mixed_speakers_lie_between(tiny_voice_of_two):
    """A mixture of one is that one; halves are neither."""
    pair = Synthesizer.from_pretrained(tiny_voice_of_two, device="cpu")
    ann, all_ann, half = (
        pair.synthesize("Oh.", speaker=name).mel for name in ("ann", "ann:1", "ann+bob")
    )
    assert torch.equal(ann, all_ann)
    assert half.shape != ann.shape or not torch.equal(half, ann)
    with pytest.raises(InputError, match="takes no speaker vector"):
        pair.synthesize("Oh.", speaker_vector=(1.0,))
