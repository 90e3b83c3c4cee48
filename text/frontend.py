"""Text to phoneme ids."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, takewhile
from pathlib import Path

from text.cleaning import trim
from text.errors import TextError, shown
from text.lexicon import INLINE, check_lexicon, check_phonemes, load_lexicon
from text.marks import Stretch, cut_at_marks, unmarked
from text.normalization import prepare
from text.phonemes import Phonemizer, Pronunciation, stressed
from text.symbols import encode
from text.tokens import Clause, Token, clauses, settle_pauses, tokenize

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the normalised text and where its phonemes stand.

    Attributes:
        text: The word.
        start: Position of its first symbol in the ids.
        end: Position after its last one; equal to `start` for a word eSpeak NG keeps silent.
    """

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause of a given length.

    Attributes:
        start: Position of its first symbol in the ids.
        end: Position after its last one; both are 0 for a pause before the first symbol.
        seconds: What they last together.
    """

    start: int
    end: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """A text made ready for the acoustic model.

    Attributes:
        text: As given, without marks.
        normalized: As it is said.
        phonemes: Symbols of the table, one for each id.
        ids: Positions of the phonemes in the table, without blanks between.
        words: The words with their ranges of ids; every sounding symbol is in exactly one.
        notes: What was dropped on the way, one sentence each.
        rates: How fast each symbol is said, above 1 is faster; empty where all are 1.
        pauses: Pauses of a given length, in order.
    """

    text: str
    normalized: str
    phonemes: str
    ids: list[int]
    words: list[Word]
    notes: list[str]
    rates: list[float] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)


class TextFrontend:
    """Everything between a text and the ids an acoustic model reads; safe to share by threads.

    Args:
        language: eSpeak code such as "en-us".
        lexicon: Pronunciations that go before eSpeak's: a file (see `load_lexicon`) or a mapping
            from words to phonemes; None for none.
        normalize: Whether numbers, dates and the like are written out. Characters that cannot be
            spoken are dropped either way.
        closing: Whether a text that ends without a mark gets a period. Voices learn from closed
            sentences, and break off in the last sound of others.

    Raises:
        TextError: The language is unknown, or the lexicon cannot be used.

    Example:
        >>> TextFrontend().process("Hi, Bob.").phonemes
        'hˈaɪ, bˈɑːb.'
    """

    def __init__(
        self,
        language: str = "en-us",
        lexicon: str | Path | Mapping[str, str] | None = None,
        normalize: bool = True,
        closing: bool = False,
    ) -> None:
        self.language = language
        self._normalize, self._closing = normalize, closing
        self._phonemizer = Phonemizer(language)
        self._english = language.startswith("en")
        if lexicon is None or isinstance(lexicon, Mapping):
            self._lexicon = check_lexicon(lexicon or {})
        else:
            self._lexicon = load_lexicon(lexicon)
        # Words that would be written out otherwise, such as "GIF" or "Dr", are met before that.
        self._early = {
            word for word in self._lexicon
            if any(self._plain(form) != form for form in (word, word.upper(), word.title()))
        }  # fmt: skip

    def process(self, text: str) -> Utterance:
        """Process one text; see `process_batch`."""
        return self.process_batch([text])[0]

    def process_batch(self, texts: Sequence[str]) -> list[Utterance]:
        """Process texts together, with one call of eSpeak NG.

        Args:
            texts: Any texts; `[[həlˈoʊ]]` inside one is spoken as these phonemes, and the marks of
                `text.marks` shape how it is said.

        Returns:
            One utterance for each text, the same as alone.

        Raises:
            TextError: A text holds nothing that can be spoken, phonemes in it are not symbols of
                the table, a mark is wrong, or eSpeak NG fails; the text is named.
        """
        drafts = [self._draft(text) for text in texts]
        wanted = (c.text for draft in drafts for c in draft.clauses if not c.is_mark)
        letter_a = ["A"] if self._english else []
        spoken = self._phonemizer.pronounce([*letter_a, *wanted])
        return [draft.speak(spoken) for draft in drafts]

    def _draft(self, text: str) -> _Draft:
        notes: list[str] = []
        stretches = list(cut_at_marks(text))
        seconds, tokens = settle_pauses(self._styled(stretches, notes))
        for note in notes:
            logger.info(note)
        if self._closing and tokens and not tokens[-1].is_mark:
            tokens.append(Token(".", False, True))
        said = trim("".join(" " * token.spaced + token.text for token in tokens))
        return _Draft(unmarked(text), said, clauses(tokens, self._english), notes, seconds)

    def _styled(self, stretches: Sequence[Stretch], notes: list[str]) -> Iterator[Token]:
        """The tokens of a text with its pauses, each with its style."""
        whole = list(self._tokens(_joined(stretches), notes))
        ends = self._ends(stretches, whole)
        for (text, style), (start, end) in zip(stretches, pairwise([0, *ends]), strict=True):
            if isinstance(text, float):
                yield Token("", False, True, pause_seconds=text)
            yield from (replace(token, style=style) for token in whole[start:end])

    def _ends(self, stretches: Sequence[Stretch], whole: Sequence[Token]) -> list[int]:
        """How many tokens of a text there are up to the end of each stretch of it."""
        words = [place for place, token in enumerate(whole) if not token.is_mark]
        ends = [0]
        for number in range(1, len(stretches)):
            before = self._tokens(_joined(stretches[:number]), [])
            said = (token.text for token in before if not token.is_mark)
            # "$[emphasis]5" is written out as a whole: what differs counts to what follows.
            pairs = zip(said, (whole[place].text for place in words), strict=False)
            same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
            ends.append(max(ends[-1], [*words, len(whole)][same]))
        return [*ends[1:], len(whole)]

    def _tokens(self, text: str, notes: list[str]) -> Iterator[Token]:
        for piece, phonemes in self._pieces(text):
            if phonemes is None:
                said, more = prepare(piece, self.language, self._normalize)
                notes += more
                found = [self._look_up(token) for token in tokenize(said)]
            else:
                found = [Token(piece, True, given=phonemes)]
            # The space that stood at either end of the piece is gone.
            spaced = bool(found) and not found[0].is_mark
            found[:1] = [replace(token, spaced=spaced) for token in found[:1]]
            yield from found

    def _pieces(self, text: str) -> Iterable[tuple[str, str | None]]:
        """Cut out inline phonemes, and words of the lexicon normalisation would change."""
        end = 0
        for match in INLINE.finditer(text):
            yield from self._early_words(text[end : match.start()])
            yield match.group(), check_phonemes(match[1], "inline phonemes")
            end = match.end()
        yield from self._early_words(text[end:])

    def _early_words(self, text: str) -> Iterable[tuple[str, str | None]]:
        start = 0
        if self._early:
            end = 0
            for word in text.split():
                begin = text.index(word, end)
                end = begin + len(word)
                core = word.strip("\"'“”‘’()[]{}.,;:!?…—–")
                if core.casefold() in self._early:
                    begin += word.index(core)
                    yield text[start:begin], None
                    yield core, self._lexicon[core.casefold()]
                    start = begin + len(core)
        if text[start:]:
            yield text[start:], None

    def _look_up(self, token: Token) -> Token:
        given = self._lexicon.get(token.text.casefold())
        return replace(token, given=given) if given and not token.is_mark else token

    def _plain(self, text: str) -> str:
        return prepare(text, self.language, self._normalize)[0]


@dataclass(frozen=True, slots=True)
class _Draft:
    text: str
    normalized: str
    clauses: list[Clause]
    notes: list[str]
    first_pause_seconds: float

    def speak(self, spoken: Mapping[str, Pronunciation]) -> Utterance:
        phonemes = ""
        words: list[Word] = []
        rates: list[float] = []
        pauses = [(0, self.first_pause_seconds)]
        for clause in self.clauses:
            first = clause.tokens[0]
            said = first.text if first.is_mark else spoken[clause.text].phonemes
            after_word = phonemes[-1:].isalnum() and not first.is_mark
            if phonemes and said and (first.spaced or after_word):
                phonemes += " "
            if first.is_mark:
                pauses.append((len(phonemes), first.pause_seconds))
            for token, before, sound in _sounds(clause, spoken):
                phonemes += before
                if not token.is_mark:
                    words.append(Word(token.text, len(phonemes), len(phonemes) + len(sound)))
                phonemes += sound
                rates += [token.style.speed] * (len(phonemes) - len(rates))
        if all(word.start == word.end for word in words):
            raise TextError(f"there is nothing to say in {shown(self.text)}: give it some words")
        ids = encode(phonemes)
        held = [_pause(phonemes, place, seconds) for place, seconds in pauses if seconds]
        some = [] if set(rates) == {1.0} else rates
        return Utterance(self.text, self.normalized, phonemes, ids, words, self.notes, some, held)


def _joined(stretches: Sequence[Stretch]) -> str:
    joined = ""
    for text, _ in stretches:
        if isinstance(text, str):
            glued = joined[-1:].isalnum() and text[:1].isalnum()
            joined += f" {text}" if glued else text
    return joined


def _pause(phonemes: str, place: int, seconds: float) -> Pause:
    if place == 0:
        return Pause(0, 0, seconds)
    return Pause(place, place + (2 if phonemes[place + 1 : place + 2] == " " else 1), seconds)


def _sounds(
    clause: Clause, spoken: Mapping[str, Pronunciation]
) -> Iterator[tuple[Token, str, str]]:
    """Yield each word, the space before it, and its sound: the user's, or eSpeak NG's."""
    if clause.is_mark:
        yield clause.tokens[0], "", clause.tokens[0].text
        return
    said = spoken[clause.text]
    end = 0
    for place, (token, span) in enumerate(zip(clause.tokens, said.spans, strict=True)):
        sound = said.phonemes[slice(*span)]
        if token.given is not None:
            sound = token.given
        elif place in clause.letters:
            sound = spoken["A"].phonemes
        if token.style.emphasis and token.given is None:
            sound = stressed(sound)
        yield token, said.phonemes[end : span[0]], sound
        end = span[1]
