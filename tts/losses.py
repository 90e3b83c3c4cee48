"""What the acoustic model is trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from core.flow import Field, LinearPath, draw_times
from tts.alignment import (
    diagonal_log_prior,
    log_density,
    monotonic_durations,
    window_penalty,
)
from tts.coupling import optimal_coupling
from tts.frames import Encoded, follow, masked_mean, token_windows
from tts.model import AcousticModel


def acoustic_losses(
    model: AcousticModel,
    ids: Tensor,
    id_lengths: Tensor,
    log_mel: Tensor,
    frames: Tensor,
    speaker: Tensor | None = None,
    windows: Tensor | None = None,
) -> tuple[dict[str, Tensor], Tensor]:
    """Duration, prior and flow-matching losses of a batch (VoiceFlow, section 3).

    All are means over real tokens or real frames and mel bands, so padding changes nothing.
    The flow loss is in units of the Gaussian floor when the model is preconditioned.

    Args:
        model: The model, whose running statistics follow the batch while it is training.
        ids: (B, N) without blanks.
        id_lengths: (B,).
        log_mel: (B, M, T).
        frames: Real frames of each item (B,).
        speaker: Speaker numbers (B,), or None.
        windows: Frames that each id may have, (B, N, 2); None for any. A blank after an id shares
            its window.

    Returns:
        Named scalars ("loss" is their sum) and the durations that alignment search found (B, N').
    """
    encoded, mel, durations = encode_aligned(
        model, ids, id_lengths, log_mel, frames, speaker, windows
    )
    log_frames = model.durations(encoded.hidden, encoded.mask[:, :, None])
    target = durations.clamp_min(1).float().log()
    duration = masked_mean(F.mse_loss(log_frames, target, reduction="none"), encoded.mask)

    hidden = _hide(model, len(ids))
    field, mean, mask = model.field(encoded, durations, hidden)
    mel = torch.where(mask, mel[:, :, : mask.shape[2]], 0.0)
    prior = 0.5 * masked_mean((mel - mean).square(), mask) + 0.5 * math.log(2 * math.pi)
    if model.training:
        model.follow_statistics(mel, mean, mask)
        with torch.no_grad():
            spoken = (log_frames.exp() * encoded.mask).sum()
            follow(model.durations.scale, durations.sum() / spoken)
    t = draw_times(model.config.time_schedule, len(mel), mel.device)
    x_0 = _draw_noise(model, mel, mean, mask)
    sigma = model.config.sigma
    flow = _flow_loss(model, field, mel, mask, t, x_0, model.path, sigma=sigma, hidden=hidden)
    losses = {"duration": duration, "prior": prior, "flow": flow}
    return {"loss": sum(losses.values(), torch.zeros_like(flow)), **losses}, durations


def encode_aligned(
    model: AcousticModel,
    ids: Tensor,
    id_lengths: Tensor,
    log_mel: Tensor,
    frames: Tensor,
    speaker: Tensor | None = None,
    windows: Tensor | None = None,
) -> tuple[Encoded, Tensor, Tensor]:
    """Encode texts and align them with their recordings; arguments as for `acoustic_losses`.

    Returns:
        The encoded texts, the standardised mels (B, M, T) and the durations (B, N').
    """
    tokens, token_lengths = model.with_blanks(ids, id_lengths)
    encoded = model.encode(tokens, token_lengths, speaker)
    mel = model.standardise(log_mel)
    if windows is not None:
        windows = token_windows(windows, id_lengths, frames, blanks=model.config.blanks)
    prior = model.config.alignment_prior
    durations = align(encoded, mel, token_lengths, frames, prior=prior, windows=windows)
    return encoded, mel, durations


def align_batch(
    model: AcousticModel, batch: Mapping[str, Tensor]
) -> tuple[Encoded, Tensor, Tensor]:
    """Encode and align a batch as `Sentences` makes it; see `encode_aligned`."""
    return encode_aligned(
        model,
        batch["ids"],
        batch["id_lengths"],
        batch["mel"],
        batch["frames"],
        batch["speaker"] if model.speakers is not None else None,
        batch.get("windows"),
    )


def pair_losses(
    model: AcousticModel,
    ids: Tensor,
    id_lengths: Tensor,
    durations: Tensor,
    x_0: Tensor,
    log_mel: Tensor,
    speaker: Tensor | None = None,
) -> dict[str, Tensor]:
    """Flow-matching loss of a batch of reflow pairs (Liu et al., 2023, eq. 1 with their coupling).

    Durations and means are given with the pairs, so there is no duration loss and no prior loss,
    and the model's statistics stay as they are.

    Args:
        model: The model.
        ids: (B, N) without blanks.
        id_lengths: (B,).
        durations: Frames of each token, blanks included, (B, N').
        x_0: Noise of each pair (B, M, T).
        log_mel: What the teacher's ODE made of it (B, M, T).
        speaker: Speaker numbers (B,), or None.

    Returns:
        "loss" and "flow", which are the same.
    """
    tokens, token_lengths = model.with_blanks(ids, id_lengths)
    hidden = _hide(model, len(ids))
    encoded = model.encode(tokens, token_lengths, speaker)
    field, _, mask = model.field(encoded, durations, hidden)
    mel = torch.where(mask, model.standardise(log_mel), 0.0)
    t = draw_times(model.config.time_schedule, len(mel), mel.device)
    # Between the ends of an ODE there is no noise left to keep.
    flow = _flow_loss(model, field, mel, mask, t, x_0, LinearPath(), hidden=hidden)
    return {"loss": flow, "flow": flow}


def align(
    encoded: Encoded,
    mel: Tensor,
    tokens: Tensor,
    frames: Tensor,
    *,
    prior: float = 0.0,
    windows: Tensor | None = None,
) -> Tensor:
    """Durations (B, N') by alignment search between the token means and a mel.

    Args:
        encoded: The texts.
        mel: Standardised (B, M, T).
        tokens: Real tokens of each item (B,).
        frames: Real frames of each item (B,).
        prior: Factor of the beta-binomial prior; 0 for none.
        windows: Frames that each token may have, blanks included, (B, N', 2); None for any.
    """
    with torch.no_grad():
        # On the CPU, where the search runs and float64 is known.
        score = log_density(encoded.mean, mel).cpu().double()
        tokens, frames = tokens.cpu(), frames.cpu()
        if prior:
            diagonal = diagonal_log_prior(tokens, frames, prior)
            score[:, : diagonal.shape[1], : diagonal.shape[2]] += diagonal
        if windows is not None:
            score -= window_penalty(windows.cpu(), score.shape[2])
        return monotonic_durations(score, tokens, frames).to(mel.device)


def _hide(model: AcousticModel, batch: int) -> Tensor | None:
    """Whose condition is dropped (B,) bool; None when nobody's ever is."""
    probability = model.config.condition_drop
    if not probability:
        return None
    return torch.rand(batch, device=model.mel_mean.device) < probability


def _draw_noise(model: AcousticModel, mel: Tensor, mean: Tensor, mask: Tensor) -> Tensor:
    noise = torch.randn_like(mel) * mask
    if model.config.coupling == "optimal-transport":
        noise = optimal_coupling(noise, (mel - mean).detach(), mask)
    return model.prior_mean(mean) + noise


def _flow_loss(
    model: AcousticModel,
    field: Field,
    mel: Tensor,
    mask: Tensor,
    t: Tensor,
    x_0: Tensor,
    path: LinearPath,
    *,
    sigma: float = 0.0,
    hidden: Tensor | None = None,
) -> Tensor:
    x_t = path.sample(x_0, mel, t)
    if sigma:
        x_t = x_t + sigma * torch.randn_like(mel) * mask
    error = (field(t, x_t) - path.velocity(x_0, mel, t)) / model.rest_scale(t, hidden)
    return masked_mean(error.square(), mask)
