"""How any vocoder samples by default, as read from YAML."""

from __future__ import annotations

from pydantic import Field

from core.config import Config


class SamplingConfig(Config):
    """How a vocoder samples when the caller does not say otherwise.

    Attributes:
        steps: Solver steps.
        method: Solver, a name of `core.flow.METHODS` or "rk45".
        grid: Time grid, a name or explicit nodes.
        consistency_rounds: Mel-consistency rounds on every endpoint estimate; 0 turns them off.
        final_rounds: Rounds on the finished waveform.
        momentum: Of the rounds; above 1 they diverge.
    """

    steps: int = Field(4, ge=1, le=1000)
    method: str = "euler"
    grid: str = "uniform"
    consistency_rounds: int = Field(10, ge=0, le=1000)
    final_rounds: int = Field(30, ge=0, le=1000)
    momentum: float = Field(0.95, ge=0, le=1)
