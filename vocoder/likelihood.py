"""Log-likelihood of a waveform, given its mel, under a vocoder that is a flow.

    log p(x_1 | mel) = log p_0(x_0 | mel) - integral of div u

where the prior p_0 is white or mel-shaped Gaussian noise, and its density is exact for both. It is
the density of the ODE alone: sampling may also pull every endpoint to the waveforms whose mel is
the wanted one, a projection, after which there is no density on all waveforms.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.errors import InputError
from core.flow import LogLikelihood, Prior, gaussian_log_prob, log_likelihood
from vocoder.interface import FlowVocoder
from vocoder.rectified.model import RectifiedVocoder
from vocoder.rectified.prior import require_short, shaped_noise_log_prob
from vocoder.wavegrad.model import WaveGradVocoder


def waveform_log_likelihood(
    model: FlowVocoder,
    waveform: Tensor,
    log_mel: Tensor,
    grid: Tensor | Sequence[float],
    method: str = "rk4",
    *,
    mask: Tensor | None = None,
    divergence: str = "hutchinson",
    probes: int = 1,
    seeds: Sequence[int] | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-5,
) -> LogLikelihood:
    """Log-density of waveforms given their log mels.

    With a fixed-step method an item's result does not depend on its batch.

    Args:
        model: In evaluation mode.
        waveform: (B, T * hop) in [-1, 1].
        log_mel: (B, M, T).
        grid: Times, increasing from noise to data.
        method: As in `core.flow.solve`.
        mask: Real frames (B, 1, T) bool, the first of each item; None when all are real.
        divergence: "exact", one derivative a sample; or "hutchinson".
        probes: As in `core.flow.log_likelihood`, like what follows.
        seeds: One an item, for "hutchinson".
        rtol: Of "rk45".
        atol: Of "rk45".

    Returns:
        The log-likelihood of each item; a dimension is a sample.

    Raises:
        InputError: The prior's density is not known, an item is too long for it, or a choice is
            not allowed; see `core.flow.log_likelihood`.
    """
    # The field is differentiated, so nothing in it may be made in inference mode.
    with torch.inference_mode(False), torch.no_grad():
        real = None
        if mask is not None:
            real = mask[:, 0].repeat_interleave(model.spec.hop_samples, dim=1)
        return log_likelihood(
            model.field(log_mel, mask),
            waveform,
            grid,
            method,
            prior_log_prob=prior_density(model, log_mel, mask),
            mask=real,
            divergence=divergence,
            probes=probes,
            seeds=seeds,
            rtol=rtol,
            atol=atol,
        )


def prior_density(model: FlowVocoder, log_mel: Tensor, mask: Tensor | None = None) -> Prior:
    """Exact log-density of what `model.noise` draws.

    Args:
        model: The vocoder.
        log_mel: (B, M, T).
        mask: Real frames (B, 1, T) bool, or None.

    Raises:
        InputError: The prior's density is not known, or an item is too long for it.
    """
    if isinstance(model, WaveGradVocoder):
        return gaussian_log_prob
    if not isinstance(model, RectifiedVocoder):
        raise InputError(
            f"the prior's density of a {type(model).__name__} is not known; vocoders of kind "
            "rectified and wavegrad have one"
        )
    if model.config.prior == "white":
        deviation = model.config.prior_deviation
        return lambda x_0, real: gaussian_log_prob(x_0, real, deviation)
    gains = model.prior_gains(log_mel)
    frames = [log_mel.shape[2]] * len(log_mel)
    if mask is not None:
        frames = mask.sum(dim=(1, 2)).tolist()
    hop, stft = model.spec.hop_samples, model.stft
    # Before the solve, which takes far longer than to see it.
    require_short(max(frames) * hop, stft.n_fft)

    def density(x_0: Tensor, real: Tensor) -> Tensor:
        items = zip(x_0, gains, frames, strict=True)
        nats = [shaped_noise_log_prob(x[: n * hop], g[:, :n], stft) for x, g, n in items]
        return x_0.new_tensor(nats)

    return density
