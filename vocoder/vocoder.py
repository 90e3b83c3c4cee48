"""The vocoder alone: mel or audio in, audio out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from core.audio.mel import MelExtractor, MelSpec
from core.checkpoint import load_module
from core.config import parse_config
from core.errors import InputError
from core.flow import choose_grid
from core.voice import VOCODER, find_voice
from vocoder.interface import Sampling, VocoderModel
from vocoder.registry import VocoderSection, build_vocoder
from vocoder.streaming import stream

# Other models' mels may leave the range of recordings a little, in nats.
SLACK = 5.0
# About a third of a second at common rates.
CHUNK_FRAMES = 32


@dataclass(frozen=True)
class Vocoded:
    """What a vocoder made.

    Attributes:
        waveform: (L,) or (B, L) float32, as the mel had a batch or not.
        sample_rate_hz: Its rate.
        nfe: Evaluations of the network.
    """

    waveform: Tensor
    sample_rate_hz: int
    nfe: int


class Vocoder:
    """A vocoder ready to use.

    Args:
        model: The network with its weights.
        defaults: How it samples when the caller does not say otherwise.
        device: Where it runs.
    """

    def __init__(self, model: VocoderModel, defaults: Sampling, device: str = "cpu") -> None:
        self.model = model.to(device).eval()
        self.defaults = defaults
        self.device = torch.device(device)
        self._extract = MelExtractor(model.spec).to(device)

    @classmethod
    def from_pretrained(cls, voice: str | Path | None = None, device: str = "cpu") -> Vocoder:
        """Load the vocoder of a voice.

        Args:
            voice: Name, path or hub address; None takes the default voice.
            device: "cpu", "cuda", "mps".

        Raises:
            InputError: There is no such voice, or its files are not fit to be loaded.
        """
        found = find_voice(voice)
        where = str(found.file("config.yaml"))
        config = parse_config({"vocoder": found.facts.vocoder}, VocoderSection, where).vocoder
        mel = found.facts.mel
        model = load_module(found.file(VOCODER), lambda: build_vocoder(config, mel))
        return cls(model, Sampling(**config.sampling.model_dump()), device)

    @property
    def spec(self) -> MelSpec:
        """The mel contract."""
        return self.model.spec

    def mel(self, waveform: Tensor) -> Tensor:
        """Log mel (M, T) or (B, M, T) of a waveform (L,) or (B, L) at the contract's rate."""
        single = waveform.ndim == 1
        mel: Tensor = self._extract((waveform[None] if single else waveform).to(self.device))
        return mel[0] if single else mel

    def vocode(
        self,
        mel: Tensor,
        *,
        spec: MelSpec | None = None,
        quality: str | None = None,
        steps: int | None = None,
        method: str | None = None,
        grid: str | None = None,
        seed: int | Sequence[int] = 0,
        mask: Tensor | None = None,
    ) -> Vocoded:
        """Turn log mels into waveforms.

        Args:
            mel: (M, T) or (B, M, T).
            spec: The contract the mel was made under, when known: it is compared with ours.
            quality: "fast", "balanced" or "best": steps and rounds that go together; what is
                given beside it goes before it.
            steps: Solver steps.
            method: Solver, such as "euler", "midpoint", "rk45" or, for a flow, "sde:0.5".
            grid: Time grid, such as "uniform", "sway:-1" or "0,0.1,0.4,1".
            seed: One for all, or one an item: the same seed gives the same sound, alone or in a
                batch.
            mask: Real frames (B, 1, T) bool of a padded batch.

        Raises:
            InputError: The mel is of another contract, of the wrong shape or range, or not finite;
                or the quality, method or grid is unknown.
        """
        batch = mel[None] if mel.ndim == 2 else mel
        self._check(mel, batch, mask, spec)
        seeds = [seed] * len(batch) if isinstance(seed, int) else list(seed)
        sampling = self._sampling(quality, steps, method, grid)
        mask = None if mask is None else mask.to(self.device)
        made = self.model.generate(batch.to(self.device).float(), seeds, sampling, mask)
        waveform = made.waveform.clamp(-1.0, 1.0).cpu()
        rate = self.spec.sample_rate_hz
        return Vocoded(waveform[0] if mel.ndim == 2 else waveform, rate, made.nfe)

    def stream(
        self,
        mel: Tensor,
        *,
        chunk_frames: int = CHUNK_FRAMES,
        spec: MelSpec | None = None,
        quality: str | None = None,
        steps: int | None = None,
        method: str | None = None,
        grid: str | None = None,
        seed: int = 0,
    ) -> Iterator[Vocoded]:
        """Turn a log mel into a waveform part by part; mistakes are told at once.

        Methods whose steps depend on the whole mel ("rk45", "sde"), and vocoders that are no
        rectified flows, make it in one part.

        Args:
            mel: (M, T).
            chunk_frames: Length of the first part; each of the next ones is longer.
            spec: As in `vocode`, like all that follows.
            quality: As said there.
            steps: Solver steps.
            method: Solver.
            grid: Time grid.
            seed: Of the noise.

        Returns:
            Parts (L,), each with its own evaluations: end to end, what `vocode` returns, to 1e-4.

        Raises:
            InputError: As in `vocode`, or `chunk_frames` is below 1.
        """
        if chunk_frames < 1:
            raise InputError(f"chunk_frames is {chunk_frames}; it must be 1 or more")
        if mel.ndim != 2:
            raise InputError(
                f"a mel of shape {tuple(mel.shape)} was given; a stream takes one mel, "
                f"({self.spec.n_mels}, frames)"
            )
        self._check(mel, mel[None], None, spec)
        batch, sampling = (
            mel[None].to(self.device).float(),
            self._sampling(quality, steps, method, grid),
        )
        made = stream(self.model, batch, seed, sampling, chunk_frames)
        rate = self.spec.sample_rate_hz
        return (Vocoded(m.waveform[0].clamp(-1.0, 1.0).cpu(), rate, m.nfe) for m in made)

    def _sampling(
        self, quality: str | None, steps: int | None, method: str | None, grid: str | None
    ) -> Sampling:
        defaults = self.defaults.at(quality)
        steps = defaults.steps if steps is None else steps
        method = method or defaults.method
        grid = choose_grid(defaults, grid, steps, method)
        return replace(defaults, steps=steps, method=method, grid=grid)

    def _check(self, mel: Tensor, batch: Tensor, mask: Tensor | None, spec: MelSpec | None) -> None:
        if spec is not None:
            self.spec.require_same(spec, ours="the vocoder's", theirs="the mel's")
        if batch.ndim != 3 or batch.shape[1] != self.spec.n_mels or not batch.numel():
            raise InputError(
                f"a mel of shape {tuple(mel.shape)} was given; this vocoder takes "
                f"({self.spec.n_mels}, frames) or (batch, {self.spec.n_mels}, frames)"
            )
        if not torch.isfinite(batch).all():
            raise InputError("the mel holds values that are not finite numbers")
        # The floor, and a square wave of full scale.
        lowest = math.log(self.spec.log_floor)
        loudest = math.log(self.spec.win_samples / 2 * float(self._extract.filters.sum(1).max()))
        low, high = float(batch.min()), float(batch.max())
        if low < lowest - SLACK or high > loudest + SLACK:
            raise InputError(
                f"the mel goes from {low:.1f} to {high:.1f}, natural logs of this contract from "
                f"{lowest:.1f} to {loudest:.1f}: it is of another kind (decibels, or no logs?)"
            )
        if mask is not None and (mask.shape != batch[:, :1].shape or mask.dtype != torch.bool):
            raise InputError(
                f"the mask is {mask.dtype} of shape {tuple(mask.shape)}; it must be bool of shape "
                f"{tuple(batch[:, :1].shape)}"
            )
