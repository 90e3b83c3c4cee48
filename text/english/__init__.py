"""English as a newsreader would say it."""

from __future__ import annotations

import re

from text.english.abbreviations import say_abbreviations, say_bare_abbreviations, say_initials
from text.english.dates import say_dates, say_days_and_months
from text.english.money import say_currency_signs, say_money
from text.english.numbers import say_fractions, say_minus, say_numbers, say_ordinals
from text.english.roman import say_roman
from text.english.symbols import say_ranges, say_scales, say_symbols
from text.english.times import say_phone_numbers, say_times
from text.english.units import say_units
from text.english.web import say_addresses

_ADDRESS_SIGNS = frozenset("@.#:/")
_MONEY_SIGNS = frozenset("$£€¥₹₽₩₿¢/")
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
    signs = set(text)
    capitals = any(char.isupper() for char in signs)
    # Rules that cannot apply are passed over: most texts need few of them.
    if signs & _ADDRESS_SIGNS:
        text = say_addresses(text)
    if capitals or "." in signs:
        text = say_days_and_months(say_abbreviations(text))
    text = say_bare_abbreviations(text)
    if _DIGIT.search(text):
        text = say_minus(say_phone_numbers(text))
        text = say_dates(text, british)
        text = say_times(text)
        if capitals or british or signs & _MONEY_SIGNS:
            text = say_money(text, british)
        text = say_units(text, british)
        text = say_scales(say_ranges(text, british), british)
        text = say_fractions(text, british)
        text = say_ordinals(text, british)
    if capitals or "." in signs:
        text = say_initials(say_roman(text))
    text = say_currency_signs(text)
    text = say_symbols(text)
    text = say_numbers(text, british) if _DIGIT.search(text) else text
    # A sign or a digit that stood against an abbreviation is a word apart by now.
    return say_bare_abbreviations(text)
