"""The encoder and the durations."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiny import acoustic_config, awaken, generator
from tts.encoder import DurationPredictor, Encoder

REAL = torch.ones(1, 1, dtype=torch.bool)
NORMAL = torch.ones((), dtype=torch.float64)


def predictor():
    return awaken(DurationPredictor(8, 3, 0.0))


def speak(log_frames, mask=None, speed=NORMAL):
    log_frames = torch.as_tensor(log_frames)
    mask = torch.ones_like(log_frames, dtype=torch.bool) if mask is None else mask
    return predictor().frames(log_frames, mask, torch.as_tensor(speed, dtype=torch.float64))


def test_encoder_does_not_see_padding():
    """Real tokens are encoded as they are alone, whatever ids stand on the padding."""
    encoder = awaken(Encoder(acoustic_config().encoder, 12, 0))
    ids = torch.tensor([[3, 1, 4, 1, 5]])
    padded = torch.cat([ids, torch.tensor([[9, 2, 6]])], dim=1)
    mask = (torch.arange(8) < 5)[None, :, None]
    alone = encoder(ids, mask[:, :5])
    torch.testing.assert_close(encoder(padded, mask)[:, :5], alone, rtol=0, atol=1e-5)


def test_duration_predictor_does_not_see_padding():
    """A token's duration does not depend on what is padded."""
    hidden = torch.randn(1, 9, 8, generator=generator())
    mask = (torch.arange(9) < 5)[None, :, None]
    alone = predictor()(hidden[:, :5], mask[:, :5])
    torch.testing.assert_close(predictor()(hidden, mask)[:, :5], alone, rtol=0, atol=1e-5)


def test_durations_do_not_train_the_encoder():
    """No gradient flows from the predicted durations back into the features."""
    hidden = torch.randn(1, 4, 8, generator=generator()).requires_grad_()
    module = predictor()
    module(hidden, torch.ones(1, 4, 1, dtype=torch.bool)).sum().backward()
    assert hidden.grad is None
    assert all(p.grad is not None for p in module.parameters())


def test_rounding_carries_its_remainder():
    """Ten tokens of 2.4 frames last 24 frames together, not 20."""
    frames = speak([[math.log(2.4)] * 10])
    assert int(frames.sum()) == 24
    assert set(frames[0].tolist()) == {2, 3}


def test_short_tokens_borrow_from_those_after_them():
    """Tokens of 0.2 and 3.8 frames last 1 and 3: the utterance is still as long as their sum."""
    frames = speak([[math.log(0.2), math.log(3.8)] * 5])
    assert int(frames.sum()) == 20
    assert int(frames.min()) >= 1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-3.0, 4.0), min_size=1, max_size=20), st.floats(0.25, 4.0))
def test_every_real_token_sounds(log_frames, speed):
    """At least one frame a token; in all, the sum of what was wanted, if the tokens fit in it."""
    frames = speak([log_frames], speed=speed)[0]
    wanted = sum(math.exp(value) for value in log_frames) / speed
    assert int(frames.min()) >= 1
    assert int(frames.sum()) >= max(len(log_frames), round(wanted) - 1)
    assert int(frames.sum()) <= max(len(log_frames), wanted + 1) + sum(
        max(0.0, 1 - math.exp(value) / speed) for value in log_frames
    )


def test_padding_gets_no_frames_and_changes_none():
    """Durations of a padded item are its own, then zeros."""
    log_frames = torch.tensor([[1.0, 0.3, 2.0, 5.0, 5.0]])
    mask = torch.tensor([[True, True, True, False, False]])
    frames = speak(log_frames, mask)
    assert frames[0, 3:].tolist() == [0, 0]
    assert frames[0, :3].tolist() == speak(log_frames[:, :3])[0].tolist()


@pytest.mark.parametrize("speed", [0.25, 0.5, 2.0, 4.0])
def test_speed_scales_the_length(speed):
    """Twice as fast is half as long, within the frames that the tokens need at least."""
    log_frames = torch.log(torch.tensor([[1.0, 8.0] * 30]))
    slow = int(speak(log_frames).sum())
    assert int(speak(log_frames, speed=speed).sum()) == pytest.approx(slow / speed, rel=0.02)


def test_speed_may_differ_by_token():
    """A single word can be slowed without touching the others."""
    log_frames = torch.log(torch.tensor([[4.0, 4.0, 4.0]]))
    speed = torch.tensor([[1.0, 0.5, 1.0]])
    assert speak(log_frames, speed=speed)[0].tolist() == [4, 8, 4]


def test_scale_corrects_the_mean():
    """exp(mean log d) falls short of the mean; the corpus's ratio multiplies every duration."""
    module = predictor()
    module.scale.fill_(1.5)
    frames = module.frames(torch.full((1, 4), math.log(4.0)), REAL.expand(1, 4), NORMAL)
    assert frames[0].tolist() == [6, 6, 6, 6]


@pytest.mark.parametrize("value", [200.0, math.inf, -math.inf, math.nan])
def test_absurd_durations_stay_bounded(value):
    """An untrained predictor cannot exhaust the memory."""
    frames = speak([[value, 1.0]])
    assert int(frames.min()) >= 1
    assert int(frames.sum()) < 2000
