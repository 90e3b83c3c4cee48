"""`straighttalk likelihood`: how likely recordings are under a voice."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from tts.cli import flags

EXAMPLES = """
Log-likelihood of recordings under a voice, by the change of variables along its ODE.

mel: the recording's log mel, given its text and the durations that alignment search finds on it.
waveform: the recording, given its log mel; the mel-consistency rounds of sampling are left out.

Examples:

  straighttalk likelihood mel hello.wav --text "Hello, world."

  straighttalk likelihood mel --features features --split test --limit 20 --shuffle --json

  straighttalk likelihood waveform hello.wav --seconds 1
"""


class What(str, Enum):
    """Of which model."""

    mel = "mel"
    waveform = "waveform"


Of = Annotated[What, typer.Argument(metavar="WHAT", help="mel or waveform.")]
Inputs = Annotated[list[str] | None, typer.Argument(metavar="[RECORDING...]", help="Audio files.")]
Text = Annotated[
    list[str] | None,
    typer.Option("--text", help="What a recording says, for mel; once for each, in their order."),
]
Features = Annotated[str | None, typer.Option(help="A feature store, in place of recordings.")]
Split = Annotated[str, typer.Option(help="Of the store.")]
Limit = Annotated[int | None, typer.Option(help="Most utterances of the store.")]
Speaker = Annotated[str | None, typer.Option(help="Who speaks in the recordings.")]
Steps = Annotated[int | None, typer.Option(help="Solver steps, 1 to 1000. Default: 16.")]
Method = Annotated[str, typer.Option(help="ODE solver: euler, midpoint, heun, rk4 or rk45.")]
Probes = Annotated[int | None, typer.Option(help="Random probes of the divergence. Default: 2.")]
Exact = Annotated[
    bool, typer.Option("--exact", help="The exact divergence: a derivative an element.")
]
Shuffle = Annotated[
    bool, typer.Option("--shuffle", help="mel: also with its frames in random order.")
]
Seconds = Annotated[float | None, typer.Option(help="waveform: only so much of the middle.")]
Seed = Annotated[int, typer.Option(help="Of the probes.")]


def likelihood(
    what: Of,
    inputs: Inputs = None,
    text: Text = None,
    features: Features = None,
    split: Split = "test",
    limit: Limit = None,
    voice: flags.Voice = None,
    speaker: Speaker = None,
    steps: Steps = None,
    method: Method = "rk4",
    grid: flags.Grid = None,
    probes: Probes = None,
    exact: Exact = False,
    shuffle: Shuffle = False,
    seconds: Seconds = None,
    seed: Seed = 0,
    device: flags.Device = "auto",
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
    debug: flags.Debug = False,
) -> None:
    """Score recordings."""
    from tts.cli.scored_recordings import Source
    from tts.cli.scoring import How, score

    source = Source(
        tuple(inputs or ()), tuple(text or ()), features, split, limit, speaker, seconds
    )
    how = How(what.value, steps, method, grid, probes, exact, shuffle, seed)
    score(source, how, voice, device, as_json=as_json, quiet=quiet)
