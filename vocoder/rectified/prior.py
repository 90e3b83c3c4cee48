"""The density of white noise that was shaped by gains of its STFT cells.

x_0 = A w, with w white of deviation 1 and A = N^-1 P: analysis, gains, and the least-squares
inverse, N being the overlap-added squares of the window. A gain on all bins of a frame is a
convolution by the gains' inverse transform c_t, so with the window h and frame t beginning at s_t

    P[i, j] = sum over t of h[i - s_t] c_t[i - j] h[j - s_t],

symmetric, positive definite for gains above 0, and zero beyond |i - j| < n_fft. Its banded Cholesky
factor gives the density exactly: w = P^-1 N x_0 and log |det A| = log det P - sum log N.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.linalg import cho_solve_banded, cholesky_banded
from torch import Tensor

from core.audio.stft import Stft
from core.errors import InputError

# Of the band of P in float64: 2 GB, and about 12 s of the default contract.
MOST_BAND_ELEMENTS = 2**28


def shaped_noise_log_prob(x_0: Tensor, gains: Tensor, stft: Stft) -> float:
    """Exact log-density of one item of shaped noise.

    The work grows with L n_fft^2, some seconds for a second of sound at n_fft 1024.

    Args:
        x_0: (L,), T whole hops.
        gains: Of every cell, above 0, (n_fft // 2 + 1, T).
        stft: What they were applied on.

    Returns:
        Nats.

    Raises:
        InputError: It is too long.
    """
    samples = len(x_0)
    require_short(samples, stft.n_fft)
    band, norm = _band(gains.double().cpu().numpy(), stft)
    factor = cholesky_banded(band, overwrite_ab=True, lower=True, check_finite=False)
    noise = x_0.detach().double().cpu().numpy()
    white = cho_solve_banded((factor, True), norm * noise, check_finite=False)
    volume = 2 * np.log(factor[0]).sum() - np.log(norm).sum()
    return float(-0.5 * white @ white - volume - 0.5 * samples * math.log(2 * math.pi))


def require_short(samples: int, n_fft: int) -> None:
    """Refuse noise whose band would not fit into memory.

    Raises:
        InputError: It is too long.
    """
    most = MOST_BAND_ELEMENTS // n_fft
    if samples > most:
        raise InputError(
            f"a waveform of {samples} samples was given; the exact density of mel-shaped noise is "
            f"computed for at most {most}"
        )


def _band(gains: np.ndarray, stft: Stft) -> tuple[np.ndarray, np.ndarray]:
    """Lower band (n_fft, L) of P, row k holding P[j + k, j], and N (L,)."""
    size, hop, frames = stft.n_fft, stft.hop_samples, gains.shape[1]
    window = stft.window.double().cpu().numpy()
    shifted = np.concatenate([window, np.zeros(size)])
    products = np.stack([window * shifted[k : k + size] for k in range(size)], axis=1)  # (j, k)
    kernels = torch.fft.irfft(torch.from_numpy(gains.T.copy()), n=size).numpy()  # (T, n_fft)
    padded = np.zeros(((frames - 1) * hop + size, size))
    norm = np.zeros(len(padded))
    for frame, kernel in enumerate(kernels):
        stretch = slice(frame * hop, frame * hop + size)
        padded[stretch] += products * kernel
        norm[stretch] += products[:, 0]
    inside = slice(stft.left, stft.left + frames * hop)
    # Transposed at last: LAPACK wants columns together and works in place on such.
    return padded[inside].T, norm[inside]
