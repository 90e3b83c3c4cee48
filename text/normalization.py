"""Text as written to text as said."""

from __future__ import annotations

import re
import unicodedata


def normalize(text: str, language: str = "en-us") -> str:
    """Write a text out the way it is said.

    Args:
        text: Any text.
        language: eSpeak code.

    Returns:
        Words and punctuation.
    """
    text = unicodedata.normalize("NFC", text).replace("’", "'")
    return re.sub(r"\s+", " ", text).strip()
