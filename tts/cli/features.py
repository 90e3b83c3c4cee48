"""`straighttalk features`: from a manifest to what training reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts.cli import flags
from tts.cli.messages import Progress, tell
from tts.cli.report import print_json

Manifest = Annotated[str, typer.Argument(metavar="MANIFEST", help="JSON lines: the corpus.")]
Directory = Annotated[str, typer.Argument(metavar="DIR", help="Where the features go.")]
Language = Annotated[str, typer.Option("-l", "--language", help="eSpeak code, such as en-us.")]
SampleRate = Annotated[
    int, typer.Option("--sample-rate", help="Of the features and of the voice, in Hz.")
]
Trim = Annotated[bool, typer.Option("--trim/--no-trim", help="Cut silence from both ends.")]
HighPass = Annotated[
    float, typer.Option("--high-pass", help="Take out rumble below so many Hz, such as 60.")
]


def features(
    manifest: Manifest,
    directory: Directory,
    language: Language = "en-us",
    sample_rate: SampleRate = 22050,
    lexicon: flags.Lexicon = None,
    trim: Trim = True,
    high_pass: HighPass = 0.0,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
    debug: flags.Debug = False,
) -> None:
    """Bring a corpus to one rate and loudness, its texts to ids, and check it on the way.

    Example: straighttalk features data/kathleen/manifest.jsonl data/kathleen/features
    """
    from core.audio.high_pass import check_cutoff
    from core.audio.resample import check_rate
    from tts.features import FeatureConfig, build_features

    check_rate(sample_rate, "--sample-rate")
    source = Path(manifest)
    total = None
    if source.is_file():
        with source.open("rb") as stream:
            total = sum(1 for _ in stream)
    check_cutoff(high_pass, "--high-pass")
    config = FeatureConfig(
        sample_rate_hz=sample_rate, language=language, trim=trim, high_pass_hz=high_pass
    )
    words = None if lexicon is None else Path(lexicon)
    with Progress("features", total, "utterances", quiet=quiet) as progress:
        report = build_features(source, Path(directory), config, words, progress.advance)
    if as_json:
        print_json(report.facts())
        return
    for line in report.lines():
        tell(line, quiet=quiet)
