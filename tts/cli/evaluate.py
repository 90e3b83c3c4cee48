"""`straighttalk evaluate`: how good a voice is, beside natural speech."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer

from tts.cli import flags

EXAMPLES = """
Measure a voice on held-out recordings.

Its speech is judged beside the natural recordings of the same sentences (word error rate, DNSMOS),
its vocoder by what it makes of their mels at several step counts, beside Griffin-Lim (PESQ,
log-mel distance, DNSMOS).

Examples:

  straighttalk evaluate --features data/kathleen/features --limit 60 --results RESULTS.md

  straighttalk evaluate -v voices/me --features features --no-speech --vocoder-steps 1,4,16
"""

Features = Annotated[str, typer.Option(help="The feature store of the corpus.")]
Split = Annotated[str, typer.Option(help="train, valid or test.")]
Limit = Annotated[int | None, typer.Option(help="At most so many sentences. Default: all.")]
Steps = Annotated[int | None, typer.Option(help="Solver steps of the acoustic model.")]
VocoderSteps = Annotated[
    str, typer.Option(help="Step counts of the vocoder for copy-synthesis, with commas between.")
]
SpeechSteps = Annotated[
    int | None, typer.Option(help="Solver steps of the vocoder for speech. Default: the voice's.")
]
Temperature = Annotated[float | None, typer.Option(help="Liveliness, 0 to 2.")]
Metrics = Annotated[
    str | None,
    typer.Option(help="Some of words, dnsmos, pesq, mel, pitch. Default: all but pitch."),
]
Speech = Annotated[
    bool, typer.Option("--speech/--no-speech", help="Judge speech made from the texts.")
]
Copies = Annotated[
    bool, typer.Option("--copies/--no-copies", help="Judge copies of the recordings.")
]
Workers = Annotated[int, typer.Option(help="Processes that measure.")]
Results = Annotated[str | None, typer.Option(help="Markdown file to append the figures to.")]
OutputDir = Annotated[
    str | None, typer.Option(help="For the speech, the figures of every sentence, summary.json.")
]
Note = Annotated[str, typer.Option(help="Words for the table, such as the hours of training.")]
Json = Annotated[bool, typer.Option("--json", help="Figures with 95 % intervals as JSON.")]


def evaluate(
    features: Features,
    voice: flags.Voice = None,
    split: Split = "test",
    limit: Limit = None,
    quality: flags.Quality = None,
    steps: Steps = None,
    vocoder_steps: VocoderSteps = "1,2,4,10,32",
    speech_vocoder_steps: SpeechSteps = None,
    method: flags.Method = None,
    grid: flags.Grid = None,
    temperature: Temperature = None,
    metrics: Metrics = None,
    speech: Speech = True,
    copies: Copies = True,
    seed: flags.Seed = 0,
    device: flags.Device = "auto",
    workers: Workers = 1,
    results: Results = None,
    output_dir: OutputDir = None,
    note: Note = "",
    as_json: Json = False,
    quiet: flags.Quiet = False,
    debug: flags.Debug = False,
) -> None:
    """Measure a voice."""
    from tts.options import Options

    options = Options(
        quality=quality, steps=steps, vocoder_steps=speech_vocoder_steps, method=method,
        grid=grid, temperature=temperature, seed=seed,
    )  # fmt: skip
    from tts.cli.evaluating import Plan, judge

    plan = Plan(
        features=features, split=split, limit=limit, options=options,
        step_counts=step_counts(vocoder_steps), metrics=metrics,
        speech=speech, copies=copies, workers=workers,
        results=results, directory=output_dir, note=note,
        command=shlex.join(["straighttalk", *sys.argv[1:]]), as_json=as_json, quiet=quiet,
    )  # fmt: skip
    from tts.synthesizer import Synthesizer

    judge(Synthesizer.from_pretrained(voice, device=device), plan)


def step_counts(text: str) -> tuple[int, ...]:
    """Read "1,2,4".

    Raises:
        typer.BadParameter: It is no list of whole numbers from 1 to 1000.
    """
    parts = text.replace(",", " ").split()
    if not parts or not all(part.isdecimal() and 1 <= int(part) <= 1000 for part in parts):
        raise typer.BadParameter(
            f"--vocoder-steps is {text!r}; write whole numbers from 1 to 1000, as in 1,2,4"
        )
    return tuple(dict.fromkeys(int(part) for part in parts))
