"""Log-likelihood of a mel under an acoustic model.

With z = (mel - m) / d the standardised mel and x_0 the noise that the ODE takes it back to,

    log p(mel | text) = log N(x_0; prior mean, I) - integral of div u - n log d

over its n real elements: the last term is the volume of the standardisation.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.flow import LogLikelihood, gaussian_log_prob, log_likelihood
from tts.losses import align
from tts.model import AcousticModel


def mel_log_likelihood(
    model: AcousticModel,
    ids: Tensor,
    id_lengths: Tensor,
    log_mel: Tensor,
    frames: Tensor,
    grid: Tensor | Sequence[float],
    method: str = "rk4",
    *,
    speaker: Tensor | None = None,
    durations: Tensor | None = None,
    divergence: str = "hutchinson",
    probes: int = 1,
    seeds: Sequence[int] | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-5,
) -> LogLikelihood:
    """Log-density of log mels, in their own units, given their texts and durations.

    It is that of the flow from unit noise (temperature 1), without the floor that is put under
    sampled mels. With a fixed-step method an item's result does not depend on its batch.

    Args:
        model: In evaluation mode.
        ids: (B, N) without blanks.
        id_lengths: Real ids of each item (B,).
        log_mel: Natural logs (B, M, T).
        frames: Real frames of each item (B,), T at most.
        grid: Times, increasing from noise to data.
        method: As in `core.flow.solve`.
        speaker: As in `AcousticModel.encode`.
        durations: Frames of each token, blanks included, (B, N'), which sum to `frames`; None for
            those that alignment search finds on the mel itself.
        divergence: "exact", one derivative an element; or "hutchinson".
        probes: As in `core.flow.log_likelihood`, like what follows.
        seeds: One an item, for "hutchinson".
        rtol: Of "rk45".
        atol: Of "rk45".

    Returns:
        The log-likelihood of each item; `x_0` is (B, M, T) in the model's units.

    Raises:
        InputError: The model needs a speaker, or a choice is not allowed; see
            `core.flow.log_likelihood`.
        ValueError: Durations do not sum to the frames, or an item has fewer frames than tokens.
    """
    # The field is differentiated, so nothing in it may be made in inference mode.
    with torch.inference_mode(False), torch.no_grad():
        tokens, token_lengths = model.with_blanks(ids, id_lengths)
        encoded = model.encode(tokens, token_lengths, speaker)
        mel = model.standardise(log_mel)
        if durations is None:
            factor = model.config.alignment_prior
            durations = align(encoded, mel, token_lengths, frames, prior=factor)
        elif not torch.equal(durations.sum(1), frames.to(durations)):
            raise ValueError(
                f"durations sum to {durations.sum(1).tolist()} for {frames.tolist()} frames"
            )
        field, mean, mask = model.field(encoded, durations)
        centre, volume = model.prior_mean(mean), model.mel_deviation.log()

        def prior(x_0: Tensor, real: Tensor) -> Tensor:
            elements = real.flatten(1).sum(1)
            return gaussian_log_prob(x_0 - centre, real) - elements * volume

        return log_likelihood(
            field,
            mel[:, :, : mask.shape[2]],
            grid,
            method,
            prior_log_prob=prior,
            mask=mask,
            divergence=divergence,
            probes=probes,
            seeds=seeds,
            rtol=rtol,
            atol=atol,
        )
