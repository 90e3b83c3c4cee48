"""Training a vocoder on the pairs that a trained one made."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from core.data.pair_store import PairStore
from core.data.pairs import file_hash
from core.errors import InputError
from vocoder.interface import FlowVocoder, VocoderModel

# The student's noise from a pair's seed may differ from the pair's by this share of its size.
NOISE_TOLERANCE = 1e-3

_log = logging.getLogger(__name__)


def require_flow(model: VocoderModel) -> FlowVocoder:
    """The vocoder as one that carries noise along an ODE.

    Raises:
        InputError: It is of another kind.
    """
    if not isinstance(model, FlowVocoder):
        raise InputError(f"{type(model).__name__} is no flow from noise to sound: reflow needs one")
    return model


class PairWindows(Dataset[dict[str, Tensor]]):
    """Batch n: the same window of noise, waveform and mel, cut from pairs.

    Args:
        pairs: The pairs.
        numbers: Those to cut from; the ones shorter than a window are left out, and counted in the
            log.
        window_frames: Length of a window.
        batch_size: Windows a batch.
        seed: Batch n is a function of the seed and n.

    Raises:
        InputError: All pairs are shorter than a window.
    """

    def __init__(
        self,
        pairs: PairStore,
        numbers: list[int],
        window_frames: int,
        batch_size: int,
        seed: int,
    ) -> None:
        self.pairs, self.frames, self.size, self.seed = pairs, window_frames, batch_size, seed
        self.hop = pairs.facts.mel.hop_samples
        self.numbers = [n for n in numbers if pairs.items[n].frames >= window_frames]
        short = len(numbers) - len(self.numbers)
        if not self.numbers:
            raise InputError(
                f"all {short} pairs in {pairs.directory} are shorter than window_frames, "
                f"{window_frames}"
            )
        if short:
            _log.warning("%d pairs are shorter than a window and are not used", short)
        starts = [pairs.items[n].frames - window_frames + 1 for n in self.numbers]
        self.ends = np.cumsum(starts)

    def sample(self, step: int, size: int) -> dict[str, Tensor]:
        """Draw `size` windows for one step, each place of the corpus as likely as any other."""
        rng = np.random.default_rng([self.seed, step])
        places = rng.integers(0, self.ends[-1], size)
        owners = np.searchsorted(self.ends, places, side="right")
        windows = []
        for place, owner in zip(places.tolist(), owners.tolist(), strict=True):
            first = place - (int(self.ends[owner - 1]) if owner else 0)
            windows.append(self._cut(self.numbers[owner], first))
        x_0, x_1, mel = (torch.stack(list(parts)) for parts in zip(*windows, strict=True))
        return {"x_0": x_0, "waveform": x_1, "mel": mel}

    def _cut(self, number: int, first: int) -> tuple[Tensor, Tensor, Tensor]:
        last, hop = first + self.frames, self.hop
        x_0 = self.pairs.window(number, "x_0", first * hop, last * hop)
        x_1 = self.pairs.window(number, "x_1", first * hop, last * hop)
        return x_0, x_1, self.pairs.window(number, "mel", first, last)

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        """The batch of a step."""
        return self.sample(step, self.size)


def check_student(model: VocoderModel, pairs: PairStore, warm_start: Path | None) -> None:
    """See that a vocoder's noise is that of the pairs it is to be trained on.

    Args:
        model: The student, with its statistics.
        pairs: The pairs.
        warm_start: Its weights to begin from, or None.

    Raises:
        InputError: It is no flow, or its prior is another.
    """
    flow = require_flow(model)
    number = min(range(len(pairs)), key=lambda n: pairs.items[n].frames)
    values = pairs.tensors(number)
    own = pairs.facts.temperature * flow.noise(values["mel"][None], [pairs.items[number].seed])[0]
    difference = float((own - values["x_0"]).square().mean() / values["x_0"].square().mean()) ** 0.5
    if not difference < NOISE_TOLERANCE:
        raise InputError(
            f"the noise of this vocoder is not that of the pairs ({pairs.facts.prior}; it differs "
            f"by {difference:.1%}): give it the same prior, and warm_start for its statistics"
        )
    if warm_start is not None and file_hash(warm_start) != pairs.facts.teacher:
        _log.warning("%s is not the teacher of the pairs; that is allowed", warm_start)
