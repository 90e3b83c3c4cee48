"""Abbreviations, initials and acronyms."""

from __future__ import annotations

import re

_TITLES = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Messrs": "Messieurs", "Prof": "Professor",
    "Rev": "Reverend", "Fr": "Father", "Gen": "General", "Col": "Colonel", "Maj": "Major",
    "Capt": "Captain", "Cpt": "Captain", "Lt": "Lieutenant", "Sgt": "Sergeant", "Cpl": "Corporal",
    "Cmdr": "Commander", "Adm": "Admiral", "Sen": "Senator", "Rep": "Representative",
    "Gov": "Governor", "Pres": "President", "Hon": "Honorable", "Supt": "Superintendent",
    "Mt": "Mount", "Ft": "Fort",
}  # fmt: skip
_PLAIN_TITLES = ("Mr", "Mrs", "Ms", "Dr", "Prof")
# Met with their period only; the period stays where it also ends the sentence.
_SHORT = {
    "etc": "et cetera", "e.g": "for example", "E.g": "For example",
    "i.e": "that is", "I.e": "That is", "vs": "versus", "viz": "namely",
    "cf": "compare", "al": "al", "approx": "approximately", "dept": "department",
    "Dept": "Department", "est": "established", "Est": "Established", "govt": "government",
    "Govt": "Government", "Inc": "Incorporated", "Ltd": "Limited", "Corp": "Corporation",
    "Co": "Company", "Bros": "Brothers", "Assn": "Association", "Univ": "University",
    "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Ln": "Lane", "Hwy": "Highway",
    "Pkwy": "Parkway", "Jr": "Junior", "Sr": "Senior", "Esq": "Esquire", "misc": "miscellaneous",
    "max": "maximum", "avg": "average", "Tel": "telephone", "tel": "telephone",
    "ext": "extension", "Ext": "extension", "a.k.a": "A K A", "incl": "including",
    "Intl": "International", "Natl": "National", "Apt": "apartment", "Mfg": "Manufacturing",
    "Ph.D": "P H D",
}  # fmt: skip
# Met only before a number.
_COUNTING = {
    "No": "number", "no": "number", "Nos": "numbers", "nos": "numbers", "p": "page", "pp": "pages",
    "vol": "volume", "Vol": "Volume", "ch": "chapter", "Ch": "Chapter", "fig": "figure",
    "Fig": "Figure", "figs": "figures", "Figs": "Figures", "sec": "section", "Sec": "Section",
    "eq": "equation", "Eq": "Equation", "art": "article", "Art": "Article", "ca": "circa",
    "c": "circa", "pt": "part", "Pt": "Part", "v": "version",
}  # fmt: skip
_ACRONYM_WORDS = frozenset(
    "NASA NATO UNESCO UNICEF OPEC AIDS SARS NAFTA ASEAN FIFA UEFA LASER RADAR SCUBA COVID PIN GIF "
    "JPEG RAM ROM LAN WAN SIM ZIP BASIC FEMA HIPAA IKEA LEGO SWAT NIMBY YOLO FOMO OSHA NOAA "
    "SONAR TASER DOS JSON YAML AWOL SALT START INTERPOL OXFAM MIDI CAD LED".split()
) - {"LED", "CAD"}
_CAPITAL_WORDS = frozenset(
    "A I O AN AS AT BE BY DO GO HE IF IN IS ME MY NO OF OH ON OR SO TO UP WE AND ARE BUT CAN DID "
    "FOR GET GOT HAD HAS HER HIM HIS HOW ITS LET MAY NEW NOT NOW OFF OLD ONE OUR OUT OWN SAY SEE "
    "SHE THE TOO TWO USE WAS WAY WHO WHY YES YET YOU ALL ANY BIG DAY END FAR FEW MAN MEN RED RUN "
    "SET TEN TOP TRY WIN BAD BOY CAR EAT EGG GUN HOT JOB KEY LOT MOM DAD PUT SIT SIX SUN TEA WAR "
    "STOP HELP HELLO".split()
)
_SENTENCE_STARTS = (
    "The|A|An|He|She|It|They|We|I|You|This|That|These|Those|There|But|And|In|On|At|His|Her|Its|"
    "Their|Our|My|What|When|Where|Why|Who|How|If|For|As|So|Then|However|Now|Not|No|Yes"
)
SENTENCE_ENDS = re.compile(rf"(?=\s*$|\s*[\"')]+(?:\s|$)|\s+(?:{_SENTENCE_STARTS})\b)")

_TITLE = re.compile(rf"\b({'|'.join(_TITLES)})\.(?=\s+(?:[A-Z\"']|and\s|&))")
_PLAIN_TITLE = re.compile(rf"\b({'|'.join(_PLAIN_TITLES)})(?=\s+[A-Z][a-z])")
_SAINT = re.compile(r"\bSt\.?(?='?s?\s+[A-Z][a-z])")
_STREET = re.compile(r"(?<=\w )\bSt\.?(?![\w'])")
_DOCTOR = re.compile(r"\bDr\.(?=\s+[A-Z])")
_DRIVE = re.compile(r"(?<=[a-z] )Dr\.?(?=\s*(?:$|[,;:]|\s[a-z]))")
_NAME_BEFORE = re.compile(r"(?:\b[A-Z][a-z]+|\d(?:st|nd|rd|th)|[a-z]+(?:st|nd|rd|th))\s$")
_NOT_NAMES = re.compile(
    rf"\b(?:{_SENTENCE_STARTS}|From|To|By|With|Of|After|Before|Near|Visit|Saint|Mister|"
    rf"Doctor|Since|Was|Is)\s$"
)
_PERIOD = re.compile(
    r"(?<![\w.])(" + "|".join(re.escape(s) for s in sorted(_SHORT, key=len, reverse=True))
    + r")\.(?!\w)"
)  # fmt: skip
_AGAINST = re.compile(r"\b([A-Z][\w']{0,40}) v\.? (?=[A-Z])")
_BARE = {"vs": "versus", "etc": "et cetera", "w/o": "without", "w/": "with", "eg": "for example",
         "ie": "that is"}  # fmt: skip
