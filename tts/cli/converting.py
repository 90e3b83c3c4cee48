"""The work behind `straighttalk convert`."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from core.audio.files import read_audio, write_audio
from core.audio.loudness import normalize_loudness
from core.errors import InputError, unknown_name
from core.flow import SOLVERS
from tts.cli.report import Tally, report
from tts.features import FeatureConfig, voiced_range
from tts.inversion import invert, regenerate
from tts.options import MOST_STEPS, Options
from tts.synthesizer import Synthesizer
from vocoder.inversion import carry, flow_vocoder

# Longer recordings would need several sentences, each with its own attention.
MOST_SECONDS = 60.0


@dataclass(frozen=True)
class Conversion:
    """What is asked for.

    Attributes:
        text: What the recording says; None carries its sound through the vocoder's flow alone.
        source: Who speaks in the recording; None for the first speaker.
        target: Who is to speak; None for who spoke.
        steps: Solver steps each way.
        method: Solver.
    """

    text: str | None
    source: str | None
    target: str | None
    steps: int
    method: str

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MOST_STEPS:
            raise InputError(f"steps is {self.steps}; it must be from 1 to {MOST_STEPS}")
        if self.method not in SOLVERS:
            raise unknown_name("method", self.method, SOLVERS, "--method")


def convert_file(
    synthesizer: Synthesizer,
    source: str,
    target: str,
    conversion: Conversion,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Convert one recording and say how well the way back and forth closes.

    Raises:
        InputError: It cannot be read, lasts too long, or the text or a speaker does not fit.
        OSError: The result cannot be written.
    """
    rate = synthesizer.sample_rate_hz
    waveform, _ = read_audio(source, rate, MOST_SECONDS)
    began = time.perf_counter()
    if conversion.text is None:
        sound, tally, facts = _through_vocoder(synthesizer, waveform, conversion)
    else:
        sound, tally, facts = _through_mel(synthesizer, waveform, conversion, conversion.text)
    tally.seconds, tally.audio_seconds = time.perf_counter() - began, len(sound) / rate
    tally.clipped_samples = write_audio(Path(target), sound, rate)
    facts = {"input": source, "file": target, **facts}
    known = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in facts.items()
                      if isinstance(value, float))  # fmt: skip
    report(tally, f"{target} ({known})", facts, as_json=as_json, to_stderr=False, quiet=quiet)


def _through_vocoder(
    synthesizer: Synthesizer, waveform: Tensor, conversion: Conversion
) -> tuple[Tensor, Tally, dict[str, object]]:
    vocoder = synthesizer.vocoder
    model = flow_vocoder(vocoder.model)
    log_mel, sound = vocoder.mel(waveform)[None], waveform[None].to(vocoder.device)
    steps, method = conversion.steps, conversion.method
    noise, there = carry(model, sound, log_mel, backward=True, steps=steps, method=method)
    again, back = carry(model, noise, log_mel, backward=False, steps=steps, method=method)
    again = again[:, : sound.shape[1]]
    error, power = float((again - sound).square().mean()), float(sound.square().mean())
    ratio = 10 * math.log10(max(power, 1e-12) / max(error, 1e-20))
    tally = Tally(vocoder_nfe=there + back)
    return again[0].cpu(), tally, {"round_trip_snr_db": round(ratio, 3)}


def _through_mel(
    synthesizer: Synthesizer, waveform: Tensor, conversion: Conversion, text: str
) -> tuple[Tensor, Tally, dict[str, object]]:
    model, device = synthesizer.acoustic, synthesizer.device
    rate = synthesizer.sample_rate_hz
    source, target = (
        None if chosen is None else chosen[None].to(device)
        for chosen in (
            synthesizer.speaker(Options(speaker=name))
            for name in (conversion.source, conversion.target)
        )
    )
    # As the corpus was made ready, whose mels are all that the model knows.
    start, end = voiced_range(waveform.numpy(), rate)
    loud = normalize_loudness(waveform[start:end].numpy(), rate, FeatureConfig().loudness_lufs)
    log_mel = synthesizer.vocoder.mel(torch.as_tensor(loud, dtype=torch.float32))[None]
    spoken = synthesizer.frontend.process(text)
    ids = torch.tensor(spoken.ids, device=device)[None]
    lengths, frames = (torch.tensor([n], device=device) for n in (len(ids[0]), log_mel.shape[2]))
    if 2 * len(ids[0]) + 1 > log_mel.shape[2]:
        raise InputError(
            f"the text has {len(ids[0])} phonemes for {log_mel.shape[2]} frames: "
            "it does not match the recording"
        )
    steps, method = conversion.steps, conversion.method
    found = invert(model, ids, lengths, log_mel, frames, speaker=source, steps=steps, method=method)
    same = regenerate(model, ids, lengths, found, speaker=source, steps=steps, method=method)
    other = same if conversion.source == conversion.target else regenerate(
        model, ids, lengths, found, speaker=target, steps=steps, method=method
    )  # fmt: skip
    made = synthesizer.vocoder.vocode(other[0].clamp_min(math.log(model.spec.log_floor)))
    tally = Tally(acoustic_nfe=found.nfe, vocoder_nfe=made.nfe, notes=list(spoken.notes))
    error = float((same - log_mel).abs().mean())
    return made.waveform, tally, {"round_trip_log_mel_error": error}
