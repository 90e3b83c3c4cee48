"""Any Unicode string to the characters the rules of a language expect, and its marks in order."""

from __future__ import annotations

import re
import unicodedata

from text.tokens import MARKS

NAMED_AT_MOST = 5
MARKS_A_LETTER = 6

_FOLDED = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "ʹ": "'", "ʼ": "'", "`": "'", "´": "'",
        "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"', "«": '"', "»": '"', "‹": "'", "›": "'",
        "‐": "-", "‑": "-", "‒": "–", "−": "-", "―": "—", "⁃": "-", "﹣": "-", "－": "-",
        "。": ". ", "、": ", ", "，": ", ", "！": "! ", "？": "? ", "：": ": ", "；": "; ",
        "．": ".", "؟": "?", "،": ",", "؛": ";", "۔": ".", "।": ".", "॥": ".", "։": ".", "።": ".",
        "፣": ",", "…": "...", "‥": "..", "⋯": "...", "・": " ", "•": ", ", "·": " ", "∙": " ",
        "‣": ", ", "▪": ", ", "●": ", ", "■": ", ", "\u00ad": "", "\u200b": "", "\ufeff": "",
        "\u2060": "", "\u2028": "\n", "\u2029": "\n", "™": " trademark ", "℠": "", "º": "°",
        "℃": "°C", "℉": "°F", "№": "No. ", "µ": "μ", "⁄": "/", "∕": "/", "〜": "~", "～": "~",
        "\u0640": "",
    }
)  # fmt: skip
_SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_SPOKEN_SIGNS = frozenset("&@#+=%/\\^<>*~°©®§×÷±≈≠≤≥√∞‰→∑∆¢$£€¥₹₽₩₿'\"-–—()[]{}|_")
_JOINERS = "\u200c\u200d"
_EMOJI_PARTS = frozenset("\u200c\u200d\u20e3\ufe0e\ufe0f")

_SPACE = re.compile(r"\s+")
_BRACKET = re.compile(r"\s*[()\[\]{}|]+\s*")
_DASH = re.compile(r"\s*(?:[—–]|--+)[\s—–-]*|\s+-+(?=\s|$)|^-+(?=\s)")
_LONE_HYPHEN = re.compile(r"(?<![^\W_])-+|-+(?![^\W_])|-{2,}")
_APOSTROPHE = re.compile(r"(?<![^\W_])'+(?!(?:tis|twas|em|til|cause|n|bout|round)\b)|'+(?![^\W_])")
_QUOTE = re.compile(r'["«»“”_]')
_DOTS = re.compile(r"[.…]*(?:\.\.|…)[.…]*|\.(?: \.){2,}")
_MARKS = re.compile(r"\s*(?!(?<=\d)[.,:](?=\d))([;:,.!?](?:[\s;:,.!?]*[;:,.!?])?)\s*")
_STRONGEST = "?!.;:,"


def clean(text: str) -> tuple[str, list[str]]:
    """Fold a text to plain characters.

    Quotes, dashes, ligatures, full-width forms, fractions and digits of all scripts become the
    common ones; white space becomes single spaces; emoji, control characters and what else has no
    sound are dropped.

    Args:
        text: Any string, lone surrogates and all.

    Returns:
        The text, and a note that names what was dropped, if anything was.
    """
    if text.isascii():
        plain, dropped = text, {c for c in text if (c < " " and not c.isspace()) or c == "\x7f"}
        for char in dropped:
            plain = plain.replace(char, "")
    else:
        folded = _SUPERSCRIPTS.sub(_superscript, _single_numbers(text.translate(_FOLDED)))
        whole = _few_marks(unicodedata.normalize("NFKC", _few_marks(folded)))
        plain, dropped = _drop(whole.translate(_FOLDED))
    return _SPACE.sub(" ", plain.replace("`", "'")).strip(), _notes(dropped)


