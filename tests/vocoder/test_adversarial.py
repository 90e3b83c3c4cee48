"""Fine-tuning a vocoder's few-step sampler against critics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core.checkpoint import save_weights
from core.errors import InputError
from core.training import WEIGHTS, TrainingConfig
from tests.tiny import SPEC, awaken, generator, vocoder_config, write_store
from vocoder.adversarial import AdversarialConfig, AdversarialVocoderTask, MelDistances
from vocoder.consistency import impose_mel
from vocoder.critics import PeriodCritic, SpectralCritic, WaveformCritics
from vocoder.interface import Sampling
from vocoder.rectified.model import RectifiedVocoder
from vocoder.training import VocoderExperiment, WindowConfig, Windows, train_vocoder
from vocoder.wavegrad.config import WaveGradConfig

pytestmark = pytest.mark.filterwarnings("ignore")
GAME = AdversarialConfig(critics_from=0, n_ffts=(64, 32), periods=(2, 3), channels=4, rounds=2)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A store and weights to begin from."""
    directory = tmp_path_factory.mktemp("corpus")
    model = awaken(RectifiedVocoder(vocoder_config(), SPEC), deviation=0.1)
    save_weights(directory / "begin.safetensors", model.state_dict())
    return write_store(directory)


def experiment(corpus, game=GAME, vocoder=None, **changes):
    settings = {"steps": 4, "warmup_steps": 1, "precision": "fp32", "validate_every_steps": 4}
    settings["warm_start"] = corpus / "begin.safetensors"
    return VocoderExperiment(
        name="tiny",
        mel=SPEC,
        vocoder=vocoder or vocoder_config(),
        data=WindowConfig(features=corpus, batch_size=2, window_frames=12, statistics_windows=8),
        training=TrainingConfig(**{**settings, **changes}),
        adversarial=game,
    )


def task_of(game=GAME):
    model = awaken(RectifiedVocoder(vocoder_config(), SPEC), deviation=0.1)
    sampling = Sampling(**vocoder_config().sampling.model_dump())
    task = AdversarialVocoderTask(model, TrainingConfig(), sampling, game)
    awaken(task.critics, 3, 0.1)
    return task.train()


def batch_of(corpus):
    given = experiment(corpus)
    return Windows(given.data.store("train"), given.data, SPEC, 0)[0]


def gradients(module):
    return [None if p.grad is None else p.grad.clone() for p in module.parameters()]


def test_period_critic_sees_a_column_of_samples_at_a_time():
    """With a pulse at n, only scores of the column n modulo the period move."""
    critic = awaken(PeriodCritic(5, 4))
    wave = torch.zeros(1, 200)
    silent, _ = critic(wave)
    wave[0, 103] = 1.0
    score, _ = critic(wave)
    moved = (score - silent).abs().sum(dim=(0, 1, 2))
    assert moved[103 % 5] > 0
    assert moved[torch.arange(5) != 103 % 5].abs().max() == 0


def test_spectral_critic_tells_phases_apart():
    """Two sounds of equal power in every cell, one turned by a quarter, get other scores."""
    critic = awaken(SpectralCritic(64, 4), deviation=0.5)
    time = torch.arange(256) * (2 * np.pi * 8 / 64)
    scores = [critic(f(time)[None])[0] for f in (torch.sin, torch.cos)]
    assert not torch.allclose(*scores, atol=1e-3)


def test_critics_of_a_batch_are_those_of_each_alone():
    """No critic looks at the neighbours of an item."""
    critics = awaken(WaveformCritics((64, 32), (2, 3), 4))
    waves = torch.randn(3, 300, generator=generator())
    together, alone = critics(waves), critics(waves[1:2])
    for (score, features), (own, layers) in zip(together, alone, strict=True):
        pairs = zip([score, *features], [own, *layers], strict=True)
        for many, one in pairs:
            torch.testing.assert_close(many[1:2], one)


def test_mel_distance_of_a_gain_is_its_logarithm():
    """Where nothing is below the floor, a sound made e times louder is 1 away in every cell."""
    noise = torch.randn(2, 8192, generator=generator())
    distance = MelDistances(22050)(np.e * noise, noise)
    torch.testing.assert_close(distance, torch.tensor(1.0))


