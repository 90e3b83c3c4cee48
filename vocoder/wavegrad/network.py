"""WaveGrad's network (Chen et al., 2021, figures 2 to 4)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.audio.mel import MelSpec
from core.errors import InputError
from vocoder.wavegrad.config import WaveGradNetworkConfig

SLOPE = 0.2
LEVEL_SCALE = 5000.0

Modulation = tuple[Tensor, Tensor]


def real(x: Tensor, mask: Tensor | None) -> Tensor:
    """The state (B, C, L) with zeros on padding, as beyond its ends."""
    return x if mask is None else x * mask


def activate(x: Tensor) -> Tensor:
    """Leaky rectifier."""
    return functional.leaky_relu(x, SLOPE)


def convolution(channels: int, out: int, kernel: int = 3, dilation: int = 1) -> nn.Conv1d:
    """A convolution that keeps the length, orthogonal at first."""
    padding = dilation * (kernel // 2)
    made = nn.Conv1d(channels, out, kernel, padding=padding, dilation=dilation)
    nn.init.orthogonal_(made.weight)
    nn.init.zeros_(made.bias)  # type: ignore[arg-type]
    return made


def upsample(x: Tensor, factor: int, mask: Tensor | None) -> Tensor:
    """Linear interpolation of (B, C, L) to (B, C, L * factor)."""
    if mask is not None:
        # The first padded sample repeats the last real one, as interpolation does at an end.
        x = x * mask
        after = functional.pad(mask, (1, 0))[:, :, :-1] & ~mask
        x = x + functional.pad(x, (1, 0))[:, :, :-1] * after
    return functional.interpolate(x, size=x.shape[2] * factor, mode="linear")


def downsample(x: Tensor, factor: int) -> Tensor:
    """Linear interpolation of (B, C, L * factor) to (B, C, L): the middle of each group."""
    return functional.interpolate(x, size=x.shape[2] // factor, mode="linear")


def encode_level(level: Tensor, channels: int) -> Tensor:
    """Sines and cosines of 5000 l 10^(-8k / channels).

    Args:
        level: Noise level (B,), in [0, 1].
        channels: Even; the sines come first.

    Returns:
        (B, channels).
    """
    half = channels // 2
    rates = LEVEL_SCALE * torch.exp(
        -math.log(1e4) / half * torch.arange(half, dtype=level.dtype, device=level.device)
    )
    angles = level[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Film(nn.Module):
    """Feature-wise scale and shift, from the waveform's features and the noise level."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.channels = channels
        self.signal = convolution(channels, channels)
        self.scale = convolution(channels, out)
        self.shift = convolution(channels, out)

    def forward(self, x: Tensor, level: Tensor, mask: Tensor | None) -> Modulation:
        """Features (B, C, L) and level (B,) to scale and shift, each (B, out, L)."""
        hidden = activate(self.signal(real(x, mask)))
        hidden = hidden + encode_level(level, self.channels)[:, :, None]
        hidden = real(hidden, mask)
        return self.scale(hidden), self.shift(hidden)


