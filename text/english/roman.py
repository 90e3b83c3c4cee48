"""Roman numerals after names: Henry VIII, Chapter IV, World War II."""

from __future__ import annotations

import re

from text.english.numbers import cardinal, ordinal

_RULERS = (
    "Henry Louis Charles George Edward James William Richard John Philip Elizabeth Mary Anne "
    "Catherine Peter Alexander Nicholas Paul Pius Benedict Gregory Leo Clement Innocent Urban "
    "Napoleon Frederick Wilhelm Friedrich Ferdinand Francis Franz Joseph Leopold Otto Rudolf "
    "Maximilian Alfonso Alphonse Juan Carlos Felipe Umberto Victor Emmanuel Vittorio Emanuele "
    "Gustav Gustaf Christian Haakon Olaf Harald Margrethe Beatrix Albert Baudouin Constantine "
    "Ptolemy Ramses Rameses Ramesses Darius Xerxes Cyrus Artaxerxes Cleopatra Antiochus Philippe "
    "Robert Stephen Malcolm David Ivan Boris Selim Mehmed Murad Suleiman Casimir Sigismund Pedro "
    "Manuel Afonso Sancho Theodore Tiberius Boniface Celestine Sixtus Julius Eugene Honorius "
    "Adrian Martin Marcellus Callixtus Isabella Isabel Amenhotep Thutmose Seti Menelik Rama"
).split()
_NUMBERED = (
    "Chapter Part Book Volume Vol Act Scene Section Article Title Appendix Figure Table Unit "
    "Episode Season Phase Type Class Grade Level Mark Stage Group Division Category Schedule "
    "Exhibit Lesson Module Step Band Factor War Bowl Rocky Rambo Godfather Wars Trek Fantasy "
    "Apollo Gemini Saturn Vatican Symphony Sonata Canto Psalm Page Verse Corps Army Legion Form"
).split()
_NUMERAL = r"[IVXLC]{1,9}"
_AFTER = re.compile(
    rf"(?<!question )(?<!exclamation )\b([A-Za-z][a-z]+)\.? ({_NUMERAL})\b"
    r"(?!['.](?! |$|\n)\w)(?! [A-Z]\b)(?!-[A-Za-z])"
)
_CENTURY = re.compile(rf"\b({_NUMERAL})(?:th|st|nd|rd)? (?=[Cc]entur)")
_VALID = re.compile(r"(?=.)C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
# Numerals that are more often something else when no name or title asks for one.
_DOUBTFUL = frozenset(("I", "V", "X", "L", "C", "CC", "CI", "CL", "CV", "CX", "IC", "IL", "LI",
                       "LX", "XL", "XX", "XXX", "CCC"))  # fmt: skip
_RULER_SET, _NUMBERED_SET = frozenset(_RULERS), frozenset(_NUMBERED)


def roman_value(numeral: str) -> int | None:
    """Return the value of a well-formed numeral up to 399, else None.

    Example:
        >>> roman_value("XIV"), roman_value("IIX")
        (14, None)
    """
    if not _VALID.fullmatch(numeral):
        return None
    values = [_VALUES[letter] for letter in numeral]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < following else value for value, following in pairs)


def say_roman(text: str) -> str:
    """Write out Roman numerals that follow a name or a title, or stand before "century".

    Example:
        >>> say_roman("Henry VIII in Chapter IV of World War II")
        'Henry the eighth in Chapter four of World War two'
    """
    text = _CENTURY.sub(_century, text)
    return _AFTER.sub(_after_name, text)


def _century(match: re.Match[str]) -> str:
    value = roman_value(match[1])
    return f"{ordinal(str(value))} " if value else match[0]


def _after_name(match: re.Match[str]) -> str:
    name, numeral = match[1], match[2]
    value = roman_value(numeral)
    if value is None:
        return match[0]
    if name in _RULER_SET and (numeral not in _DOUBTFUL or _reigns(match)):
        return f"{name} the {ordinal(str(value))}"
    if name.title() in _NUMBERED_SET and (name[0].isupper() or numeral != "I"):
        return f"{name} {cardinal(str(value))}"
    if numeral in _DOUBTFUL or name[0].islower():
        return match[0]
    return f"{name} {cardinal(str(value))}"


def _reigns(match: re.Match[str]) -> bool:
    """Whether "I" after a name is a number: "Elizabeth I was", but not "George I think"."""
    if match[2] != "I":
        return True
    return bool(re.match(r"[,.;:')]|$| (?:of|was|is|had|and|in|on|ruled|reigned|died|became)\b",
                         match.string[match.end() : match.end() + 12]))  # fmt: skip
