"""The work behind `straighttalk search-grid`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.data.pairs import file_hash
from core.data.store import UtteranceStore
from core.errors import InputError
from core.files import atomic_write
from core.flow import GridSearch, equal_straightness_grid, grid_text, make_grid, search_grid
from core.journal import Journal
from core.voice import ACOUSTIC, CONFIG, HUB_PREFIX, VOCODER, Voice, find_voice, write_facts
from tts.cli.grid_objectives import Judges, Problem
from tts.cli.messages import Progress, tell
from tts.evaluation import choose_utterances

EQUAL_STRAIGHTNESS = "equal-straightness"
WEIGHTS = {"acoustic": ACOUSTIC, "vocoder": VOCODER}


@dataclass(frozen=True)
class Plan:
    """A search.

    Attributes:
        model: "acoustic" or "vocoder".
        voice: Name, directory or hub address; None takes the default voice.
        features: The feature store.
        split: Of the store.
        limit: Most utterances.
        steps: Of the grid.
        objective: "log-mel" or "reference"; None takes the model's own.
        trials: Most grids to try.
        starts: Grids to begin from: `make_grid`'s, or "equal-straightness".
        workers: Processes.
        seed: Of the noise.
        device: Where the model runs.
        output: The result's file; trials are kept beside it.
        save: Whether the voice takes the grid.
        as_json: Whether the result goes to standard output as JSON.
        quiet: Whether to show no progress.
    """

    model: str
    voice: str | None
    features: str
    split: str
    limit: int
    steps: int
    objective: str | None
    trials: int
    starts: tuple[str, ...]
    workers: int
    seed: int
    device: str
    output: Path
    save: bool
    as_json: bool
    quiet: bool


def search(plan: Plan) -> None:
    """Search, write the result, show it, and give it to the voice if asked for.

    Raises:
        InputError: A choice, the features or the voice are not fit for it.
        OSError: A file cannot be written.
    """
    voice = find_voice(plan.voice)
    if plan.save:
        require_writable(voice, plan.voice)
    store = UtteranceStore(plan.features, plan.split)
    indices = tuple(choose_utterances(store.utterances, plan.limit))
    problem = Problem(
        model=plan.model,
        voice=str(voice.directory.resolve()),
        features=plan.features,
        split=plan.split,
        indices=indices,
        objective=plan.objective or ("reference" if plan.model == "acoustic" else "log-mel"),
        seed=plan.seed,
        device=plan.device,
    )
    names = [store.utterances[index].id for index in indices]
    with Judges(problem, plan.workers) as judges:
        journal = Journal(journal_path(plan.output), facts_of(problem, voice, names))
        remembered = Remembered(judges, journal)
        found, starts = run_search(remembered, plan)
    result = {
        "model": plan.model,
        "voice": voice.facts.name,
        "steps": plan.steps,
        "objective": problem.objective,
        "utterances": len(indices),
        "seed": plan.seed,
        "starts": starts,
        "grid": grid_text(found.grid),
        "value": found.objective,
        "trials": len(found.history),
        "computed": remembered.computed,
        "converged": found.converged,
    }
    with atomic_write(plan.output) as path:
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    show(result, plan)
    if plan.save:
        save_grid(voice, plan.model, plan.steps, grid_text(found.grid))
        tell(f"{voice.directory / CONFIG} now has this grid for {plan.steps} steps")


def run_search(remembered: Remembered, plan: Plan) -> tuple[GridSearch, dict[str, float]]:
    """Search from all starts.

    Args:
        remembered: The objective.
        plan: Steps, starts and trials.

    Returns:
        What was found, and the objective at each start.
    """
    grids = [remembered.start(name, plan.steps) for name in plan.starts]
    with Progress("searching", plan.trials, "trials", quiet=plan.quiet) as progress:
        found = search_grid(
            remembered,
            plan.steps,
            starts=grids,
            max_trials=plan.trials,
            progress=lambda trial, count: progress.advance(),
        )
    values = (trial.objective for trial in found.history)
    return found, dict(zip(plan.starts, values, strict=False))


class Remembered:
    """An objective whose values are kept in a journal and never computed twice.

    Args:
        judges: Who computes them.
        journal: Where they are kept.
    """

    def __init__(self, judges: Judges, journal: Journal) -> None:
        self.judges, self.journal = judges, journal
        self.computed = 0
        self._known: dict[tuple[float, ...], float] = {}
        self._profile: Tensor | None = None
        for entry in journal.entries:
            if "straightness" in entry:
                self._profile = torch.tensor(entry["straightness"], dtype=torch.float64)
            else:
                self._known[tuple(entry["grid"])] = entry["objective"]

    def __call__(self, grid: Tensor) -> float:
        """The objective on a grid (N + 1,)."""
        nodes = tuple(grid.tolist())
        if nodes not in self._known:
            self._known[nodes] = self.judges.objective(grid)
            self.computed += 1
            self.journal.append({"grid": nodes, "objective": self._known[nodes]})
        return self._known[nodes]

    def start(self, name: str, steps: int) -> Tensor:
        """A grid to begin from, (N + 1,)."""
        if name != EQUAL_STRAIGHTNESS:
            return make_grid(name, steps)
        if self._profile is None:
            self._profile = self.judges.straightness()
            self.journal.append({"straightness": self._profile.tolist()})
        return equal_straightness_grid(self._profile, steps)


def facts_of(problem: Problem, voice: Voice, utterances: Sequence[str]) -> dict[str, Any]:
    """All that decides the objective, for the journal."""
    configuration = dict(getattr(voice.facts, problem.model))
    # Neither other grids nor the default number of steps change what a grid is worth.
    idle = ("grid", "grids", "steps")
    sampling = dict(configuration.get("sampling", {}))
    configuration["sampling"] = {k: v for k, v in sampling.items() if k not in idle}
    return {
        "format": 1,
        "model": problem.model,
        "weights": file_hash(voice.file(WEIGHTS[problem.model])),
        "objective": problem.objective,
        "seed": problem.seed,
        "split": problem.split,
        "utterances": list(utterances),
        "configuration": configuration,
    }


def journal_path(output: Path) -> Path:
    """Where the trials of a result are kept: beside it."""
    return output.with_name(f"{output.stem}.trials.jsonl")


def require_writable(voice: Voice, asked: str | None) -> None:
    """Refuse a voice that cannot take a grid, before any work.

    Raises:
        InputError: It is the hub's, or its configuration cannot be written.
    """
    name = asked or voice.facts.name
    hint = "copy its directory and name the copy with --voice"
    if name.startswith(HUB_PREFIX):
        raise InputError(f"{name} is a copy of the hub's and not to be changed: {hint}")
    writable = os.access(voice.directory, os.W_OK) and os.access(voice.file(CONFIG), os.W_OK)
    if not writable:
        raise InputError(f"{voice.file(CONFIG)} cannot be written: {hint}")


def save_grid(voice: Voice, model: str, steps: int, grid: str) -> None:
    """Make a grid the voice's own for a number of steps; its other files and keys stay.

    Args:
        voice: Whose.
        model: "acoustic" or "vocoder".
        steps: Of the grid.
        grid: Its nodes as text.
    """
    # It may have been changed since the search began.
    facts = find_voice(voice.directory).facts
    section = dict(getattr(facts, model))
    sampling = dict(section.get("sampling", {}))
    sampling["grids"] = {**sampling.get("grids", {}), str(steps): grid}
    section["sampling"] = sampling
    write_facts(voice.directory, facts.model_copy(update={model: section}))


def show(result: dict[str, Any], plan: Plan) -> None:
    """The result on standard output."""
    if plan.as_json:
        sys.stdout.write(json.dumps(result) + "\n")
        return
    rows = {**result["starts"], "found": result["value"]}
    width = max(map(len, rows))
    lines = [f"{name:<{width}}  {value:.5f}" for name, value in rows.items()]
    about = f"{result['objective']}, {result['utterances']} utterances, {result['trials']} trials"
    sys.stdout.write("\n".join([about, *lines, f"--grid {result['grid']}"]) + "\n")
