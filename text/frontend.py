"""Text to phoneme ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from text.errors import TextError, shown
from text.normalization import normalize
from text.phonemes import Phonemizer
from text.symbols import encode
from text.tokens import Token, tokenize


@dataclass(frozen=True)
class Word:
    """A word of the normalised text and where its phonemes stand.

    Attributes:
        text: The word.
        start: Position of its first symbol in the ids.
        end: Position after its last one.
    """

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Utterance:
    """A text made ready for the acoustic model.

    Attributes:
        text: As given.
        normalized: As it is said.
        phonemes: Symbols of the table, one for each id.
        ids: Positions of the phonemes in the table, without blanks between.
        words: The words with their ranges of ids.
        notes: What was dropped on the way, one sentence each.
    """

    text: str
    normalized: str
    phonemes: str
    ids: list[int]
    words: list[Word]
    notes: list[str]


class TextFrontend:
    """Everything between a text and the ids an acoustic model reads.

    Args:
        language: eSpeak code such as "en-us".

    Raises:
        TextError: The language is unknown.
    """

    def __init__(
        self, language: str = "en-us", lexicon: object = None, normalize: bool = True
    ) -> None:
        self.language = language
        self._normalize = normalize
        self._phonemizer = Phonemizer(language)

    def process(self, text: str) -> Utterance:
        """Process one text; see `process_batch`."""
        return self.process_batch([text])[0]

    def process_batch(self, texts: Sequence[str]) -> list[Utterance]:
        """Process texts in one call of eSpeak NG.

        Raises:
            TextError: A text holds nothing that can be spoken.
        """
        normal = [normalize(t, self.language) if self._normalize else t for t in texts]
        parts = [_clauses(t) for t in normal]
        spoken = self._phonemizer.pronounce(c for ps in parts for c, mark, _ in ps if not mark)
        return [
            _utterance(text, written, clauses, spoken)
            for text, written, clauses in zip(texts, normal, parts, strict=True)
        ]


def _clauses(text: str) -> list[tuple[str, bool, bool]]:
    found = []
    for mark, group in groupby(tokenize(text), key=lambda token: token.mark):
        tokens: list[Token] = list(group)
        if mark:
            found += [(t.text, True, t.spaced) for t in tokens]
        else:
            found.append((" ".join(t.text for t in tokens), False, tokens[0].spaced))
    return found


def _utterance(
    text: str, normalized: str, clauses: list[tuple[str, bool, bool]], spoken: dict[str, str]
) -> Utterance:
    phonemes = ""
    for clause, mark, spaced in clauses:
        said = clause if mark else spoken[clause]
        phonemes += (" " if spaced and phonemes and said else "") + said
    if not any(spoken.get(clause) for clause, mark, _ in clauses if not mark):
        raise TextError(f"there is nothing to say in {shown(text)}: give a text with words")
    return Utterance(text, normalized, phonemes, encode(phonemes), [], [])
