"""From a sound back to the noise that a flow vocoder would make it from, and forward again."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from core.errors import InputError
from core.flow import make_grid, solve
from vocoder.interface import FlowVocoder, VocoderModel


def flow_vocoder(model: VocoderModel) -> FlowVocoder:
    """The same model, when it carries noise to sound along an ODE.

    Raises:
        InputError: It does not, so that it cannot be inverted.
    """
    if not isinstance(model, FlowVocoder):
        raise InputError(f"a {type(model).__name__} follows no ODE and cannot be inverted")
    return model


@torch.inference_mode()
def carry(
    model: FlowVocoder,
    waveform: Tensor,
    log_mel: Tensor,
    *,
    backward: bool,
    steps: int = 16,
    method: str = "rk4",
    tolerance: float = 1e-5,
) -> tuple[Tensor, int]:
    """Carry sound to noise or noise to sound, without consistency rounds.

    Args:
        model: In evaluation.
        waveform: Sound or noise (B, L), L at most T * hop; zeros are put behind it.
        log_mel: The sound's log mel (B, M, T).
        backward: From sound to noise.
        steps: Of methods with fixed steps.
        method: Solver.
        tolerance: Of rk45, relative and absolute.

    Returns:
        Noise or sound (B, T * hop), and the evaluations of the network.
    """
    missing = log_mel.shape[2] * model.spec.hop_samples - waveform.shape[1]
    times = make_grid("uniform", steps)
    state = functional.pad(waveform, (0, missing))
    grid = times.flip(0) if backward else times
    found = solve(model.field(log_mel), state, grid, method, rtol=tolerance, atol=tolerance)
    return found.x, found.nfe
