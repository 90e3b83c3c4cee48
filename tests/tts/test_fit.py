"""Recordings that do not fit their texts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from tests.tiny import SPEC, acoustic_model, generator
from tts.fit import DEVIATIONS, fits, suspicion

FRAME = SPEC.hop_samples / SPEC.sample_rate_hz
IDS = [[3, 4, 5], [6, 7], [3, 4, 5]]
DURATIONS = [[4, 2, 9], [3, 5], [4, 2, 9]]


@pytest.fixture
def model():
    return acoustic_model(blanks=False)


def spoken(model, ids, durations):
    """The log mel that says exactly what the text's mean is, (M, T)."""
    lengths = torch.tensor([len(ids)])
    mean = model.encode(*model.with_blanks(torch.tensor([ids]), lengths)).mean[0]
    mel = mean.repeat_interleave(torch.tensor(durations), dim=1)
    return (mel * model.mel_deviation + model.mel_mean).detach()


def corpus(mels, texts=IDS):
    def batch(items):
        numbers = [index for (index,) in items]
        ids = [torch.tensor(texts[i]) for i in numbers]
        return {
            "ids": pad_sequence(ids, batch_first=True),
            "id_lengths": torch.tensor([len(i) for i in ids]),
            "mel": torch.stack([mels[i] for i in numbers]),
            "frames": torch.tensor([mels[i].shape[1] for i in numbers]),
            "speaker": torch.zeros(len(items), dtype=torch.long),
        }

    utterances = [SimpleNamespace(id=f"u{i}", text=str(ids)) for i, ids in enumerate(texts)]
    return SimpleNamespace(spec=SPEC, batch=batch, store=SimpleNamespace(utterances=utterances))


def test_recording_of_its_text_is_at_no_distance(model):
    """And its longest phoneme lasts as long as it was made to."""
    mels = [spoken(model, *item) for item in zip(IDS, DURATIONS, strict=True)]
    found = list(fits(model, corpus(mels), range(3)))
    assert [fit.id for fit in found] == ["u0", "u1", "u2"]
    for fit, durations in zip(found, DURATIONS, strict=True):
        assert fit.distance == pytest.approx(0, abs=1e-8)
        assert fit.longest_seconds == pytest.approx(max(durations) * FRAME)


def test_distance_is_in_the_model_s_units_and_wrong_texts_are_far(model):
    """Added noise of deviation s is at s squared; another text is farther than that."""
    clean = spoken(model, IDS[0], [300, 200, 400])
    noise = 0.05 * torch.randn(clean.shape, generator=generator())
    noisy = clean + noise * model.mel_deviation
    right, wrong = fits(model, corpus([noisy, noisy], [IDS[0], IDS[1]]), range(2))
    assert right.distance == pytest.approx(0.05**2, rel=0.05)
    assert wrong.distance > 4 * right.distance


def test_worst_stretch_is_where_the_recording_says_something_else(model):
    """A burst in the last phoneme raises the stretch around it more than the whole."""
    durations = [200, 200, 400]
    mel = spoken(model, IDS[0], durations)
    middle = 600
    mel[:, middle - 10 : middle + 10] += 3.0 * model.mel_deviation
    (fit,) = fits(model, corpus([mel], IDS[:1]), [0])
    assert fit.worst_seconds == pytest.approx(middle * FRAME, abs=0.2)
    assert fit.worst > 2 * fit.distance


def test_score_is_in_robust_deviations_of_whole_or_part():
    """Of 1, 2, 3, 4, 100 the median is 3 and the median distance from it 1."""
    numbers = [1.0, 2.0, 3.0, 4.0, 100.0]

    def scores(wholes, parts):
        pairs = zip(wholes, parts, strict=True)
        return suspicion([SimpleNamespace(distance=d, worst=w) for d, w in pairs])

    expected = pytest.approx(97 / DEVIATIONS)
    assert scores(numbers, [1.0, 2.0, 3.0, 4.0, 5.0])[4] == expected
    assert scores([1.0, 2.0, 3.0, 4.0, 5.0], numbers)[4] == expected
    assert scores([1.0] * 5, [1.0] * 5) == [0.0] * 5