def _superscript(match: re.Match[str]) -> str:
    return "^" + unicodedata.normalize("NFKC", match[0])


def _single_numbers(text: str) -> str:
    """Set fractions such as "½" apart from the digits before them."""
    found = {char for char in set(text) if unicodedata.category(char) == "No"}
    for char in found:
        plain = unicodedata.normalize("NFKC", char)
        if "\u2044" in plain:
            text = text.replace(char, f" {plain.replace(chr(0x2044), '/')} ")
    return text


def _few_marks(text: str) -> str:
    """Keep a few combining marks a letter, and none without a letter before them.

    Normalising a flood of them takes quadratic time.
    """
    if not any(map(_is_mark, set(text))):
        return text
    kept: list[str] = []
    run = MARKS_A_LETTER
    for char in text:
        if not _is_mark(char):
            run = 0 if char.isalpha() else MARKS_A_LETTER
            kept.append(char)
        elif run < MARKS_A_LETTER:
            run += 1
            kept.append(char)
    return "".join(kept)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M"


def _drop(text: str) -> tuple[str, set[str]]:
    dropped: set[str] = set()
    table: dict[int, str] = {}
    for char in set(text):
        if char.isascii():
            keep = (char >= " " and char != "\x7f") or char.isspace()
        else:
            keep = _speakable(char)
        if not keep:
            table[ord(char)] = _number(char) or (" " if char not in _EMOJI_PARTS else "")
            if not table[ord(char)].strip():
                dropped.add(char)
        elif unicodedata.category(char) == "Nd":
            table[ord(char)] = str(unicodedata.decimal(char))
    return text.translate(table), {char for char in dropped if char not in _EMOJI_PARTS}


def _speakable(char: str) -> bool:
    if char.isspace() or char in MARKS or char in _SPOKEN_SIGNS:
        return True
    return unicodedata.category(char)[0] in "LM" or unicodedata.category(char) == "Nd"


def _number(char: str) -> str:
    """The digits of a number of another script, such as the Etruscan or the Ethiopic ones."""
    value = unicodedata.numeric(char, None)
    whole = value is not None and value == int(value)
    return f" {int(value)} " if value is not None and whole else ""


def _notes(dropped: set[str]) -> list[str]:
    if not dropped:
        return []
    named = [
        f"U+{ord(char):04X} {unicodedata.name(char, 'without a name')}"
        for char in sorted(dropped)[:NAMED_AT_MOST]
    ]
    more = len(dropped) - len(named)
    rest = f" and {more} other" + ("s" if more > 1 else "") if more > 0 else ""
    return [f"left out what cannot be spoken: {', '.join(named)}{rest}"]


def tidy(text: str) -> str:
    """Keep words and the marks that shape how they are said.

    Brackets, dashes and ellipses become commas, quotes go, runs of marks become the strongest.

    Args:
        text: Text whose signs have been written out.

    Returns:
        Words separated by single spaces; marks follow their word directly.
    """
    text = _DOTS.sub(_pause, _SPACE.sub(" ", text))
    text = _SPACE.sub(" ", _QUOTE.sub(" ", text))
    text = _BRACKET.sub(", ", text)
    text = _DASH.sub(", ", text)
    text = _LONE_HYPHEN.sub(" ", text)
    text = _APOSTROPHE.sub("", text)
    text = _MARKS.sub(_strongest, text)
    return _SPACE.sub(" ", text).strip()


def trim(text: str) -> str:
    """Take off marks that stand before the first word, and commas after the last."""
    return text.lstrip(" ;:,.!?").rstrip(" ;:,")


def _pause(match: re.Match[str]) -> str:
    """An ellipsis ends the sentence before a capital, and is a comma in the middle of one."""
    following = match.string[match.end() : match.end() + 2].lstrip(" \"'")
    return ", " if following[:1].islower() else ". "


def _strongest(match: re.Match[str]) -> str:
    return next(mark for mark in _STRONGEST if mark in match[1]) + " "
