"""Sums of money."""

from __future__ import annotations

import re

from text.english.numbers import NUMBER, decimal, is_one

# Symbol: (one, many, one hundredth, hundredths).
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "US$": ("US dollar", "US dollars", "cent", "cents"),
    "A$": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "C$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "CA$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "NZ$": ("New Zealand dollar", "New Zealand dollars", "cent", "cents"),
    "HK$": ("Hong Kong dollar", "Hong Kong dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₽": ("ruble", "rubles", "kopeck", "kopecks"),
    "₩": ("won", "won", "jeon", "jeon"),
    "₿": ("bitcoin", "bitcoins", "satoshi", "satoshis"),
}
_CODES = {
    "USD": "US$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "AUD": "A$", "CAD": "C$",
}  # fmt: skip
_SCALES = {
    "k": "thousand", "m": "million", "mn": "million", "mm": "million", "b": "billion",
    "bn": "billion", "t": "trillion", "tn": "trillion", "trn": "trillion",
}  # fmt: skip
_SCALE_WORDS = "hundred|thousand|million|billion|trillion"
_SYMBOL = "|".join(re.escape(s) for s in sorted(_CURRENCIES, key=len, reverse=True))
_AMOUNT = rf"({NUMBER})(\.\d+)?"
_SCALE = rf"(?:\s?({_SCALE_WORDS})\b|\s?(bn|mn|mm|trn|tn|[kKmMbBT])\b)?"

_RANGE = re.compile(rf"(?<!\w)({_SYMBOL}) ?{_AMOUNT}\s?[-–]\s?(?:\1)?{_AMOUNT}{_SCALE}(?![\d-])")
_BEFORE = re.compile(rf"(?<!\w)(-)?({_SYMBOL}) ?(-)?{_AMOUNT}{_SCALE}(?!\d)")
_BARE_POINT = re.compile(rf"(?<!\w)({_SYMBOL})(\.\d\d)(?!\d)")
_AFTER = re.compile(rf"(?<![\d.,]){_AMOUNT}{_SCALE} ?([$£€¥₹₽₩₿])(?![\d\w])")
_CODE_AFTER = re.compile(rf"(?<![\d.,]){_AMOUNT}{_SCALE} ?({'|'.join(_CODES)})\b")
_CODE_BEFORE = re.compile(rf"\b({'|'.join(_CODES)}) ?{_AMOUNT}{_SCALE}(?!\d)")
_CENTS = re.compile(rf"(?<![\d.,])({NUMBER})(\.\d+)? ?¢|¢ ?({NUMBER})(\.\d+)?")
_PER = re.compile(
    r"(?<=s|n|o) ?/ ?(?=(?:hour|hr|day|week|month|year|person|head|share|kg|lb|gallon|barrel|ton|"
    r"mile|night|unit|piece|user)\b)"
)
_PENCE = re.compile(r"(?<![\d.,:])(\d{1,2})p\b")


def say_money(text: str, british: bool) -> str:
    """Write out sums of money in the order they are said.

    Example:
        >>> say_money("$3.50 and £2m", False)
        'three dollars and fifty cents and two million pounds'
    """
    text = _RANGE.sub(lambda m: _range(m, british), text)
    text = _BEFORE.sub(
        lambda m: (
            ("minus " if m[1] or m[3] else "")
            + _singular(m, _sum(m[2], m[4], m[5], m[6] or m[7], british))
        ),
        text,
    )
    text = _BARE_POINT.sub(lambda m: _sum(m[1], "0", m[2], None, british), text)
    text = _CODE_AFTER.sub(lambda m: _sum(_CODES[m[5]], m[1], m[2], m[3] or m[4], british), text)
    text = _CODE_BEFORE.sub(lambda m: _sum(_CODES[m[1]], m[2], m[3], m[4] or m[5], british), text)
    text = _AFTER.sub(lambda m: _sum(m[5], m[1], m[2], m[3] or m[4], british), text)
    text = _CENTS.sub(lambda m: _cents(m, british), text)
    text = _PER.sub(" per ", text)
    if british:
        return _PENCE.sub(lambda m: _count(m[1], "", "penny", "pence", british), text)
    return text


def _sum(symbol: str, whole: str, rest: str | None, scale: str | None, british: bool) -> str:
    one, many, hundredth, hundredths = _CURRENCIES[symbol]
    rest = rest or ""
    if scale:
        scale = _SCALES.get(scale.lower(), scale)
        return f"{decimal(whole + rest, british)} {scale} {many}"
    if len(rest) != 3:
        return _count(whole, rest, one, many, british)
    small = _count(rest[1:].lstrip("0") or "0", "", hundredth, hundredths, british)
    if rest == ".00":
        return _count(whole, "", one, many, british)
    if not whole.strip("0,"):
        return small
    return f"{_count(whole, '', one, many, british)} and {small}"


def _count(whole: str, rest: str, one: str, many: str, british: bool) -> str:
    return f"{decimal(whole + rest, british)} {one if is_one(whole) and not rest else many}"


def _singular(match: re.Match[str], said: str) -> str:
    """Drop the plural in "a $5 million house"."""
    before = match.string[max(0, match.start() - 3) : match.start()]
    after = re.match(" [a-z]", match.string[match.end() : match.end() + 2])
    many = said[-1] == "s" and after and re.search(r"(?:^|\W)[Aa]n? $", before)
    return said[:-1] if many else said


def _range(match: re.Match[str], british: bool) -> str:
    symbol, low, low_rest, high, high_rest, word, letter = match.groups()
    end = _sum(symbol, high, high_rest, word or letter, british)
    if (low_rest and len(low_rest) == 3) or (high_rest and len(high_rest) == 3):
        return f"{_sum(symbol, low, low_rest, None, british)} to {end}"
    return f"{decimal(low + (low_rest or ''), british)} to {end}"


def _cents(match: re.Match[str], british: bool) -> str:
    whole, rest = match[1] or match[3], match[2] or match[4] or ""
    return _count(whole, rest, "cent", "cents", british)


def say_currency_signs(text: str) -> str:
    """Name currency signs that stand without a sum."""
    return re.sub(_SYMBOL, lambda m: f" {_CURRENCIES[m[0]][0]} ", text)
