"""Copies of a recording by every vocoder at hand."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from core.audio.files import read_audio
from core.errors import InputError, unknown_name
from tts.demo.limits import RECORDING_SECONDS, Deadline
from tts.demo.voices import Voices
from tts.evaluation.griffin_lim import griffin_lim
from tts.evaluation.quality import dnsmos, pesq_wideband
from tts.evaluation.spectral import mel_distance
from vocoder import Vocoder
from vocoder.interface import FlowVocoder

GRIFFIN_LIM = "Griffin-Lim"
LEAST_SECONDS = 0.3
# What each score needs, beyond what is always there.
NEEDED = {"PESQ": ("pesq",), "DNSMOS": ("speechmos", "onnxruntime", "librosa")}


@dataclass(frozen=True)
class Copy:
    """A recording, or a copy of it.

    Attributes:
        name: Who made it.
        steps: Of the solver; None for what takes no steps.
        waveform: (L,).
        sample_rate_hz: Its rate.
        log_mel: (M, T).
        difference: From the original's log mel, (M, T); None for the original.
        scores: Names and values as they are shown.
        nfe: Evaluations of the network.
        seconds: Time it took.
    """

    name: str
    steps: int | None
    waveform: Tensor
    sample_rate_hz: int
    log_mel: Tensor
    difference: Tensor | None
    scores: dict[str, str]
    nfe: int
    seconds: float


def systems(voices: Voices) -> list[str]:
    """Who can copy: the vocoder of every voice, and the method that needs no training."""
    return [*voices.names, GRIFFIN_LIM]


def copies(
    voices: Voices, recording: bytes, names: Sequence[str], steps: Sequence[int], seed: int
) -> Iterator[Copy]:
    """Copy a recording by way of its mel.

    Args:
        voices: Whose vocoders.
        recording: Content of a sound file.
        names: Of `systems`.
        steps: Numbers of solver steps.
        seed: Of the noise.

    Yields:
        The original, and each copy as soon as it is made.

    Raises:
        InputError: The recording cannot be read or is too short or long, nobody is named, or it
            takes too much time.
    """
    known = systems(voices)
    if not names or not steps:
        raise InputError("choose at least one vocoder and one number of steps")
    for name in names:
        if name not in known:
            raise unknown_name("vocoder", name[:80], known)
    deadline = Deadline()
    shown: Copy | None = None
    for name in names:
        vocoder = voices.take(None if name == GRIFFIN_LIM else name).vocoder
        original = _original(vocoder, recording)
        if shown is None:
            shown = original
            yield original
        for number in steps if _takes_steps(name, vocoder) else (None,):
            deadline.check()
            yield _copy(name, vocoder, original, number, seed)


def _takes_steps(name: str, vocoder: Vocoder) -> bool:
    return name != GRIFFIN_LIM and isinstance(vocoder.model, FlowVocoder)


def _original(vocoder: Vocoder, recording: bytes) -> Copy:
    rate = vocoder.spec.sample_rate_hz
    waveform, _ = read_audio(recording, rate, RECORDING_SECONDS)
    if len(waveform) < LEAST_SECONDS * rate:
        raise InputError(
            f"the recording lasts {len(waveform) / rate:.2f} s; at least {LEAST_SECONDS:g} s"
        )
    mel = vocoder.mel(waveform).cpu()
    scores = _opinion(waveform, rate)
    return Copy("Recording", None, waveform, rate, mel, None, scores, 0, 0.0)


def _copy(name: str, vocoder: Vocoder, original: Copy, steps: int | None, seed: int) -> Copy:
    began = time.perf_counter()
    if name == GRIFFIN_LIM:
        waveform, nfe = griffin_lim(original.log_mel, vocoder.spec, seed=seed), 0
    else:
        made = vocoder.vocode(original.log_mel, steps=steps, seed=seed)
        waveform, nfe = made.waveform, made.nfe
    seconds = time.perf_counter() - began
    waveform = waveform[: len(original.waveform)].clamp(-1.0, 1.0)
    mel = vocoder.mel(waveform).cpu()
    frames = min(mel.shape[1], original.log_mel.shape[1])
    difference = mel[:, :frames] - original.log_mel[:, :frames]
    distance = mel_distance(original.waveform, waveform, vocoder.spec)
    scores = {
        "Log-mel distance": f"{distance.log_mel_l1:.3f}",
        **_likeness(original, waveform),
        **_opinion(waveform, original.sample_rate_hz),
    }
    rate = original.sample_rate_hz
    return Copy(name, steps, waveform, rate, mel, difference, scores, nfe, seconds)


def _installed(score: str) -> bool:
    return all(importlib.util.find_spec(module) for module in NEEDED[score])


def _likeness(original: Copy, waveform: Tensor) -> dict[str, str]:
    """PESQ where it is installed; a dash for what it cannot compare."""
    if not _installed("PESQ"):
        return {}
    try:
        value = pesq_wideband(original.waveform, waveform, original.sample_rate_hz)
    except InputError:
        return {"PESQ": "–"}
    return {"PESQ": f"{value:.2f}"}


def _opinion(waveform: Tensor, rate: int) -> dict[str, str]:
    """DNSMOS where it is installed; a dash for what it cannot judge."""
    if not _installed("DNSMOS"):
        return {}
    try:
        return {"DNSMOS": f"{dnsmos(waveform, rate).overall:.2f}"}
    except InputError:
        return {"DNSMOS": "–"}
