"""`straighttalk reflow`: pairs of noise and data from a trained model."""

from __future__ import annotations

from typing import Annotated

import typer

from tts.cli import flags
from tts.cli.messages import Progress, tell
from tts.cli.train import Which

EXAMPLES = """
Make the pairs of noise and data that a model is straightened with.

A command that was stopped or killed goes on when it is given again. Then train on the pairs:
straighttalk train acoustic my.yaml --set data.pairs=DIR.

Examples:

  straighttalk reflow acoustic --features features --output-dir pairs/acoustic --verify 8

  straighttalk reflow vocoder --run runs/mine --features features --output-dir pairs/v --shard 0/4
"""
Run = Annotated[str | None, typer.Option(help="Directory of a training, in place of a voice.")]
Features = Annotated[str, typer.Option(help="The feature store with mels to make pairs for.")]
Split = Annotated[str, typer.Option(help="Of the store: train, valid or test.")]
OutputDir = Annotated[str, typer.Option(help="Where the pairs go.")]
Steps = Annotated[int | None, typer.Option(help="Solver steps. Default: 50; rk45 takes none.")]
Method = Annotated[str, typer.Option(help="ODE solver: euler, midpoint, heun, rk4 or rk45.")]
Grid = Annotated[str, typer.Option(help="Time grid, as in `say`.")]
Temperature = Annotated[float, typer.Option(help="What the noise is multiplied by.")]
Consistency = Annotated[
    int, typer.Option(help="Vocoder: mel-consistency rounds at each step; 0 is the flow itself.")
]
Final = Annotated[int, typer.Option(help="Vocoder: mel-consistency rounds at the end.")]
Limit = Annotated[int | None, typer.Option(help="Only the first N utterances.")]
Draws = Annotated[int, typer.Option(help="Pairs of each utterance.")]
BatchSize = Annotated[int, typer.Option(help="Pairs made together, and kept in one file.")]
Shard = Annotated[str, typer.Option(metavar="I/N", help="This machine's share, as in 0/4.")]
Workers = Annotated[int, typer.Option(help="Processes.")]
Verify = Annotated[int, typer.Option(help="Make N finished pairs again from their noise.")]


def reflow(
    model: Which,
    features: Features,
    output_dir: OutputDir,
    voice: flags.Voice = None,
    run: Run = None,
    split: Split = "train",
    steps: Steps = None,
    method: Method = "euler",
    grid: Grid = "uniform",
    temperature: Temperature = 1.0,
    consistency_rounds: Consistency = 0,
    final_rounds: Final = 0,
    limit: Limit = None,
    draws: Draws = 1,
    batch_size: BatchSize = 8,
    shard: Shard = "0/1",
    workers: Workers = 1,
    seed: flags.Seed = 0,
    device: flags.Device = "auto",
    verify: Verify = 0,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
    debug: flags.Debug = False,
) -> None:
    """Make pairs."""
    from tts.cli.reflowing import Job, make, parse_shard, prepare, verified
    from tts.cli.report import print_json
    from tts.synthesizer import pick_device

    job = Job(
        kind=model.value,
        voice=voice,
        run=run,
        features=features,
        split=split,
        directory=output_dir,
        steps=steps,
        method=method,
        grid=grid,
        temperature=temperature,
        consistency_rounds=consistency_rounds,
        final_rounds=final_rounds,
        limit=limit,
        draws=draws,
        items_per_part=batch_size,
        seed=seed,
        device=pick_device(device),
    )
    work = prepare(job)
    share = parse_shard(shard)
    total = sum(len(part) for part in work.parts[share[0] :: share[1]])
    with Progress("reflow", total, "pairs", quiet=quiet) as progress:
        made = make(job, work, share, workers, progress.advance)
    facts = {**work.facts.model_dump(mode="json"), "made_now": made, "directory": output_dir}
    tell(f"{made} pairs made; {output_dir} has its share of {work.facts.items}", quiet=quiet)
    if verify:
        facts |= verified(job, work, verify)
        tell(
            f"{facts['verified']} pairs made again from their noise: "
            f"they differ by {facts['largest_difference']:.2g} at most, and by "
            f"{facts['largest_difference_alone']:.2g} when made one at a time",
            quiet=quiet,
        )
    if as_json:
        print_json(facts)
