"""`straighttalk convert`: a recording back to noise, and forward again."""

from __future__ import annotations

from typing import Annotated

import typer

from tts.cli import flags

EXAMPLES = """
Say a recording again in another voice, in its own rhythm: its mel goes back to noise along the
flow, and forward again as another speaker says it. Needs the recording's text.

Without --text, the sound alone goes back to the vocoder's noise and forward again; the error of
that round trip is reported.

Examples:

  straighttalk convert anna.wav --text "Good morning." -v pair --speaker-from anna -s ben -o ben.wav

  straighttalk convert recording.wav -o copy.wav
"""

Recording = Annotated[str, typer.Argument(metavar="RECORDING", help="An audio file.")]
OutputFile = Annotated[str, typer.Option("-o", "--output-file", help="FILE.wav, .flac or .ogg.")]
Text = Annotated[str | None, typer.Option("-t", "--text", help="What the recording says.")]
SpeakerFrom = Annotated[
    str | None, typer.Option(help="Who speaks in the recording. Default: the first speaker.")
]
Speaker = Annotated[
    str | None, typer.Option("-s", "--speaker", help="Who is to speak. Default: who spoke.")
]
Steps = Annotated[int, typer.Option(help="Solver steps each way, 1 to 1000; rk45 takes its own.")]
Method = Annotated[str, typer.Option(help="ODE solver: euler, midpoint, heun, rk4 or rk45.")]


def convert(
    recording: Recording,
    output_file: OutputFile,
    text: Text = None,
    voice: flags.Voice = None,
    speaker_from: SpeakerFrom = None,
    speaker: Speaker = None,
    steps: Steps = 16,
    method: Method = "rk4",
    lexicon: flags.Lexicon = None,
    device: flags.Device = "auto",
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
    debug: flags.Debug = False,
) -> None:
    """Convert a recording."""
    if text is None and (speaker or speaker_from):
        raise typer.BadParameter("speakers go with --text, which tells what the recording says")
    from tts.cli.converting import Conversion, convert_file
    from tts.synthesizer import Synthesizer

    conversion = Conversion(text, speaker_from, speaker or speaker_from, steps, method)
    synthesizer = Synthesizer.from_pretrained(voice, device=device, lexicon=lexicon)
    convert_file(synthesizer, recording, output_file, conversion, as_json=as_json, quiet=quiet)
