"""Does a time grid found on one corpus and rate serve another?

python -m benchmarks.schedule_transfer --output-dir runs/transfer --steps 2,4,8 \
    --place "kathleen, 22 kHz" kathleen data/kathleen/features valid \
    --place "LJ Speech, 22 kHz" kathleen data/lj-sample/features test \
    --place "kathleen, 16 kHz" runs/stft-16k data/kathleen-16k/features valid
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.config import load_config
from core.data.store import UtteranceStore
from core.errors import InputError
from core.files import atomic_write
from core.flow import grid_text, make_grid, search_grid
from core.journal import Journal
from core.training import WEIGHTS
from core.voice import VOCODER, VoiceFacts, find_voice, write_facts
from text.symbols import symbol_table_hash
from tts.cli.grid_objectives import Judges, Problem
from tts.cli.searching import EQUAL_STRAIGHTNESS, Remembered, facts_of
from tts.evaluation import choose_utterances
from vocoder.training import VocoderExperiment

STARTS = ("uniform", "sway:-1", EQUAL_STRAIGHTNESS)
MARKS = ("<!-- transfer: begin -->", "<!-- transfer: end -->")


@dataclass(frozen=True)
class Place:
    """A vocoder and a corpus.

    Attributes:
        name: For the table.
        voice: Name or directory of a voice, or directory of a vocoder's training.
        features: The feature store.
        split: Of it.
    """

    name: str
    voice: str
    features: str
    split: str


def as_voice(place: Place, directory: Path) -> str:
    """The voice of a place; of a training, a directory that holds its vocoder like a voice.

    Args:
        place: Which.
        directory: Where it may go.
    """
    run = Path(place.voice)
    if not (run / WEIGHTS).is_file():
        return str(find_voice(place.voice).directory.resolve())
    experiment = load_config(run / "config.yaml", VocoderExperiment)
    facts = VoiceFacts(
        format=1,
        name=experiment.name,
        language="en-us",
        licence="none",
        symbols=symbol_table_hash(),
        mel=experiment.mel,
        acoustic={},
        vocoder=experiment.vocoder.model_dump(mode="json"),
    )
    directory.mkdir(parents=True, exist_ok=True)
    write_facts(directory, facts)
    with atomic_write(directory / VOCODER) as path:
        path.write_bytes((run / WEIGHTS).read_bytes())
    return str(directory.resolve())


def problems(
    place: Place, directory: Path, limit: int, objective: str, seed: int
) -> tuple[Problem, Problem]:
    """What is searched on, and what is judged on: every other utterance.

    Raises:
        InputError: The store is not fit for it, or has fewer than two utterances.
    """
    store = UtteranceStore(place.features, place.split)
    chosen = choose_utterances(store.utterances, 2 * limit)
    if len(chosen) < 2:
        raise InputError(f"{place.features} has one utterance in {place.split}: two are needed")
    searched = Problem(
        model="vocoder",
        voice=as_voice(place, directory),
        features=place.features,
        split=place.split,
        indices=tuple(chosen[::2]),
        objective=objective,
        seed=seed,
    )
    return searched, replace(searched, indices=tuple(chosen[1::2]))


class Remembering:
    """The objective of a problem, its values kept in a file.

    Args:
        problem: Which.
        file: The journal.
        workers: Processes.
    """

    def __init__(self, problem: Problem, file: Path, workers: int) -> None:
        store = UtteranceStore(problem.features, problem.split)
        names = [store.utterances[index].id for index in problem.indices]
        facts = facts_of(problem, find_voice(Path(problem.voice)), names)
        self.judges = Judges(problem, workers)
        self.objective = Remembered(self.judges, Journal(file, facts))

    def found(self, steps: int, trials: int) -> str:
        """The best grid of so many steps, as text."""
        starts = [self.objective.start(name, steps) for name in STARTS]
        result = search_grid(self.objective, steps, starts=starts, max_trials=trials)
        return grid_text(result.grid)

    def close(self) -> None:
        """End its processes."""
        self.judges.__exit__(None, None, None)


def transfer(
    places: Sequence[Place],
    steps: Sequence[int],
    directory: Path,
    *,
    limit: int,
    trials: int,
    objective: str,
    workers: int,
    seed: int,
) -> dict[int, dict[str, dict[str, float]]]:
    """Search at every place and judge every grid at every place, on other utterances.

    Args:
        places: Vocoders and corpora.
        steps: Of the grids.
        directory: For what is to be kept.
        limit: Utterances to search on, and as many to judge on.
        trials: Grids to try.
        objective: Of `straighttalk search-grid`.
        workers: Processes.
        seed: Of the noise.

    Returns:
        The objective by steps, place judged at, and "uniform" or the place the grid was found at.
    """
    both = [
        problems(place, directory / f"voice-{n}", limit, objective, seed)
        for n, place in enumerate(places)
    ]
    grids: dict[int, dict[str, str]] = {
        count: {"uniform": grid_text(make_grid("uniform", count))} for count in steps
    }
    for number, (place, (searched, _)) in enumerate(zip(places, both, strict=True)):
        here = Remembering(searched, directory / f"search-{number}.jsonl", workers)
        for count in steps:
            sys.stderr.write(f"searching {count} steps on {place.name}\n")
            grids[count][place.name] = here.found(count, trials)
        here.close()
    table: dict[int, dict[str, dict[str, float]]] = {count: {} for count in steps}
    for number, (place, (_, judged)) in enumerate(zip(places, both, strict=True)):
        there = Remembering(judged, directory / f"judge-{number}.jsonl", workers)
        for count in steps:
            table[count][place.name] = {
                name: there.objective(make_grid(grid)) for name, grid in grids[count].items()
            }
        there.close()
    with atomic_write(directory / "grids.json") as path:
        path.write_text(json.dumps({"grids": grids, "judged": table}, indent=1) + "\n")
    return table


def as_markdown(table: dict[int, dict[str, dict[str, float]]]) -> str:
    """A row for each number of steps and place judged at, a column for each origin of the grid."""
    columns = list(next(iter(next(iter(table.values())).values())))
    lines = [
        ["steps", "judged on", *(c if c == "uniform" else f"found on {c}" for c in columns)],
        ["---"] * (len(columns) + 2),
    ]
    for steps, places in table.items():
        for place, values in places.items():
            lines.append([str(steps), place, *(f"{values[c]:.4f}" for c in columns)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def write_into(page: Path, text: str) -> None:
    """Put a table between the marks of a page.

    Raises:
        InputError: The page has no such marks.
    """
    content = page.read_text(encoding="utf-8")
    before, begin, rest = content.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (begin and end):
        raise InputError(f"{page} has no {MARKS[0]} and {MARKS[1]}")
    with atomic_write(page) as path:
        path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def main() -> int:
    """Search, judge and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.schedule_transfer", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--place", action="append", nargs=4, required=True,
        metavar=("NAME", "VOICE", "FEATURES", "SPLIT"),
        help="VOICE may be the directory of a vocoder's training; give two or more",
    )  # fmt: skip
    parser.add_argument("--output-dir", required=True, help="trials are kept here")
    parser.add_argument("--steps", default="2,4,8", help="numbers with commas between")
    parser.add_argument("--limit", type=int, default=6, help="utterances to search on at a place")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--objective", default="reference")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", help="write the table between its marks, as docs/schedules.md")
    chosen = parser.parse_args()
    places = [Place(*four) for four in chosen.place]
    try:
        steps = [int(part) for part in chosen.steps.split(",")]
        table = transfer(
            places, steps, Path(chosen.output_dir), limit=chosen.limit, trials=chosen.trials,
            objective=chosen.objective, workers=chosen.workers, seed=chosen.seed,
        )  # fmt: skip
        text = as_markdown(table)
        if chosen.page:
            write_into(Path(chosen.page), text)
    except (InputError, OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
