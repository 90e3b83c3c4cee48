"""Which phonemes belong to which word.

eSpeak NG runs words together ("of the" is "ʌvðə") and takes others apart, so its groups of
phonemes are not the words. Words and groups are matched by dynamic programming against how each
word sounds alone: one word may take several groups, several words may share one. A shared group
is then cut between its words where the pieces come nearest to the words alone. So every phoneme
belongs to exactly one word, and a word has none only where eSpeak says nothing for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from text.symbols import VOWELS

Span = tuple[int, int]

MOST_WORDS_A_GROUP = 4
MOST_GROUPS_A_WORD = 12
LONGEST_CUT = 80
STRESS = "ˈˌ"
_UNSTABLE = str.maketrans("", "", STRESS + "ː ")
_VOWEL_RUN = re.compile("[" + "".join(sorted(VOWELS)) + "]+")
_NOT_ONE_TO_ONE = 0.25


def align(words: Sequence[str], phonemes: str, alone: Sequence[str]) -> list[Span]:
    """Give each word its stretch of the phonemes.

    Args:
        words: The words of a clause.
        phonemes: What the clause sounds like, groups separated by single spaces.
        alone: What each word sounds like by itself.

    Returns:
        For each word start and end (exclusive) in `phonemes`; in order, never overlapping, and
        together they cover all but spaces.
    """
    groups = phonemes.split(" ") if phonemes else []
    if len(words) == 1 or not groups:
        return [(0, len(phonemes))] * min(1, len(words)) + [(0, 0)] * (len(words) - 1)
    plain = [_plain(sound) for sound in alone]
    steps = _one_to_one(plain, groups) or _match(plain, [_plain(group) for group in groups])
    if steps is None:
        return _by_length(plain, phonemes)
    spans: list[Span] = []
    position = word = group = 0
    for taken_words, taken_groups in steps:
        sound = " ".join(groups[group : group + taken_groups])
        cuts = _cuts(tuple(plain[word : word + taken_words]), sound)
        spans += [(position + start, position + end) for start, end in cuts]
        word += taken_words
        group += taken_groups
        position += len(sound) + (1 if taken_groups and group < len(groups) else 0)
    return spans


def _one_to_one(plain: Sequence[str], groups: Sequence[str]) -> list[Span] | None:
    """The common case, when every group resembles its word."""
    if len(plain) != len(groups):
        return None
    for sound, group in zip(plain, groups, strict=True):
        if abs(len(sound) - len(_plain(group))) > 1 + len(sound) // 3:
            return None
    return [(1, 1)] * len(plain)


def _match(plain: Sequence[str], groups: Sequence[str]) -> list[Span] | None:
    """Find the cheapest sequence of (words, groups) steps through both; None if there is none."""
    words, count = len(plain), len(groups)
    band = abs(words - count) + MOST_WORDS_A_GROUP
    best: dict[Span, tuple[float, Span]] = {(0, 0): (0.0, (0, 0))}
    for i in range(words):
        middle = i * count // words
        for j in range(max(0, middle - band), min(count, middle + band) + 1):
            if (i, j) not in best:
                continue
            so_far = best[i, j][0]
            for step in _steps(words - i, count - j):
                taken, got = step
                sound, said = "".join(plain[i : i + taken]), "".join(groups[j : j + got])
                usual = step == (1, 1) or (not got and not sound)
                cost = so_far + _distance(sound, said) + (not usual) * _NOT_ONE_TO_ONE
                key = (i + taken, j + got)
                if key not in best or cost < best[key][0]:
                    best[key] = (cost, step)
    if (words, count) not in best:
        return None
    path, at = [], (words, count)
    while at != (0, 0):
        step = best[at][1]
        path.append(step)
        at = (at[0] - step[0], at[1] - step[1])
    return path[::-1]


def _steps(words_left: int, groups_left: int) -> list[Span]:
    joins = [(n, 1) for n in range(1, min(words_left, MOST_WORDS_A_GROUP) + 1) if groups_left]
    splits = [(1, n) for n in range(2, min(groups_left, MOST_GROUPS_A_WORD) + 1)]
    return [*joins, *splits, (1, 0)]


@lru_cache(maxsize=20_000)
def _cuts(plain: tuple[str, ...], sound: str) -> tuple[Span, ...]:
    """Cut one group among the words that share it."""
    if len(plain) == 1:
        return ((0, len(sound)),)
    if len(sound) > LONGEST_CUT:
        return tuple(_by_length(plain, sound))
    places = [0, *(n for n in range(1, len(sound)) if _may_cut(sound, n)), len(sound)]
    best: dict[int, tuple[float, tuple[Span, ...]]] = {0: (0.0, ())}
    for number, word in enumerate(plain):
        following: dict[int, tuple[float, tuple[Span, ...]]] = {}
        for start, (cost, spans) in best.items():
            for end in places:
                enough = end > start or len(places) <= len(plain)
                if end < start or not enough or (number == len(plain) - 1 and end != len(sound)):
                    continue
                total = cost + _edits(word, _plain(sound[start:end]))
                if end not in following or total < following[end][0]:
                    following[end] = (total, (*spans, (start, end)))
        best = following or best
    return best[len(sound)][1] if len(sound) in best else tuple(_by_length(plain, sound))


def _may_cut(sound: str, at: int) -> bool:
    """Whether a piece can begin here: not between a letter and its marks, nor after a stress."""
    begins = sound[at] in STRESS or unicodedata.category(sound[at]) not in ("Mn", "Lm", "Sk")
    return begins and sound[at - 1] not in STRESS and sound[at] != " "


def _by_length(plain: Sequence[str], sound: str) -> list[Span]:
    """Share out by length, for what cannot be matched."""
    lengths = [max(1, len(word)) for word in plain]
    whole = sum(lengths)
    ends = [sum(lengths[: n + 1]) * len(sound) // whole for n in range(len(lengths))]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _plain(sound: str) -> str:
    """Reduce to what stays when a word is said in passing: consonants and where vowels are."""
    return _VOWEL_RUN.sub("ə", sound.translate(_UNSTABLE))


@lru_cache(maxsize=50_000)
def _distance(one: str, other: str) -> int:
    """How many letters differ, whatever their order: a quick bound of the edit distance."""
    rest = list(other)
    missing = 0
    for letter in one:
        if letter in rest:
            rest.remove(letter)
        else:
            missing += 1
    return max(missing, len(rest))


@lru_cache(maxsize=50_000)
def _edits(one: str, other: str) -> int:
    """Edit distance (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, right in enumerate(other, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]
