"""The one exception of the text package."""

from __future__ import annotations

MAX_SHOWN = 60


class TextError(ValueError):
    """A text, lexicon or language that cannot be spoken; the message is one sentence."""


def shown(text: str) -> str:
    """Quote a piece of user text for an error message, shortened and with escapes visible."""
    piece = text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
    return ascii(piece) if any(not char.isprintable() for char in piece) else repr(piece)
