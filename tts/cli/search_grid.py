"""`straighttalk search-grid`: the best time grid for a number of steps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts.cli import flags
from tts.cli.train import Which

EXAMPLES = """
Search for the time grid of a few steps that makes an objective smallest, noise held.

Trials are kept beside the result: the same command goes on where a killed one was. With --save, the
voice takes the grid whenever so many steps are asked for and no --grid.

Examples:

  straighttalk search-grid vocoder --features features --steps 2 --output two.json

  straighttalk search-grid acoustic -v my-voice --features features --steps 4 --start uniform --start sway:-1 --save
"""  # noqa: E501

Features = Annotated[str, typer.Option(help="The feature store.")]
Split = Annotated[str, typer.Option(help="Of the store.")]
Limit = Annotated[int, typer.Option(help="Most utterances.")]
Steps = Annotated[int, typer.Option(min=1, max=1000, help="Steps of the grid.")]
Objective = Annotated[
    str | None,
    typer.Option(
        help="log-mel: distance from the recordings' mels, for vocoders, whose default it is; "
        "reference: distance from 100 steps of the same noise."
    ),
]
Trials = Annotated[int, typer.Option(min=1, help="Most grids to try.")]
Start = Annotated[
    list[str] | None,
    typer.Option(
        "--start",
        help="A grid to begin from, as --grid takes it, or equal-straightness; may be given "
        "again. Default: uniform, sway:-1 and equal-straightness.",
    ),
]
Workers = Annotated[int, typer.Option(help="Processes that share the utterances out.")]
Output = Annotated[str | None, typer.Option(help="JSON file. Default: grid-<model>-<steps>.json.")]
Save = Annotated[bool, typer.Option("--save", help="Give the grid to the voice.")]


def search_grid(
    model: Which,
    features: Features,
    voice: flags.Voice = None,
    split: Split = "valid",
    limit: Limit = 8,
    steps: Steps = 4,
    objective: Objective = None,
    trials: Trials = 60,
    start: Start = None,
    workers: Workers = 1,
    seed: flags.Seed = 0,
    device: flags.Device = "auto",
    output: Output = None,
    save: Save = False,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
    debug: flags.Debug = False,
) -> None:
    """Search for a grid."""
    from tts.cli.searching import EQUAL_STRAIGHTNESS, Plan, search

    search(
        Plan(
            model=model.value,
            voice=voice,
            features=features,
            split=split,
            limit=limit,
            steps=steps,
            objective=objective,
            trials=trials,
            starts=tuple(start or ("uniform", "sway:-1", EQUAL_STRAIGHTNESS)),
            workers=workers,
            seed=seed,
            device=device,
            output=Path(output or f"grid-{model.value}-{steps}.json"),
            save=save,
            as_json=as_json,
            quiet=quiet,
        )
    )
