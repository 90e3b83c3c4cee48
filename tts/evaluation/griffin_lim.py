"""The baseline of copy-synthesis: a waveform from a mel without any training."""

from __future__ import annotations

import torch
from torch import Tensor

from core.audio.mel import MelSpec
from core.audio.stft import Stft
from core.errors import InputError
from tts.evaluation.extra import need

ITERATIONS = 60
# The fast variant's weight of the step just made (Perraudin et al. 2013, section 4).
MOMENTUM = 0.99


def mel_to_magnitude(log_mel: Tensor, spec: MelSpec) -> Tensor:
    """The non-negative spectrum whose mel is nearest, by least squares.

    Args:
        log_mel: (n_mels, T), natural log.
        spec: Its contract.

    Returns:
        Magnitudes (n_fft // 2 + 1, T) float32.
    """
    inverse = need("librosa").feature.inverse
    # The solver's tolerance is absolute: in units of the floor, quiet frames are solved too, which
    # is worth half a point of PESQ.
    magnitude = spec.log_floor * inverse.mel_to_stft(
        log_mel.double().exp().numpy() / spec.log_floor,
        sr=spec.sample_rate_hz,
        n_fft=spec.n_fft,
        power=1.0,
        fmin=spec.f_min_hz,
        fmax=spec.f_max_hz,
        htk=False,
        norm="slaney",
    )
    return torch.from_numpy(magnitude).float()


def griffin_lim(
    log_mel: Tensor, spec: MelSpec, iterations: int = ITERATIONS, seed: int = 0
) -> Tensor:
    """Find a waveform of a mel by the fast Griffin-Lim algorithm (Perraudin et al. 2013, alg. 2).

    Magnitudes come from the mel, phases from noise; each round makes the spectrum that of a
    waveform and then sets the magnitudes again.

    Args:
        log_mel: (n_mels, T), natural log.
        spec: Its contract.
        iterations: Rounds, 1 or more.
        seed: Of the first phases.

    Returns:
        (T * hop_samples,) float32.

    Raises:
        InputError: The mel is of another shape or not finite, or there are no rounds.
    """
    if log_mel.ndim != 2 or log_mel.shape[0] != spec.n_mels or not log_mel.shape[1]:
        raise InputError(f"a mel of shape {tuple(log_mel.shape)} is not ({spec.n_mels}, frames)")
    if not torch.isfinite(log_mel).all():
        raise InputError("the mel holds values that are not finite numbers")
    if iterations < 1:
        raise InputError(f"iterations is {iterations}; Griffin-Lim needs 1 or more")
    magnitude = mel_to_magnitude(log_mel, spec)[None]
    stft = Stft(spec.n_fft, spec.hop_samples, spec.win_samples)
    generator = torch.Generator().manual_seed(seed)
    angle = 2 * torch.pi * torch.rand(magnitude.shape, generator=generator)
    spectrum = torch.polar(magnitude, angle)
    consistent = torch.zeros_like(spectrum)
    for _ in range(iterations):
        previous, consistent = consistent, stft(stft.inverse(spectrum))
        ahead = consistent + MOMENTUM * (consistent - previous)
        spectrum = torch.polar(magnitude, ahead.angle())
    return stft.inverse(spectrum)[0]
