"""The work behind `straighttalk vocode`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.audio.files import MAX_SECONDS, read_audio, write_audio
from core.audio.mel import MelSpec
from core.errors import InputError
from tts.cli.report import Tally, report
from tts.options import MOST_STEPS
from vocoder import Vocoder


@dataclass(frozen=True)
class Choices:
    """How to sample; None takes the voice's default.

    Attributes:
        quality: "fast", "balanced" or "best".
        steps: Solver steps.
        method: Solver.
        grid: Time grid.
        seed: The same seed gives the same sound.
    """

    quality: str | None
    steps: int | None
    method: str | None
    grid: str | None
    seed: int

    def __post_init__(self) -> None:
        if self.steps is not None and not 1 <= self.steps <= MOST_STEPS:
            raise InputError(f"steps is {self.steps}; it must be from 1 to {MOST_STEPS}")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed is {self.seed}; it must be from 0 to 2^63 - 1")


def plan(inputs: Sequence[str], directory: str) -> list[tuple[Path, Path]]:
    """Pairs of an input and its output.

    Raises:
        InputError: An input is missing, or two files would be one.
    """
    pairs: dict[Path, Path] = {}
    for name in inputs:
        source = Path(name)
        target = Path(directory) / f"{source.stem}.wav"
        if not source.exists():
            raise InputError(f"there is no file {name}")
        if target in pairs:
            raise InputError(f"{pairs[target]} and {name} would both be written to {target}")
        if target.exists() and target.samefile(source):
            raise InputError(f"{name} would be overwritten: choose another --output-dir")
        pairs[target] = source
    return [(source, target) for target, source in pairs.items()]


def read_mel(path: Path, spec: MelSpec) -> Tensor:
    """Read a log mel.

    Args:
        path: A `.npy` file of floats, of shape (bands, frames).
        spec: The contract it must fit; shape and range are all that can be checked.

    Returns:
        (M, T) float32.

    Raises:
        InputError: The file is no such array, or longer than ten minutes.
    """
    try:
        # Mapped, so that nothing is read before the shape is known to be sane.
        array = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, EOFError) as error:
        raise InputError(f"{path} is no .npy array of numbers, or damaged") from error
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{path} must hold one array of floats")
    if array.ndim != 2 or array.shape[0] != spec.n_mels or not array.shape[1]:
        raise InputError(
            f"{path} has shape {array.shape}; a mel for this voice has ({spec.n_mels}, frames)"
        )
    seconds = array.shape[1] * spec.hop_samples / spec.sample_rate_hz
    if seconds > MAX_SECONDS:
        raise InputError(f"{path} lasts {seconds:.0f} s; at most {MAX_SECONDS:g} s are allowed")
    mel = torch.from_numpy(np.array(array, dtype=np.float32))
    if not torch.isfinite(mel).all():
        raise InputError(f"{path} holds values that are not finite numbers")
    return mel


def vocode_file(
    vocoder: Vocoder, source: Path, target: Path, choices: Choices, *, as_json: bool, quiet: bool
) -> None:
    """Vocode one file and say so.

    Raises:
        InputError: It cannot be read.
        OSError: The result cannot be written.
    """
    rate = vocoder.spec.sample_rate_hz
    if source.suffix.lower() == ".npy":
        mel, samples = read_mel(source, vocoder.spec), None
    else:
        waveform, _ = read_audio(source, rate)
        mel, samples = vocoder.mel(waveform), len(waveform)
    began = time.perf_counter()
    made = vocoder.vocode(
        mel, quality=choices.quality, steps=choices.steps, method=choices.method,
        grid=choices.grid, seed=choices.seed,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    sound = made.waveform[:samples]
    clipped = write_audio(target, sound, rate)
    tally = Tally(
        audio_seconds=len(sound) / rate,
        seconds=seconds,
        vocoder_nfe=made.nfe,
        vocoder_seconds=seconds,
        clipped_samples=clipped,
    )
    facts = {"id": source.stem, "input": str(source), "file": str(target)}
    report(tally, str(target), facts, as_json=as_json, to_stderr=False, quiet=quiet)
