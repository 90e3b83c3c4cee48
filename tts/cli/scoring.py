"""The work behind `straighttalk likelihood`."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from core.errors import InputError
from core.flow import METHODS, item_generator, make_grid
from tts.cli.messages import Progress
from tts.cli.scored_recordings import Recording, Source
from tts.likelihood import mel_log_likelihood
from tts.options import MOST_STEPS
from tts.synthesizer import Synthesizer, pick_device
from vocoder.iaf.base import AutoregressiveVocoder
from vocoder.interface import FlowVocoder
from vocoder.likelihood import waveform_log_likelihood

DEFAULT_STEPS = 16
DEFAULT_PROBES = 2
# A derivative an element at every evaluation: hours beyond this.
MOST_EXACT_ELEMENTS = 4096


@dataclass(frozen=True)
class How:
    """What is scored and how.

    Attributes:
        what: "mel" or "waveform".
        steps: Solver steps; None for 16.
        method: Solver.
        grid: Time grid; None for equal steps.
        probes: Of the divergence; None for 2.
        exact: Whether the divergence is exact.
        shuffle: Whether mels are also scored with their frames in random order.
        seed: Of the first recording's probes; one more for each.
    """

    what: str
    steps: int | None
    method: str
    grid: str | None
    probes: int | None
    exact: bool
    shuffle: bool
    seed: int

    def check(self) -> None:
        """Refuse what is out of range or does not go together.

        Raises:
            InputError: It is or does not.
        """
        if self.method == "rk45" and (self.steps is not None or self.grid is not None):
            raise InputError("rk45 finds its own steps: leave --steps and --grid out")
        if self.steps is not None and not 1 <= self.steps <= MOST_STEPS:
            raise InputError(f"--steps is {self.steps}; it must be from 1 to {MOST_STEPS}")
        if self.probes is not None and not 1 <= self.probes <= 1000:
            raise InputError(f"--probes is {self.probes}; it must be from 1 to 1000")
        if self.exact and self.probes is not None:
            raise InputError("--exact takes no probes: leave --probes out")
        if self.shuffle and self.what != "mel":
            raise InputError("--shuffle is for mel: a waveform is scored given its own mel")
        if not 0 <= self.seed < 2**62:
            raise InputError(f"--seed is {self.seed}; it must be from 0 to 2^62 - 1")

    def choices(self, seed: int) -> dict[str, Any]:
        """Arguments of both likelihoods."""
        # Its nodes would be places where the adaptive solver has to stop.
        steps = 1 if self.method not in METHODS else self.steps or DEFAULT_STEPS
        divergence = "exact" if self.exact else "hutchinson"
        return {
            "grid": make_grid(self.grid or "uniform", steps),
            "method": self.method,
            "divergence": divergence,
            "probes": self.probes or DEFAULT_PROBES,
            "seeds": [seed],
        }


@dataclass(frozen=True)
class Score:
    """The likelihood of one recording.

    Attributes:
        id: Which.
        nats: Its log-likelihood.
        dims: Elements of the mel, or samples.
        standard_error: Of `nats`, over the probes; None for a single probe.
        nfe: Evaluations of the network.
        seconds: Of work.
    """

    id: str
    nats: float
    dims: int
    standard_error: float | None
    nfe: int
    seconds: float


def score(
    source: Source, how: How, voice: str | None, device: str, *, as_json: bool, quiet: bool
) -> None:
    """Score recordings and show it.

    Raises:
        InputError: A choice, a recording, the store or the voice is not fit for it.
    """
    how.check()
    source.check(how.what)
    model = Synthesizer.from_pretrained(voice, device=pick_device(device))
    count, recordings = source.recordings(model)
    scores: list[Score] = []
    shuffled: list[Score] = []
    with Progress("scoring", count, "recordings", quiet=quiet) as progress:
        for number, recording in enumerate(recordings):
            choices = how.choices(how.seed + number)
            if how.what == "waveform":
                scores.append(score_waveform(model, recording, choices))
            else:
                scores.append(score_mel(model, recording, choices))
            if how.shuffle:
                shuffled.append(score_mel(model, recording, choices, shuffle=True))
            progress.advance()
    facts = {"what": how.what, "voice": model.voice.facts.name, **summary(scores)}
    if shuffled:
        facts["shuffled"] = summary(shuffled)
    sys.stdout.write(json.dumps(facts) + "\n" if as_json else table(facts))


def score_mel(
    model: Synthesizer, recording: Recording, choices: dict[str, Any], *, shuffle: bool = False
) -> Score:
    """Score a recording's mel; durations are searched on the mel that is scored.

    Args:
        model: The voice.
        recording: With its phonemes.
        choices: From `How.choices`.
        shuffle: Whether its frames are put into random order first.

    Raises:
        InputError: It is too short for its text, or too long for the exact divergence.
    """
    began = time.perf_counter()
    log_mel = model.vocoder.mel(recording.waveform)[None]
    ids, frames = recording.ids[None].to(model.device), log_mel.shape[2]
    tokens = 2 * ids.shape[1] + 1 if model.acoustic.config.blanks else ids.shape[1]
    if tokens > frames:
        raise InputError(
            f"{recording.id} has {ids.shape[1]} phonemes for {frames} frames: its text is not "
            "what it says"
        )
    _require_few(recording.id, log_mel.numel(), choices)
    speaker = recording.speaker
    if shuffle:
        order = torch.randperm(frames, generator=item_generator(choices["seeds"][0]))
        log_mel = log_mel[:, :, order.to(log_mel.device)]
    result = mel_log_likelihood(
        model.acoustic,
        ids,
        torch.tensor([ids.shape[1]], device=model.device),
        log_mel,
        torch.tensor([frames], device=model.device),
        speaker=None if speaker is None else speaker[None].to(model.device),
        **choices,
    )
    seconds = time.perf_counter() - began
    error = _finite(float(result.standard_error))
    return Score(recording.id, float(result.nats), log_mel.numel(), error, result.nfe, seconds)


def score_waveform(model: Synthesizer, recording: Recording, choices: dict[str, Any]) -> Score:
    """Score a recording's waveform, cut to whole frames, given its mel.

    Raises:
        InputError: The vocoder has no likelihood, or the recording is too short or too long.
    """
    began = time.perf_counter()
    vocoder, hop = model.vocoder.model, model.acoustic.spec.hop_samples
    samples = len(recording.waveform) // hop * hop
    if not samples:
        raise InputError(f"{recording.id} is shorter than a frame of {hop} samples")
    waveform = recording.waveform[None, :samples].to(model.device)
    log_mel = model.vocoder.mel(waveform)
    if isinstance(vocoder, AutoregressiveVocoder):
        with torch.no_grad():
            nats = float(vocoder.log_prob(waveform, log_mel).double().sum())
        return Score(recording.id, nats, samples, 0.0, 1, time.perf_counter() - began)
    if not isinstance(vocoder, FlowVocoder):
        raise InputError(f"a {type(vocoder).__name__} has no likelihood")
    _require_few(recording.id, samples, choices)
    result = waveform_log_likelihood(vocoder, waveform, log_mel, **choices)
    seconds = time.perf_counter() - began
    error = _finite(float(result.standard_error))
    return Score(recording.id, float(result.nats), samples, error, result.nfe, seconds)


def _require_few(name: str, elements: int, choices: dict[str, Any]) -> None:
    if choices["divergence"] == "exact" and elements > MOST_EXACT_ELEMENTS:
        raise InputError(
            f"--exact takes a derivative for each of the {elements} elements of {name}; at most "
            f"{MOST_EXACT_ELEMENTS} are allowed: use --probes"
        )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def summary(scores: Sequence[Score]) -> dict[str, Any]:
    """The likelihood of all together: the sum of nats by the sum of dimensions.

    "probe_standard_error" is that of the mean given these recordings; "standard_error" that of it
    as an estimate for all such recordings, by the usual formula for a ratio of sums. Both are in
    nats per dimension, and None where one probe or one recording cannot tell.
    """
    dims, count = sum(s.dims for s in scores), len(scores)
    mean = sum(s.nats for s in scores) / dims
    errors = [s.standard_error for s in scores]
    known = [error for error in errors if error is not None]
    probe = math.hypot(*known) / dims if len(known) == count else None
    spread = sum((s.nats - mean * s.dims) ** 2 for s in scores)
    over_all = math.sqrt(count / (count - 1) * spread) / dims if count > 1 else None
    return {
        "nats_per_dim": mean,
        "bits_per_dim": -mean / math.log(2),
        "standard_error": over_all,
        "probe_standard_error": probe,
        "nfe": scores[0].nfe if count == 1 else sum(s.nfe for s in scores) / count,
        "seconds": sum(s.seconds for s in scores),
        "recordings": [asdict(s) for s in scores],
    }


def table(facts: dict[str, Any]) -> str:
    """The summary as text, a line a recording."""
    rows = [Score(**values) for values in facts["recordings"]]
    others = [Score(**values) for values in facts.get("shuffled", {}).get("recordings", [])]
    rows += [replace(other, id=f"{other.id} shuffled") for other in others]
    width = max(len(row.id) for row in rows)
    lines = []
    for row in rows:
        each = summary([row])
        lines.append(f"{row.id:<{width}}  {_line(each, each['probe_standard_error'])}")
    if len(facts["recordings"]) > 1:
        lines.append(f"{'all':<{width}}  {_line(facts, facts['standard_error'])}")
        if others:
            total = facts["shuffled"]
            lines.append(f"{'all shuffled':<{width}}  {_line(total, total['standard_error'])}")
    return "\n".join(lines) + "\n"


def _line(values: dict[str, Any], error: float | None) -> str:
    shown = "" if error is None else f" ± {error:.4f}"
    return (
        f"{values['nats_per_dim']:+.4f}{shown} nats/dim  {values['bits_per_dim']:+.4f} bits/dim  "
        f"{values['nfe']:g} evaluations  {values['seconds']:.1f} s"
    )
