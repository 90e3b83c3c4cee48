"""The acoustic model's losses."""

from __future__ import annotations

import math

import pytest
import torch

from tests.tiny import SPEC, acoustic_model, generator
from tts.frames import follow
from tts.losses import acoustic_losses

FRAMES = torch.tensor([30, 17, 12])
LENGTHS = torch.tensor([4, 2, 5])
NAMES = ("duration", "prior", "flow")


def batch(seed=0):
    draw = generator(seed)
    ids = torch.randint(1, 12, (3, 5), generator=draw)
    log_mel = 1.5 * torch.randn(3, SPEC.n_mels, 30, generator=draw) - 4
    return ids, LENGTHS, log_mel, FRAMES


def losses(model, *inputs, **more):
    torch.manual_seed(0)
    return acoustic_losses(model, *inputs, **more)


@pytest.fixture
def fixed_noise(monkeypatch):
    """Noise and time that do not depend on the batch's size: then losses can be compared."""
    noise = torch.randn(1, SPEC.n_mels, 64, generator=generator(9))
    monkeypatch.setattr(
        torch, "randn_like", lambda x: noise[:, :, : x.shape[2]].expand_as(x).clone()
    )
    monkeypatch.setattr(torch, "rand", lambda n, **_: 0.4 * torch.ones(n))
    # Batch of B: order + 0.4, divided by B; made the same for every B.
    monkeypatch.setattr(torch, "randperm", lambda n, **_: torch.full((n,), 0.5 * n - 0.4))


def test_losses_of_a_batch_are_means_over_its_real_frames(fixed_noise):
    """Loss of a padded batch = mean of the items' own losses, weighted by what is real."""
    model = acoustic_model()
    ids, lengths, log_mel, frames = batch()
    together, durations = losses(model, ids, lengths, log_mel, frames)
    weights = {"duration": 2.0 * lengths + 1, "prior": frames, "flow": frames}
    singles = []
    for i, (n, t) in enumerate(zip(lengths.tolist(), frames.tolist(), strict=True)):
        own, found = losses(
            model, ids[i : i + 1, :n], lengths[i : i + 1], log_mel[i : i + 1, :, :t],
            frames[i : i + 1],
        )  # fmt: skip
        assert found[0].tolist() == durations[i, : 2 * n + 1].tolist()
        singles.append(own)
    for name in NAMES:
        values = torch.stack([own[name] for own in singles])
        expected = (values * weights[name]).sum() / weights[name].sum()
        torch.testing.assert_close(together[name], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("garbage", [0.0, 1e4, math.nan])
def test_padding_changes_no_loss(garbage):
    """More padded ids and frames, whatever stands there, leave every loss as it is."""
    model = acoustic_model()
    ids, lengths, log_mel, frames = batch()
    clean, durations = losses(model, ids, lengths, log_mel, frames)
    mask = (torch.arange(30) < frames[:, None])[:, None]
    log_mel = torch.where(mask, log_mel, garbage)
    log_mel = torch.nn.functional.pad(log_mel, (0, 9), value=garbage)
    ids = torch.where(torch.arange(5) < lengths[:, None], ids, 7)
    ids = torch.nn.functional.pad(ids, (0, 4), value=3)
    dirty, found = losses(model, ids, lengths, log_mel, frames)
    assert found[:, :11].tolist() == durations.tolist()
    for name in NAMES:
        torch.testing.assert_close(dirty[name], clean[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sigma_min": 0.2},
        {"sigma": 0.3},
        {"prior_on_mean": True},
        {"prior_on_mean": True, "sigma": 0.1},
    ],
)
def test_flow_loss_of_gaussian_data_is_one(options):
    """Around the mean with the deviation that was measured, the zero network's loss is 1."""
    model = acoustic_model(blanks=False, **options)
    torch.nn.init.zeros_(model.decoder.out.weight)
    torch.nn.init.zeros_(model.decoder.out.bias)
    # One token an item: there is but one alignment.
    ids, lengths = torch.arange(8)[:, None], torch.ones(8, dtype=torch.long)
    mean = model.encode(ids, lengths).mean.detach()
    noise = torch.randn(8, SPEC.n_mels, 1500, generator=generator(3))
    mel = mean + model.residual_variance.sqrt() * noise
    log_mel = mel * model.mel_deviation + model.mel_mean
    found, _ = losses(model, ids, lengths, log_mel, torch.full((8,), 1500))
    # 72,000 cells: the mean of their squares has a deviation of 0.5 %.
    assert float(found["flow"].detach()) == pytest.approx(1.0, abs=0.02)
    expected = 0.5 * float(model.residual_variance.mean()) + 0.5 * math.log(2 * math.pi)
    assert float(found["prior"].detach()) == pytest.approx(expected, abs=0.01)


def test_duration_loss_compares_logarithms():
    """One token of 20 frames, predicted 5: (log 4)^2."""
    model = acoustic_model(blanks=False)
    torch.nn.init.zeros_(model.durations.out.weight)
    torch.nn.init.constant_(model.durations.out.bias, math.log(5.0))
    log_mel = torch.randn(1, SPEC.n_mels, 20, generator=generator())
    found, _ = losses(model, torch.tensor([[3]]), torch.tensor([1]), log_mel, torch.tensor([20]))
    assert float(found["duration"].detach()) == pytest.approx(math.log(4.0) ** 2, rel=1e-5)


def test_loss_is_the_sum_of_its_parts():
    """Nothing else is minimised."""
    found, _ = losses(acoustic_model(), *batch())
    assert float(found["loss"]) == pytest.approx(sum(float(found[name]) for name in NAMES))


def test_gradient_reaches_every_parameter():
    """None is left out, none twice: speakers, both attention stacks, durations, decoder."""
    model = acoustic_model(speakers=("ann", "bob"))
    found, _ = losses(model, *batch(), speaker=torch.tensor([0, 1, 0]))
    found["loss"].backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert silent == []


def test_duration_loss_trains_the_predictor_alone():
    """Its gradient stops at the encoder's features."""
    model = acoustic_model()
    losses(model, *batch())[0]["duration"].backward()
    trained = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None}
    assert trained == {"durations"}


