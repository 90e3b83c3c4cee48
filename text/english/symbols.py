"""Signs that are said, ranges, and numbers tied to letters."""

from __future__ import annotations

import re

from text.english.numbers import NUMBER, decimal

_RANGE = re.compile(
    rf"(?<![\w.,/-])({NUMBER})(\.\d+)?(?:-| ?– ?)({NUMBER})(\.\d+)?(?=(?:st|nd|rd|th)\b|[^\w-]|$)"
)
_MINUS = re.compile(r"(?<=\d) [-–] (?=[\d.])")
_TO_ORDINAL = re.compile(r"(?<=\d)(st|nd|rd|th)[-–](?=\d{1,4}(?:st|nd|rd|th)\b)")
_DIVIDED = re.compile(r"(?<=[\d)]) (?:/|÷) (?=[\d(])")
_SCALED = re.compile(rf"(?<![\w.,])({NUMBER})(\.\d+)?(k|K|M|bn|B)\b(?!\.\w)")
_SCALES = {"k": "thousand", "K": "thousand", "M": "million", "bn": "billion", "B": "billion"}
_EXPONENT = re.compile(r"(?<=\d)[eE]([+-]?)(?=\d{1,4}\b)")
_PLUS_PLUS = re.compile(r"(?<=[A-Za-z])\+\+(?!\+)")
_SHARP = re.compile(r"(?<=\b[CF])#(?!\w)")
_POWER = re.compile(r"\^\s?([23])(?![\d.])")
_NUMBER_SIGN = re.compile(r"#(?= ?\d)")
_TIMES = re.compile(r"(?<=\d) ?[*×·] ?(?=[\d(])")
_ABOUT = re.compile(r"(?<![\w~])~ ?(?=[\d$£€])")
_LESS = re.compile(r"<(?= ?[\d$£€.])")
_MORE = re.compile(r">(?= ?[\d$£€.])")
# A run of these is a line or an ornament, not something to read out.
_ORNAMENT = re.compile(r"([*=~#+<>^_/\\|])(?: ?\1)+")
_DOT = re.compile(r"(?<=[A-Za-z\d])\.(?=[a-z]{2})")
_EMPHASIS = re.compile(r"(?<!\w)[*_]+(?=\w)|(?<=[\w.,!?])[*_]+(?!\w)")
_SAID = {
    "&": "and", "@": "at", "#": "hash", "+": "plus", "=": "equals", "%": "percent",
    "/": "slash", "\\": "backslash", "^": "to the power of", "<": "less than",
    ">": "greater than", "*": "asterisk", "~": "tilde", "°": "degrees", "©": "copyright",
    "®": "registered trademark", "§": "section", "×": "times", "÷": "divided by",
    "±": "plus or minus", "≈": "approximately", "≠": "is not equal to",
    "≤": "less than or equal to", "≥": "greater than or equal to", "√": "the square root of",
    "∞": "infinity", "‰": "per mille", "→": "to", "∑": "the sum of", "∆": "delta",
    "¢": "cents",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi",
    "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "χ": "chi", "ψ": "psi",
    "ω": "omega", "Γ": "gamma", "Δ": "delta", "Θ": "theta", "Λ": "lambda", "Π": "pi",
    "Σ": "sigma", "Φ": "phi", "Ψ": "psi", "Ω": "omega",
}  # fmt: skip
_SIGN = re.compile("[" + re.escape("".join(s for s in _SAID if not s.isalpha())) + "]")
_GREEK = re.compile(
    "(?<![^\\W\\d_])[" + "".join(s for s in _SAID if s.isalpha()) + "](?![^\\W\\d_])"
)


def say_ranges(text: str, british: bool) -> str:
    """Write out "3-5" and "3 – 5" as "three to five", "5 - 3" as a subtraction.

    Example:
        >>> say_ranges("pages 3-5", False)
        'pages three to five'
    """
    text = _RANGE.sub(lambda m: _range(m, british), text)
    text = _TO_ORDINAL.sub(r"\1 to ", text)
    return _MINUS.sub(" minus ", text)


def say_scales(text: str, british: bool) -> str:
    """Write out "100k", "5M" and "1e-5".

    Example:
        >>> say_scales("100k", False)
        'one hundred thousand'
    """
    text = _SCALED.sub(lambda m: _scaled(m, british), text)
    return _EXPONENT.sub(lambda m: " times ten to the " + "minus " * (m[1] == "-"), text)


def _scaled(match: re.Match[str], british: bool) -> str:
    whole, rest, letter = match.groups()
    # "4K" is a screen, "221B" a door.
    if (letter == "K" and len(whole) < 2) or (letter == "B" and not rest):
        return match[0]
    return f"{decimal(whole + (rest or ''), british)} {_SCALES[letter]}"


def _range(match: re.Match[str], british: bool) -> str:
    low, low_rest, high, high_rest = match.groups()
    ordinal_follows = re.match(r"(?:st|nd|rd|th)\b", match.string[match.end() : match.end() + 3])
    end = high if ordinal_follows else decimal(high + (high_rest or ""), british)
    return f"{decimal(low + (low_rest or ''), british)} to {end}"


def say_symbols(text: str) -> str:
    """Name signs such as "&" and "±"; ornaments and emphasis marks are left out.

    Example:
        >>> say_symbols("salt & pepper, *really*").split()
        ['salt', 'and', 'pepper,', 'really']
    """
    text = _NUMBER_SIGN.sub("number ", text)
    text = _PLUS_PLUS.sub(" plus plus ", text)
    text = _SHARP.sub(" sharp ", text)
    text = _DIVIDED.sub(" divided by ", text)
    text = _POWER.sub(lambda m: " squared " if m[1] == "2" else " cubed ", text)
    text = _TIMES.sub(" times ", text)
    text = _ABOUT.sub("about ", text)
    text = _LESS.sub(" less than ", text)
    text = _MORE.sub(" more than ", text)
    text = _ORNAMENT.sub(" ", text)
    text = _EMPHASIS.sub("", text)
    text = _DOT.sub(" dot ", text)
    text = re.sub(r"\band/or\b", "and or", text)
    text = _SIGN.sub(lambda m: f" {_SAID[m[0]]} ", text)
    return _GREEK.sub(lambda m: f" {_SAID[m[0]]} ", text)
