"""Years, decades and dates."""

from __future__ import annotations

import re

from text.english.numbers import ONES, TENS, cardinal, ordinal

MONTHS = (
    "January February March April May June July August September October November December"
).split()
_SHORT = {name[:3]: name for name in MONTHS} | {"Sept": "September"}
_MONTH = "|".join([*MONTHS, *sorted(_SHORT, key=len, reverse=True)])
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_SHORT_DAYS = {day[:3]: day for day in DAYS} | {
    "Tues": "Tuesday", "Thur": "Thursday", "Thurs": "Thursday", "Weds": "Wednesday",
}  # fmt: skip
_YEAR = r"(?:1[1-9]|20)\d\d"
_PLURALS = {ten: ten[:-1] + "ies" if ten.endswith("y") else ten + "s" for ten in TENS[1:]}

_ISO = re.compile(r"(?<![\d-])([12]\d{3})-([01]?\d)-([0-3]?\d)(?![\d-])(T(?=\d\d:))?")
_SLASHED = re.compile(r"(?<![\d/])([0-3]?\d)([/.])([0-3]?\d)\2((?:[12]\d)?\d\d)(?![\d/])")
_MONTH_DAY = re.compile(
    rf"\b({_MONTH})\b\.? ([0-3]?\d)(?:st|nd|rd|th)?\b(?![.,:/]\d)(?:(?=-)|(,? (?={_YEAR}\b))|)"
)
_DAY_MONTH = re.compile(
    rf"(?<![\d.,:/])([Tt]he )?([0-3]?\d)(st|nd|rd|th)?( of)? ({_MONTH})\b\.?(,? (?={_YEAR}\b))?"
)
_MONTH_YEAR = re.compile(rf"\b({_MONTH})\b\.?,? ({_YEAR})\b")
_SHORT_MONTH = re.compile(r"\b(Jan|Feb|Aug|Sept|Sep|Oct|Nov|Dec)\.(?=,|\s+[^\s\d]|$)")
_SHORT_DAY_NAMES = "|".join(sorted(_SHORT_DAYS, key=len, reverse=True))
_SHORT_DAY = re.compile(rf"\b({_SHORT_DAY_NAMES})\.(?=,|\s+(?:[a-z\d]|(?:{_MONTH})\b))")
_ANY_DAY = "|".join([*DAYS, _SHORT_DAY_NAMES])
_DAY_RANGE = re.compile(rf"\b({_ANY_DAY})\.? ?[-–] ?({_ANY_DAY})\b\.?")
_DECADE = re.compile(r"(?<![\d.,$£€])(?:'|\b)((?:1\d|20)?\d0)'?s\b")
_SHORT_YEAR = re.compile(r"(?<!\w)'(\d\d)\b(?!['\d])")
_ERA = re.compile(r"\b(\d{1,4}) ?(BCE?|CE|AD|B\.C\.(?:E\.)?|A\.D\.|C\.E\.)(?=\W|$)")
_ANNO = re.compile(r"\b(AD|A\.D\.) ?(\d{1,4})\b")
_LONE_YEAR = re.compile(r"(?<![\w.,:/$£€#+-])(1\d{3}|20\d\d)(?![\d:%/]|[.,]\d)((?: [a-z]+)?)")
_YEARS = re.compile(rf"(?<![\w.,$£€/-])({_YEAR}) ?[-–] ?({_YEAR}|\d\d)(?![\w-]|[.,]\d)")
_BEFORE_YEAR = re.compile(
    r"\b(?:in|since|by|from|of|until|till|during|before|after|around|circa|year|late|early|mid|"
    r"summer|winter|spring|fall|autumn|to)[ -]$",
    re.IGNORECASE,
)
_YEAR_WORD = re.compile(r"\b(?:in|since|year|until|around|circa) $")
_COUNTED = re.compile(r" (?:[a-z]+s|people|men|women|children|feet|percent|dollars|more|such)$")
_NOT_COUNTED = {" was", " is", " has", " his", " its", " this", " as", " us", " does", " elections",
                " games", " olympics", " finals", " sales", " earnings", " results"}  # fmt: skip


def year(digits: str, british: bool = False) -> str:
    """Say a year of one to four digits.

    Example:
        >>> year("1984"), year("2007"), year("1905"), year("2021")
        ('nineteen eighty-four', 'two thousand seven', 'nineteen oh five', 'twenty twenty-one')
    """
    value = int(digits)
    if value < 1000 or value % 1000 < 10:
        return cardinal(str(value), british)
    century, rest = divmod(value, 100)
    first = cardinal(str(century))
    if not rest:
        return f"{first} hundred"
    return f"{first} oh {ONES[rest]}" if rest < 10 else f"{first} {cardinal(str(rest))}"