_BARE_RE = re.compile(r"(?<![\w./'])(vs|etc|w/o|w/(?=\s))(?![\w.'/])")
_COUNT = re.compile(rf"(?<![\w.])({'|'.join(_COUNTING)})\. ?(?=[\d#])")
_COUNT_BARE = re.compile(r"(?<!\w)(v|p|pp)(?=\d)")
_INITIALS = re.compile(
    r"(?<![\w.'])(?:(?:[A-Z]\.[ -]?){0,11}[A-Z]\.(?=$|[^A-Za-z])|(?:[A-Za-z]\.){2,12}(?![A-Za-z]))"
)
_ACRONYM = re.compile(r"(?<![A-Za-z])([A-Z]{2,6})('s|s)?(?![A-Za-z])")
_LETTER_PAIR = re.compile(r"(?<=\b[A-Z])-(?=[A-Z]\b)")
_AMPERSAND = re.compile(r"\b([A-Z])&([A-Z])\b")
_VOWEL = re.compile(r"[AEIOUY]")
_MIXED = {"PhD": "P H D", "OK": "okay", "Wi-Fi": "Wi-Fi", "TV": "T V"}


def say_abbreviations(text: str) -> str:
    """Write out abbreviations; "St." and "Dr." by where they stand.

    Example:
        >>> say_abbreviations("Dr. Jones of St. Mary lives on Elm St. etc.")
        'Doctor Jones of Saint Mary lives on Elm Street et cetera.'
    """
    text = _STREET.sub(_street, text)
    text = _SAINT.sub("Saint", text)
    text = _DRIVE.sub(_drive, text)
    text = _DOCTOR.sub("Doctor", text)
    text = _TITLE.sub(lambda m: _TITLES[m[1]], text)
    text = _PLAIN_TITLE.sub(lambda m: (_TITLES | {"Dr": "Doctor"})[m[1]], text)
    text = _COUNT.sub(lambda m: _COUNTING[m[1]] + " ", text)
    text = _COUNT_BARE.sub(lambda m: _COUNTING[m[1]] + " ", text)
    text = _AGAINST.sub(r"\1 versus ", text)
    return _PERIOD.sub(lambda m: _SHORT[m[1]] + _stop(m), text)


def say_bare_abbreviations(text: str) -> str:
    """Write out the few abbreviations that go without a period.

    Example:
        >>> say_bare_abbreviations("cats vs dogs")
        'cats versus dogs'
    """
    return _BARE_RE.sub(lambda m: _BARE[m[1]], text)


def _stop(match: re.Match[str]) -> str:
    """The period again where it also ends the sentence."""
    return "." if SENTENCE_ENDS.match(match.string, match.end()) else ""


def _street(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 30) : match.start()]
    if not _NAME_BEFORE.search(before) or _NOT_NAMES.search(before):
        return match[0]
    return "Street" + (_stop(match) if match[0].endswith(".") else "")


def _drive(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 30) : match.start()]
    if not _NAME_BEFORE.search(before) or _NOT_NAMES.search(before):
        return match[0]
    return "Drive" + (_stop(match) if match[0].endswith(".") else "")


def say_initials(text: str) -> str:
    """Take the periods out of initials, and spell acronyms.

    Example:
        >>> say_initials("J. R. R. Tolkien and the FBI's NASA file")
        "J R R Tolkien and the F B I's NASA file"
    """
    text = _INITIALS.sub(_initials, text)
    text = re.sub(r"\b(PhD|OK)\b", lambda m: _MIXED[m[1]], text)
    text = _AMPERSAND.sub(r"\1 and \2", text)
    shouting = _is_shouting(text)
    text = _ACRONYM.sub(lambda m: _acronym(m, shouting), text)
    return _LETTER_PAIR.sub(" ", text)


def _initials(match: re.Match[str]) -> str:
    letters = re.findall(r"[A-Za-z]", match[0])
    if len(letters) == 1 and _ends_sentence(match):
        return match[0]
    return " ".join(letters).upper() + (_stop(match) if len(letters) > 1 else "")


def _ends_sentence(match: re.Match[str]) -> bool:
    """Whether a single letter and its period close a sentence: "Take vitamin A. Then rest"."""
    if match.end() == len(match.string):
        return True
    before = match.string[max(0, match.start() - 20) : match.start()]
    if not before.strip():
        return False
    if re.search(r"(?<![A-Za-z])[A-Z] $", before):
        return True
    names = r"(?:\b[A-Z]\w*\W+|\b(?:by|and|with|from|to|of|for|as|that|when|the)\s+|[,;:(\"]\s*)$"
    return not re.search(names, before)


def _is_shouting(text: str) -> bool:
    """Whether whole sentences stand in capitals, where they say nothing about acronyms."""
    words = re.findall(r"[A-Za-z]{2,}", text[:2000])
    return len(words) > 2 and sum(word.isupper() for word in words) > 0.6 * len(words)


def _acronym(match: re.Match[str], shouting: bool) -> str:
    letters, ending = match[1], match[2] or ""
    speakable = _VOWEL.search(letters) is not None
    is_word = letters in _CAPITAL_WORDS or letters in _ACRONYM_WORDS
    if is_word or (speakable and (shouting or len(letters) > 3)):
        return match[0]
    return " ".join(letters) + ("'s" if ending else "")
