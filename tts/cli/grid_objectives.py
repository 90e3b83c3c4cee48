"""What a time grid is judged by: the sound or the mel that it makes of utterances, noise held."""

from __future__ import annotations

import math
import multiprocessing
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

import torch
from torch import Tensor

from core.data.store import UtteranceStore
from core.errors import InputError, unknown_name
from core.flow import METHODS, grid_text, straightness
from core.flow.solvers import ADAPTIVE
from tts.synthesizer import Synthesizer, pick_device
from vocoder import Vocoder
from vocoder.interface import FlowVocoder

ACOUSTIC, VOCODER = "acoustic", "vocoder"
LOG_MEL, REFERENCE = "log-mel", "reference"
OBJECTIVES = (LOG_MEL, REFERENCE)
REFERENCE_STEPS = 100

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Problem:
    """What is to be made small, on which utterances.

    Attributes:
        model: "acoustic" or "vocoder".
        voice: Whose model; a name or a directory.
        features: The feature store.
        split: Of the store.
        indices: Utterances of the split.
        objective: "log-mel": mean distance of the copy's log mel from the recording's;
            "reference": distance from what 100 equal steps make of the same noise.
        seed: Of the first utterance's noise; one more for each in the order of the split.
        device: "auto", "cpu", "cuda" or "mps".
    """

    model: str
    voice: str
    features: str
    split: str
    indices: tuple[int, ...]
    objective: str
    seed: int = 0
    device: str = "cpu"


class Subject(ABC):
    """A model and the utterances that its grids are tried on.

    Args:
        problem: Which.

    Raises:
        InputError: The voice, the store or the objective are not fit for it.
    """

    def __init__(self, problem: Problem) -> None:
        if problem.objective not in OBJECTIVES:
            raise unknown_name("objective", problem.objective, OBJECTIVES)
        self.problem = problem
        self.store = UtteranceStore(problem.features, problem.split)
        self._references: dict[int, Tensor] = {}

    @abstractmethod
    def sample(self, index: int, grid: str, steps: int) -> Tensor:
        """What the model makes of an utterance, its noise being the same every time."""

    @abstractmethod
    def distance(self, index: int, made: Tensor, reference: Tensor | None) -> float:
        """How far a sample is from the reference, or from the recording."""

    @abstractmethod
    def trace(self, index: int) -> Tensor:
        """The straightness of an utterance's path; see `core.flow.straightness`."""

    def judge(self, index: int, grid: str) -> float:
        """The objective of one utterance on a grid."""
        reference = None
        if self.problem.objective == REFERENCE:
            if index not in self._references:
                self._references[index] = self.sample(index, "uniform", REFERENCE_STEPS)
            reference = self._references[index]
        steps = grid.count(",")
        return self.distance(index, self.sample(index, grid, steps), reference)

    def _check(self, rate_hz: int, method: str) -> None:
        if self.store.sample_rate_hz != rate_hz:
            raise InputError(
                f"{self.problem.features} is at {self.store.sample_rate_hz} Hz, "
                f"the voice at {rate_hz} Hz"
            )
        if method == ADAPTIVE:
            raise InputError(f"the voice's solver {method} chooses its own steps: it has no grid")
        if method not in METHODS and self.problem.objective == REFERENCE:
            raise InputError(
                f"the voice's sampler {method} draws noise at every step, so 100 steps are no "
                f"reference for fewer: use the objective {LOG_MEL}"
            )


