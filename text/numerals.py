"""Numbers in languages other than English, by num2words."""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST_NUMBER = 30
# num2words' names where they are not eSpeak's first two letters.
_NAMES = {"cmn": "", "yue": "", "nb": "no", "pt-br": "pt_BR", "fr-be": "fr_BE", "fr-ch": "fr_CH"}
# Where a period is the decimal sign; elsewhere it is the comma.
_POINT = ("ja", "ko", "th", "he", "zh", "te", "kn", "bn", "fa", "ar")
_NUMBER = re.compile(r"\d+(?:[.,  ]\d{3})*(?!\d)(?:[.,]\d+)?|\d+")


def speak_numbers(text: str, language: str) -> str:
    """Write out whole and decimal numbers.

    Args:
        text: Cleaned text.
        language: eSpeak code.

    Returns:
        The text without digits; unchanged where num2words does not know the language, since
        eSpeak NG reads digits too.
    """
    if not any(char.isdigit() for char in text):
        return text
    name = _num2words_name(language)
    if name is None:
        return text
    return _NUMBER.sub(lambda match: f" {_say(match[0], name)} ", text)


@lru_cache(maxsize=256)
def _num2words_name(language: str) -> str | None:
    from num2words import CONVERTER_CLASSES

    name = _NAMES.get(language, language.split("-")[0])
    return name if name in CONVERTER_CLASSES else None


def _say(number: str, name: str) -> str:
    decimal_sign, group_sign = (".", ",") if name.startswith(_POINT) else (",", ".")
    number = number.replace(" ", "").replace("\u00a0", "")
    whole, _, rest = number.partition(decimal_sign)
    groups = whole.split(group_sign)
    if len(groups) == 2 and len(groups[1]) != 3 and not rest:
        # "3.5" typed the English way.
        groups, rest = groups[:1], groups[1]
    whole = "".join(groups)
    rest = re.sub(r"\D", "", rest)
    long = len(whole) > LONGEST_NUMBER or (len(whole) > 1 and whole[0] == "0")
    words = " ".join(map(_digits, whole, [name] * len(whole))) if long else _digits(whole, name)
    if rest:
        words += " " + _decimals(rest, name)
    return words


@lru_cache(maxsize=4096)
def _digits(digits: str, name: str) -> str:
    from num2words import num2words

    try:
        return re.sub(r"\d", "", str(num2words(int(digits), lang=name)))
    except (NotImplementedError, OverflowError, KeyError, IndexError, ValueError, TypeError):
        if len(digits) == 1:
            return ""
        return " ".join(_digits(digit, name) for digit in digits)


def _decimals(rest: str, name: str) -> str:
    """The decimal word of the language and each digit, cut from how num2words says 0.1."""
    digits = " ".join(_digits(digit, name) for digit in rest)
    return f"{_decimal_word(name)} {digits}"


@lru_cache(maxsize=256)
def _decimal_word(name: str) -> str:
    from num2words import num2words

    try:
        words = str(num2words(0.1, lang=name)).split()
    except (NotImplementedError, KeyError, IndexError, ValueError, TypeError):
        return ","
    return words[1] if len(words) == 3 else ","
