"""Pronunciations given by the user: a lexicon file, and phonemes inside the text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from text.errors import TextError, shown
from text.symbols import PAD, PUNCTUATION, SYMBOL_IDS, decompose, encode

INLINE = re.compile(r"\[\[([^\[\]]*)\]\]")
_FIELDS = re.compile(r"(\S+)(?:\t| {2,})\s*(.+)")
_SILENT = frozenset(PUNCTUATION + PAD)


def load_lexicon(path: str | Path) -> dict[str, str]:
    """Read a lexicon: on each line a word, a tab or two spaces, and its phonemes.

    Empty lines and lines that begin with "#" are skipped. Words match whole words of a text in
    any case.

    Args:
        path: A UTF-8 text file.

    Returns:
        Phonemes by case-folded word.

    Raises:
        TextError: The file cannot be read, or a line has no phonemes, an unknown symbol or a word
            given before; the line is named.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise TextError(f"cannot read the lexicon {path}: {reason}") from None
    lexicon: dict[str, str] = {}
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{path}, line {number}"
        fields = _FIELDS.fullmatch(line.strip())
        if fields is None:
            raise TextError(
                f"{where}: {shown(line)} is not a word, a tab or two spaces, and its phonemes"
            )
        word = fields[1].casefold()
        if word in seen:
            raise TextError(f"{where}: {shown(fields[1])} is already given in line {seen[word]}")
        seen[word] = number
        lexicon[word] = check_phonemes(fields[2], f"phonemes of {shown(fields[1])} in {where},")
    return lexicon


def check_lexicon(words: Mapping[str, str]) -> dict[str, str]:
    """Check a lexicon given as a mapping; returns it by case-folded word.

    Raises:
        TextError: A pronunciation holds an unknown symbol or none.
    """
    return {
        word.casefold(): check_phonemes(phonemes, f"phonemes of {shown(word)} in the lexicon,")
        for word, phonemes in words.items()
    }


def check_phonemes(phonemes: str, where: str) -> str:
    """Bring phonemes a user wrote into the table's form.

    Args:
        phonemes: IPA symbols; spaces between words are kept.
        where: What to call them in an error.

    Returns:
        Symbols of the table.

    Raises:
        TextError: A character is not in the table, or nothing in them sounds.
    """
    clean = " ".join(decompose(phonemes).split())
    encode(clean, where)
    if not any(symbol in SYMBOL_IDS and symbol not in _SILENT for symbol in clean):
        raise TextError(f"the {where} {shown(phonemes)} hold no sound")
    return clean
