"""`straighttalk straightness`: how straight the paths of a model are."""

from __future__ import annotations

from typing import Annotated

import typer

from tts.cli import flags
from tts.cli.messages import Progress, tell
from tts.cli.reflow import Features, Run
from tts.cli.report import print_json
from tts.cli.train import Which

EXAMPLES = """
Measure how straight the paths from noise to data are.

The figure is the mean square of (x_1 - x_0) - u(t, x_t) over the paths in units of that of
x_1 - x_0: 0 for straight paths, along which a single step does as well as a hundred.

Example:

  straighttalk straightness acoustic --features features --split test --limit 60 --json
"""
Split = Annotated[str, typer.Option(help="Of the store: train, valid or test.")]
Limit = Annotated[int, typer.Option(help="Utterances.")]
Steps = Annotated[int, typer.Option(help="Steps of the midpoint method along the paths.")]
Temperature = Annotated[float, typer.Option(help="What the noise is multiplied by.")]


def straightness(
    model: Which,
    features: Features,
    voice: flags.Voice = None,
    run: Run = None,
    split: Split = "test",
    limit: Limit = 60,
    steps: Steps = 50,
    temperature: Temperature = 1.0,
    seed: flags.Seed = 0,
    device: flags.Device = "auto",
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
    debug: flags.Debug = False,
) -> None:
    """Measure straightness."""
    from core.errors import InputError
    from tts.cli.straightening import Question, measure
    from tts.synthesizer import pick_device

    for name, value in (("limit", limit), ("steps", steps)):
        if not 1 <= value <= 10_000:
            raise InputError(f"--{name} is {value}; it must be from 1 to 10000")
    if not 0 < temperature <= 2:
        raise InputError(f"--temperature is {temperature}; it must be above 0, at most 2")
    question = Question(
        kind=model.value,
        voice=voice,
        run=run,
        features=features,
        split=split,
        limit=limit,
        steps=steps,
        temperature=temperature,
        seed=seed,
        device=pick_device(device),
    )
    with Progress("straightness", limit, "utterances", quiet=quiet) as progress:
        found = measure(question, progress.advance)
    if as_json:
        print_json(found)
        return
    tell(
        f"straightness of {found['utterances']} utterances: {found['straightness']:.4f} "
        f"[{found['low']:.4f}, {found['high']:.4f}] of the squared displacement (0 is straight)"
    )
