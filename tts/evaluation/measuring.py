"""One utterance through the metrics; what a worker process does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.audio.mel import MelSpec
from core.errors import InputError, unknown_name
from tts.evaluation.extra import need
from tts.evaluation.griffin_lim import griffin_lim
from tts.evaluation.pitch import pitch_distance
from tts.evaluation.quality import dnsmos, pesq_wideband
from tts.evaluation.recognition import transcribe, word_errors
from tts.evaluation.results import Scores
from tts.evaluation.spectral import log_mel, mel_distance

# The packages behind each metric, so that what is missing is said before hours of work.
PACKAGES = {
    "words": ("pocketsphinx", "jiwer"),
    "dnsmos": ("speechmos", "onnxruntime"),
    "pesq": ("pesq",),
    "mel": (),
    "pitch": (),
}
METRICS = tuple(PACKAGES)
# These need the original in the same time.
COMPARING = frozenset({"pesq", "mel", "pitch"})


@dataclass(frozen=True)
class Task:
    """A waveform to judge.

    Attributes:
        id: Utterance.
        system: Who made the waveform.
        waveform: (L,) at the contract's rate; None for Griffin-Lim's from the reference's mel.
        spec: The mel contract, which has the rate.
        metrics: Names out of `METRICS`.
        text: What is said, for "words".
        language: eSpeak code of the text.
        reference: The original (L,), for metrics that compare.
    """

    id: str
    system: str
    waveform: np.ndarray | None
    spec: MelSpec
    metrics: tuple[str, ...]
    text: str = ""
    language: str = "en-us"
    reference: np.ndarray | None = None

    def original(self) -> np.ndarray:
        """The reference, where there must be one."""
        if self.reference is None:
            raise InputError(f"utterance {self.id!r} has no original to compare with")
        return self.reference


def check_metrics(metrics: Iterable[str], allowed: Sequence[str] = METRICS) -> tuple[str, ...]:
    """Refuse metrics that are unknown, out of place, or whose packages are missing.

    Args:
        metrics: Names.
        allowed: Those that make sense here.

    Returns:
        The names, each once.

    Raises:
        InputError: One is not allowed, a package is missing, or there is none at all.
    """
    names = tuple(dict.fromkeys(metrics))
    if not names:
        raise InputError(f"no metric was chosen; allowed: {', '.join(allowed)}")
    for name in names:
        if name not in allowed:
            raise unknown_name("metric", name, allowed)
        for package in PACKAGES[name]:
            need(package)
    return names


def measure(task: Task) -> Scores:
    """Judge one waveform by every metric asked for.

    A metric that cannot judge it leaves a sentence in `failures` and no figure. A waveform that the
    recogniser cannot take counts as one in which nothing was heard, or silence would raise the
    score of the system that made it.
    """
    made = task.waveform
    if made is None:
        made = griffin_lim(log_mel(task.original(), task.spec), task.spec).numpy()
    values: dict[str, float] = {}
    failures: list[str] = []
    heard: str | None = None
    for metric in task.metrics:
        try:
            if metric == "words":
                heard = ""
                heard = transcribe(made, task.spec.sample_rate_hz)
            else:
                values.update(_FIGURES[metric](task, made))
        except InputError as error:
            failures.append(f"{metric}: {error}")
    if heard is not None:
        errors = word_errors(task.text, heard, task.language)
        values.update(asdict(errors), word_errors=errors.errors)
    return Scores(task.id, task.system, values, task.text, heard, tuple(failures))


def _dnsmos(task: Task, made: np.ndarray) -> dict[str, float]:
    found = dnsmos(made, task.spec.sample_rate_hz)
    return {
        "dnsmos": found.overall,
        "dnsmos_signal": found.signal,
        "dnsmos_background": found.background,
        "p808": found.p808,
    }


def _pesq(task: Task, made: np.ndarray) -> dict[str, float]:
    return {"pesq": pesq_wideband(task.original(), made, task.spec.sample_rate_hz)}


def _mel(task: Task, made: np.ndarray) -> dict[str, float]:
    found = mel_distance(task.original(), made, task.spec)
    return {"log_mel_l1": found.log_mel_l1, "spectral_db": found.spectral_db}


def _pitch(task: Task, made: np.ndarray) -> dict[str, float]:
    found = pitch_distance(task.original(), made, task.spec.sample_rate_hz)
    figures: dict[str, Any] = asdict(found)
    if not np.isfinite(found.f0_rmse_cents):
        raise InputError("no frame is voiced in both the copy and its original")
    return figures


_FIGURES: dict[str, Callable[[Task, np.ndarray], dict[str, float]]] = {
    "dnsmos": _dnsmos,
    "pesq": _pesq,
    "mel": _mel,
    "pitch": _pitch,
}
