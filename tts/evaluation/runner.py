"""Many utterances through the metrics, in parallel."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from core.audio.mel import MelSpec
from core.data.store import Utterance
from core.errors import InputError
from tts.evaluation.measuring import METRICS, Task, check_metrics, measure
from tts.evaluation.results import NATURAL, Evaluation, Scores
from tts.evaluation.spectral import log_mel
from tts.evaluation.waveforms import Waveform, to_samples

SYNTHETIC = "synthetic"
GRIFFIN_LIM = "griffin-lim"
SPEECH_METRICS = ("words", "dnsmos")
COPY_METRICS = ("pesq", "mel", "dnsmos")
STEP_COUNTS = (1, 2, 4, 10, 32)
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Progress = Callable[[int], None]
# Log mel (1, n_mels, T), steps and seed to a waveform (L,) or (1, L).
Vocode = Callable[[Tensor, int, int], Tensor]


class SpeechPair(NamedTuple):
    """A sentence as it was recorded and as it was made.

    Attributes:
        id: Utterance.
        text: The sentence.
        natural: The recording (L,) in [-1, 1].
        synthetic: The same sentence (L',), at the same rate.
    """

    id: str
    text: str
    natural: Waveform
    synthetic: Waveform


def system_of_steps(steps: int) -> str:
    """Name of the vocoder at a step count: "1 step", "4 steps"."""
    return f"{steps} step{'s' if steps > 1 else ''}"


def choose_utterances(utterances: Sequence[Utterance], limit: int | None = None) -> list[int]:
    """Indices of the first take of each sentence, in the order of the store.

    Args:
        utterances: Of one split; `extra["prompt"]` names the sentence, where there is one.
        limit: At most so many, evenly from all of them; None takes all.

    Raises:
        InputError: There are no utterances, or the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit is {limit}; it must be 1 or more")
    if not utterances:
        raise InputError("the split has no utterances to evaluate")
    first: dict[str, int] = {}
    for index, utterance in enumerate(utterances):
        prompt = utterance.extra.get("prompt") or utterance.id
        first.setdefault(f"{utterance.speaker}|{prompt}", index)
    chosen = list(first.values())
    if limit is None or limit >= len(chosen):
        return chosen
    return [chosen[i * len(chosen) // limit] for i in range(limit)]


def evaluate_speech(
    pairs: Iterable[SpeechPair],
    spec: MelSpec,
    metrics: Sequence[str] = SPEECH_METRICS,
    *,
    language: str = "en-us",
    workers: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge synthetic speech beside the natural recordings of the same sentences.

    Args:
        pairs: May be a generator that speaks as it goes; few of its items are held at a time.
        spec: The voice's mel contract; its rate is that of the waveforms.
        metrics: "words" and "dnsmos", or one of them.
        language: eSpeak code of the texts; the recogniser knows English only.
        workers: Processes; 1 does everything here.
        seed: Of the intervals.
        progress: Called with 1 for each pair judged.

    Returns:
        Scores of the systems "natural" and "synthetic".

    Raises:
        InputError: A metric is unknown or its package is missing, the language is not English,
            there are no pairs, or a text has no words.
    """
    names = check_metrics(metrics, SPEECH_METRICS)
    if "words" in names and language.split("-")[0] != "en":
        raise InputError(
            f"the recogniser behind the metric words knows English, not {language!r}: "
            "choose other metrics"
        )

    def tasks() -> Iterator[Task]:
        for pair in pairs:
            for system, waveform in ((NATURAL, pair.natural), (SYNTHETIC, pair.synthetic)):
                samples = to_samples(waveform)
                yield Task(pair.id, system, samples, spec, names, pair.text, language)

    return _run(tasks(), workers, seed, progress, per_utterance=2)


def evaluate_copy_synthesis(
    recordings: Iterable[tuple[str, Waveform]],
    spec: MelSpec,
    vocode: Vocode,
    steps: Sequence[int] = STEP_COUNTS,
    metrics: Sequence[str] = COPY_METRICS,
    *,
    baseline: bool = True,
    workers: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge a vocoder by what it makes of the mels of natural recordings.

    The vocoder runs in this process, one utterance after another; the metrics run in the workers.

    Args:
        recordings: Ids and waveforms (L,) in [-1, 1] at the contract's rate.
        spec: The mel contract.
        vocode: From a log mel (1, n_mels, T), steps and seed to a waveform.
        steps: Step counts.
        metrics: Some of "pesq", "mel", "dnsmos" and "pitch".
        baseline: Whether to judge Griffin-Lim (60 rounds) too.
        workers: Processes; 1 does everything here.
        seed: The vocoder's for the first utterance, one more for each; and of the intervals.
        progress: Called with 1 for each recording judged.

    Returns:
        Scores of "natural" (DNSMOS only), "griffin-lim", and "1 step", "2 steps" and so on.

    Raises:
        InputError: A metric is unknown or its package is missing, a step count is below 1 or there
            is none, or there are no recordings.
    """
    names = check_metrics(metrics, [name for name in METRICS if name != "words"])
    counts = tuple(dict.fromkeys(steps))
    if not counts or min(counts) < 1:
        raise InputError(f"the step counts are {list(steps)}; give one or more of 1 or above")

    def tasks() -> Iterator[Task]:
        for index, (name, waveform) in enumerate(recordings):
            original = to_samples(waveform)
            if "dnsmos" in names:
                yield Task(name, NATURAL, original, spec, ("dnsmos",))
            if baseline:
                yield Task(name, GRIFFIN_LIM, None, spec, names, reference=original)
            mel = log_mel(original, spec)[None]
            for count in counts:
                made = to_samples(vocode(mel, count, seed + index).reshape(-1))
                system = system_of_steps(count)
                yield Task(name, system, made, spec, names, reference=original)

    systems = len(counts) + baseline + ("dnsmos" in names)
    return _run(tasks(), workers, seed, progress, per_utterance=systems)


def _run(
    tasks: Iterator[Task],
    workers: int,
    seed: int,
    progress: Progress | None,
    per_utterance: int,
) -> Evaluation:
    if workers < 1:
        raise InputError(f"workers is {workers}; it must be 1 or more")
    scores: list[Scores] = []
    for score in map(measure, tasks) if workers == 1 else _in_parallel(tasks, workers):
        scores.append(score)
        if progress and len(scores) % per_utterance == 0:
            progress(1)
    if not scores:
        raise InputError("there are no utterances to evaluate")
    return Evaluation(tuple(scores), seed)


def _in_parallel(tasks: Iterator[Task], workers: int) -> Iterator[Scores]:
    """Scores in the order of the tasks, of which only a few are waiting at any time."""
    # A forked child would inherit torch's threads in an undefined state.
    context = multiprocessing.get_context("spawn")
    pending: deque[Future[Scores]] = deque()
    with (
        _single_threaded_children(),
        ProcessPoolExecutor(workers, context, initializer=_begin_worker) as pool,
    ):
        try:
            for task in tasks:
                pending.append(pool.submit(measure, task))
                if len(pending) > 4 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


@contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Processes started within compute with one thread; libraries read this when they load."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def _begin_worker() -> None:
    torch.set_num_threads(1)
