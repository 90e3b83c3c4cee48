"""The training loop on a task that fits in a hand: schedule, averages, skipped steps, states."""

from __future__ import annotations

import math
import signal
import warnings

import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import DataLoader, Dataset

from core.errors import InputError
from core.training import WEIGHTS, Task, TrainingConfig, fit, learning_rate_factor
from core.training_state import list_states, load_state, newest_state, state_path, state_step
from tests.core.test_training_state import file_size_limit

pytestmark = pytest.mark.filterwarnings("ignore")


class Steps(Dataset):
    """Batch n is a function of n; those of `bad` hold NaN, or a loss that is infinite."""

    def __init__(self, bad=(), value=math.nan):
        self.bad, self.value = bad, value

    def __getitem__(self, step):
        batch = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
        return torch.full((4, 3), self.value) if step in self.bad else batch

    def __len__(self):
        return 1000


class Mean(Task):
    """A linear model that learns to answer one, in noise of the step; it keeps a diary."""

    def __init__(self, config, width=3):
        torch.manual_seed(config.seed)
        super().__init__(torch.nn.Linear(width, 1), config)
        self.diary, self.losses_seen = [], []

    def losses(self, batch):
        error = self.model(batch) - 1 + 0.1 * torch.randn(4, 1)
        loss = error.square().mean()
        self.losses_seen.append(float(loss.detach()))
        return {"loss": loss}

    def on_train_batch_end(self, outputs, batch, batch_idx):
        super().on_train_batch_end(outputs, batch, batch_idx)
        moments = self.optimizers().optimizer.state_dict()["state"]
        self.diary.append(
            ({n: p.detach().clone() for n, p in self.model.state_dict().items()},
             {k: {n: v.clone() for n, v in s.items()} for k, s in moments.items()})
        )  # fmt: skip


def config(**changes):
    return TrainingConfig(
        **{
            "steps": 6,
            "learning_rate": 0.1,
            "warmup_steps": 2,
            "ema_decay": 0.5,
            "precision": "fp32",
            "validate_every_steps": 4,
            "checkpoint_every_minutes": 1e-9,
            **changes,
        }
    )


def train(directory, settings=None, data=None, resume=False, task=None, width=3):
    task = task or Mean(settings or config(), width)
    valid = DataLoader([torch.ones(4, width)], batch_size=None)
    fit(task, data or Steps(), valid, directory, resume=resume, accelerator="cpu")
    return task


def test_learning_rate_warms_up_and_follows_a_cosine():
    """1/W at the first step, 1 at the end of the warm-up, halfway between 1 and the floor in the
    middle, the floor at the end and after it."""
    given = TrainingConfig(steps=110, warmup_steps=10, final_learning_rate=0.2)
    expected = {0: 0.1, 4: 0.5, 9: 1.0, 10: 1.0, 60: 0.6, 110: 0.2, 500: 0.2}
    for step, factor in expected.items():
        assert learning_rate_factor(step, given) == pytest.approx(factor)
    factors = [learning_rate_factor(step, given) for step in range(10, 111)]
    assert factors == sorted(factors, reverse=True)


def test_learning_rate_needs_no_warm_up():
    """Without one the first step has the full rate, also in a training of one step."""
    assert learning_rate_factor(0, TrainingConfig(steps=10, warmup_steps=0)) == 1
    assert learning_rate_factor(1, TrainingConfig(steps=1, warmup_steps=0)) == pytest.approx(0.02)


def test_average_equals_a_hand_rolled_one(tmp_path):
    """a_1 = w_1; a_(n+1) = d a_n + (1 - d) w_(n+1), d = min(decay, (1 + n) / (10 + n))."""
    task = train(tmp_path, config(ema_decay=0.25, steps=8))
    weights = [entry[0]["weight"].double() for entry in task.diary]
    average = weights[0]
    for n, weight in enumerate(weights[1:], 1):
        decay = min(0.25, (1 + n) / (10 + n))
        average = decay * average + (1 - decay) * weight
    shipped = load_file(tmp_path / WEIGHTS)
    assert set(shipped) == {"weight", "bias"}
    torch.testing.assert_close(shipped["weight"].double(), average, rtol=0, atol=1e-6)
    # What `fit` leaves in the model is the average too.
    torch.testing.assert_close(task.model.weight.detach(), shipped["weight"])


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_step_without_a_finite_gradient_is_skipped(tmp_path, value):
    """Weights and moments stay as they were, the step is counted, and the training goes on."""
    task = train(tmp_path, data=Steps(bad=(2,), value=value))
    (before, moments), (after, same) = task.diary[1], task.diary[2]
    assert all(torch.equal(before[n], after[n]) for n in before)
    assert all(torch.equal(moments[k][n], same[k][n]) for k in moments for n in moments[k])
    assert float(task.skipped_steps) == 1
    assert not torch.equal(after["weight"], task.diary[3][0]["weight"])
    assert float(load_state(newest_state(tmp_path))["state_dict"]["skipped_steps"]) == 1
    assert all(torch.isfinite(v).all() for v in load_file(tmp_path / WEIGHTS).values())


