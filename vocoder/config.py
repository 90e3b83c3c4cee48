"""How any vocoder samples by default, as read from YAML."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from core.config import Config
from core.flow import check_grids
from core.precision import Precision
from core.quality import Departure


class Effort(Config):
    """What a quality changes; null keeps the default.

    Attributes:
        steps: Solver steps.
        consistency_rounds: Mel-consistency rounds on every endpoint estimate.
        final_rounds: Rounds on the finished waveform.
        precision: Of a rectified flow's network.
    """

    steps: int | None = Field(None, ge=1, le=1000)
    consistency_rounds: int | None = Field(None, ge=0, le=1000)
    final_rounds: int | None = Field(None, ge=0, le=1000)
    precision: Precision | None = None


class SamplingConfig(Config):
    """How a vocoder samples when the caller does not say otherwise.

    Attributes:
        steps: Solver steps.
        method: Solver, a name of `core.flow.METHODS` or "rk45".
        grid: Time grid, a name or explicit nodes.
        grids: Grids that a search found, by their number of steps; they go before `grid`.
        consistency_rounds: Mel-consistency rounds on every endpoint estimate; 0 turns them off.
        final_rounds: Rounds on the finished waveform.
        momentum: Of the rounds; above 1 they diverge.
        precision: Of a rectified flow's network; vocoders of other kinds compute in float32.
        qualities: What "fast" and "best" change.
    """

    steps: int = Field(4, ge=1, le=1000)
    method: str = "euler"
    grid: str = "uniform"
    grids: Annotated[dict[str, str], AfterValidator(check_grids)] = Field({})
    consistency_rounds: int = Field(10, ge=0, le=1000)
    final_rounds: int = Field(30, ge=0, le=1000)
    momentum: float = Field(0.95, ge=0, le=1)
    precision: Precision = "fp32"
    qualities: dict[Departure, Effort] = Field({})
