"""Addresses of the web and of e-mail, tags and handles."""

from __future__ import annotations

import re

from text.english.numbers import cardinal, spell

_TOP = (
    "com|org|net|edu|gov|mil|int|info|biz|io|co|uk|us|de|fr|es|it|nl|ch|at|be|se|no|dk|fi|pl|ru|"
    "jp|cn|in|au|ca|br|mx|eu|tv|me|ai|app|dev|fm|ly|xyz|online|site|blog|news|museum"
)
_HOST = rf"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,62}})\.){{1,8}}(?:{_TOP})\b(?!\.[A-Za-z])"
_PATH = r"(?:[/?#][^\s<>\"'(),;!|\]\[{}]{0,400})?"
_URL = re.compile(
    rf"(?<![\w@])(?:(?:https?|ftp)://(?:[^\s<>\"'(),;!|\]\[{{}}]{{1,400}})|(?:www\.)?{_HOST}{_PATH})",
    re.IGNORECASE,
)
_EMAIL = re.compile(
    rf"(?<![\w.])(?:mailto:)?([A-Za-z0-9._%+-]{{1,64}})@({_HOST}|localhost)", re.IGNORECASE
)
_HANDLE = re.compile(r"(?<![\w@/.])@([A-Za-z_]\w{1,40})")
_TAG = re.compile(r"(?<![\w#&/])#([A-Za-z]\w{1,60})")
_SIGNS = {
    ".": "dot", "@": "at", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "?":
    "question mark", "=": "equals", "&": "and", "%": "percent", "+": "plus", "#": "hash",
    "~": "tilde", "*": "star",
}  # fmt: skip
_SPELLED = frozenset(
    "www uk us de fr tv io ai edu eu html htm php pdf http https ftp nl ch jp cn au ru fm xml css "
    "js id api faq jpg png gif mp ly".split()
) - {"de"}
_VOWEL = re.compile("[aeiouy]", re.IGNORECASE)
_PART = re.compile(r"[A-Za-z]+|[0-9]+|.")


def say_addresses(text: str) -> str:
    """Write out e-mail and web addresses, "@handle" and "#tag".

    Example:
        >>> say_addresses("See www.x.org").split()
        ['See', 'W', 'W', 'W', 'dot', 'X', 'dot', 'org']
    """
    text = _EMAIL.sub(lambda m: f" {_say(m[1])} at {_say(m[2])} ", text)
    text = _URL.sub(_url, text)
    text = _HANDLE.sub(lambda m: f"at {_words(m[1])}", text)
    return _TAG.sub(lambda m: f"hashtag {_words(m[1])}", text)


def _url(match: re.Match[str]) -> str:
    address = re.sub(r"^(?:https?|ftp)://", "", match[0], flags=re.IGNORECASE)
    kept = address.rstrip(".:?*_~")
    ending = address[len(kept) :]
    said = _say(kept.rstrip("/"))
    return f" {said} {'' if said else 'web address '}{ending}"


def _say(address: str) -> str:
    return " ".join(_say_part(part) for part in _PART.findall(address)).strip()


def _say_part(part: str) -> str:
    if part.isdigit():
        return cardinal(part) if len(part) < 5 else spell(part)
    if part in _SIGNS:
        return _SIGNS[part]
    vowelless = part.isalpha() and len(part) < 5 and not _VOWEL.search(part)
    if part.lower() in _SPELLED or vowelless:
        return " ".join(part.upper())
    return part.lower() if part.isascii() else part


def _words(name: str) -> str:
    """Take "NoMakeup_today" apart at capitals, digits and underscores."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])|_", " ", name)
    return " ".join(apart.split())
