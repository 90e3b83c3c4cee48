"""Cardinals, ordinals, decimals and fractions in words."""

from __future__ import annotations

import re
from functools import lru_cache

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
SCALES = (
    " thousand million billion trillion quadrillion quintillion sextillion septillion octillion "
    "nonillion decillion"
).split(" ")
LONGEST_NUMBER = 3 * len(SCALES)
_IRREGULAR = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
_FRACTIONS = {2: "half", 4: "quarter"}
LARGEST_DENOMINATOR = 100

NUMBER = r"\d{1,3}(?:,\d{3})+(?!\d)|\d+"


@lru_cache(maxsize=4096)
def cardinal(digits: str, british: bool = False) -> str:
    """Say a whole number.

    Args:
        digits: ASCII digits; commas between them are ignored.
        british: Whether to say "and" before the tens.

    Returns:
        Words; numbers with leading zeros or too long for a name are said digit by digit.

    Example:
        >>> cardinal("1,234")
        'one thousand two hundred thirty-four'
    """
    digits = digits.replace(",", "")
    if len(digits) > LONGEST_NUMBER or (len(digits) > 1 and digits[0] == "0"):
        return spell(digits)
    value = int(digits)
    if value < 1000:
        return _below_thousand(value, british)
    words: list[str] = []
    for power in range((len(digits) - 1) // 3, -1, -1):
        group = value // 1000**power % 1000
        if not group:
            continue
        if british and not power and group < 100:
            words.append("and")
        words.append(_below_thousand(group, british))
        words += [SCALES[power]] if power else []
    return " ".join(words)


def _below_thousand(value: int, british: bool) -> str:
    if value < 20:
        return ONES[value]
    if value < 100:
        return TENS[value // 10] + (f"-{ONES[value % 10]}" if value % 10 else "")
    hundreds = f"{ONES[value // 100]} hundred"
    if not value % 100:
        return hundreds
    return f"{hundreds} {'and ' if british else ''}{_below_thousand(value % 100, british)}"


def spell(digits: str) -> str:
    """Say each digit.

    Example:
        >>> spell("007")
        'zero zero seven'
    """
    return " ".join(ONES[int(digit)] for digit in digits if digit.isdigit())


@lru_cache(maxsize=4096)
def ordinal(digits: str, british: bool = False) -> str:
    """Say a whole number as an ordinal.

    Example:
        >>> ordinal("21")
        'twenty-first'
    """
    words = cardinal(digits.replace(",", "").lstrip("0") or "0", british)
    cut = max(words.rfind(" "), words.rfind("-")) + 1
    return words[:cut] + _ordinal_word(words[cut:])


def _ordinal_word(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    return word[:-1] + "ieth" if word.endswith("y") else word + "th"


def decimal(text: str, british: bool = False) -> str:
    """Say a number that may have decimals.

    Example:
        >>> decimal("3.14")
        'three point one four'
    """
    whole, point, rest = text.partition(".")
    words = cardinal(whole, british) if whole else "zero"
    return f"{words} point {spell(rest)}" if point and rest else words


@lru_cache(maxsize=4096)
def fraction(numerator: str, denominator: str, british: bool = False) -> str:
    """Say a fraction.

    Example:
        >>> fraction("3", "4")
        'three quarters'
    """
    top, bottom = int(numerator[:LONGEST_NUMBER]), int(denominator[:LONGEST_NUMBER])
    round_number = str(bottom).strip("0") == "1"
    if not 0 < top < bottom or (bottom > LARGEST_DENOMINATOR and not round_number):
        return f"{cardinal(numerator, british)} over {cardinal(denominator, british)}"
    name = _FRACTIONS.get(bottom) or re.sub("^one ", "", ordinal(denominator, british))
    plural = {"half": "halves"}.get(name, name + "s")
    return f"{cardinal(numerator, british)} {name if top == 1 else plural}"


def is_one(text: str) -> bool:
    """Whether a number is exactly one, so that what is counted stays singular."""
    return text.replace(",", "") == "1"


_MIXED = re.compile(rf"(?<![\d./])(?:({NUMBER})[ -])?(\d{{1,9}})/(\d{{1,9}})(?![\d/]|\.\d)")
_ORDINAL = re.compile(rf"(?<![\d.,])({NUMBER})(?:st|nd|rd|th)\b", re.IGNORECASE)
_DOTTED = re.compile(r"(?<![\d.,])\d+(?:\.\d+){2,}(?!\d)")
_MINUS = re.compile(r"(?:(?<=\s)|(?<=^)|(?<=[(=<>+*/]))-(?=[.]?\d)")
_SPACED = re.compile(r"(?<![\d.,])\d{1,3}(?: 000)+(?!\d)")
_LETTER_HYPHEN = re.compile(r"(?<=[A-Za-z])-(?=\d)")
_PLURAL = re.compile(rf"(?<![\d.,])({NUMBER})'?s\b")
_PLAIN = re.compile(rf"({NUMBER})(\.\d+)?")
_KNOWN = {"24/7": "twenty-four seven", "9/11": "nine eleven", "50/50": "fifty-fifty"}


def say_fractions(text: str, british: bool) -> str:
    """Write out "1/2", "2 3/4" and the like."""
    return _MIXED.sub(lambda match: _mixed(match, british), text)


def _mixed(match: re.Match[str], british: bool) -> str:
    whole, top, bottom = match.groups()
    known = _KNOWN.get(f"{top}/{bottom}")
    if known:
        return f"{cardinal(whole, british)} {known}" if whole else known
    said = fraction(top, bottom, british)
    if not whole:
        return f" {said} "
    article = re.sub(r"^one (?=half|quarter)", "a ", said)
    return f" {cardinal(whole, british)} and {article} "


def say_ordinals(text: str, british: bool) -> str:
    """Write out "1st", "22nd"."""
    return _ORDINAL.sub(lambda match: ordinal(match[1], british), text)


def say_numbers(text: str, british: bool) -> str:
    """Write out every number that is left; afterwards no digit is."""
    text = _DOTTED.sub(lambda m: f" {_dotted(m[0], british)} ", text)
    text = re.sub(r"(?<![\d.])\.(\d+)", lambda m: f" point {spell(m[1])} ", text)
    text = _SPACED.sub(lambda m: m[0].replace(" ", ""), text)
    text = _LETTER_HYPHEN.sub(" ", text)
    text = _PLURAL.sub(lambda m: plural(cardinal(m[1], british)), text)
    return _PLAIN.sub(lambda m: _apart(m, decimal(m[1] + (m[2] or ""), british)), text)


def _apart(match: re.Match[str], words: str) -> str:
    """Set words apart from letters that touched the number: "MP3", "4K"."""
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    return f"{' ' * before.isalnum()}{words}{' ' * after.isalnum()}"


def plural(words: str) -> str:
    """Say a number in the plural.

    Example:
        >>> plural("forty-six"), plural("ninety")
        ('forty-sixes', 'nineties')
    """
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith("x") else "s")


def say_minus(text: str) -> str:
    """Write out the sign of negative numbers."""
    return _MINUS.sub("minus ", text)


def _dotted(text: str, british: bool) -> str:
    parts = text.split(".")
    joint = " dot " if len(parts) > 3 else " point "
    return joint.join(cardinal(part, british) for part in parts)
