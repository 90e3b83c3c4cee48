"""`straighttalk vocode`: mels or recordings to sound."""

from __future__ import annotations

from typing import Annotated

import typer

from tts.cli import flags
from tts.cli.messages import Progress

EXAMPLES = """
Turn mels into sound, or recordings into mels and back (copy-synthesis).

An INPUT is a WAV, FLAC, OGG or MP3 file, or a .npy log mel of shape (bands, frames) in the voice's
format; it may last ten minutes.

Examples:

  straighttalk vocode recording.wav --output-dir copies --steps 4

  straighttalk vocode mels/*.npy --output-dir out -v kathleen --json
"""

Inputs = Annotated[list[str], typer.Argument(metavar="INPUT...", help="Audio, or .npy mels.")]
OutputDir = Annotated[str, typer.Option(help="Where DIR/<name>.wav goes.")]
Steps = Annotated[int | None, typer.Option(help="Solver steps, 1 to 1000. Default: the voice's.")]


def vocode(
    inputs: Inputs,
    output_dir: OutputDir,
    voice: flags.Voice = None,
    quality: flags.Quality = None,
    steps: Steps = None,
    method: flags.Method = None,
    grid: flags.Grid = None,
    seed: flags.Seed = 0,
    device: flags.Device = "auto",
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
    debug: flags.Debug = False,
) -> None:
    """Vocode files."""
    from tts.cli.vocoding import Choices, plan, vocode_file
    from tts.synthesizer import pick_device
    from vocoder import Vocoder

    choices = Choices(quality, steps, method, grid, seed)
    files = plan(inputs, output_dir)
    vocoder = Vocoder.from_pretrained(voice, pick_device(device))
    with Progress("vocoding", len(files), "files", quiet=quiet) as progress:
        for source, target in files:
            vocode_file(vocoder, source, target, choices, as_json=as_json, quiet=quiet)
            progress.advance()
