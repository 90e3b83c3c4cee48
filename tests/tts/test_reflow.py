"""Pairs of noise and mel: the ends of the teacher's own ODE, with the recording's rhythm."""

from __future__ import annotations

import pytest
import torch

from core.data.pairs import item_seed, plan_parts
from core.data.store import UtteranceStore
from tests import tiny
from tests.core.data.test_pairs import facts
from tts.losses import acoustic_losses
from tts.reflow import AcousticTeacher, align_recordings
from tts.sentences import Sentences

ITEMS = 12


@pytest.fixture(scope="module")
def sentences(tmp_path_factory):
    store = tiny.write_store(tmp_path_factory.mktemp("store"))
    return Sentences(UtteranceStore(store, "train"), tiny.SPEC, ())


def teacher(sentences, **changes):
    made_with = facts(**{"kind": "acoustic", "items": ITEMS, "prior": "standard normal", **changes})
    return AcousticTeacher(tiny.acoustic_model(), sentences, made_with)


@pytest.mark.parametrize(("method", "steps"), [("euler", 5), ("midpoint", 3), ("rk45", 1)])
def test_pair_made_again_from_its_noise_agrees(sentences, method, steps):
    """To 1e-5, with each solver, alone as in its batch."""
    maker = teacher(sentences, method=method, steps=steps)
    for part in plan_parts([u.samples for u in sentences.store.utterances], 4):
        pairs = maker.make(part)
        together = maker.again(pairs)
        for pair, mel in zip(pairs, together, strict=True):
            stored = pair[1]["x_1"]
            assert (mel - stored).abs().max() < 1e-5
            assert (maker.again([pair])[0] - stored).abs().max() < 1e-5
            assert stored.dtype == torch.float32
            assert pair[0].evaluations >= steps


def test_pair_is_the_sample_that_the_model_gives(sentences):
    """The same noise and durations through `synthesise`, which alone clamps to the log floor."""
    maker = teacher(sentences, temperature=0.8)
    item, tensors = maker.make([7])[0]
    mels = maker.model.synthesise(
        torch.tensor([item.ids]),
        torch.tensor([len(item.ids)]),
        [item_seed(0, 7)],
        steps=4,
        method="euler",
        grid="uniform",
        temperature=0.8,
        durations=tensors["durations"][None],
    )
    floor = torch.tensor(tiny.SPEC.log_floor).log()
    torch.testing.assert_close(mels.log_mel[0], tensors["x_1"].maximum(floor), rtol=0, atol=1e-5)


def test_durations_are_those_of_training(sentences):
    """Alignment search on the recording, as the losses of the acoustic model find them."""
    maker = teacher(sentences)
    numbers = [3, 0, 9]
    batch = sentences.batch([(n,) for n in numbers])
    _, durations = acoustic_losses(
        maker.model, batch["ids"], batch["id_lengths"], batch["mel"], batch["frames"]
    )
    for row, (item, tensors) in zip(durations, maker.make(numbers), strict=True):
        count = len(tensors["durations"])
        assert torch.equal(row[:count], tensors["durations"])
        assert not row[count:].any()
        assert int(tensors["durations"].sum()) == item.frames == tensors["x_1"].shape[1]


def test_noise_has_the_temperature_and_the_seed(sentences):
    """Draws of one utterance differ, share its rhythm, and scale with the temperature."""
    one, two = teacher(sentences, draws=2).make([8, 9])
    assert one[0].id == two[0].id == sentences.store.utterances[4].id
    assert torch.equal(one[1]["durations"], two[1]["durations"])
    assert not torch.equal(one[1]["x_0"], two[1]["x_0"])
    assert one[1]["x_0"].std() == pytest.approx(1.0, abs=0.1)
    cool = teacher(sentences, draws=2, temperature=0.5).make([8])[0]
    assert torch.equal(cool[1]["x_0"], 0.5 * one[1]["x_0"])


def test_batch_equals_singles(sentences):
    """Whatever else is in the part."""
    maker = teacher(sentences)
    together = maker.make([1, 5, 6])
    for number, (item, tensors) in zip([1, 5, 6], together, strict=True):
        alone = maker.make([number])[0]
        assert alone[0] == item
        assert torch.equal(alone[1]["x_0"], tensors["x_0"])
        torch.testing.assert_close(alone[1]["x_1"], tensors["x_1"], rtol=0, atol=1e-5)


def test_recordings_give_the_field_of_their_mels(sentences):
    """One velocity for each real frame, and none on padding."""
    found = align_recordings(teacher(sentences).model, sentences, [0, 1])
    assert torch.equal(found.mask.sum(dim=(1, 2)), found.frames)
    x = torch.randn(2, tiny.SPEC.n_mels, found.mask.shape[2], generator=tiny.generator())
    velocity = found.field(torch.tensor(0.5), x * found.mask)
    assert not velocity.masked_select(~found.mask).any()
    assert velocity.masked_select(found.mask).std() > 0