class DownBlock(nn.Module):
    """Down by a factor: interpolation and three convolutions beside a straight way."""

    def __init__(self, channels: int, out: int, factor: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.factor = factor
        widths = [channels] + [out] * (len(dilations) - 1)
        self.convs = nn.ModuleList(
            convolution(width, out, dilation=dilation)
            for width, dilation in zip(widths, dilations, strict=True)
        )
        self.straight = convolution(channels, out, kernel=1)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, C, L * factor) to (B, out, L); the mask is (B, 1, L)."""
        hidden = x = downsample(x, self.factor)
        for conv in self.convs:
            hidden = conv(real(activate(hidden), mask))
        # Pointwise, so the order of it and the interpolation does not matter.
        straight: Tensor = self.straight(x)
        return hidden + straight


class UpBlock(nn.Module):
    """Up by a factor: two residual pairs of convolutions, three of the four modulated."""

    def __init__(self, channels: int, out: int, factor: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.factor = factor
        first, *others = dilations
        self.first = convolution(channels, out, dilation=first)
        self.modulated = nn.ModuleList(convolution(out, out, dilation=d) for d in others)
        self.straight = convolution(channels, out, kernel=1)

    def forward(
        self, x: Tensor, modulation: Modulation, masks: tuple[Tensor | None, Tensor | None]
    ) -> Tensor:
        """(B, C, L) to (B, out, L * factor); masks before and after."""
        before, after = masks
        scale, shift = modulation

        def modulate(conv: nn.Module, x: Tensor) -> Tensor:
            changed: Tensor = conv(real(activate(scale * x + shift), after))
            return changed

        hidden = self.first(real(upsample(activate(x), self.factor, before), after))
        second, third, fourth = self.modulated
        x = modulate(second, hidden) + upsample(self.straight(x), self.factor, before)
        return x + modulate(fourth, modulate(third, x))


class WaveGradNetwork(nn.Module):
    """Estimates the noise in a waveform of known noise level from its mel.

    Args:
        config: Sizes.
        spec: The mel contract.

    Raises:
        InputError: The factors do not multiply to the hop.
    """

    def __init__(self, config: WaveGradNetworkConfig, spec: MelSpec) -> None:
        super().__init__()
        product = math.prod(config.factors)
        if product != spec.hop_samples:
            raise InputError(
                f"the factors {list(config.factors)} multiply to {product}; they must multiply to "
                f"the mel's hop, {spec.hop_samples}"
            )
        self.hop_samples = spec.hop_samples
        self.mel_in = convolution(spec.n_mels, config.upsampling_in)
        self.ups = nn.ModuleList(
            UpBlock(*sizes)
            for sizes in zip(
                [config.upsampling_in, *config.upsampling_channels[:-1]],
                config.upsampling_channels,
                config.factors,
                config.upsampling_dilations,
                strict=True,
            )
        )
        self.out = convolution(config.upsampling_channels[-1], 1)
        self.wave_in = convolution(1, config.downsampling_in, kernel=5)
        widths = [config.downsampling_in, *config.downsampling_channels]
        self.down_factors = config.factors[:0:-1]
        self.downs = nn.ModuleList(
            DownBlock(*sizes)
            for sizes in zip(
                widths[:-1],
                widths[1:],
                self.down_factors,
                config.downsampling_dilations,
                strict=True,
            )
        )
        self.films = nn.ModuleList(
            Film(width, out)
            for width, out in zip(widths, config.upsampling_channels[::-1], strict=True)
        )

    def forward(self, y: Tensor, level: Tensor, mel: Tensor, mask: Tensor | None) -> Tensor:
        """Estimate the noise.

        Args:
            y: Noisy waveform (B, T * hop).
            level: Its noise level sqrt(alpha-bar), (B,).
            mel: Standardised log mel (B, M, T).
            mask: Real frames (B, 1, T) bool, or None.

        Returns:
            (B, T * hop), zero on padding.
        """
        masks = self._masks(mask)
        hidden = self.wave_in(real(y[:, None], masks[0]))
        modulations: list[Modulation] = [self.films[0](hidden, level, masks[0])]
        for down, film, here in zip(self.downs, self.films[1:], masks[1:], strict=False):
            hidden = down(hidden, here)
            modulations.append(film(hidden, level, here))
        hidden = self.mel_in(real(mel, mask))
        for number, up in enumerate(self.ups, 1):
            around = masks[-number], masks[-number - 1]
            hidden = up(hidden, modulations[-number], around)
        noise: Tensor = real(self.out(real(hidden, masks[0])), masks[0])
        return noise[:, 0]

    def _masks(self, mask: Tensor | None) -> list[Tensor | None]:
        """Masks at every rate, from samples to frames."""
        if mask is None:
            return [None] * (len(self.downs) + 2)
        made: list[Tensor | None] = [mask.repeat_interleave(self.hop_samples, dim=2)]
        rate = 1
        for factor in self.down_factors:
            rate *= factor
            made.append(mask.repeat_interleave(self.hop_samples // rate, dim=2))
        return [*made, mask]