def test_preconditioning_does_not_train_the_means():
    """The centre of the linear velocity is fixed; the flow trains the means as a condition only.

    With the condition's weights at zero, the flow loss has no gradient for the mean.
    """
    model = acoustic_model()
    torch.nn.init.zeros_(model.decoder.condition_in.weight)
    losses(model, *batch())[0]["flow"].backward()
    assert float(model.mean_out.weight.grad.abs().max()) == 0


def test_statistics_follow_the_batches_while_training():
    """A step of a hundredth towards the batch's residual variance and duration ratio."""
    model = acoustic_model(blanks=False)
    ids, lengths = torch.tensor([[3]]), torch.tensor([1])
    log_mel = torch.randn(1, SPEC.n_mels, 20, generator=generator()) - 4
    before, scale = model.residual_variance.clone(), float(model.durations.scale)
    encoded = model.encode(ids, lengths)
    spoken = float(model.durations(encoded.hidden, encoded.mask[:, :, None]).exp())
    residual = (model.standardise(log_mel) - encoded.mean).square().mean(dim=2)[0, :, None]
    losses(model.train(), ids, lengths, log_mel, torch.tensor([20]))
    expected = 0.99 * before + 0.01 * residual
    torch.testing.assert_close(model.residual_variance, expected, rtol=1e-4, atol=1e-6)
    assert float(model.durations.scale) == pytest.approx(0.99 * scale + 0.01 * 20 / spoken)


def test_statistics_stand_still_in_validation():
    """A model in evaluation is not changed by what it is measured on."""
    model = acoustic_model()
    before = {name: value.clone() for name, value in model.named_buffers()}
    losses(model, *batch())
    assert all(torch.equal(value, before[name]) for name, value in model.named_buffers())


def test_a_batch_of_nan_leaves_the_statistics_alone():
    """Its step is skipped; no buffer may remember it."""
    model = acoustic_model().train()
    ids, lengths, log_mel, frames = batch()
    log_mel[0, 0, 3] = math.nan
    found, _ = losses(model, ids, lengths, log_mel, frames)
    assert not torch.isfinite(found["loss"])
    assert all(torch.isfinite(value).all() for value in model.buffers())


def test_only_finite_entries_of_a_statistic_move():
    """lerp by 0.01, entry by entry."""
    statistic = torch.tensor([1.0, 1.0, 1.0])
    follow(statistic, torch.tensor([2.0, math.nan, math.inf]))
    assert statistic.tolist() == pytest.approx([1.01, 1.0, 1.0])


def test_one_batch_can_be_learned_by_heart():
    """Prior and flow losses fall far below their start within a few dozen steps."""
    model = acoustic_model(blanks=False).train()
    ids = torch.tensor([[3, 4, 5], [6, 7, 0]])
    means = 1.5 * torch.randn(2, SPEC.n_mels, 3, generator=generator()) - 4
    mel = means.repeat_interleave(6, dim=2)
    mel = mel + 0.3 * torch.randn(mel.shape, generator=generator(1))
    inputs = ids, torch.tensor([3, 2]), mel, torch.tensor([18, 12])
    torch.manual_seed(0)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    history = []
    for _ in range(150):
        found, _ = acoustic_losses(model, *inputs)
        optimiser.zero_grad()
        found["loss"].backward()
        optimiser.step()
        history.append([float(found[name].detach()) for name in NAMES])
    first, last = torch.tensor(history[:10]).mean(0), torch.tensor(history[-20:]).mean(0)
    floor = 0.5 * math.log(2 * math.pi)
    assert last[0] < 0.05
    assert last[1] - floor < 0.2 * (first[1] - floor)
    assert last[2] < 0.5 * first[2]
