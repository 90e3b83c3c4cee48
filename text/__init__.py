"""Text to phoneme ids: normalisation, pronunciation, symbols, sentences. Works without torch."""

from __future__ import annotations

from text.errors import TextError
from text.frontend import TextFrontend, Utterance, Word
from text.lexicon import load_lexicon
from text.normalization import normalize
from text.sentences import iter_sentences, split_sentences

__all__ = [
    "TextError",
    "TextFrontend",
    "Utterance",
    "Word",
    "iter_sentences",
    "load_lexicon",
    "normalize",
    "split_sentences",
]
