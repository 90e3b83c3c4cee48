"""The work behind `straighttalk reflow`."""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from core.config import Config
from core.data.pair_store import PairStore
from core.data.pairs import Pair, PairFacts, begin, file_hash, make_pairs, plan_parts
from core.data.store import UtteranceStore
from core.errors import InputError, unknown_name
from core.flow import METHODS, SOLVERS, make_grid
from text.symbols import symbol_table_hash
from tts.cli.teachers import Teacher, load_acoustic, load_vocoder
from tts.config import AcousticConfig
from tts.pairs import prior_name as acoustic_prior
from tts.reflow import AcousticTeacher
from vocoder.reflow import VocoderTeacher, prior_name

DEFAULT_STEPS = 50
# Of the mel-consistency rounds, as in the shipped voice.
MOMENTUM = 0.95


@dataclass(frozen=True)
class Job:
    """What was asked for; the options of the command.

    Attributes:
        kind: "acoustic" or "vocoder".
        voice: Name, path or hub address, or None.
        run: Directory of a training, or None.
        features: The feature store.
        split: Of the store.
        directory: Where the pairs go.
        steps: Solver steps, or None for the default.
        method: Solver.
        grid: Time grid.
        temperature: What the noise is multiplied by.
        consistency_rounds: The vocoder's.
        final_rounds: The vocoder's.
        limit: Only the first utterances, or None.
        draws: Pairs of each utterance.
        items_per_part: Pairs made together.
        seed: Of the noise.
        device: Where the model runs.
    """

    kind: str
    voice: str | None
    run: str | None
    features: str
    split: str
    directory: str
    steps: int | None
    method: str
    grid: str
    temperature: float
    consistency_rounds: int
    final_rounds: int
    limit: int | None
    draws: int
    items_per_part: int
    seed: int
    device: str

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.method not in SOLVERS:
            raise unknown_name("method", self.method, SOLVERS, "--method")
        if self.method not in METHODS and (self.steps is not None or self.grid != "uniform"):
            raise InputError(f"{self.method} finds its own steps: leave --steps and --grid out")
        for name, value, least in (
            ("limit", 1 if self.limit is None else self.limit, 1),
            ("draws", self.draws, 1),
            ("batch-size", self.items_per_part, 1),
            ("seed", self.seed, 0),
            ("consistency-rounds", self.consistency_rounds, 0),
            ("final-rounds", self.final_rounds, 0),
        ):
            if value < least:
                raise InputError(f"--{name} is {value}; it must be {least} or more")
        if not 0 < self.temperature <= 2:
            raise InputError(f"--temperature is {self.temperature}; it must be above 0, at most 2")
        if self.kind == "acoustic" and (self.consistency_rounds or self.final_rounds):
            raise InputError("mel-consistency rounds are the vocoder's: leave them out")


class PairMaker(Protocol):
    """A teacher: makes pairs by number, and finished ones once more."""

    def make(self, numbers: Sequence[int]) -> list[Pair]:
        """Make pairs."""

    def again(self, pairs: Sequence[Pair]) -> list[Tensor]:
        """Make the data of finished pairs from their noise."""


@dataclass(frozen=True)
class Work:
    """A job with its model loaded.

    Attributes:
        facts: What the pairs are made with.
        parts: Which pairs go into which file.
        teacher: What makes them.
    """

    facts: PairFacts
    parts: list[list[int]]
    teacher: PairMaker


