"""`straighttalk text`: what the frontend makes of a text."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from tts.cli import flags
from tts.cli.messages import tell
from tts.cli.texts import gather

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="TEXT", help="The text; - or nothing reads standard input."),
]
Language = Annotated[str, typer.Option("-l", "--language", help="eSpeak code, such as en-us.")]


def show_text(
    words: Words = None,
    language: Language = "en-us",
    lexicon: flags.Lexicon = None,
    normalize: flags.Normalize = True,
    as_json: flags.Json = False,
    debug: flags.Debug = False,
) -> None:
    """Show the normalised text, the phonemes and the ids.

    Example: straighttalk text "Dr. Smith paid $3.50 on May 3." --json
    """
    lines = [line for item in gather(words or [], None, None, False) for line in item.lines]
    from text import TextFrontend

    frontend = TextFrontend(language=language, lexicon=lexicon, normalize=normalize)
    utterance = frontend.process("".join(lines))
    if as_json:
        facts = {
            "text": utterance.text,
            "normalized": utterance.normalized,
            "phonemes": utterance.phonemes,
            "ids": list(utterance.ids),
            "words": [{"text": w.text, "start": w.start, "end": w.end} for w in utterance.words],
            "notes": list(utterance.notes),
        }
        sys.stdout.write(json.dumps(facts, ensure_ascii=False) + "\n")
        return
    sys.stdout.write(f"normalized: {utterance.normalized}\n")
    sys.stdout.write(f"phonemes:   {utterance.phonemes}\n")
    sys.stdout.write(f"ids:        {' '.join(map(str, utterance.ids))}\n")
    for note in utterance.notes:
        tell(f"note: {note}")
