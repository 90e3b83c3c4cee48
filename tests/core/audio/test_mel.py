"""The mel contract against librosa, torchaudio and what is known of simple sounds."""

from __future__ import annotations

import math

import librosa
import numpy as np
import pytest
import torch

from core.audio.mel import MelExtractor, MelSpec, mel_filterbank
from core.errors import InputError

SPECS = [
    MelSpec(),
    MelSpec(sample_rate_hz=16000, n_fft=800, hop_samples=200, win_samples=640, n_mels=40),
    MelSpec(sample_rate_hz=24000, n_mels=100, f_min_hz=20.0, f_max_hz=12000.0),
    MelSpec(sample_rate_hz=44100, n_fft=2048, hop_samples=511, win_samples=2000, f_max_hz=16000.0),
    MelSpec(
        sample_rate_hz=8000, n_fft=256, hop_samples=80, win_samples=200, n_mels=20, f_max_hz=4e3
    ),
]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def padded(waveform: np.ndarray, spec: MelSpec) -> np.ndarray:
    """The contract's framing, written down a second time for the references."""
    hops = max(1, math.ceil(len(waveform) / spec.hop_samples))
    filled = np.pad(waveform, (0, hops * spec.hop_samples - len(waveform)))
    left = (spec.n_fft - spec.hop_samples) // 2
    right = spec.n_fft - spec.hop_samples - left
    return np.pad(filled, (left, right), mode="reflect" if len(filled) > right else "constant")


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("samples", [1, 255, 256, 1001, 12345])
def test_mel_equals_librosas(spec: MelSpec, samples: int) -> None:
    """log(max(librosa.feature.melspectrogram(..., power=1), floor)) to 1e-4."""
    waveform = noise(samples)
    mel = librosa.feature.melspectrogram(
        y=padded(waveform.numpy(), spec),
        sr=spec.sample_rate_hz,
        n_fft=spec.n_fft,
        hop_length=spec.hop_samples,
        win_length=spec.win_samples,
        n_mels=spec.n_mels,
        fmin=spec.f_min_hz,
        fmax=spec.f_max_hz,
        power=1.0,
        center=False,
    )
    expected = torch.from_numpy(np.log(np.maximum(mel, spec.log_floor)))
    torch.testing.assert_close(MelExtractor(spec)(waveform[None])[0], expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("spec", SPECS)
def test_mel_equals_torchaudios(spec: MelSpec) -> None:
    """The same with torchaudio's MelSpectrogram, where it is installed."""
    transforms = pytest.importorskip("torchaudio").transforms
    theirs = transforms.MelSpectrogram(
        sample_rate=spec.sample_rate_hz,
        n_fft=spec.n_fft,
        win_length=spec.win_samples,
        hop_length=spec.hop_samples,
        f_min=spec.f_min_hz,
        f_max=spec.f_max_hz,
        n_mels=spec.n_mels,
        power=1.0,
        center=False,
        norm="slaney",
        mel_scale="slaney",
    )
    waveform = noise(7777)
    expected = theirs(torch.from_numpy(padded(waveform.numpy(), spec)))
    expected = expected.clamp_min(spec.log_floor).log()
    torch.testing.assert_close(MelExtractor(spec)(waveform[None])[0], expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("frequency_hz", [220.0, 440.0, 1000.0, 3000.0, 7000.0])
def test_mel_of_a_pure_tone_peaks_in_the_band_around_its_frequency(frequency_hz: float) -> None:
    """The loudest band is the one whose centre on the mel scale is nearest to the tone."""
    spec = MelSpec()
    time = torch.arange(22050) / spec.sample_rate_hz
    mel = MelExtractor(spec)(torch.sin(2 * torch.pi * frequency_hz * time)[None])[0]
    edges = librosa.mel_frequencies(spec.n_mels + 2, fmin=spec.f_min_hz, fmax=spec.f_max_hz)
    nearest = int(np.abs(edges[1:-1] - frequency_hz).argmin())
    assert abs(int(mel[:, 40].argmax()) - nearest) <= 1


@pytest.mark.parametrize("samples", [0, 1, 255, 256, 257, 1024])
def test_mel_has_one_frame_for_every_begun_hop(samples: int) -> None:
    """T = max(1, ceil(L / hop)), finite for any length."""
    mel = MelExtractor(MelSpec())(noise(2, samples))
    assert mel.shape == (2, 80, max(1, math.ceil(samples / 256)))
    assert torch.isfinite(mel).all()


def test_mel_of_silence_is_the_log_of_the_floor() -> None:
    """Silence has no band above the floor."""
    mel = MelExtractor(MelSpec())(torch.zeros(1, 4000))
    torch.testing.assert_close(mel, torch.full_like(mel, math.log(1e-5)))


def test_mel_of_a_constant_lies_in_the_lowest_bands_only() -> None:
    """A constant has nothing above the Hann window's main lobe (two bins, 43 Hz)."""
    mel = MelExtractor(MelSpec())(torch.full((1, 8000), 0.5))[0, :, 15]
    assert mel[0] > -5
    assert (mel[4:] < -9).all()


def test_mel_grows_by_the_log_of_a_gain() -> None:
    """Magnitudes are linear, so a gain adds its natural log (and a power would add twice it)."""
    extract = MelExtractor(MelSpec())
    waveform = noise(1, 4000)
    difference = extract(waveform * 0.5) - extract(waveform)
    torch.testing.assert_close(difference, torch.full_like(difference, math.log(0.5)))


def test_mel_of_a_batch_equals_the_mels_of_its_items() -> None:
    """Items do not see each other."""
    extract = MelExtractor(MelSpec())
    batch = noise(3, 5000)
    alone = torch.cat([extract(item[None]) for item in batch])
    torch.testing.assert_close(extract(batch), alone, atol=1e-5, rtol=0)


def test_mel_gradient_matches_finite_differences() -> None:
    """Autograd against central differences, in float64."""
    spec = MelSpec(
        sample_rate_hz=8000, n_fft=32, hop_samples=8, win_samples=32, n_mels=4, f_max_hz=4000.0
    )
    waveform = noise(1, 40).double().requires_grad_()
    assert torch.autograd.gradcheck(MelExtractor(spec), (waveform,), atol=1e-6)


def test_mel_gradient_of_silence_is_zero_and_not_nan() -> None:
    """The magnitude's corner at zero must not reach the waveform."""
    waveform = torch.zeros(1, 2000, requires_grad=True)
    MelExtractor(MelSpec())(waveform).sum().backward()
    assert waveform.grad is not None
    assert (waveform.grad == 0).all()


def test_mel_ignores_autocast_and_half_precision() -> None:
    """A bfloat16 training sees the mel that sampling sees."""
    extract = MelExtractor(MelSpec())
    waveform = noise(1, 5000)
    expected = extract(waveform)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(extract(waveform), expected)
    assert extract(waveform.bfloat16()).dtype == torch.float32


def test_mel_extractor_leaves_nothing_in_a_checkpoint() -> None:
    """Window and filters follow from the spec, so weights need not carry them."""
    assert MelExtractor(MelSpec()).state_dict() == {}


def test_mel_filterbank_cannot_be_changed_for_others() -> None:
    """The cache hands out copies."""
    mel_filterbank(MelSpec()).zero_()
    assert mel_filterbank(MelSpec()).any()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sample_rate_hz", 24000),
        ("n_fft", 2048),
        ("hop_samples", 300),
        ("win_samples", 800),
        ("n_mels", 100),
        ("f_min_hz", 40.0),
        ("f_max_hz", 11025.0),
        ("log_floor", 1e-3),
    ],
)
def test_another_mel_spec_is_refused_with_the_field_named(field: str, value: float) -> None:
    """Both values stand in the sentence, and fingerprints differ too."""
    ours, theirs = MelSpec(), MelSpec(**{field: value})
    assert ours.fingerprint() != theirs.fingerprint()
    with pytest.raises(InputError, match=rf"{field} is .* in the vocoder and {value}"):
        ours.require_same(theirs, "the vocoder", "the mel")


def test_the_same_mel_spec_is_accepted() -> None:
    """Equal fields, equal fingerprint, no error."""
    MelSpec().require_same(MelSpec(n_mels=80))
    assert MelSpec().fingerprint() == MelSpec(n_mels=80).fingerprint()


@pytest.mark.parametrize(
    "fields",
    [
        {"f_max_hz": 12000.0},
        {"f_min_hz": 9000.0},
        {"win_samples": 2048},
        {"hop_samples": 1024},
        {"n_mels": 0},
        {"log_floor": 0.0},
        {"f_max_hz": math.nan},
        {"n_fft": 10**9},
    ],
)
def test_an_impossible_mel_spec_is_refused(fields: dict[str, float]) -> None:
    """Bands beyond half the rate, windows beyond the transform, nothing, NaN, too much."""
    with pytest.raises(ValueError, match=next(iter(fields))):
        MelSpec(**fields)
