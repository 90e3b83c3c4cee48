"""The logistic distribution, and what Parallel WaveNet's student learns from."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from core.audio.stft import Stft
from vocoder.iaf.wavenet import Affine


def logistic_noise(normal: Tensor) -> Tensor:
    """Standard normal to standard logistic noise, element by element: logit(Phi(n))."""
    return torch.special.log_ndtr(normal) - torch.special.log_ndtr(-normal)


def logistic_log_prob(z: Tensor) -> Tensor:
    """Log-density of the standard logistic distribution, e^-z / (1 + e^-z)^2, in nats."""
    return -functional.softplus(z) - functional.softplus(-z)


def log_prob(x: Tensor, affine: Affine) -> Tensor:
    """Log-density of samples (..., B, L) under Logistic(shift, scale), in nats."""
    z = (x - affine.shift) * (-affine.log_scale).exp()
    return logistic_log_prob(z) - affine.log_scale


def logistic_entropy(log_scale: Tensor) -> Tensor:
    """Entropy of a logistic distribution, ln s + 2 nats."""
    return log_scale + 2


def cross_entropy(student: Affine, teacher: Affine, draws: int) -> Tensor:
    """H(student, teacher) of each sample's conditional distribution.

    Both are conditioned on the same x_{<t}, so that many draws of x_t cost one pass of the
    teacher (van den Oord et al., 2018, section 3.2). They are stratified: one falls in each of as
    many equally likely intervals. Differentiable in both.

    Args:
        student: Of each sample.
        teacher: Of each sample.
        draws: Of each sample, drawn with torch's global generator.

    Returns:
        Nats (B, L).
    """
    shape = (draws, *student.shift.shape)
    strata = torch.arange(draws, device=student.shift.device).reshape(-1, 1, 1)
    u = (strata + torch.rand(shape, device=strata.device, dtype=student.shift.dtype)) / draws
    # A draw of exactly 0 or 1 would be infinite.
    u = u.clamp(torch.finfo(u.dtype).tiny, 1 - torch.finfo(u.dtype).eps)
    x = student.shift + student.log_scale.exp() * torch.logit(u)
    return -log_prob(x, teacher).mean(dim=0)


def power_loss(copy: Tensor, recording: Tensor, stft: Stft, deviation: Tensor) -> Tensor:
    """Mean square of the difference of |STFT|^2 (van den Oord et al., 2018, section 3.3).

    Args:
        copy: (B, L).
        recording: (B, L).
        stft: Of the mel contract.
        deviation: White noise of this deviation has power 1.
    """
    unit = stft.window.square().sum() * deviation.square()
    difference = stft(copy).abs().square() - stft(recording).abs().square()
    return (difference / unit).square().mean()