def parse_shard(text: str) -> tuple[int, int]:
    """Read "i/n".

    Raises:
        InputError: It is not of that form, or i is not below n.
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if match is None or not int(match[1]) < int(match[2]):
        raise InputError(f"--shard is {text!r}; write I/N with I from 0 to N - 1, as in 0/4")
    return int(match[1]), int(match[2])


def prepare(job: Job) -> Work:
    """Load the model and see what there is to do.

    Raises:
        InputError: The model or the features are missing or not fit for it, or the directory holds
            pairs made with other facts.
    """
    # Convolutions in TF32 would leave the pairs' ends a thousandth off.
    torch.backends.cudnn.allow_tf32 = False
    store = UtteranceStore(job.features, job.split)
    load = load_acoustic if job.kind == "acoustic" else load_vocoder
    found = load(job.voice, job.run)
    lengths = [u.samples for u in store.utterances[: job.limit] for _ in range(job.draws)]
    if not lengths:
        raise InputError(f"{job.features} has no utterance in split {job.split!r}")
    facts = _facts(job, found, len(lengths))
    model = found.model.to(job.device)
    teacher: PairMaker
    if found.sentences is None:
        teacher = VocoderTeacher(model, store, facts)
    else:
        sentences = found.sentences(Path(job.features), job.split)
        teacher = AcousticTeacher(model, sentences, facts)
    begin(Path(job.directory), facts)
    return Work(facts, plan_parts(lengths, job.items_per_part), teacher)


def _facts(job: Job, found: Teacher, items: int) -> PairFacts:
    adaptive = job.method not in METHODS
    steps = len(make_grid(job.grid, job.steps or DEFAULT_STEPS)) - 1
    rounds = job.consistency_rounds or job.final_rounds
    return PairFacts(
        kind=job.kind,
        teacher=file_hash(found.weights),
        mel=found.spec,
        symbols=symbol_table_hash() if job.kind == "acoustic" else "",
        corpus=file_hash(Path(job.features) / f"{job.split}.jsonl"),
        split=job.split,
        items=items,
        draws=job.draws,
        items_per_part=job.items_per_part,
        prior=_prior(found.config),
        temperature=job.temperature,
        method=job.method,
        grid=job.grid,
        steps=1 if adaptive else steps,
        evaluations=None if adaptive else steps * METHODS[job.method].stages,
        consistency_rounds=job.consistency_rounds,
        final_rounds=job.final_rounds,
        momentum=MOMENTUM if rounds else 0.0,
        seed=job.seed,
    )


def _prior(config: Config) -> str:
    return acoustic_prior(config) if isinstance(config, AcousticConfig) else prior_name(config)


def make(
    job: Job, work: Work, shard: tuple[int, int], workers: int, progress: Callable[[int], Any]
) -> int:
    """Make the pairs of a shard that are not there yet, in one process or several.

    Args:
        job: What was asked for.
        work: The same, prepared.
        shard: (i, n).
        workers: Processes; each takes a shard of the shard.
        progress: Told how many pairs are there with each file.

    Raises:
        InputError: A process failed or was killed.
    """
    directory = Path(job.directory)
    if not 1 <= workers <= 256:
        raise InputError(f"--workers is {workers}; it must be from 1 to 256")
    if workers == 1:
        return make_pairs(directory, work.parts, work.teacher.make, shard, progress)
    context = multiprocessing.get_context("spawn")
    news: Any = context.SimpleQueue()
    threads = max(1, torch.get_num_threads() // workers)
    shares = [(shard[0] + shard[1] * w, shard[1] * workers) for w in range(workers)]
    # Daemons end with this process, however it is told to end.
    processes = [
        context.Process(target=_work, args=(job, share, threads, news, os.getpid()), daemon=True)
        for share in shares
    ]
    for process in processes:
        process.start()
    made = _follow(processes, news, progress)
    for process in processes:
        process.join()
    return made


def _follow(processes: Sequence[Any], news: Any, progress: Callable[[int], Any]) -> int:
    """Take the news of all workers until each has said how many pairs it made."""
    made, waiting = 0, len(processes)
    while waiting:
        while news.empty():
            failed = [p.exitcode for p in processes if p.exitcode]
            if failed:
                raise InputError(
                    f"a worker ended with code {failed[0]}: give the same command again to go on"
                )
            processes[0].join(0.05)
        kind, value = news.get()
        if kind == "error":
            raise InputError(value)
        if kind == "there":
            progress(value)
        else:
            made, waiting = made + value, waiting - 1
    return made


def _work(job: Job, shard: tuple[int, int], threads: int, news: Any, parent: int) -> None:
    """A worker: one share of the parts."""
    torch.set_num_threads(threads)

    def there(pairs: int) -> None:
        if os.getppid() != parent:
            # The command was killed, and nobody is left to stop this.
            os._exit(1)
        news.put(("there", pairs))

    try:
        work = prepare(job)
        made = make_pairs(Path(job.directory), work.parts, work.teacher.make, shard, there)
        news.put(("made", made))
    except (InputError, OSError) as error:
        news.put(("error", str(error)))


def verified(job: Job, work: Work, count: int) -> dict[str, Any]:
    """Make some finished parts again from the noise that is kept in them.

    Args:
        job: What was asked for.
        work: The same, prepared.
        count: Pairs at least, or all.

    Returns:
        How many pairs, and the largest difference of any element: of pairs made together with the
        others of their part, as the first time, and of the first of each part made alone, which
        rounds differently.

    Raises:
        InputError: The directory is not complete.
    """
    store = PairStore(Path(job.directory), job.kind, work.facts.mel)
    parts = min(-(-count // work.facts.items_per_part), len(work.parts))
    done, together, alone = 0, 0.0, 0.0
    for index in range(parts):
        numbers = work.parts[index * len(work.parts) // parts]
        pairs = [(store.items[number], store.tensors(number)) for number in numbers]
        together = max(together, _difference(work.teacher, pairs))
        alone = max(alone, _difference(work.teacher, pairs[:1]))
        done += len(pairs)
    return {"verified": done, "largest_difference": together, "largest_difference_alone": alone}


def _difference(teacher: PairMaker, pairs: Sequence[Pair]) -> float:
    made = zip(teacher.again(pairs), pairs, strict=True)
    return max(float((data - values["x_1"]).abs().max()) for data, (_, values) in made)