def test_gradient_is_clipped(tmp_path):
    """With plain moments of the first step, Adam's average is a tenth of the clipped gradient."""
    task = train(tmp_path, config(gradient_clip=1e-3, steps=1))
    moments = task.diary[0][1]
    gradient = torch.cat([m["exp_avg"].flatten() for m in moments.values()]) / (1 - 0.9)
    assert float(gradient.norm()) == pytest.approx(1e-3, rel=1e-3)


def test_only_matrices_decay():
    """Biases and norms are left out of weight decay."""
    task = Mean(config(weight_decay=0.3))
    groups = task.configure_optimizers()[0][0].param_groups
    assert [(g["weight_decay"], [p.ndim for p in g["params"]]) for g in groups] == [
        (0.3, [2]),
        (0.0, [1]),
    ]


def test_resumed_training_equals_a_straight_one(tmp_path):
    """Losses, weights, averages and optimiser: bit for bit, from every state that was kept."""
    straight = train(tmp_path / "straight", config(keep_states=100))
    wanted = load_state(state_path(tmp_path / "straight", 6))
    for step in (1, 4, 5):
        directory = tmp_path / f"from{step}"
        directory.mkdir()
        path = state_path(tmp_path / "straight", step)
        state_path(directory, step).write_bytes(path.read_bytes())
        resumed = train(directory, resume=True)
        assert resumed.losses_seen[-(6 - step) :] == straight.losses_seen[-(6 - step) :]
        found = load_state(state_path(directory, 6))
        for key in ("state_dict", "current_model_state", "averaging_state"):
            assert all(torch.equal(found[key][n], wanted[key][n]) for n in wanted[key]), key
        assert found["lr_schedulers"] == wanted["lr_schedulers"]
        for number, moments in wanted["optimizer_states"][0]["state"].items():
            mine = found["optimizer_states"][0]["state"][number]
            assert all(torch.equal(mine[n], moments[n]) for n in moments)


def test_training_stopped_early_is_the_beginning_of_the_whole(tmp_path):
    """The schedule is that of all steps: the state where it stops, and the end when it goes on."""
    train(tmp_path / "whole", config(keep_states=100))
    train(tmp_path / "early", config(stop_after=4))
    whole, early = (load_state(state_path(tmp_path / n, 4)) for n in ("whole", "early"))
    for name, value in whole["state_dict"].items():
        assert torch.equal(value, early["state_dict"][name])
    train(tmp_path / "early", resume=True)
    ends = [(tmp_path / name / WEIGHTS).read_bytes() for name in ("whole", "early")]
    assert ends[0] == ends[1]


def test_finished_training_is_left_alone(tmp_path):
    """To resume it does nothing, and does not fail."""
    train(tmp_path)
    before = (tmp_path / WEIGHTS).read_bytes()
    task = train(tmp_path, resume=True)
    assert task.diary == []
    assert (tmp_path / WEIGHTS).read_bytes() == before


def test_longer_training_goes_on_from_a_finished_one(tmp_path):
    """With more steps, `resume` takes it further."""
    train(tmp_path)
    task = train(tmp_path, config(steps=9), resume=True)
    assert len(task.diary) == 3
    assert state_step(newest_state(tmp_path)) == 9


def test_newest_states_are_kept(tmp_path):
    """As many as asked for; the last is that of the last step."""
    train(tmp_path, config(keep_states=3))
    assert [state_step(path) for path in list_states(tmp_path)] == [4, 5, 6]


def test_clock_decides_between_states(tmp_path):
    """With a long interval only the last step is saved."""
    train(tmp_path, config(checkpoint_every_minutes=60.0))
    assert [state_step(path) for path in list_states(tmp_path)] == [6]


