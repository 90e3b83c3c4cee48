"""Critics of waveforms, for the adversarial fine-tune of a vocoder's few-step sampler."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from core.audio.stft import Stft

LEAK = 0.1
# Cells are raised to this power before they are judged, so that quiet ones count too.
COMPRESSION = 0.3
TINY_POWER = 1e-8
# Speech has a mean square of about a twenty-fifth; the critics are to see numbers near 1.
LOUDNESS = 5.0

Judgement = tuple[Tensor, list[Tensor]]


class SpectralCritic(nn.Module):
    """Judges patches of a complex spectrogram, as MS-STFTD does (EnCodec, 2022, section 3.4).

    Its strides over frequency are long, so that it costs a tenth of that one.

    Args:
        n_fft: Of the spectrogram; frames are a quarter of it apart.
        channels: Width of the first layer.
    """

    def __init__(self, n_fft: int, channels: int) -> None:
        super().__init__()
        self.stft = Stft(n_fft, n_fft // 4)
        widths = [2, channels, channels * 3 // 2, 2 * channels]
        kernels, strides = ((3, 9), (3, 9), (3, 7)), (4, 3, 3)
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(i, o, k, (1, s), (k[0] // 2, k[1] // 2)))
            for i, o, k, s in zip(widths[:-1], widths[1:], kernels, strides, strict=True)
        )
        self.out = weight_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, waveform: Tensor) -> Judgement:
        """Judge waveforms (B, L): scores (B, 1, T, F'), and one layer's features each."""
        cells = torch.view_as_real(self.stft(_whole(waveform, self.stft.hop_samples)))
        power = cells.square().sum(dim=3, keepdim=True) + TINY_POWER
        image = (cells * power.pow((COMPRESSION - 1) / 2)).permute(0, 3, 2, 1)
        return _convolve(image, self.layers, self.out)


class PeriodCritic(nn.Module):
    """Judges every p-th sample beside its neighbours (HiFi-GAN, 2020, section 2.3).

    Args:
        period: p.
        channels: Width of the first layer.
    """

    def __init__(self, period: int, channels: int) -> None:
        super().__init__()
        self.period = period
        widths = [1, *(channels << n for n in range(4))]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(i, o, (5, 1), (3, 1), (2, 0)))
            for i, o in itertools.pairwise(widths)
        )
        self.out = weight_norm(nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, waveform: Tensor) -> Judgement:
        """Judge waveforms (B, L): scores (B, 1, L', p), and one layer's features each."""
        columns = _whole(waveform, self.period).reshape(len(waveform), -1, self.period)
        return _convolve(LOUDNESS * columns[:, None], self.layers, self.out)


class WaveformCritics(nn.Module):
    """Spectral and period critics.

    Args:
        n_ffts: One spectral critic each.
        periods: One period critic each.
        channels: Width of the spectral critics' first layer; the period critics' have three
            quarters of it.
    """

    def __init__(self, n_ffts: Sequence[int], periods: Sequence[int], channels: int) -> None:
        super().__init__()
        spectral = [SpectralCritic(n_fft, channels) for n_fft in n_ffts]
        self.critics = nn.ModuleList(
            [*spectral, *(PeriodCritic(period, channels * 3 // 4) for period in periods)]
        )

    def forward(self, waveform: Tensor) -> list[Judgement]:
        """Each critic's judgement of waveforms (B, L)."""
        return [critic(waveform) for critic in self.critics]


def _whole(waveform: Tensor, unit: int) -> Tensor:
    """The waveform filled up with zeros to whole units."""
    return F.pad(waveform, (0, -waveform.shape[1] % unit))


def _convolve(image: Tensor, layers: nn.ModuleList, out: nn.Module) -> Judgement:
    # Channels last is the convolutions' fast path on a CPU, and in bfloat16 only if they get it so.
    kind = image.device.type
    if torch.is_autocast_enabled(kind):
        image = image.to(torch.get_autocast_dtype(kind))
    hidden = image.contiguous(memory_format=torch.channels_last)
    features = []
    for layer in layers:
        hidden = F.leaky_relu(layer(hidden), LEAK)
        features.append(hidden)
    return out(hidden), features
