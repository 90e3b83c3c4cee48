"""Stretches of speech, their silences and their joints."""

from __future__ import annotations

import math

import pytest
import torch

from tests.tiny import SPEC, generator
from tts.options import Options, with_choices
from tts.speech import Span, Speech, join

FLOOR = math.log(SPEC.log_floor)
HOP = SPEC.hop_samples


def speech(text, frames, seed=0):
    """A stretch in which one word fills the second half."""
    draw = generator(seed)
    seconds = frames * HOP / SPEC.sample_rate_hz
    return Speech(
        text=text,
        waveform=torch.randn(frames * HOP, generator=draw).clamp(-1, 1),
        sample_rate_hz=SPEC.sample_rate_hz,
        mel=torch.randn(SPEC.n_mels, frames, generator=draw),
        hop_samples=HOP,
        words=(Span(text, seconds / 2, seconds),),
        phonemes=(Span("a", seconds / 2, seconds),),
        sentences=(Span(text, 0.0, seconds),),
        notes=(f"note on {text}",),
        acoustic_nfe=4,
        vocoder_nfe=3,
        acoustic_seconds=0.25,
        vocoder_seconds=0.5,
    )


@pytest.mark.parametrize(("seconds", "frames"), [(0.0, 0), (0.02, 10), (0.0213, 11), (1.0, 500)])
def test_silence_is_whole_frames_of_zeros(seconds, frames):
    """Samples and mel grow together; what was said does not move."""
    before = speech("one", 10)
    after = before.with_silence(seconds, FLOOR)
    assert len(after.waveform) == (10 + frames) * HOP == after.mel.shape[1] * HOP
    assert torch.equal(after.waveform[: 10 * HOP], before.waveform)
    assert not after.waveform[10 * HOP :].any()
    assert torch.equal(after.mel[:, 10:], torch.full((SPEC.n_mels, frames), FLOOR))
    assert after.words == before.words


def test_joined_speech_is_its_pieces_one_after_the_other():
    """Samples, mels, notes and costs add up; times move by what came before."""
    one, two, three = (
        speech("one", 5),
        speech("two", 7, 1).with_silence(0.02, FLOOR),
        speech("x", 3),
    )
    whole = join([one, two, three])
    assert whole.text == "one two x"
    assert torch.equal(whole.waveform, torch.cat([p.waveform for p in (one, two, three)]))
    assert torch.equal(whole.mel, torch.cat([p.mel for p in (one, two, three)], dim=1))
    assert whole.seconds == pytest.approx(one.seconds + two.seconds + three.seconds)
    assert [w.text for w in whole.words] == ["one", "two", "x"]
    assert whole.words[1].start_seconds == pytest.approx(one.seconds + two.words[0].start_seconds)
    assert whole.sentences[2].end_seconds == pytest.approx(whole.seconds)
    assert (whole.acoustic_nfe, whole.vocoder_nfe) == (12, 9)
    assert (whole.acoustic_seconds, whole.vocoder_seconds) == (0.75, 1.5)
    assert whole.notes == ("note on one", "note on two", "note on x")


def test_one_piece_joined_is_itself():
    """Nothing is added."""
    one = speech("one", 5)
    assert torch.equal(join([one]).waveform, one.waveform)
    assert join([one]).words == one.words


RANGES = [
    ("speed", 0.2, "speed is 0.2; it must be from 0.25 to 4"),
    ("speed", 4.1, "from 0.25 to 4"),
    ("speed", math.nan, "speed is nan"),
    ("steps", 0, "steps is 0; it must be from 1"),
    ("vocoder_steps", 1001, "vocoder steps is 1001"),
    ("temperature", -0.1, "temperature is -0.1"),
    ("temperature", math.inf, "temperature is inf"),
    ("seed", -1, "seed is -1"),
    ("seed", 2**63, "seed is"),
    ("sentence_silence_seconds", 10.5, "sentence silence is 10.5"),
]


@pytest.mark.parametrize(("name", "value", "message"), RANGES)
def test_options_out_of_range_are_refused(name, value, message):
    """With the value and the range."""
    with pytest.raises(ValueError, match=message):
        Options(**{name: value})


def test_choices_change_options():
    """Those given go before; the others stay; unknown ones are guessed."""
    options = with_choices(Options(speed=2.0, seed=5), {"seed": 6})
    assert (options.speed, options.seed) == (2.0, 6)
    assert with_choices(None, {}) == Options()
    with pytest.raises(ValueError, match="unknown option 'sped', did you mean 'speed'"):
        with_choices(None, {"sped": 2.0})
    with pytest.raises(ValueError, match="speed is 9"):
        with_choices(Options(), {"speed": 9})
