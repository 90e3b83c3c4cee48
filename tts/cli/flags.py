"""Options that several commands share, and how the command line is read."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Annotated

import typer

Voice = Annotated[
    str | None,
    typer.Option(
        "-v", "--voice",
        help="Name, directory or hf:// address. Default: $STRAIGHTTALK_VOICE, else kathleen.",
    ),
]  # fmt: skip
Language = Annotated[
    str | None,
    typer.Option("-l", "--language", help="eSpeak code, such as en-us. Default: the voice's."),
]
Lexicon = Annotated[
    str | None,
    typer.Option(help="File of pronunciations, `word phonemes` a line, that go before eSpeak's."),
]
Normalize = Annotated[
    bool,
    typer.Option(
        "--normalize/--no-normalize", help="Write out numbers, dates, units and the like."
    ),
]
Method = Annotated[str | None, typer.Option(help="ODE solver: euler, midpoint, heun, rk4 or rk45.")]
Grid = Annotated[
    str | None,
    typer.Option(help="Time grid: uniform, cosine, sway:-1, power:2, equal-angle:0.3 or 0,0.3,1."),
]
Quality = Annotated[
    str | None,
    typer.Option(help="fast, balanced or best: steps, rounds and temperature in a word."),
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same sound.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Json = Annotated[bool, typer.Option("--json", help="Facts as JSON.")]
# `main` itself looks for it, so commands take it and do nothing.
Debug = Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"straighttalk {version()}\n")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", is_eager=True, callback=_print_version, help="Show the version and exit."
    ),
]


def version() -> str:
    """Version of the installed distribution."""
    try:
        return metadata.version("straighttalk")
    except metadata.PackageNotFoundError:
        return "(source tree, not installed)"
