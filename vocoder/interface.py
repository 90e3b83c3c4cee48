"""What every vocoder of the house can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from core.audio.mel import MelSpec
from core.flow import Field, make_grid, seeded_noise, solve
from core.precision import Precision
from core.quality import changes_for


@dataclass(frozen=True)
class Sampling:
    """How to sample, every choice made.

    Attributes:
        steps: Solver steps.
        method: Solver.
        grid: Time grid, a name or explicit nodes.
        consistency_rounds: Mel-consistency rounds on every endpoint estimate.
        final_rounds: Rounds on the finished waveform.
        momentum: Of the rounds.
        precision: Of the network, in kinds that have a choice.
        grids: Grids that a search found, by their number of steps.
        qualities: What "fast" and "best" change.
    """

    steps: int
    method: str
    grid: str
    consistency_rounds: int
    final_rounds: int
    momentum: float
    precision: Precision = "fp32"
    grids: Mapping[str, str] = field(default_factory=dict)
    qualities: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def at(self, quality: str | None) -> Sampling:
        """The same for a quality; None is "balanced".

        Raises:
            InputError: There is no such quality.
        """
        return replace(self, **changes_for(quality, self.qualities))


@dataclass(frozen=True)
class Generated:
    """A batch of waveforms.

    Attributes:
        waveform: (B, T * hop) float32; zero where the mask is False.
        nfe: Evaluations of the network.
    """

    waveform: Tensor
    nfe: int


class VocoderModel(nn.Module, ABC):
    """A network that turns mels of one contract into waveforms.

    Attributes:
        spec: The mel contract.
    """

    spec: MelSpec

    @property
    def synthesises(self) -> bool:
        """Whether it makes sound of noise; a flow trained at the sound alone does not."""
        return True

    @abstractmethod
    def measure_corpus(self, waveform: Tensor, log_mel: Tensor) -> None:
        """Set the statistics that training needs, from a sample of the corpus.

        Args:
            waveform: (B, T * hop) float32 in [-1, 1].
            log_mel: Its log mel (B, M, T).
        """

    @abstractmethod
    def training_loss(self, waveform: Tensor, log_mel: Tensor) -> dict[str, Tensor]:
        """Losses of one batch, drawn with torch's global generator.

        Args:
            waveform: (B, T * hop).
            log_mel: (B, M, T).

        Returns:
            Named scalars; "loss" is the one to minimise.
        """

    @abstractmethod
    def generate(
        self,
        log_mel: Tensor,
        seeds: Sequence[int],
        sampling: Sampling,
        mask: Tensor | None = None,
    ) -> Generated:
        """Synthesise a batch.

        Args:
            log_mel: (B, M, T).
            seeds: One seed an item; an item's samples do not depend on the rest of its batch.
            sampling: How.
            mask: Real frames (B, 1, T) bool, or None when all are real.
        """

    def white_noise(
        self, log_mel: Tensor, seeds: Sequence[int], mask: Tensor | None = None
    ) -> Tensor:
        """White noise of deviation 1, (B, T * hop); zero where the mask is False.

        Args:
            log_mel: (B, M, T), for its shape.
            seeds: One an item; an item's noise does not depend on the rest of its batch.
            mask: Real frames (B, 1, T) bool, or None when all are real.
        """
        hop, length = self.spec.hop_samples, log_mel.shape[2] * self.spec.hop_samples
        frames = [log_mel.shape[2]] * len(log_mel)
        if mask is not None:
            frames = mask.sum(dim=(1, 2)).tolist()
        white = seeded_noise(seeds, [(count * hop,) for count in frames]).to(log_mel)
        # A batch may be padded beyond its longest item.
        return functional.pad(white, (0, length - white.shape[1]))


class FlowVocoder(VocoderModel):
    """A vocoder that carries noise to sound along an ODE, from x_0 at t = 0 to x_1 at t = 1."""

    @abstractmethod
    def noise(self, log_mel: Tensor, seeds: Sequence[int], mask: Tensor | None = None) -> Tensor:
        """Draw x_0 of the prior.

        Args:
            log_mel: (B, M, T).
            seeds: One an item; an item's noise does not depend on the rest of its batch.
            mask: Real frames (B, 1, T) bool, or None when all are real.

        Returns:
            (B, T * hop) float32; zero where the mask is False.
        """

    @abstractmethod
    def field(self, log_mel: Tensor, mask: Tensor | None = None) -> Field:
        """The velocity u(t, x) for one batch of mels, as the solvers take it.

        Args:
            log_mel: (B, M, T).
            mask: Real frames (B, 1, T), or None.
        """

    @abstractmethod
    def training_loss(
        self, waveform: Tensor, log_mel: Tensor, x_0: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Losses of one batch, drawn with torch's global generator.

        Args:
            waveform: x_1, (B, T * hop).
            log_mel: (B, M, T).
            x_0: The noise that an earlier flow turned into `waveform`, same shape (reflow); None
                draws it from the prior, independent of the waveform.

        Returns:
            Named scalars; "loss" is the one to minimise.
        """

    def context_frames(self, sampling: Sampling) -> int | None:
        """How far a mel must be read beyond a stretch of it for the stretch to sound the same.

        Returns:
            Frames on either side that move a sample by less than 1e-4; None where only the whole
            mel will do.
        """
        return None

    def carry(
        self,
        x_0: Tensor,
        log_mel: Tensor,
        sampling: Sampling,
        mask: Tensor | None = None,
    ) -> Generated:
        """Carry noise along the ODE to sound; `generate` from noise that is given.

        Args:
            x_0: (B, T * hop).
            log_mel: (B, M, T).
            sampling: How; its mel-consistency rounds are left out by a vocoder that has none.
            mask: Real frames (B, 1, T) bool, or None when all are real.
        """
        grid = make_grid(sampling.grid, sampling.steps)
        # Frames to samples, so that padding does not change an adaptive solver's steps.
        hop = self.spec.hop_samples
        real = None if mask is None else mask[:, 0].repeat_interleave(hop, dim=1)
        field = self.field(log_mel, mask)
        solution = solve(field, x_0, grid, sampling.method, mask=real)
        return Generated(solution.x, solution.nfe)
