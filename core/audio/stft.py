"""A short-time Fourier transform whose frames tile the signal and which undoes itself exactly."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import InputError


def hann_window(win_samples: int, n_fft: int) -> Tensor:
    """A periodic Hann window with zeros on both sides up to the length of the transform.

    Args:
        win_samples: Length of the window.
        n_fft: Length of the result.

    Returns:
        (n_fft,) float32.
    """
    window = torch.hann_window(win_samples, periodic=True, dtype=torch.float64)
    left = (n_fft - win_samples) // 2
    return functional.pad(window, (left, n_fft - win_samples - left)).float()


def full_precision(x: Tensor) -> Tensor:
    """The tensor in float32, or in float64 if it was; spectra are worthless in half precision."""
    return x if x.dtype == torch.float64 else x.float()


class Stft(nn.Module):
    """Frames of a waveform and back.

    Frame t is centred on sample t * hop + hop / 2, so T frames stand for exactly T * hop samples.
    The inverse is the least-squares one: windowed overlap-add divided by the overlap-added squared
    window (Griffin & Lim 1984, eq. 6). It restores any waveform and is differentiable. Both ways
    compute in float32 (float64 for float64 input), also under autocast.

    Args:
        n_fft: Length of a frame.
        hop_samples: From one frame to the next.
        win_samples: Length of the Hann window, at least hop_samples + 2; n_fft when None.

    Raises:
        InputError: The lengths do not fit each other.
    """

    window: Tensor

    def __init__(self, n_fft: int, hop_samples: int, win_samples: int | None = None) -> None:
        super().__init__()
        win_samples = n_fft if win_samples is None else win_samples
        if not 0 < hop_samples < win_samples - 1 <= n_fft - 1:
            raise InputError(
                f"an STFT needs 0 < hop_samples, hop_samples + 1 < win_samples <= n_fft, "
                f"not {hop_samples}, {win_samples}, {n_fft}"
            )
        self.n_fft, self.hop_samples, self.win_samples = n_fft, hop_samples, win_samples
        self.left = (n_fft - hop_samples) // 2
        self.right = n_fft - hop_samples - self.left
        self.register_buffer("window", hann_window(win_samples, n_fft), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Complex spectra of a waveform.

        Args:
            waveform: (B, L), L a whole number T >= 1 of hops.

        Returns:
            (B, n_fft // 2 + 1, T) complex.

        Raises:
            ValueError: L is no whole number of hops.
        """
        samples = waveform.shape[-1]
        if samples == 0 or samples % self.hop_samples:
            raise ValueError(f"{samples} samples are no whole number of hops of {self.hop_samples}")
        with torch.autocast(waveform.device.type, enabled=False):
            x = functional.pad(full_precision(waveform), (self.left, self.right))
            frames = x.unfold(-1, self.n_fft, self.hop_samples) * self.window.to(x.dtype)
            spectrum: Tensor = torch.fft.rfft(frames).transpose(1, 2)
            return spectrum

    def normalisation(
        self, count: int, mask: Tensor | None = None, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """What `inverse` multiplies each sample of its overlapping windows by.

        Args:
            count: Number of frames T.
            mask: As in `inverse`.
            dtype: Of the result.

        Returns:
            1 / the overlap-added squared window, zero where no frame is real, (1 or B, T * hop).
        """
        weight = self.window.to(dtype).square().expand(1, count, -1)
        if mask is None:
            return self._cut(self._overlap_add(weight), count).reciprocal()
        norm = self._cut(self._overlap_add(weight * mask.transpose(1, 2)), count)
        inside = mask.transpose(1, 2).expand(-1, -1, self.hop_samples).flatten(1)
        return inside / norm.where(inside, 1.0)

    def inverse(
        self, spectrum: Tensor, mask: Tensor | None = None, normalisation: Tensor | None = None
    ) -> Tensor:
        """The waveform whose spectra come closest to the given ones.

        Args:
            spectrum: (B, n_fft // 2 + 1, T) complex.
            mask: (B, 1, T) bool, True at real frames. The others contribute nothing, and their
                samples are zero, so that an item of a padded batch comes out as it would alone.
            normalisation: That for T and the mask, from whoever inverts many spectra of one shape.

        Returns:
            (B, T * hop).
        """
        count = spectrum.shape[2]
        with torch.autocast(spectrum.device.type, enabled=False):
            frames = torch.fft.irfft(spectrum.transpose(1, 2), n=self.n_fft)  # (B, T, n_fft)
            frames = frames.mul_(self.window.to(frames.dtype))
            if mask is not None:
                frames = frames * mask.transpose(1, 2)
            if normalisation is None:
                normalisation = self.normalisation(count, mask, frames.dtype)
            return self._cut(self._overlap_add(frames), count) * normalisation

    def _cut(self, overlapped: Tensor, count: int) -> Tensor:
        """The samples that `count` frames stand for, of all that their windows touch."""
        return overlapped[:, self.left : self.left + count * self.hop_samples]

    def _overlap_add(self, frames: Tensor) -> Tensor:
        """(B, T, n_fft) frames laid one hop apart and summed, (B, (T - 1) * hop + n_fft)."""
        batch, count, n_fft = frames.shape
        hop = self.hop_samples
        if n_fft % hop:
            length = (count - 1) * hop + n_fft
            shape = {"output_size": (1, length), "kernel_size": (1, n_fft), "stride": (1, hop)}
            folded: Tensor = functional.fold(frames.transpose(1, 2), **shape)
            return folded.reshape(batch, length)
        # With whole hops, adding up shifted rows is many times faster than `fold`.
        ratio = n_fft // hop
        parts = frames.reshape(batch, count, ratio, hop)
        rows = frames.new_zeros(batch, count + ratio - 1, hop)
        for shift in range(ratio):
            rows[:, shift : shift + count] += parts[:, :, shift]
        return rows.flatten(1)
