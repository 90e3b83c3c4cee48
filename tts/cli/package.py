"""`straighttalk package`: two trainings to a voice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.errors import InputError
from tts.cli import flags
from tts.cli.messages import tell

Acoustic = Annotated[str, typer.Option(help="Directory of the acoustic model's training.")]
Vocoder = Annotated[str, typer.Option(help="Directory of the vocoder's training.")]
OutputDir = Annotated[str, typer.Option(help="The voice; a voice that is there is replaced.")]
Name = Annotated[str | None, typer.Option(help="Of the voice. Default: the directory's.")]
Licence = Annotated[str, typer.Option(help="SPDX name of the weights' licence, as in CC0-1.0.")]
Card = Annotated[str | None, typer.Option(help="Markdown: what is to be known of the voice.")]
FullPrecision = Annotated[
    bool, typer.Option("--full-precision", help="Keep float32 instead of float16.")
]


def package(
    acoustic: Acoustic,
    vocoder: Vocoder,
    output_dir: OutputDir,
    licence: Licence,
    name: Name = None,
    card: Card = None,
    lexicon: flags.Lexicon = None,
    full_precision: FullPrecision = False,
    debug: flags.Debug = False,
) -> None:
    """Put two trained models into a voice directory.

    Example: straighttalk package --acoustic runs/a --vocoder runs/v --output-dir voices/me
    --licence CC-BY-4.0 --card card.md
    """
    directory = Path(output_dir)
    text = f"# {name or directory.name}\n"
    if card is not None:
        try:
            text = Path(card).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{card} is not UTF-8 text") from error
    if lexicon is not None and not Path(lexicon).is_file():
        raise InputError(f"there is no file {lexicon}")
    import torch

    from tts.cli.packaging import package_voice

    package_voice(
        Path(acoustic),
        Path(vocoder),
        directory,
        name=name or directory.resolve().name,
        licence=licence,
        card=text,
        lexicon=None if lexicon is None else Path(lexicon),
        dtype=torch.float32 if full_precision else torch.float16,
    )
    size = sum(file.stat().st_size for file in directory.iterdir())
    tell(f"the voice is in {directory} ({size / 1e6:.1f} MB): straighttalk say -v {output_dir} Hi")
