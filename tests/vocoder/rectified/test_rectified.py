"""The rectified-flow vocoder against Gaussian closed forms, its batches against single items."""

from __future__ import annotations

import math

import pytest
import torch

from core import precision
from core.audio.mel import MelExtractor
from core.config import parse_config
from core.errors import InputError
from core.flow import GaussianOracle, solve
from tests.tiny import SPEC, awaken, generator, vocoder_config, waveform
from vocoder.config import SamplingConfig
from vocoder.interface import Sampling
from vocoder.rectified.config import RectifiedConfig, StftConvNeXtConfig
from vocoder.rectified.model import RectifiedVocoder

HOP = SPEC.hop_samples
OPTIONS = [
    {"prior": prior, "preconditioned": preconditioned}
    for prior in ("mel", "white")
    for preconditioned in (True, False)
]


def model(network=True, **changes):
    """A vocoder with random weights, or with a network that answers zero."""
    made = RectifiedVocoder(vocoder_config(**changes), SPEC).eval()
    made.mel_mean.fill_(-2.0)
    made.mel_deviation.fill_(1.5)
    made.envelope.gain.copy_(torch.linspace(0.8, 1.3, SPEC.n_fft // 2 + 1))
    return awaken(made, deviation=0.2) if network else made


def sampling(**changes):
    defaults = {
        "steps": 3,
        "method": "euler",
        "grid": "uniform",
        "consistency_rounds": 0,
        "final_rounds": 0,
        "momentum": 0.95,
    }
    return Sampling(**{**defaults, **changes})


def mels(batch=3, frames=20, seed=0):
    return torch.randn(batch, SPEC.n_mels, frames, generator=generator(seed)) - 2


def flat_mel(made, level, frames=12, batch=1):
    """The mel whose envelope is `level` in every cell."""
    made.envelope.gain.fill_(1.0)
    return (made.envelope.band_area * level).log()[None, :, None].expand(batch, -1, frames)


def speech(batch=4, frames=40):
    waves = [torch.from_numpy(waveform(frames * HOP, seed)) for seed in range(batch)]
    return torch.stack(waves), MelExtractor(SPEC)(torch.stack(waves))


@pytest.mark.parametrize("method", ["euler", "midpoint", "heun", "rk4", "rk45", "sde"])
@pytest.mark.parametrize("options", OPTIONS)
def test_a_batch_gives_what_single_items_give(method, options):
    """Waveforms of a padded batch equal those of each item alone, and padding is silent."""
    made, log_mel, frames = model(**options), mels(), [20, 13, 1]
    mask = (torch.arange(20) < torch.tensor(frames)[:, None])[:, None]
    rounds = 0 if method == "rk45" else 2
    choices = sampling(method=method, consistency_rounds=rounds, final_rounds=3)
    together = made.generate(log_mel, [4, 5, 6], choices, mask).waveform
    for index, count in enumerate(frames):
        alone = made.generate(log_mel[index : index + 1, :, :count], [4 + index], choices).waveform
        # Random weights can be loud: 1e-5 of full scale, be that 1 or more.
        scale = max(1.0, float(alone.abs().max()))
        torch.testing.assert_close(
            together[index, : count * HOP] / scale, alone[0] / scale, rtol=0, atol=1e-5
        )
        assert not together[index, count * HOP :].any()


def test_what_stands_on_padding_changes_nothing():
    """Not even values that no mel has."""
    made, log_mel = model(), mels(batch=1)
    mask = torch.arange(20)[None, None] < 13
    choices = sampling(consistency_rounds=2, final_rounds=2)
    clean = made.generate(log_mel, [0], choices, mask).waveform
    dirty = made.generate(torch.where(mask, log_mel, 8.0), [0], choices, mask).waveform
    torch.testing.assert_close(dirty, clean, rtol=0, atol=1e-6)


def test_same_seed_gives_the_same_waveform():
    """Bit for bit; another seed gives another."""
    made, log_mel = model(), mels(batch=1)
    first, second, other = (made.generate(log_mel, [s], sampling()).waveform for s in (0, 0, 1))
    assert torch.equal(first, second)
    assert (first - other).abs().max() > 1e-3


def test_one_frame_is_enough():
    """The shortest mel makes one hop of samples."""
    made = model().generate(mels(1, 1), [0], sampling(consistency_rounds=1, final_rounds=1))
    assert made.waveform.shape == (1, HOP)
    assert torch.isfinite(made.waveform).all()


def test_prior_noise_has_the_deviation_of_its_cells():
    """Monte Carlo: the root mean square of its STFT is what `deviations` says, cell by cell."""
    made = model(network=False)
    # A smooth mel: the window blurs what changes faster than itself.
    tilt = torch.linspace(0.0, -1.5, SPEC.n_mels)[None, :, None]
    log_mel = (tilt - 2).expand(4000, -1, 9)
    white = torch.randn(4000, 9 * HOP, generator=generator())
    shaped = made.prior_noise(white, log_mel)
    found = made.stft(shaped).abs().square().mean(dim=0).sqrt()[2:-2, 2:-2]
    wanted = made.deviations(log_mel[:1], SPEC.n_fft)[1][0, 2:-2, 2:-2]
    torch.testing.assert_close(found, wanted, rtol=0.06, atol=0)


@pytest.mark.parametrize("n_fft", [64, 32])
def test_white_prior_has_one_deviation_everywhere(n_fft):
    """Deviation d in the waveform is d sqrt(3/8 n_fft) in a Hann-windowed STFT."""
    made = model(network=False, prior="white", prior_deviation=0.3)
    white = torch.randn(4000, 9 * HOP, generator=generator())
    shaped = made.prior_noise(white, mels(4000, 9))
    torch.testing.assert_close(shaped.std(), torch.tensor(0.3), rtol=0.02, atol=0)
    transform = made.frames if n_fft == 32 else made.stft
    found = transform(shaped).abs().square().mean(dim=0).sqrt()[2:-2, 2:-2]
    wanted = made.deviations(mels(1, 9), n_fft)[1][0, 2:-2, 2:-2]
    torch.testing.assert_close(found, wanted, rtol=0.06, atol=0)


def test_zero_network_with_the_mel_prior_is_the_gaussian_velocity():
    """Noise and speech are of one size: N(0, 1) to N(0, 1), whatever the mel."""
    made, log_mel = model(network=False), mels(1)
    field, x = made.field(log_mel), torch.randn(1, 20 * HOP, generator=generator())
    for time in (0.0, 0.2, 0.5, 1.0):
        t = torch.tensor(time)
        expected = GaussianOracle().velocity(t, x)
        torch.testing.assert_close(field(t, x), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("ratio", [0.2, 3.0])
def test_zero_network_with_the_white_prior_is_the_gaussian_velocity(ratio):
    """Speech r times as large as the noise everywhere: N(0, 1) to N(0, r^2), scaled."""
    made = model(network=False, prior="white", prior_deviation=0.3)
    level = ratio * 0.3 * math.sqrt(3 / 8 * SPEC.n_fft)
    field, x = made.field(flat_mel(made, level)), torch.randn(1, 12 * HOP, generator=generator())
    for time in (0.0, 0.2, 0.5, 1.0):
        t = torch.tensor(time)
        expected = GaussianOracle(deviation=ratio).velocity(t, x)
        torch.testing.assert_close(field(t, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("ratio", [0.2, 3.0])
def test_zero_network_carries_noise_to_the_deviation_of_speech(ratio):
    """Solved with rk45, x_1 = r x_0."""
    made = model(network=False, prior="white", prior_deviation=0.3)
    log_mel = flat_mel(made, ratio * 0.3 * math.sqrt(3 / 8 * SPEC.n_fft))
    x_0 = 0.3 * torch.randn(1, 12 * HOP, generator=generator())
    solved = solve(made.field(log_mel), x_0, [0.0, 1.0], "rk45").x
    torch.testing.assert_close(solved, ratio * x_0, rtol=0, atol=2e-4)


def test_network_counts_in_units_of_the_rest():
    """A rest of 1 in every cell adds s sigma / sqrt(V_t) there."""
    made = model(network=False, prior="white", prior_deviation=0.3)
    log_mel, x = mels(1), torch.zeros(1, 20 * HOP)
    before = made.field(log_mel)(torch.tensor(0.3), x)
    bins = 17
    torch.nn.init.ones_(made.network.out.bias[:bins])
    added = made.field(log_mel)(torch.tensor(0.3), x) - before
    speech_deviation, noise = made.deviations(log_mel, 32)
    variance = 0.7**2 * noise.square() + 0.3**2 * speech_deviation.square()
    rest = speech_deviation * noise / variance.sqrt()
    expected = made.frames.inverse(torch.complex(rest, torch.zeros_like(rest)))
    torch.testing.assert_close(added, expected, rtol=0, atol=1e-5)


def test_error_of_gaussian_speech_is_one():
    """Speech that is Gaussian noise of its envelope leaves exactly the floor."""
    made = model(network=False)
    made.envelope.gain.fill_(1.0)
    log_mel = torch.full((64, SPEC.n_mels, 60), -2.0) + torch.linspace(0, -1, 6)[:, None]
    white = torch.randn(64, 60 * HOP, generator=generator())
    gaussian = made.prior_noise(white, log_mel)
    torch.manual_seed(0)
    found = made.training_loss(gaussian, log_mel)
    assert float(found["error"]) == pytest.approx(1.0, abs=0.05)


def test_energy_weights_are_normalised():
    """Louder speech, told so by its mel, weighs no more: the loss has no unit."""
    made = model()
    waves, log_mel = speech()
    shift = math.log(3.0)
    values = []
    for gain, more in ((1.0, 0.0), (3.0, shift)):
        made.mel_mean.fill_(-2.0 + more)
        torch.manual_seed(0)
        values.append(float(made.training_loss(gain * waves, log_mel + more)["loss"].detach()))
    assert values[1] == pytest.approx(values[0], rel=1e-3)


def test_energy_power_zero_weighs_all_cells_alike():
    """Then the loss is the plain mean of the errors; otherwise loud cells count for more."""
    waves, log_mel = speech()
    for power, same in ((0.0, True), (1.0, False)):
        torch.manual_seed(0)
        found = model(energy_power=power).training_loss(waves, log_mel)
        equal = float(found["loss"].detach()) == pytest.approx(float(found["error"]), rel=1e-6)
        assert equal == same


@pytest.mark.parametrize("options", OPTIONS)
def test_every_option_learns_a_batch(options):
    """Gradient reaches every parameter, and the loss of one batch falls."""
    waves, log_mel = speech(frames=20)
    torch.manual_seed(0)
    made = RectifiedVocoder(vocoder_config(**options), SPEC)
    made.measure_corpus(waves, log_mel)
    optimiser = torch.optim.AdamW(made.parameters(), lr=5e-3)
    history = []
    for step in range(60):
        torch.manual_seed(step % 5)
        loss = made.training_loss(waves, log_mel)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(float(loss.detach()))
    silent = [n for n, p in made.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert silent == []
    assert sum(history[-10:]) < 0.8 * sum(history[:10])


def test_corpus_statistics_standardise_each_band():
    """Mean and deviation over batch and time, band by band."""
    made = model(network=False)
    waves, log_mel = speech()
    made.measure_corpus(waves, log_mel)
    standard = (log_mel - made.mel_mean) / made.mel_deviation
    torch.testing.assert_close(standard.mean(dim=(0, 2)), torch.zeros(6), rtol=0, atol=1e-4)
    torch.testing.assert_close(standard.std(dim=(0, 2)), torch.ones(6), rtol=0, atol=1e-4)


def test_final_rounds_bring_the_mel_closer():
    """After them the log mel lies nearer to what was asked for."""
    made = model(network=False)
    wave, log_mel = speech(1)
    made.measure_corpus(wave, log_mel)
    distances = [
        float(
            (MelExtractor(SPEC)(made.generate(log_mel, [0], sampling(final_rounds=n)).waveform)
             - log_mel).abs().mean()
        )
        for n in (0, 20)
    ]  # fmt: skip
    assert distances[1] < 0.5 * distances[0]


def test_precision_is_that_of_the_network(monkeypatch):
    """In bfloat16 the sound moves by about its rounding, and rounds still run in float32."""
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda kind: True)
    made, mel = model(), mels(batch=1)
    for rounds in (0, 2):
        exact = made.generate(mel, [0], sampling(final_rounds=rounds)).waveform
        options = sampling(final_rounds=rounds, precision="bf16")
        fast = made.generate(mel, [0], options).waveform
        assert fast.dtype == torch.float32
        moved = (fast - exact).square().mean().sqrt() / exact.square().mean().sqrt()
        assert 0 < moved < 0.05


def test_time_schedule_decides_the_steps():
    """A model of k steps is sampled with those by default and refuses all others."""
    log_mel = mels(1)
    for schedule, steps in (("t0", 1), (3, 3)):
        config = vocoder_config(time_schedule=schedule, sampling=SamplingConfig())
        assert config.sampling.steps == steps
        made = RectifiedVocoder(config, SPEC).eval()
        assert made.generate(log_mel, [0], sampling(steps=steps)).nfe == steps
        for other in ({"steps": steps + 1}, {"steps": steps, "method": "heun"}):
            with pytest.raises(InputError, match=f"time_schedule {schedule}: it takes steps"):
                made.generate(log_mel, [0], sampling(**other))
    with pytest.raises(InputError, match="steps is 2, but must be 1 for 't0'"):
        parse_config({"time_schedule": "t0", "sampling": {"steps": 2}}, RectifiedConfig)


def test_one_step_schedule_trains_at_the_noise_alone():
    """Its loss is the error of the velocity at t = 0, where the state is the noise itself."""
    made = model(time_schedule="t0", loss="waveform", sampling=SamplingConfig())
    waves, log_mel = speech()
    x_0 = torch.randn(waves.shape, generator=generator())
    found = made.training_loss(waves, log_mel, x_0)["loss"]
    velocity = made.field(log_mel)(torch.tensor(0.0), x_0)
    torch.testing.assert_close(found, (velocity - (waves - x_0)).square().mean())


def test_given_noise_is_carried_along_the_ode_alone():
    """The same as drawn noise, bit for bit; the stochastic sampler has more noise than that."""
    made, log_mel = model(), mels(1)
    x_0 = made.noise(log_mel, [5])
    carried = made.carry(x_0, log_mel, sampling()).waveform
    assert torch.equal(carried, made.generate(log_mel, [5], sampling()).waveform)
    with pytest.raises(InputError, match="'sde' draws noise at every step"):
        made.carry(x_0, log_mel, sampling(method="sde"))
    with pytest.raises(InputError, match="the strength must be from 0 to 10"):
        made.generate(log_mel, [5], sampling(method="sde:-1"))


def test_network_that_does_not_divide_the_mel_is_refused():
    """Its bins would lie between those of the envelope."""
    with pytest.raises(InputError, match=r"n_fft is 48; it must divide the mel's, 64"):
        RectifiedVocoder(vocoder_config(network=StftConvNeXtConfig(n_fft=48)), SPEC)