def say_dates(text: str, british: bool) -> str:
    """Write out dates, decades and what is certainly a year."""
    text = _ISO.sub(lambda m: _numeric(m[0], m[2], m[3], m[1], british) + " " * bool(m[4]), text)
    text = _SLASHED.sub(lambda m: _slashed(m, british), text)
    text = _DAY_MONTH.sub(lambda m: _day_month(m, british), text)
    text = _MONTH_DAY.sub(lambda m: _month_day(m, british), text)
    text = _MONTH_YEAR.sub(lambda m: f"{_month(m[1])} {year(m[2], british)}", text)
    text = _ERA.sub(lambda m: f"{year(m[1], british)} {_letters(m)}", text)
    text = _ANNO.sub(lambda m: f"A D {year(m[2], british)}", text)
    text = _DECADE.sub(_decade, text)
    text = _SHORT_YEAR.sub(lambda m: _two_digits(m[1]), text)
    text = _YEARS.sub(lambda m: f"{year(m[1], british)} to {_end_year(m[2], british)}", text)
    return _LONE_YEAR.sub(lambda m: _lone_year(m, british), text)


def say_days_and_months(text: str) -> str:
    """Write out "Mon." and "Jan." where no number is needed to know them.

    Example:
        >>> say_days_and_months("on Mon., in Jan. or so")
        'on Monday, in January or so'
    """
    text = _SHORT_MONTH.sub(lambda m: _month(m[1]), text)
    text = _DAY_RANGE.sub(lambda m: f"{_day(m[1])} to {_day(m[2])}", text)
    return _SHORT_DAY.sub(lambda m: _SHORT_DAYS[m[1]], text)


def _day(name: str) -> str:
    return _SHORT_DAYS.get(name, name)


def _letters(match: re.Match[str]) -> str:
    ends = match[2].endswith(".") and match.end() == len(match.string)
    return " ".join(match[2].replace(".", "")) + "." * ends


def _month(name: str) -> str:
    return _SHORT.get(name, name)


def _slashed(match: re.Match[str], british: bool) -> str:
    first, separator, second, number = match.groups()
    day_first = british or separator == "." or int(first) > 12
    day, month = (first, second) if day_first else (second, first)
    return _numeric(match[0], month, day, number, british)


def _numeric(whole: str, month: str, day: str, number: str, british: bool) -> str:
    if not 1 <= int(month) <= 12 or not 1 <= int(day) <= 31:
        return whole
    if len(number) == 2:
        number = ("20" if int(number) < 50 else "19") + number
    return f"{_said(MONTHS[int(month) - 1], day, british)}, {year(number, british)}"


def _said(month: str, day: str, british: bool) -> str:
    return f"the {ordinal(day)} of {month}" if british else f"{month} {ordinal(day)}"


def _month_day(match: re.Match[str], british: bool) -> str:
    if not 1 <= int(match[2]) <= 31:
        return match[0]
    return f"{_month(match[1])} {ordinal(match[2])}{', ' if match[3] else ''}"


def _day_month(match: re.Match[str], british: bool) -> str:
    the, day, _, _, month, comma = match.groups()
    if not 1 <= int(day) <= 31:
        return match[0]
    return f"{the or 'the '}{ordinal(day)} of {_month(month)}{', ' if comma else ''}"


def _decade(match: re.Match[str]) -> str:
    digits = match[1]
    if len(digits) == 4 and digits[2:] == "00":
        return f"{year(digits)}s"
    tens = int(digits[-2:]) // 10
    if not tens:
        return match[0]
    century = f"{cardinal(digits[:2])} " if len(digits) == 4 else ""
    return century + _PLURALS[TENS[tens]]


def _two_digits(digits: str) -> str:
    return f"oh {ONES[int(digits)]}" if digits[0] == "0" else cardinal(digits)


def _end_year(digits: str, british: bool) -> str:
    return year(digits, british) if len(digits) == 4 else _two_digits(digits)


def _lone_year(match: re.Match[str], british: bool) -> str:
    after = match[2]
    before = match.string[max(0, match.start() - 10) : match.start()]
    counted = _COUNTED.search(after) and after not in _NOT_COUNTED
    if match[1].startswith("10") and not _YEAR_WORD.search(before):
        return match[0]
    if counted and not _BEFORE_YEAR.search(before):
        return match[0]
    return year(match[1], british) + after
