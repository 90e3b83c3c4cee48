"""`straighttalk alignments`: recordings that do not fit their texts."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tts.cli import flags
from tts.cli.messages import Progress, tell
from tts.cli.reflow import Run
from tts.cli.report import print_json

EXAMPLES = """
Find bad transcripts: align each recording with its text and list those that fit worst.

Use a model trained on the same corpus; a few bad transcripts do not spoil it. The score of a
recording is how many deviations its distance from its text, or that of its worst 0.4 s, is above
the corpus's median. Those of 5 or more are worth hearing.

Examples:

  straighttalk alignments --features features

  straighttalk alignments --run runs/acoustic --features features --split valid --json
"""
Features = Annotated[str, typer.Option(help="The feature store.")]
Split = Annotated[str, typer.Option(help="Of the store: train, valid or test.")]
Worst = Annotated[int, typer.Option(help="How many to list.")]


def alignments(
    features: Features,
    voice: flags.Voice = None,
    run: Run = None,
    split: Split = "train",
    worst: Worst = 20,
    device: flags.Device = "auto",
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
    debug: flags.Debug = False,
) -> None:
    """List recordings that do not fit their texts."""
    from dataclasses import asdict
    from pathlib import Path

    from core.errors import InputError
    from tts.cli.teachers import load_acoustic
    from tts.fit import SUSPICIOUS, fits, suspicion
    from tts.synthesizer import pick_device

    if worst < 1:
        raise InputError(f"--worst is {worst}; it must be at least 1")
    found = load_acoustic(voice, run)
    found.model.to(pick_device(device))
    assert found.sentences is not None
    sentences = found.sentences(Path(features), split)
    if not len(sentences.store):
        raise InputError(f"{features} has no utterance in split {split!r}")
    made = []
    with Progress("aligned", len(sentences.store), "utterances", quiet=quiet) as progress:
        for fit in fits(found.model, sentences, range(len(sentences.store))):
            made.append(fit)
            progress.advance(1)
    scores = suspicion(made)
    order = sorted(range(len(made)), key=lambda index: -scores[index])
    for index in order[:worst]:
        score, fit = scores[index], made[index]
        if as_json:
            print_json({"score": score, **asdict(fit)})
        else:
            sys.stdout.write(f"{score:6.1f}  {fit.worst_seconds:5.1f} s  {fit.id}  {fit.text}\n")
    count = sum(score >= SUSPICIOUS for score in scores)
    if not quiet:
        tell(f"{count} of {len(made)} utterances score {SUSPICIOUS:g} or more")
