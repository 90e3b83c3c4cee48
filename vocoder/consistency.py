"""Mel-consistent sampling: keep the endpoint estimate true to the mel that is asked for.

At every step of the flow the endpoint estimate x_1 = x + (1 - t) v is pulled towards the set of
waveforms whose mel is the wanted one: its STFT is rescaled by wanted mel / its mel, spread over
the bins, and inverted, a few rounds long. Like Griffin and Lim (1984) it alternates projections,
but onto the mel and from an estimate whose phases the flow has already found; like the fast
Griffin-Lim algorithm (Perraudin et al., 2013) it goes past each projection in the direction of the
last change. It needs no training.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from core.audio.stft import Stft
from core.flow import velocity_to_data
from vocoder.envelope import MelEnvelope

Field = Callable[[Tensor, Tensor], Tensor]

# Beyond this time the endpoint estimate is the state itself, and 1 / (1 - t) only magnifies noise.
LATEST_TIME = 1.0 - 1e-3
LARGEST_RATIO = 10.0
# The gradient of a square root at zero is infinite.
TINY_POWER = 1e-18


def impose_mel(
    waveform: Tensor,
    log_mel: Tensor,
    envelope: MelEnvelope,
    stft: Stft,
    rounds: int,
    momentum: float,
    mask: Tensor | None = None,
) -> Tensor:
    """Bring the mel of a waveform close to a wanted one.

    Args:
        waveform: (B, T * hop).
        log_mel: Wanted log mel (B, M, T).
        envelope: Knows the mel filters and how to spread bands over bins.
        stft: The contract's STFT.
        rounds: Number of rounds; 0 returns the waveform unchanged.
        momentum: How far each round starts past the last one's result, in units of its change.
        mask: Real frames (B, 1, T), or None.

    Returns:
        The waveform (B, T * hop). Bins that no mel band covers keep their level.
    """
    with torch.autocast(waveform.device.type, enabled=False):
        # Frames first, as the STFT holds them in memory, and no sums over pairs: a CPU's fast path.
        wanted = log_mel.float().exp().transpose(1, 2)  # (B, T, M)
        heard = envelope.heard_bins
        bank = envelope.bank[:, :heard].T
        covered = envelope.covered[:heard].float()
        spread, kept = envelope.spread[:heard] * covered[:, None], 1.0 - covered
        normalisation = stft.normalisation(log_mel.shape[2], mask)
        projected = waveform
        for number in range(rounds):
            spectrum = stft(waveform).transpose(1, 2)  # (B, T, F)
            mel = _magnitude(spectrum[..., :heard]) @ bank
            ratio = wanted / mel.clamp_min(envelope.spec.log_floor)
            gain = F.linear(ratio.clamp(1.0 / LARGEST_RATIO, LARGEST_RATIO), spread, kept)
            spectrum = _amplify(spectrum, gain).transpose(1, 2)
            before, projected = projected, stft.inverse(spectrum, mask, normalisation)
            # The first round's change is the flow's error, not a direction to go on in.
            waveform = torch.lerp(before, projected, 1 + momentum) if number else projected
    return projected


def _magnitude(spectrum: Tensor) -> Tensor:
    real, imaginary = spectrum.real, spectrum.imag
    power = torch.addcmul(real * real, imaginary, imaginary)
    return power.clamp_min_(TINY_POWER).sqrt_()


def _amplify(spectrum: Tensor, gain: Tensor) -> Tensor:
    """The spectrum with its first bins multiplied, in place where no gradient needs them."""
    low, high = spectrum.tensor_split([gain.shape[-1]], dim=-1)
    if torch.is_grad_enabled():
        return torch.cat([low * gain, high], dim=-1)
    low *= gain
    return spectrum


def mel_consistent(
    field: Field,
    log_mel: Tensor,
    envelope: MelEnvelope,
    stft: Stft,
    rounds: int,
    momentum: float,
    mask: Tensor | None = None,
) -> Field:
    """A velocity field whose endpoint estimates have the wanted mel.

    Args:
        field: The flow's velocity u(t, x), t 0-d or (B,), x (B, L).
        log_mel: Wanted log mel (B, M, T).
        envelope: As in `impose_mel`.
        stft: As in `impose_mel`.
        rounds: As in `impose_mel`.
        momentum: As in `impose_mel`.
        mask: As in `impose_mel`.

    Returns:
        u'(t, x) = (x_1' - x) / (1 - t), x_1' being the corrected endpoint estimate.
    """

    def consistent(t: Tensor, x: Tensor) -> Tensor:
        velocity = field(t, x)
        time = t.reshape(-1, 1).to(x.dtype)
        estimate = velocity_to_data(x, time, velocity)
        wanted = impose_mel(estimate, log_mel, envelope, stft, rounds, momentum, mask)
        corrected = (wanted - x) / (1.0 - time).clamp_min(1.0 - LATEST_TIME)
        return torch.where(time < LATEST_TIME, corrected, velocity)

    return consistent
