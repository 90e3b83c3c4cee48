"""Pronunciation of clauses, remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from text.errors import TextError
from text.espeak import Espeak
from text.symbols import SYMBOL_IDS, decompose, unknown_symbol

CACHED_CLAUSES = 50_000


class Phonemizer:
    """Clauses to phonemes by eSpeak NG, with a bounded memory of what was asked before.

    Safe to share between threads: eSpeak NG itself is not, so calls take turns.

    Args:
        language: eSpeak code such as "en-us".
        cached_clauses: How many clauses to remember, those used last.

    Raises:
        TextError: The language is unknown.
    """

    def __init__(self, language: str, cached_clauses: int = CACHED_CLAUSES) -> None:
        self._espeak = Espeak(language)
        self._cached_clauses = cached_clauses
        self._cache: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def pronounce(self, clauses: Iterable[str]) -> dict[str, str]:
        """Pronounce clauses in one call of eSpeak NG.

        Args:
            clauses: Words separated by spaces, without punctuation; repeats cost nothing.

        Returns:
            The phonemes of each clause: symbols of the table, groups separated by spaces.

        Raises:
            TextError: eSpeak NG wrote a character that the symbol table does not have.
        """
        with self._lock:
            wanted = dict.fromkeys(clauses)
            fresh = [clause for clause in wanted if clause not in self._cache]
            spoken = dict(zip(fresh, self._speak(fresh), strict=True))
            for clause in wanted:
                if clause in self._cache:
                    self._cache.move_to_end(clause)
                    spoken[clause] = self._cache[clause]
            self._cache.update(spoken)
            while len(self._cache) > self._cached_clauses:
                self._cache.popitem(last=False)
            return spoken

    def _speak(self, clauses: Sequence[str]) -> list[str]:
        if not clauses:
            return []
        return [_checked(phonemes, clause) for clause, phonemes in
                zip(clauses, self._espeak.phonemize(clauses), strict=True)]  # fmt: skip


def _checked(phonemes: str, clause: str) -> str:
    phonemes = decompose(phonemes)
    for symbol in phonemes:
        if symbol not in SYMBOL_IDS:
            error = unknown_symbol(symbol, phonemes, "phonemes eSpeak NG gave")
            raise TextError(f"{error}; the text was {clause!r}")
    return phonemes
