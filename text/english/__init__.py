"""English as a newsreader would say it."""

from __future__ import annotations

import re

from text.english.abbreviations import say_abbreviations, say_initials
from text.english.dates import say_dates, say_days_and_months
from text.english.money import say_currency_signs, say_money
from text.english.numbers import say_fractions, say_minus, say_numbers, say_ordinals
from text.english.roman import say_roman
from text.english.symbols import say_ranges, say_scales, say_symbols
from text.english.times import say_phone_numbers, say_times
from text.english.units import say_units
from text.english.web import say_addresses

_DIGIT = re.compile(r"\d")


def speak_english(text: str, british: bool = False) -> str:
    """Write out what is not words.

    The order matters: what is most specific goes first, and each rule leaves words that no later
    rule touches; plain numbers come last.

    Args:
        text: Cleaned text (see `text.cleaning`).
        british: Whether dates are day first and hundreds take "and".

    Returns:
        Text without digits or signs.
    """
    text = say_addresses(text)
    text = say_abbreviations(text)
    text = say_days_and_months(text)
    if _DIGIT.search(text):
        text = say_minus(say_phone_numbers(text))
        text = say_dates(text, british)
        text = say_times(text)
        text = say_money(text, british)
        text = say_units(text, british)
        text = say_scales(say_ranges(text, british), british)
        text = say_fractions(text, british)
        text = say_ordinals(text, british)
    text = say_roman(text)
    text = say_initials(text)
    text = say_currency_signs(text)
    text = say_symbols(text)
    return say_numbers(text, british) if _DIGIT.search(text) else text
