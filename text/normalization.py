"""Text as written to text as said."""

from __future__ import annotations

import re

from text.cleaning import clean, tidy, trim
from text.english import speak_english
from text.espeak import require_language
from text.numerals import speak_numbers

MOST_PASSES = 4
# No rule is about small letters with spaces and commas between.
_MAY_CHANGE = re.compile("[^a-z ,'-]")
_BRITISH = ("en-gb", "en-029")


def normalize(text: str, language: str = "en-us") -> str:
    """Write a text out the way a newsreader would say it.

    English is written out in full: numbers, money, dates, times, measures, abbreviations,
    addresses, signs. In other languages the characters are cleaned and numbers written out where
    num2words knows the language; the rest eSpeak NG reads by its own rules.

    Args:
        text: Any string.
        language: eSpeak code, which also decides between American and British habits.

    Returns:
        Words and marks of punctuation. Saying it again changes nothing, and there is no digit in
        it wherever numbers are written out. Empty when nothing in the text can be spoken.

    Raises:
        TextError: eSpeak NG does not know the language.

    Example:
        >>> normalize("Dr. Smith paid $3.50 on Jan. 5, 2021.")
        'Doctor Smith paid three dollars and fifty cents on January fifth, twenty twenty-one.'
    """
    require_language(language)
    said = prepare(text, language, True)[0]
    trimmed = trim(said)
    # A mark taken off the front may have kept a rule from what follows.
    return said if trimmed == said else trim(prepare(trimmed, language, True)[0])


def prepare(text: str, language: str, write_out: bool) -> tuple[str, list[str]]:
    """Normalise a piece of a text, whose first and last marks matter to what stands around it.

    Args:
        text: Any string.
        language: eSpeak code.
        write_out: Whether numbers, abbreviations and signs are written out; the characters are
            cleaned either way.

    Returns:
        The text as it is said, and notes on what was left out.
    """
    text, notes = clean(text)
    if not write_out:
        return tidy(text), notes
    for _ in range(MOST_PASSES):
        # Words written out of "0Jan." may be what another rule was waiting for.
        before, text = text, tidy(_speak(text, language))
        if text == before or not _MAY_CHANGE.search(text):
            break
    return text, notes


def _speak(text: str, language: str) -> str:
    if language.startswith("en"):
        return speak_english(text, british=language.startswith(_BRITISH))
    return speak_numbers(text, language)
