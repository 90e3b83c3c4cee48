"""WaveGrad as a vocoder: sampling, training, configuration."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core.audio.mel import MelExtractor
from core.checkpoint import load_weights, save_weights
from core.config import parse_config
from core.errors import InputError
from core.training import WEIGHTS, TrainingConfig
from tests.tiny import SPEC, waveform, write_store
from tests.vocoder.wavegrad.small import config, mels, sampling, wavegrad
from vocoder.registry import VocoderSection, build_vocoder
from vocoder.training import VocoderExperiment, WindowConfig, train_vocoder
from vocoder.vocoder import Vocoder
from vocoder.wavegrad.config import WaveGradSampling
from vocoder.wavegrad.model import WaveGradVocoder
from vocoder.wavegrad.schedules import linear

HOP = SPEC.hop_samples


@pytest.mark.parametrize("schedule", ["published", "uniform", "linear:0", "linear:10:0:1e-2"])
def test_schedule_of_training_must_be_one(schedule):
    """And have its number of steps."""
    with pytest.raises(ValueError, match="none to train on|steps is 0|beta 1 is 0"):
        config(schedule=schedule)


def test_faulty_default_schedule_is_refused_when_it_is_read():
    """Not first when someone samples."""
    with pytest.raises(ValueError, match="beta 2 is 0.1, below"):
        WaveGradSampling(grid="betas:0.2,0.1")
    # One schedule's length is not another's fault.
    assert WaveGradSampling(grid="published", steps=12).steps == 12


@pytest.mark.parametrize(
    ("method", "grid"),
    [
        ("ancestral", "published"),
        ("ancestral", "cosine"),
        ("euler", "published"),
        ("euler", "cosine"),
        ("rk4", "published"),
        ("rk45", "published"),
    ],
)
def test_batch_equals_singles(method, grid):
    """Padding changes nothing, and comes back as zeros."""
    model, frames, mel = wavegrad(), [5, 3, 1], mels()
    mask = torch.arange(5) < torch.tensor(frames)[:, None, None]
    how = sampling(method, grid, steps=7, final_rounds=2)
    batch = model.generate(mel, [3, 4, 5], how, mask).waveform
    for item, length in enumerate(frames):
        alone = model.generate(mel[item : item + 1, :, :length], [3 + item], how).waveform[0]
        real = batch[item, : length * HOP]
        torch.testing.assert_close(real, alone, rtol=1e-4, atol=1e-4)
        assert not batch[item, length * HOP :].any()


@pytest.mark.parametrize("grid", ["published", "uniform", "cosine"])
@pytest.mark.parametrize("method", ["ancestral", "euler"])
def test_untrained_network_stays_finite(method, grid):
    """Its estimates, divided by the noisiest level, would leave all bounds without the clamp."""
    torch.manual_seed(0)
    model = WaveGradVocoder(config(), SPEC)
    made = model.generate(mels(2, 8), [0, 1], sampling(method, grid, 4)).waveform
    assert torch.isfinite(made).all()


@pytest.mark.parametrize("method", ["ancestral", "euler"])
def test_seed_decides_the_sound(method):
    """The same one gives the same, another one another; twice the steps, twice the work."""
    model, mel = wavegrad(), mels(1)
    first = model.generate(mel, [3], sampling(method))
    again = model.generate(mel, [3], sampling(method)).waveform
    assert first.nfe == 6
    assert torch.equal(first.waveform, again)
    assert not torch.equal(first.waveform, model.generate(mel, [4], sampling(method)).waveform)


def test_steps_of_a_chain_draw_independent_noise():
    """With an estimate of zero the end is a weighted sum of draws: its deviation is the root of
    the sum of squares, which fails if a step's noise is drawn again."""
    model = wavegrad(clamp=False)
    for parameter in model.network.out.parameters():
        parameter.data.zero_()
    how = sampling(grid="betas:0.2,0.3,0.4", steps=3)
    made = model.generate(mels(1, 4000), [0], how).waveform.double()
    kept = np.cumprod([1.0, 0.8, 0.7, 0.6])
    variance = 1.0
    for n in (3, 2, 1):
        # With no noise found, y_(n-1) = y_n / sqrt(alpha_n) and the posterior's noise.
        posterior = (1 - kept[n] / kept[n - 1]) * (1 - kept[n - 1]) / (1 - kept[n])
        variance = variance * kept[n - 1] / kept[n] + posterior
    assert float(made.var()) == pytest.approx(variance, rel=0.03)


def test_chain_on_a_time_grid_begins_at_the_noisiest_level():
    """t = 0 would be level 0, where an estimate of noise says nothing of the data."""
    made = wavegrad().generate(mels(1), [0], sampling("ancestral", "uniform", 4))
    assert made.nfe == 4
    assert torch.isfinite(made.waveform).all()


def test_noise_levels_of_training_are_uniform_between_neighbours():
    """As many in each interval, and uniform within it; 1 and the noisiest are the bounds."""
    model = wavegrad(schedule="linear:4:0.05:0.5")
    torch.manual_seed(0)
    drawn = model.draw_levels(40_000).double().numpy()
    bounds = np.sqrt(np.cumprod([1.0, *(1 - linear(4, 0.05, 0.5).numpy())]))[::-1]
    assert bounds[0] - 1e-6 <= drawn.min()
    assert drawn.max() <= 1
    uniform = np.interp(drawn, bounds, np.linspace(0, 1, 5))
    sorted_gap = np.abs(np.sort(uniform) - (np.arange(40_000) + 0.5) / 40_000).max()
    assert sorted_gap < 1.63 / math.sqrt(40_000)  # Kolmogorov and Smirnov, 1 %.