def test_damaged_state_of_a_later_step_does_not_push_out_good_ones(tmp_path):
    """Resumed from step 3 past a damaged step 5, with one state to keep, there is always one."""
    train(tmp_path, config(steps=3, keep_states=1))
    state_path(tmp_path, 5).write_bytes(b"damaged")
    train(tmp_path, config(steps=4, keep_states=1), resume=True)
    assert newest_state(tmp_path) == state_path(tmp_path, 4)


def test_training_is_not_begun_over_another(tmp_path):
    """Without `resume` a directory with states is refused, and nothing in it changes."""
    train(tmp_path, config(steps=1))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    with pytest.raises(InputError, match="--resume"):
        train(tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == before


def test_state_of_another_model_is_refused(tmp_path):
    """In one sentence, before anything is overwritten."""
    train(tmp_path, config(steps=1))
    with pytest.raises(InputError, match="another model's: 1 tensors differ") as caught:
        train(tmp_path, data=Steps(), resume=True, width=5)
    assert "\n" not in str(caught.value)
    assert [state_step(path) for path in list_states(tmp_path)] == [1]


class SmallDisk(Mean):
    """From step 3 on no file may grow."""

    def on_train_batch_start(self, batch, batch_idx):
        super().on_train_batch_start(batch, batch_idx)
        if self.global_step == 3:
            self.limit = file_size_limit(100)
            self.limit.__enter__()


def test_full_disk_ends_in_one_line_with_the_last_state_whole(tmp_path):
    """An OSError; what was saved before can be resumed."""
    task = SmallDisk(config())
    try:
        with pytest.raises(OSError, match=".") as caught:
            train(tmp_path, task=task)
    finally:
        task.limit.__exit__(None, None, None)
    assert "\n" not in str(caught.value)
    assert state_step(newest_state(tmp_path)) == 3
    assert not list(tmp_path.glob(".*.safetensors"))


class Interrupted(Mean):
    """A signal comes in the middle of step 2, or of a validation."""

    def __init__(self, number, validating):
        super().__init__(config(checkpoint_every_minutes=60.0, validate_every_steps=2))
        self.number, self.validating = number, validating

    def losses(self, batch):
        if self.validating != self.training and self.global_step == 2:
            signal.raise_signal(self.number)
        return super().losses(batch)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
@pytest.mark.parametrize("validating", [False, True])
def test_signal_saves_and_ends(tmp_path, number, code, validating):
    """SIGTERM ends with 0, Ctrl-C with 130, after a state from which the straight run goes on."""
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(SystemExit) as caught:
        train(tmp_path / "a", task=Interrupted(number, validating))
    assert caught.value.code == code
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before
    assert state_step(newest_state(tmp_path / "a")) == 3
    train(tmp_path / "a", resume=True)
    train(tmp_path / "b")
    weights = [load_file(tmp_path / name / WEIGHTS)["weight"] for name in "ab"]
    assert torch.equal(*weights)


def test_validation_does_not_disturb_the_training(tmp_path):
    """Losses are the same however often it is validated."""
    often, never = (
        train(tmp_path / str(every), config(validate_every_steps=every)) for every in (1, 6)
    )
    assert torch.equal(often.diary[-1][0]["weight"], never.diary[-1][0]["weight"])


class Drawing(Mean):
    """Keeps what it draws."""

    def losses(self, batch):
        if self.training:
            self.drawn = [*getattr(self, "drawn", []), float(torch.rand(()))]
        return super().losses(batch)


def test_draws_of_a_step_depend_on_its_number(tmp_path):
    """Every step draws something else, and the same again when it is done again."""
    first = train(tmp_path, config(keep_states=9), task=Drawing(config(keep_states=9))).drawn
    assert len(set(first)) == 6
    for step in (3, 4, 5, 6):
        state_path(tmp_path, step).unlink()
    assert train(tmp_path, resume=True, task=Drawing(config())).drawn == first[2:]


def test_seed_decides_the_training(tmp_path):
    """The same seed twice is the same training, another seed another."""
    losses = [
        train(tmp_path / str(i), config(seed=seed)).losses_seen for i, seed in enumerate((0, 0, 1))
    ]
    assert losses[0] == losses[1] != losses[2]


def test_no_warning_is_left(tmp_path):
    """A training as recipes start it has nothing to complain about."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(tmp_path)
    ours = [str(w.message) for w in caught if "core/" in str(w.filename)]
    assert ours == []
