"""Text as written to text as said."""

from __future__ import annotations

import re
import unicodedata


def normalize(text: str, language: str = "en-us") -> str:
    """Write a text out the way it is said."""
    return normalize_with_notes(text, language)[0]


def normalize_with_notes(text: str, language: str) -> tuple[str, list[str]]:
    return clean(text, language)


def clean(text: str, language: str) -> tuple[str, list[str]]:
    text = unicodedata.normalize("NFC", text).replace("’", "'")
    return re.sub(r"\s+", " ", text).strip(), []
