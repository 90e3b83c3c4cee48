"""Judging what each vocoder makes of held-out mels, at every step count."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.vocoders.entries import ENTRIES
from core.audio.mel import MelSpec
from core.checkpoint import load_weights
from core.config import load_config
from core.data.store import UtteranceStore
from core.errors import InputError
from core.files import atomic_write
from core.nn.cost import count_parameters
from core.training import WEIGHTS
from tts.evaluation import choose_utterances, evaluate_copy_synthesis
from tts.evaluation.griffin_lim import griffin_lim
from vocoder import Vocoder
from vocoder.catalogue import multiply_adds_per_second
from vocoder.interface import Sampling
from vocoder.registry import build_vocoder
from vocoder.training import VocoderExperiment

FIGURES = ("pesq", "log_mel_l1", "dnsmos")
METRICS = ("pesq", "mel", "dnsmos")
BASELINE = "griffin-lim"
RESULTS = "results"


class Timed:
    """A way from mel to waveform that remembers how long it took.

    Args:
        spec: The mel contract.
        vocode: From a log mel (1, M, T), steps and seed to a waveform (L,).
        clock: Seconds.
    """

    def __init__(
        self,
        spec: MelSpec,
        vocode: Callable[[Tensor, int, int], Tensor],
        clock: Callable[[], float],
    ) -> None:
        self.spec, self.vocode, self.clock = spec, vocode, clock
        self.seconds: dict[int, float] = {}
        self.audio_seconds: dict[int, float] = {}

    def __call__(self, mel: Tensor, steps: int, seed: int) -> Tensor:
        """Make a waveform and count its time."""
        began = self.clock()
        waveform = self.vocode(mel, steps, seed)
        taken = self.clock() - began
        made = waveform.numel() / self.spec.sample_rate_hz
        self.seconds[steps] = self.seconds.get(steps, 0.0) + taken
        self.audio_seconds[steps] = self.audio_seconds.get(steps, 0.0) + made
        return waveform

    def factor(self, steps: int) -> float:
        """Seconds of work for a second of audio."""
        return self.seconds[steps] / self.audio_seconds[steps]


def load_entry(directory: Path, device: str) -> Vocoder:
    """The vocoder of a finished training.

    Raises:
        InputError: There is none.
    """
    if not (directory / WEIGHTS).is_file():
        raise InputError(f"{directory} holds no trained vocoder: run the stage train first")
    experiment = load_config(directory / "config.yaml", VocoderExperiment)
    model = build_vocoder(experiment.vocoder, experiment.mel)
    load_weights(directory / WEIGHTS, model)
    return Vocoder(model, Sampling(**experiment.vocoder.sampling.model_dump()), device)


def evaluate_all(
    names: list[str],
    features: Path,
    split: str,
    limit: int,
    directory: Path,
    *,
    device: str,
    workers: int,
) -> None:
    """Judge entries, one after another; those that are judged already are left alone.

    Args:
        names: Of the entries.
        features: The feature store.
        split: Of it.
        limit: Most utterances.
        directory: Where they were trained; the figures go to `results` in it.
        device: Where they run: "cpu" or "cuda".
        workers: Processes that measure.
    """
    torch.set_num_threads(1)
    store = UtteranceStore(features, split)
    indices = choose_utterances(store.utterances, limit)
    recordings = [(store.utterances[i].id, store.waveform(i)) for i in indices]
    names = [name for name in names if ENTRIES[name].modes]
    spec = load_entry(directory / names[0], "cpu").spec
    _once(directory / RESULTS / f"{BASELINE}.json", lambda: _baseline(recordings, spec, workers))
    for name in names:
        vocoder = load_entry(directory / name, device)
        for mode in ENTRIES[name].modes:
            _once(
                directory / RESULTS / f"{name}.{mode}.json",
                partial(_judge, vocoder, name, mode, recordings, workers),
            )


def _once(file: Path, work: Callable[[], dict[str, Any]]) -> None:
    if file.is_file():
        return
    sys.stderr.write(f"judging {file.stem}\n")
    result = work()
    with atomic_write(file) as path:
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _judge(
    vocoder: Vocoder,
    name: str,
    mode: str,
    recordings: Sequence[tuple[str, Tensor]],
    workers: int,
) -> dict[str, Any]:
    entry, spec = ENTRIES[name], vocoder.spec
    sampling = replace(vocoder.defaults, **entry.modes[mode])
    chosen = Vocoder(vocoder.model, sampling, str(vocoder.device))
    cuda = vocoder.device.type == "cuda"
    nfe: dict[int, int] = {}

    def vocode(mel: Tensor, steps: int, seed: int) -> Tensor:
        made = chosen.vocode(mel, steps=steps, seed=seed)
        nfe[steps] = made.nfe
        return made.waveform[0]

    # One thread's own time: what else the machine does is no part of it.
    timed = Timed(spec, vocode, time.perf_counter if cuda else time.thread_time)
    evaluation = evaluate_copy_synthesis(
        recordings, spec, timed, entry.steps, METRICS, baseline=False, workers=workers
    )
    return {
        "title": entry.title,
        "mode": mode,
        "device": str(vocoder.device),
        "utterances": len(recordings),
        "parameters": count_parameters(vocoder.model),
        "multiply_adds_per_second": multiply_adds_per_second(vocoder.model),
        "rows": [
            {
                "steps": steps,
                "nfe": nfe[steps],
                "rtf": timed.factor(steps),
                **_figures(evaluation, system),
            }
            for steps, system in zip(
                entry.steps, [s for s in evaluation.systems if s != "natural"], strict=True
            )
        ],
        "natural_dnsmos": asdict(evaluation.estimate("natural", "dnsmos")),
    }


def _baseline(
    recordings: Sequence[tuple[str, Tensor]], spec: MelSpec, workers: int
) -> dict[str, Any]:
    timed = Timed(
        spec, lambda mel, steps, seed: griffin_lim(mel[0], spec, seed=seed), time.thread_time
    )
    evaluation = evaluate_copy_synthesis(
        recordings, spec, timed, (1,), METRICS, baseline=False, workers=workers
    )
    return {
        "title": "Griffin-Lim, 60 rounds",
        "mode": "plain",
        "device": "cpu",
        "utterances": len(recordings),
        "parameters": 0,
        "multiply_adds_per_second": None,
        "rows": [
            {"steps": None, "nfe": 0, "rtf": timed.factor(1), **_figures(evaluation, "1 step")}
        ],
        "natural_dnsmos": asdict(evaluation.estimate("natural", "dnsmos")),
    }


def _figures(evaluation: Any, system: str) -> dict[str, dict[str, float] | None]:
    """Each figure with its interval; null where no utterance could be judged, as silence cannot."""
    return {
        figure: asdict(evaluation.estimate(system, figure))
        if evaluation.has(system, figure)
        else None
        for figure in FIGURES
    }