def test_sampler_is_the_solver_and_the_rounds(corpus):
    """What is trained is what is used: the same noise gives the vocoder's own waveform."""
    task, mel = task_of(), batch_of(corpus)["mel"]
    torch.manual_seed(3)
    made = task.sample(mel, 2)
    torch.manual_seed(3)
    model, seeds = task.model, torch.randint(2**31, (len(mel),)).tolist()
    sampling = Sampling(2, "euler", "uniform", 0, GAME.rounds, task.sampling.momentum)
    truth = model.eval().generate(mel, seeds, sampling).waveform
    torch.testing.assert_close(made, truth.clone(), atol=1e-5, rtol=1e-4)


def test_rounds_have_a_gradient_at_silence():
    """Finite where the waveform is exactly zero, and that of finite differences elsewhere."""
    model = RectifiedVocoder(vocoder_config(), SPEC).double()
    draw = generator()
    shape = (1, 6 * SPEC.hop_samples)
    mel = torch.randn(1, SPEC.n_mels, 6, generator=draw).double() - 3

    def rounds(wave):
        return impose_mel(wave, mel, model.envelope, model.stft, 2, 0.9)

    wave = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    rounds(wave).sum().backward()
    assert torch.isfinite(wave.grad).all()
    wave = torch.randn(shape, generator=draw).double().requires_grad_()
    weight = torch.randn(shape, generator=draw).double()
    (gradient,) = torch.autograd.grad((weight * rounds(wave)).sum(), wave)
    direction = torch.randn(shape, generator=draw).double()
    step = 1e-3
    ahead, behind = (rounds(wave.detach() + s * direction) for s in (step, -step))
    slope = (weight * (ahead - behind)).sum() / (2 * step)
    torch.testing.assert_close(
        (gradient * direction).sum().float(), slope.float(), rtol=1e-2, atol=1e-3
    )


def test_each_player_is_moved_by_its_own_loss_alone(corpus):
    """One backward pass gives what two separate ones would."""
    task, batch = task_of(), batch_of(corpus)

    def play():
        torch.manual_seed(5)
        task.zero_grad()
        return task.losses(batch)

    play()["loss"].backward()
    together = gradients(task.model), gradients(task.critics)
    play()["critics"].backward()
    assert all(g is None for g in gradients(task.model))
    torch.testing.assert_close(gradients(task.critics), together[1])
    losses = play()
    (5.0 * losses["mel"] + losses["deceived"] + 4.0 * losses["detail"]).backward()
    assert all(g is None or not g.any() for g in gradients(task.critics))
    torch.testing.assert_close(gradients(task.model), together[0])


def test_flow_loss_joins_with_its_weight(corpus):
    """The difference of two games with and without it is the flow-matching loss."""
    batch = batch_of(corpus)
    totals = []
    for weight in (0.0, 2.0):
        task = task_of(GAME.model_copy(update={"flow_weight": weight}))
        torch.manual_seed(5)
        totals.append(task.losses(batch))
    rest = totals[1]["loss"] - 2.0 * totals[1]["flow"]
    assert "flow" not in totals[0]
    # The flow's draws come before the critics', which draw nothing.
    torch.testing.assert_close(rest, totals[0]["loss"])


def test_resumed_fine_tune_ends_as_an_uninterrupted_one(corpus, tmp_path):
    """Bit for bit: the critics and their moments are part of the state."""
    constant = {"final_learning_rate": 1.0, "warmup_steps": 0}
    train_vocoder(experiment(corpus, **constant), tmp_path / "whole", resume=False)
    train_vocoder(experiment(corpus, steps=2, **constant), tmp_path / "parts", resume=False)
    train_vocoder(experiment(corpus, **constant), tmp_path / "parts", resume=True)
    whole, parts = (load_file(tmp_path / name / WEIGHTS) for name in ("whole", "parts"))
    begin = load_file(corpus / "begin.safetensors")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert any(not torch.equal(whole[name], begin[name]) for name in whole)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"warm_start": None}, r"training\.warm_start"),
        ({"vocoder": WaveGradConfig()}, "kind rectified, not wavegrad"),
    ],
)
def test_fine_tuning_refuses_what_it_cannot_do(corpus, changes, sentence):
    """It needs a trained model, of the one kind that it knows."""
    with pytest.raises((ValueError, InputError), match=sentence):
        experiment(corpus, **changes)


def test_fine_tuning_refuses_pairs(corpus):
    """Its truth is the recording."""
    with pytest.raises((ValueError, InputError), match="recordings"):
        VocoderExperiment(
            name="tiny",
            data=WindowConfig(pairs=corpus, gain_range_db=(0.0, 0.0)),
            training=TrainingConfig(warm_start=corpus / "begin.safetensors"),
            adversarial=GAME,
        )
