"""WaveODE's network: its size, its reach, its upsampling, and its batches against single items."""

from __future__ import annotations

import math

import pytest
import torch

from core.audio.mel import MelSpec
from core.config import load_config, parse_config, save_config
from core.errors import InputError
from core.flow import GaussianOracle, solve
from tests.tiny import SPEC, awaken, generator, vocoder_config
from tests.vocoder.rectified.test_rectified import flat_mel, mels, sampling, speech
from vocoder.rectified.config import DilatedConfig, RectifiedConfig, StftConvNeXtConfig
from vocoder.rectified.dilated_network import DilatedNetwork
from vocoder.rectified.model import RectifiedVocoder
from vocoder.rectified.upsampling import MelUpsampling, TimeUpsampling, two_factors

HOP = SPEC.hop_samples
SMALL = DilatedConfig(
    layers=4, channels=6, skip_channels=5, dilation_cycle=3, time_channels=8, time_width=10
)
PUBLISHED = {"prior": "white", "prior_deviation": 1.0, "preconditioned": False, "loss": "waveform"}
OPTIONS = [
    PUBLISHED,
    {"prior": "white", "prior_deviation": 0.3},
    {"prior": "mel", "preconditioned": False, "loss": "waveform"},
    {"prior": "mel"},
]


def model(network=True, **changes):
    """A vocoder with random weights, or with a network that answers zero."""
    made = RectifiedVocoder(vocoder_config(network=SMALL, **changes), SPEC).eval()
    made.mel_mean.fill_(-2.0)
    made.mel_deviation.fill_(1.5)
    return awaken(made, deviation=0.2) if network else made


def test_published_sizes_have_the_published_number_of_parameters():
    """Weight norm's scales counted, as the original has them; they are the defaults."""
    with torch.device("meta"):
        network = DilatedNetwork(DilatedConfig(), MelSpec())
    assert sum(p.numel() for p in network.parameters()) == 6_914_297


def reach(config: DilatedConfig) -> torch.Tensor:
    """Lengths of input that one output sample depends on, by the gradient of random weights."""
    torch.manual_seed(0)
    network = DilatedNetwork(config, SPEC).double()
    torch.nn.init.normal_(network.out.weight)
    frames = 2 * 2**config.dilation_cycle * config.layers // HOP + 2
    x = torch.randn(1, frames * HOP, dtype=torch.float64, requires_grad=True)
    mel = torch.randn(1, SPEC.n_mels, frames, dtype=torch.float64)
    time = torch.tensor(0.5, dtype=torch.float64)
    # `forward` answers in float32; its gradient is exact enough to be zero or not.
    network.time.float()
    for layer in network.layers:
        layer.time.float()
    out = network(time, x, mel, None)
    middle = frames * HOP // 2
    (gradient,) = torch.autograd.grad(out[0, middle], x)
    heard = gradient[0].nonzero()[:, 0]
    return heard - middle


