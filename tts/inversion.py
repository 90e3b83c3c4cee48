"""From a mel back to the noise it would come from, and forward again as somebody else says it.

The ODE of a flow runs either way: solved from t = 1 to t = 0 it turns a recording into noise that
keeps what text and speaker do not tell, the way it was said. Kept around the prior's mean, that
noise knows nothing of the speaker, and another may be put in its place on the way forward.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from core.flow import make_grid, solve
from tts.model import AcousticModel


@dataclass(frozen=True)
class Inversion:
    """A batch of mels as noise.

    Attributes:
        noise: Around the prior's mean, in the model's units, (B, M, T); 0 on padding.
        durations: Frames of each token, blanks included, (B, N').
        mask: Real frames (B, 1, T) bool.
        nfe: Evaluations of the decoder.
    """

    noise: Tensor
    durations: Tensor
    mask: Tensor
    nfe: int


@torch.inference_mode()
def invert(
    model: AcousticModel,
    ids: Tensor,
    lengths: Tensor,
    log_mel: Tensor,
    frames: Tensor,
    *,
    speaker: Tensor | None = None,
    durations: Tensor | None = None,
    steps: int = 32,
    method: str = "rk45",
    tolerance: float = 1e-5,
) -> Inversion:
    """Solve the ODE from the mels of recordings back to their noise.

    Args:
        model: In evaluation.
        ids: (B, N) without blanks.
        lengths: Real ids of each item (B,).
        log_mel: (B, M, T).
        frames: Real frames of each item (B,).
        speaker: Who speaks, as in `AcousticModel.encode`.
        durations: Frames of each token, blanks included, (B, N'); None finds them by alignment
            search.
        steps: Of methods with fixed steps.
        method: Solver.
        tolerance: Of rk45, relative and absolute.
    """
    tokens, token_lengths = model.with_blanks(ids, lengths)
    encoded = model.encode(tokens, token_lengths, speaker)
    mel = model.standardise(log_mel)
    if durations is None:
        # numba comes with training, and durations may be known.
        from tts.losses import align

        durations = align(encoded, mel, token_lengths, frames)
    field, mean, mask = model.field(encoded, durations)
    times = make_grid("uniform", steps).flip(0)
    x_1 = torch.where(mask, mel, 0.0)
    found = solve(field, x_1, times, method, rtol=tolerance, atol=tolerance, mask=mask)
    noise = torch.where(mask, found.x - model.prior_mean(mean), 0.0)
    return Inversion(noise, durations, mask, found.nfe)


@torch.inference_mode()
def regenerate(
    model: AcousticModel,
    ids: Tensor,
    lengths: Tensor,
    inversion: Inversion,
    *,
    speaker: Tensor | None = None,
    steps: int = 32,
    method: str = "rk45",
    tolerance: float = 1e-5,
) -> Tensor:
    """Solve the ODE forward from the noise of an inversion.

    Args:
        model: In evaluation.
        ids: (B, N) without blanks.
        lengths: Real ids of each item (B,).
        inversion: Of `invert`, with the same ids.
        speaker: Who is to speak now.
        steps: Of methods with fixed steps.
        method: Solver.
        tolerance: Of rk45, relative and absolute.

    Returns:
        Log mel (B, M, T); the log floor on padding.
    """
    encoded = model.encode(*model.with_blanks(ids, lengths), speaker)
    field, mean, mask = model.field(encoded, inversion.durations)
    times = make_grid("uniform", steps)
    x_0 = model.prior_mean(mean) + inversion.noise
    found = solve(field, x_0, times, method, rtol=tolerance, atol=tolerance, mask=mask)
    log_mel = found.x * model.mel_deviation + model.mel_mean
    return torch.where(mask, log_mel, math.log(model.spec.log_floor))