def test_loss_is_the_absolute_error_of_the_noise():
    """An answer of zero misses |eps| by sqrt(2 / pi) in the mean; a given x_0 is the noise."""
    model = wavegrad()
    for parameter in model.network.out.parameters():
        parameter.data.zero_()
    torch.manual_seed(0)
    loss = model.training_loss(torch.zeros(4, 500 * HOP), mels(4, 500))["loss"]
    assert float(loss.detach()) == pytest.approx((2 / math.pi) ** 0.5, rel=0.02)
    given = torch.full((4, 5 * HOP), 0.7)
    loss = model.training_loss(given, mels(4), given)["loss"]
    assert float(loss.detach()) == pytest.approx(0.7)


def test_statistics_of_silence_stay_finite():
    """Digital silence has no spread; it lies at the floor, far below speech."""
    model = WaveGradVocoder(config(), SPEC)
    silent = torch.zeros(2, 20 * HOP)
    mel = MelExtractor(SPEC)(silent)
    assert float(mel.max()) == pytest.approx(math.log(SPEC.log_floor))
    model.measure_corpus(silent, mel)
    made = model.generate(mel, [0, 1], sampling("euler")).waveform
    assert torch.isfinite(made).all()
    assert torch.isfinite(model.training_loss(silent, mel)["loss"])


def test_final_rounds_bring_the_mel_closer():
    """To the one that was asked for."""
    model, extract = wavegrad(), MelExtractor(SPEC)
    mel = extract(torch.from_numpy(waveform(40 * HOP))[None])
    distances = [
        float((extract(model.generate(mel, [0], how).waveform) - mel).abs().mean())
        for how in (sampling(), sampling(final_rounds=20))
    ]
    assert distances[1] < 0.5 * distances[0]


def test_wrong_choices_are_refused_in_a_sentence():
    """Methods, grids, and noise that would not decide the sound."""
    model, mel = wavegrad(), mels(1)
    with pytest.raises(InputError, match="did you mean 'ancestral'"):
        model.generate(mel, [0], sampling("ancestrall"))
    with pytest.raises(InputError, match="did you mean 'fibonacci'"):
        model.generate(mel, [0], sampling(grid="fibonaci:25"))
    with pytest.raises(InputError, match="given noise can only be carried along the ODE"):
        model.carry(torch.zeros(1, 5 * HOP), mel, sampling())


def test_vocoder_takes_methods_and_schedules():
    """Through the public face, with as many evaluations as the schedule has steps."""
    made = Vocoder(wavegrad(), sampling())
    mel = mels(1)[0]
    assert made.vocode(mel).nfe == 6
    assert made.vocode(mel, steps=12).nfe == 12
    assert made.vocode(mel, grid="linear:9", method="midpoint").nfe == 18


def test_configuration_and_weights_come_back(tmp_path):
    """From YAML's plain values, through the kinds' registry, and from a file."""
    plain = config().model_dump(mode="json")
    section = parse_config({"vocoder": plain}, VocoderSection, "here").vocoder
    assert section == config()
    model = wavegrad()
    save_weights(tmp_path / "w.safetensors", model.state_dict())
    copy = build_vocoder(section, SPEC).eval()
    load_weights(tmp_path / "w.safetensors", copy)
    wave = [m.generate(mels(), [0, 1, 2], sampling()).waveform for m in (model, copy)]
    assert torch.equal(*wave)


@pytest.mark.filterwarnings("ignore")
def test_interrupted_training_ends_as_an_unbroken_one(tmp_path):
    """Weights bit for bit, and the corpus's statistics with them."""
    store = write_store(tmp_path / "store")

    def experiment(steps):
        return VocoderExperiment(
            name="tiny",
            mel=SPEC,
            vocoder=config(),
            data=WindowConfig(features=store, batch_size=2, window_frames=6, statistics_windows=8),
            training=TrainingConfig(
                steps=steps,
                warmup_steps=1,
                final_learning_rate=1.0,
                precision="fp32",
                validate_every_steps=2,
            ),
        )

    models = []
    for directory, parts in (("whole", [4]), ("parts", [2, 4])):
        for number, steps in enumerate(parts):
            train_vocoder(
                experiment(steps), tmp_path / directory, resume=number > 0, accelerator="cpu"
            )
        model = WaveGradVocoder(config(), SPEC)
        load_weights(tmp_path / directory / WEIGHTS, model)
        models.append(model.state_dict())
    for name, value in models[0].items():
        assert torch.equal(value, models[1][name]), name


@pytest.mark.slow
def test_one_batch_can_be_learned():
    """The noise in a tone: the error falls well below that of answering zero."""
    torch.manual_seed(0)
    model = WaveGradVocoder(config(), SPEC)
    wave = torch.from_numpy(np.stack([waveform(64 * HOP, seed) for seed in range(2)]))
    mel = MelExtractor(SPEC)(wave)
    model.measure_corpus(wave, mel)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(600):
        loss = model.training_loss(wave, mel)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-50:]) < 0.5 * (2 / math.pi) ** 0.5
