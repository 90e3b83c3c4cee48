"""The STFT undoes itself, also in padded batches."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from core.audio.stft import Stft
from core.errors import InputError

SIZES = [(1024, 256, None), (512, 256, None), (1024, 300, 900), (301, 100, None), (64, 1, 3)]


def noise(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("frames", [1, 2, 21])
def test_stft_inverse_restores_any_waveform(
    sizes: tuple[int, int, int | None], frames: int
) -> None:
    """inverse(forward(x)) = x, to the last sample of both ends."""
    stft = Stft(*sizes)
    waveform = noise(2, frames * stft.hop_samples)
    spectrum = stft(waveform)
    assert spectrum.shape == (2, stft.n_fft // 2 + 1, frames)
    torch.testing.assert_close(stft.inverse(spectrum), waveform, atol=1e-9, rtol=0)


@pytest.mark.parametrize("sizes", SIZES)
def test_stft_inverse_equals_the_least_squares_solution(
    sizes: tuple[int, int, int | None],
) -> None:
    """For a spectrum that belongs to no waveform: argmin over x of the frames' distance.

    The frames (not the spectra) are compared, so every bin counts as often as it stands in the full
    transform.
    """
    stft = Stft(*sizes)
    hop, count = stft.hop_samples, 4
    identity = torch.eye(count * hop, dtype=torch.float64)
    transform = torch.fft.irfft(stft(identity).transpose(1, 2), n=stft.n_fft).flatten(1).T
    frames = noise(1, count, stft.n_fft)
    wanted = torch.linalg.lstsq(transform, frames.reshape(-1, 1)).solution[:, 0]
    made = stft.inverse(torch.fft.rfft(frames).transpose(1, 2))[0]
    torch.testing.assert_close(made, wanted, atol=1e-7, rtol=0)


def test_stft_frame_is_centred_half_a_hop_after_its_start() -> None:
    """A click at t * hop + hop / 2 sees the window's top in frame t: magnitude 1 in every bin."""
    stft = Stft(64, 16)
    click = torch.zeros(1, 160, dtype=torch.float64)
    click[0, 5 * 16 + 8] = 1
    magnitude = stft(click).abs()[0]
    torch.testing.assert_close(magnitude[:, 5], torch.ones(33, dtype=torch.float64))
    # Hann, a hop (a quarter of the window) off its top: cos(pi / 4)^2.
    torch.testing.assert_close(magnitude[:, 4], torch.full((33,), 0.5, dtype=torch.float64))


@pytest.mark.parametrize("sizes", SIZES)
def test_stft_inverse_of_a_masked_batch_equals_its_items_alone(
    sizes: tuple[int, int, int | None],
) -> None:
    """Padding changes nothing, whatever stands in it, and comes out as silence."""
    stft = Stft(*sizes)
    lengths = torch.tensor([20, 7, 1])
    mask = (torch.arange(20) < lengths[:, None])[:, None]
    spectrum = torch.view_as_complex(noise(3, stft.n_fft // 2 + 1, 20, 2)).to(torch.complex64)
    batch = stft.inverse(spectrum, mask)
    for item, wave, frames in zip(spectrum, batch, lengths.tolist(), strict=True):
        samples = frames * stft.hop_samples
        alone = stft.inverse(item[None, :, :frames])[0]
        torch.testing.assert_close(wave[:samples], alone, atol=1e-6, rtol=0)
        assert (wave[samples:] == 0).all()


def test_stft_gradients_match_finite_differences() -> None:
    """Both ways, also through a mask."""
    stft = Stft(16, 4)
    mask = (torch.arange(6) < torch.tensor([[6], [3]]))[:, None]
    waveform = noise(2, 24).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: torch.view_as_real(stft(x)), (waveform,))
    assert torch.autograd.gradcheck(lambda x: stft.inverse(stft(x) * 2, mask), (waveform,))


def test_stft_computes_in_float32_under_autocast() -> None:
    """Bfloat16 would leave three digits of a phase."""
    stft = Stft(256, 64)
    waveform = noise(1, 640).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        spectrum = stft(waveform)
        restored = stft.inverse(spectrum)
    assert spectrum.dtype == torch.complex64
    torch.testing.assert_close(restored, waveform, atol=1e-5, rtol=0)
    assert stft(waveform.bfloat16()).dtype == torch.complex64


def test_stft_energy_of_a_tone_stands_in_its_bin() -> None:
    """A tone of bin 8 with amplitude 1 has magnitude sum(window) / 2 = n_fft / 4 there."""
    stft = Stft(256, 64)
    tone = torch.cos(2 * math.pi * 8 / 256 * torch.arange(64 * 20, dtype=torch.float64))
    magnitude = stft(tone[None]).abs()[0, :, 10]
    assert int(magnitude.argmax()) == 8
    assert float(magnitude[8]) == pytest.approx(64, rel=1e-6)


def test_stft_leaves_nothing_in_a_checkpoint() -> None:
    """The window follows from the configuration."""
    assert Stft(64, 16).state_dict() == {}


@pytest.mark.parametrize("sizes", [(64, 64), (64, 0), (64, 16, 128), (64, 16, 17), (64, 63)])
def test_stft_of_impossible_sizes_is_refused(sizes: tuple[int, ...]) -> None:
    """A window that leaves samples unseen cannot be undone."""
    with pytest.raises(InputError, match="hop_samples"):
        Stft(*sizes)


@pytest.mark.parametrize("samples", [0, 1, 65])
def test_stft_of_a_broken_hop_is_refused(samples: int) -> None:
    """Lengths are whole numbers of hops; nothing is cut silently."""
    with pytest.raises(ValueError, match=f"{samples} samples"):
        Stft(64, 16)(torch.zeros(1, samples))
