"""Times of day and telephone numbers."""

from __future__ import annotations

import re

from text.english.abbreviations import SENTENCE_ENDS
from text.english.numbers import ONES, cardinal, spell

_HALF = r"([AaPp])\.?\s?[Mm]\b\.?"
_CLOCK = re.compile(
    rf"(?<![\d:.])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:])(?:\s?{_HALF})?"
)
_DOTTED = re.compile(rf"(?<![\d:.])(1[0-2]|0?[1-9])\.([0-5]\d)\s?{_HALF}")
_HOUR = re.compile(rf"(?<![\d:.,])(1[0-2]|0?[1-9])\s?{_HALF}")
_OCLOCK = re.compile(r"(?<![\d:.,])(1[0-2]|[1-9]) ?o'clock\b")
_TO_TIME = re.compile(
    r"(?:(?<=\d)|(?<=[aApP][mM])|(?<=[mM]\.)|(?<=noon)|(?<=night)) ?[-–] ?"
    r"(?=\d{1,2}(?::[0-5]\d|\s?[aApP]\.?[mM]\b))"
)
_HALF_ALONE = re.compile(r"(?<=[a-z]) ([ap])\.\s?m\.", re.IGNORECASE)
_RATIO = re.compile(r"(?<![\d:.])(\d{1,6}):(\d{1,6})(?![\d:])")

_PHONE = re.compile(
    r"(?<![\w.,/-])(?:(\+\d{1,3}|1)[ .-]?)?"
    r"(?:\((\d{3})\) ?|(\d{3})[ .-])(\d{3})([ .-])(\d{4})(?![\w/-])(?!\.\d)"
)
_FOREIGN = re.compile(r"(?<![\w.,/-])\+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){2,6}(?![\w/])")
_LOCAL = re.compile(r"(?<![\w.,/-])(\d{3})-(\d{4})(?![\w/-])(?!\.\d)")
_EMERGENCY = re.compile(r"(?<![\w.,/$£€-])(911|999|112|411)(?![\w/%-]|[.,]\d)(?! [a-z]+s\b)")


def say_times(text: str) -> str:
    """Write out "3:45pm", "15:30", "3 p.m." and ratios such as "16:9"."""
    text = _TO_TIME.sub(" to ", text)
    text = _CLOCK.sub(lambda m: _clock(m, m[1], m[2], m[3], m[4]), text)
    text = _DOTTED.sub(lambda m: _clock(m, m[1], m[2], None, m[3]), text)
    text = _HOUR.sub(lambda m: f"{cardinal(m[1].lstrip('0'))} {_half(m, m[2])}", text)
    text = _OCLOCK.sub(lambda m: f"{cardinal(m[1])} o'clock", text)
    text = _HALF_ALONE.sub(lambda m: f" {_half(m, m[1])}", text)
    return _RATIO.sub(lambda m: f"{cardinal(m[1])} to {cardinal(m[2])}", text)


def _half(match: re.Match[str], letter: str) -> str:
    """Say "P M", and leave the period that also ends the sentence."""
    ends = match[0].endswith(".") and SENTENCE_ENDS.match(match.string, match.end())
    return f"{letter.upper()} M" + ("." if ends else "")


def _clock(
    match: re.Match[str], hour: str, minute: str, second: str | None, letter: str | None
) -> str:
    hours, minutes = int(hour), int(minute)
    tail = f" {_half(match, letter)}" if letter else ""
    if second is not None:
        return f"{cardinal(str(hours))} {_minutes(minutes)} and {_seconds(second)}{tail}"
    if minutes:
        return f"{cardinal(str(hours))} {_minutes(minutes)}{tail}"
    if letter:
        return cardinal(str(hours)) + tail
    if hours in (0, 24):
        return "midnight"
    return cardinal(str(hours)) + (" hundred" if hours > 12 else " o'clock")


def _minutes(minutes: int) -> str:
    return f"oh {ONES[minutes]}" if minutes < 10 else cardinal(str(minutes))


def _seconds(digits: str) -> str:
    count = int(digits)
    return f"{cardinal(str(count))} second{'' if count == 1 else 's'}"


def say_phone_numbers(text: str) -> str:
    """Say telephone numbers digit by digit, with a pause between groups."""
    text = _PHONE.sub(_phone, text)
    text = _FOREIGN.sub(lambda m: _groups(m[0]), text)
    text = _LOCAL.sub(lambda m: _groups(m[0]), text)
    return _EMERGENCY.sub(lambda m: spell(m[1]), text)


def _phone(match: re.Match[str]) -> str:
    country, bracketed, plain, exchange, _, line = match.groups()
    area = bracketed or plain
    return _groups(" ".join(part for part in (country, area, exchange, line) if part))


def _groups(text: str) -> str:
    plus = "plus " if text.startswith("+") else ""
    return plus + ", ".join(_group(group) for group in re.findall(r"\d+", text))


def _group(digits: str) -> str:
    if digits in ("800", "900"):
        return cardinal(digits)
    return spell(digits)