@pytest.mark.parametrize(("layers", "cycle"), [(3, 3), (6, 3), (4, 4), (5, 2)])
def test_receptive_field_is_what_the_dilations_reach(layers, cycle):
    """By autograd: 2 r + 1 samples, r the sum of the dilations, the same to both sides."""
    sizes = {"channels": 4, "skip_channels": 4, "time_channels": 4, "time_width": 4}
    found = reach(DilatedConfig(layers=layers, dilation_cycle=cycle, **sizes))
    radius = sum(2 ** (n % cycle) for n in range(layers))
    assert (int(found.min()), int(found.max())) == (-radius, radius)
    if layers % cycle == 0:
        assert 2 * radius + 1 == 1 + 2 * (layers // cycle) * (2**cycle - 1)


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 5, 16, 17])
def test_upsampling_is_the_transposed_convolution(stride):
    """By phases as by torch's own, values and gradients, and T frames become T * stride samples."""
    torch.manual_seed(0)
    module = TimeUpsampling(stride).double()
    mel = torch.randn(2, 7, 5, dtype=torch.float64)
    by_phases, by_torch = module(mel), module.conv(mel[:, None])[:, 0]
    assert by_phases.shape == (2, 7, 5 * stride)
    torch.testing.assert_close(by_phases, by_torch)
    parameters = list(module.parameters())
    pairs = [torch.autograd.grad(out.square().sum(), parameters) for out in (by_phases, by_torch)]
    for ours, theirs in zip(*pairs, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_upsampling_keeps_frames_centred():
    """With its kernels reversed it does to the reversed mel what it did to the mel."""
    torch.manual_seed(0)
    module = MelUpsampling((3, 4)).double()
    mel = torch.randn(1, 5, 6, dtype=torch.float64)
    forwards = module(mel, None)
    for step in module.steps:
        weight = step.conv.weight.detach().flip(3)
        torch.nn.utils.parametrize.remove_parametrizations(step.conv, "weight")
        step.conv.weight.data.copy_(weight)
    torch.testing.assert_close(module(mel.flip(2), None).flip(2), forwards)


def test_strides_are_the_hops_nearest_factors():
    """Published: 16 and 16 for 256."""
    assert [two_factors(n) for n in (256, 300, 240, 257, 1)] == [
        (16, 16), (15, 20), (15, 16), (1, 257), (1, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("hop", [12, 15, 17])
def test_any_hop_can_be_upsampled(hop):
    """Even, odd and prime hops, one sample of answer for each of the state."""
    spec = SPEC.model_copy(update={"hop_samples": hop})
    network = DilatedNetwork(SMALL, spec)
    out = network(torch.tensor(0.1), torch.zeros(2, 5 * hop), torch.zeros(2, 6, 5), None)
    assert out.shape == (2, 5 * hop)


def test_time_does_not_leak_into_the_residual_stream():
    """With everything else silenced a layer hands its input on, scaled, whatever the time."""
    layer = DilatedNetwork(SMALL, SPEC).layers[0]
    for convolution in (layer.residual, layer.skip):
        convolution.parametrizations.weight.original0.data.zero_()
        torch.nn.init.zeros_(convolution.bias)
    x = torch.randn(1, 6, 2 * HOP, generator=generator())
    kept = x.clone()
    out, skip = layer(x, torch.randn(1, 10), torch.zeros(1, 6, 2), None, None)
    torch.testing.assert_close(out, math.sqrt(0.5) * kept)
    assert torch.equal(x, kept)
    assert not skip.any()


@pytest.mark.parametrize("method", ["euler", "rk4", "rk45", "sde:0.5"])
@pytest.mark.parametrize("options", OPTIONS)
def test_a_batch_gives_what_single_items_give(method, options):
    """Waveforms of a padded batch equal those of each item alone, and padding is silent."""
    made, log_mel, frames = model(**options), mels(), [20, 13, 1]
    mask = (torch.arange(20) < torch.tensor(frames)[:, None])[:, None]
    dirty = torch.where(mask, log_mel, 8.0)
    # A round of mel consistency makes rounding errors ten times larger; the rounds have tests of
    # their own beside the other network.
    choices = sampling(method=method, consistency_rounds=0, final_rounds=0)
    allowed = 1e-5 if method == "rk45" else 1e-6
    together = made.generate(dirty, [4, 5, 6], choices, mask).waveform
    for index, count in enumerate(frames):
        alone = made.generate(log_mel[index : index + 1, :, :count], [4 + index], choices).waveform
        scale = max(1.0, float(alone.abs().max()))
        torch.testing.assert_close(
            together[index, : count * HOP] / scale, alone[0] / scale, rtol=0, atol=allowed
        )
        assert not together[index, count * HOP :].any()


def test_published_setting_is_the_plain_flow_on_the_waveform():
    """The field is the network itself, its loss the mean square against x_1 - x_0."""
    made = model(**PUBLISHED)
    waves, log_mel = speech()
    x_0 = torch.randn(waves.shape, generator=generator())
    torch.manual_seed(0)
    found = made.training_loss(waves, log_mel, x_0)["loss"]
    torch.manual_seed(0)
    order = torch.randperm(4)
    t = (order + torch.rand(4)) / 4
    mel = (log_mel + 2) / 1.5
    losses = []
    for item in range(4):
        x_t = t[item] * waves[item] + (1 - t[item]) * x_0[item]
        out = made.network(t[item], x_t[None], mel[item : item + 1], None)[0]
        losses.append((out - (waves[item] - x_0[item])).square().mean())
    torch.testing.assert_close(found, torch.stack(losses).mean())


@pytest.mark.parametrize("ratio", [0.2, 3.0])
def test_zero_network_is_the_gaussian_velocity_when_preconditioned(ratio):
    """As with the network on frames: noise of 0.3 to Gaussian data r times as large."""
    made = model(network=False, prior="white", prior_deviation=0.3)
    log_mel = flat_mel(made, ratio * 0.3 * math.sqrt(3 / 8 * SPEC.n_fft))
    x = torch.randn(1, 12 * HOP, generator=generator())
    for time in (0.0, 0.4, 1.0):
        t = torch.tensor(time)
        expected = GaussianOracle(deviation=ratio).velocity(t, x)
        torch.testing.assert_close(made.field(log_mel)(t, x), expected, rtol=1e-4, atol=1e-5)


def test_preconditioned_network_sees_and_answers_in_units_of_one():
    """White noise of the prior reaches it with deviation 1; its own 1 adds the rest's deviation."""
    made = model(network=False, prior="white", prior_deviation=0.3)
    log_mel = flat_mel(made, 0.6 * math.sqrt(3 / 8 * SPEC.n_fft), frames=400)
    seen = []
    made.network.register_forward_hook(lambda _, inputs, out: seen.append(inputs[1]))
    x = 0.3 * torch.randn(1, 400 * HOP, generator=generator())
    before = made.field(log_mel)(torch.tensor(0.0), x)
    assert float(seen[0].std()) == pytest.approx(1.0, abs=0.02)
    # At t = 0 the rest is that of the data, deviation 0.6.
    made.network.register_forward_hook(lambda _, inputs, out: out + inputs[1])
    added = made.field(log_mel)(torch.tensor(0.0), x) - before
    torch.testing.assert_close(added, 2 * x, rtol=1e-3, atol=1e-3)


def overfit(options, steps):
    waves, log_mel = speech(frames=20)
    torch.manual_seed(0)
    made = RectifiedVocoder(vocoder_config(network=SMALL, **options), SPEC)
    made.measure_corpus(waves, log_mel)
    optimiser = torch.optim.AdamW(made.parameters(), lr=5e-3)
    history = []
    for step in range(steps):
        torch.manual_seed(step % 5)
        loss = made.training_loss(waves, log_mel)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(float(loss.detach()))
    return made, history


@pytest.mark.parametrize("options", OPTIONS)
def test_every_option_learns_a_batch(options):
    """The loss falls, and gradient reaches all but the last residual, which nothing hears."""
    made, history = overfit(options, 40)
    silent = {n for n, p in made.named_parameters() if p.grad is None or not p.grad.abs().sum()}
    assert all(name.startswith("network.layers.3.residual") for name in silent)
    assert sum(history[-10:]) < 0.98 * sum(history[:10])


@pytest.mark.slow
def test_one_batch_is_learnt():
    """White noise to four gliding tones: far below what ignoring the state would cost.

    A velocity that knows neither state nor mel costs the noise's variance and the data's.
    """
    made, history = overfit(PUBLISHED, 1500)
    waves, log_mel = speech(frames=20)
    assert sum(history[-20:]) / 20 < 0.15 * (1 + float(waves.var()))
    copy = made.eval().generate(log_mel, [0, 1, 2, 3], sampling(steps=20)).waveform
    assert float(copy.std()) == pytest.approx(float(waves.std()), rel=0.5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"upsample_strides": (3, 5)}, "multiply to 3 x 5 = 15; they must make the hop, 16"),
        ({"kernel": 4}, "kernel 4 must be odd"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes, said):
    """In one sentence."""
    with pytest.raises(InputError, match=said):
        DilatedNetwork(SMALL.model_copy(update=changes), SPEC)


def test_network_of_yaml_is_told_by_its_kind(tmp_path):
    """Frames when it says nothing; what was saved is read back; another kind is refused."""
    assert isinstance(parse_config({"network": {}}, RectifiedConfig).network, StftConvNeXtConfig)
    given = RectifiedConfig(network=DilatedConfig(upsample_strides=(16, 16)))
    save_config(tmp_path / "a.yaml", given)
    assert load_config(tmp_path / "a.yaml", RectifiedConfig) == given
    with pytest.raises(InputError, match="its kind must be stft-convnext or dilated"):
        parse_config({"network": {"kind": "dilatd"}}, RectifiedConfig)
    with pytest.raises(InputError, match="unknown key 'chanels'.*did you mean 'channels'"):
        parse_config({"network": {"kind": "dilated", "chanels": 3}}, RectifiedConfig)
    with pytest.raises(InputError, match="above 0 that multiply to the hop"):
        parse_config({"network": {"kind": "dilated", "upsample_strides": [0]}}, RectifiedConfig)


def test_adaptive_solver_agrees_with_many_euler_steps():
    """RK45 at 1e-5 is the ODE's solution; Euler's comes near as its steps grow."""
    torch.manual_seed(0)
    made, log_mel = model(network=False, **PUBLISHED), mels(1, 6)
    torch.nn.init.normal_(made.network.out.weight, std=0.3)
    x_0 = made.noise(log_mel, [0])
    with torch.no_grad():
        exact = solve(made.field(log_mel), x_0, [0.0, 1.0], "rk45").x
    gaps = [
        float((made.carry(x_0, log_mel, sampling(steps=n)).waveform - exact).abs().max())
        for n in (20, 80)
    ]
    assert gaps[1] < 0.35 * gaps[0]
    adaptive = made.carry(x_0, log_mel, sampling(steps=1, method="rk45"))
    torch.testing.assert_close(adaptive.waveform, exact, rtol=0, atol=1e-5)
    assert adaptive.nfe > 6
