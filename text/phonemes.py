"""Pronunciation of clauses, remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from text.alignment import Span, align
from text.errors import TextError, shown
from text.espeak import Espeak
from text.symbols import SYMBOL_IDS, VOWELS, decompose, unknown_symbol

REMEMBERED_CLAUSES = 50_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """How a clause sounds.

    Attributes:
        phonemes: Symbols of the table, groups separated by single spaces.
        spans: Start and end (exclusive) of each word in the phonemes.
    """

    phonemes: str
    spans: tuple[Span, ...]


class Phonemizer:
    """Clauses to phonemes by eSpeak NG, with a bounded memory of what was asked before.

    Safe to share between threads: calls take turns.

    Args:
        language: eSpeak code such as "en-us".
        remembered: How many clauses to remember, those used last.

    Raises:
        TextError: The language is unknown.
    """

    def __init__(self, language: str, remembered: int = REMEMBERED_CLAUSES) -> None:
        self._espeak = Espeak(language)
        self._remembered = remembered
        self._clauses: OrderedDict[str, Pronunciation] = OrderedDict()
        self._words: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def pronounce(self, clauses: Iterable[str]) -> dict[str, Pronunciation]:
        """Pronounce clauses in one call of eSpeak NG.

        Args:
            clauses: Words separated by single spaces, without punctuation; repeats cost nothing.

        Returns:
            The pronunciation of each clause.

        Raises:
            TextError: eSpeak NG failed, or wrote a character the symbol table does not have.
        """
        with self._lock:
            known = {clause: self._clauses.get(clause) for clause in clauses}
            fresh = [clause for clause, found in known.items() if found is None]
            found = {clause: kept for clause, kept in known.items() if kept is not None}
            found.update(self._learn(fresh))
            _remember(self._clauses, found, self._remembered)
            return found

    def _learn(self, clauses: list[str]) -> dict[str, Pronunciation]:
        vocabulary = {word for clause in clauses for word in clause.split(" ")}
        alone = {word: self._words[word] for word in vocabulary if word in self._words}
        unheard = dict.fromkeys([*clauses, *sorted(vocabulary - alone.keys())])
        said = dict(zip(unheard, self._espeak.phonemize(list(unheard)), strict=True))
        said = {clause: _checked(phonemes, clause) for clause, phonemes in said.items()}
        alone.update({word: said[word] for word in vocabulary if word in said})
        _remember(self._words, alone, self._remembered)
        found = {}
        for clause in clauses:
            words = clause.split(" ")
            spans = align(words, said[clause], [alone[word] for word in words])
            found[clause] = Pronunciation(said[clause], tuple(spans))
        return found


def stressed(sound: str) -> str:
    """A word's phonemes with a main stress, on its first vowel if it had no stress at all."""
    if "ˈ" in sound:
        return sound
    if "ˌ" in sound:
        return sound.replace("ˌ", "ˈ", 1)
    first = next((n for n, symbol in enumerate(sound) if symbol in VOWELS), None)
    return sound if first is None else f"{sound[:first]}ˈ{sound[first:]}"


def _remember(memory: OrderedDict[str, T], found: dict[str, T], most: int) -> None:
    for key, value in found.items():
        memory[key] = value
        memory.move_to_end(key)
    while len(memory) > most:
        memory.popitem(last=False)


def _checked(phonemes: str, clause: str) -> str:
    phonemes = decompose(phonemes)
    for symbol in phonemes:
        if symbol not in SYMBOL_IDS:
            error = unknown_symbol(symbol, phonemes, f"phonemes of eSpeak NG for {shown(clause)},")
            raise TextError(str(error))
    return phonemes