class VocoderSubject(Subject):
    """A vocoder on recordings; the reference is compared by its waveform, relative to its size."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.vocoder = Vocoder.from_pretrained(problem.voice, pick_device(problem.device))
        if not isinstance(self.vocoder.model, FlowVocoder):
            raise InputError("this voice's vocoder makes its sound in one pass: it has no grid")
        self._check(self.vocoder.spec.sample_rate_hz, self.vocoder.defaults.method)

    def sample(self, index: int, grid: str, steps: int) -> Tensor:
        """The copy of a recording, (L,)."""
        mel, seed = self._mel(index), self.problem.seed + index
        return self.vocoder.vocode(mel, grid=grid, steps=steps, seed=seed).waveform

    def distance(self, index: int, made: Tensor, reference: Tensor | None) -> float:
        """L1 of log mels, or the error of the waveform in units of the reference."""
        if reference is None:
            return float((self.vocoder.mel(made) - self._mel(index)).abs().mean())
        return float((made - reference).norm() / reference.norm().clamp_min(1e-9))

    @torch.inference_mode()
    def trace(self, index: int) -> Tensor:
        """Of the plain field, without mel-consistency rounds."""
        model, mel = self.vocoder.model, self._mel(index)[None]
        assert isinstance(model, FlowVocoder)
        return straightness(model.field(mel), model.noise(mel, [self.problem.seed + index]))

    def _mel(self, index: int) -> Tensor:
        return self.vocoder.mel(self.store.waveform(index))


class AcousticSubject(Subject):
    """An acoustic model on the phonemes of utterances, with the durations that it predicts."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        if problem.objective == LOG_MEL:
            raise InputError(
                "an acoustic model's mel is not in time with the recording's: use the objective "
                f"{REFERENCE}"
            )
        synthesizer = Synthesizer.from_pretrained(problem.voice, device=problem.device)
        self.model, self.device = synthesizer.acoustic, synthesizer.device
        self._check(synthesizer.sample_rate_hz, self.model.config.sampling.method)
        if self.store.header.get("symbols") != synthesizer.voice.facts.symbols:
            raise InputError(f"{problem.features} was made with another symbol table")

    def sample(self, index: int, grid: str, steps: int) -> Tensor:
        """The mel of an utterance, (1, M, T)."""
        ids, lengths, speaker = self._text(index)
        seeds = [self.problem.seed + index]
        made = self.model.synthesise(ids, lengths, seeds, speaker=speaker, grid=grid, steps=steps)
        return made.log_mel

    def distance(self, index: int, made: Tensor, reference: Tensor | None) -> float:
        """L1 of log mels."""
        assert reference is not None
        return float((made - reference).abs().mean())

    @torch.inference_mode()
    def trace(self, index: int) -> Tensor:
        """With the voice's own temperature."""
        model, (ids, lengths, speaker) = self.model, self._text(index)
        encoded = model.encode(*model.with_blanks(ids, lengths), speaker)
        log_frames = model.durations(encoded.hidden, encoded.mask[:, :, None])
        durations = model.durations.frames(log_frames, encoded.mask, torch.ones(()).double())
        sampling = model.config.sampling
        field, mean, mask = model.guided_field(encoded, durations, sampling.guidance)
        noise = sampling.temperature * model.white_noise(mask, [self.problem.seed + index])
        return straightness(field, model.prior_mean(mean) + noise)

    def _text(self, index: int) -> tuple[Tensor, Tensor, Tensor | None]:
        utterance, names = self.store.utterances[index], self.model.config.speakers
        if not utterance.ids:
            raise InputError(f"utterance {utterance.id} has no phonemes")
        if len(names) > 1 and utterance.speaker not in names:
            raise unknown_name("speaker", utterance.speaker, names, f"utterance {utterance.id}")
        number = names.index(utterance.speaker) if len(names) > 1 else None
        ids = torch.tensor([utterance.ids], device=self.device)
        speaker = None if number is None else torch.tensor([number], device=self.device)
        return ids, torch.tensor([ids.shape[1]], device=self.device), speaker


def make_subject(problem: Problem) -> Subject:
    """The model of a problem, loaded.

    Raises:
        InputError: See `Subject`.
    """
    return (VocoderSubject if problem.model == VOCODER else AcousticSubject)(problem)


class Judges:
    """Utterances shared out over processes, each of which loads a model of its own.

    The figures do not depend on how many processes there are. To be used in a `with`.

    Args:
        problem: What is judged.
        workers: Processes; with 1 all is done here.

    Raises:
        InputError: `workers` is below 1, or see `Subject`.
    """

    def __init__(self, problem: Problem, workers: int) -> None:
        if workers < 1:
            raise InputError(f"workers is {workers}; it must be 1 or more")
        self.problem = problem
        self._pools: list[ProcessPoolExecutor] = []
        self._shares: list[tuple[int, ...]] = []
        # Also with processes: a mistake in the problem is then told here, in one sentence.
        self._own = make_subject(problem)
        if workers == 1:
            return
        # A forked child would inherit torch's threads in an undefined state.
        context = multiprocessing.get_context("spawn")
        for number in range(min(workers, len(problem.indices))):
            pool = ProcessPoolExecutor(1, context, initializer=_begin, initargs=(problem,))
            self._pools.append(pool)
            self._shares.append(problem.indices[number :: min(workers, len(problem.indices))])

    def __enter__(self) -> Judges:
        """Use the processes."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End them."""
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)

    def objective(self, grid: Tensor) -> float:
        """Mean of the objective over the utterances on a grid (N + 1,)."""
        text = grid_text(grid)
        values = self._each(lambda subject, index: subject.judge(index, text), _judge, text)
        return math.fsum(values) / len(values)

    def straightness(self) -> Tensor:
        """Mean profile of the utterances, (100,) float64."""
        return torch.stack(self._each(lambda subject, index: subject.trace(index), _trace)).mean(0)

    def _each(
        self,
        here: Callable[[Subject, int], _Result],
        there: Callable[..., list[_Result]],
        *arguments: str,
    ) -> list[_Result]:
        """One result an utterance, in their order, whoever makes it."""
        if not self._pools:
            return [here(self._own, index) for index in self.problem.indices]
        pairs = list(zip(self._pools, self._shares, strict=True))
        jobs = [pool.submit(there, share, *arguments) for pool, share in pairs]
        found: dict[int, _Result] = {}
        for (_, share), job in zip(pairs, jobs, strict=True):
            found.update(zip(share, job.result(), strict=True))
        return [found[index] for index in self.problem.indices]


_subject: Subject


def _begin(problem: Problem) -> None:
    """Load the process's own model."""
    global _subject
    torch.set_num_threads(1)
    _subject = make_subject(problem)


def _judge(indices: Sequence[int], grid: str) -> list[float]:
    return [_subject.judge(index, grid) for index in indices]


def _trace(indices: Sequence[int]) -> list[Tensor]:
    return [_subject.trace(index) for index in indices]
