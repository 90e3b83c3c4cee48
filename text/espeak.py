"""eSpeak NG, from the `espeakng-loader` wheel, through phonemizer."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from text.errors import TextError, shown

if TYPE_CHECKING:
    from phonemizer.backend import EspeakBackend


class Espeak:
    """One language of eSpeak NG, inside this process.

    Args:
        language: eSpeak code such as "en-us", "de" or "cmn".

    Raises:
        TextError: eSpeak NG cannot be loaded, or does not know the language.
    """

    def __init__(self, language: str) -> None:
        self._backend = _make_backend(language)

    def phonemize(self, clauses: Sequence[str]) -> list[str]:
        """Pronounce clauses that hold no punctuation.

        Args:
            clauses: Words separated by spaces.

        Returns:
            For each clause its phonemes, in groups (often words) separated by single spaces.
        """
        from phonemizer.separator import Separator

        separator = Separator(phone="", syllable="", word=" ")
        spoken = self._backend.phonemize(list(clauses), separator=separator, strip=True)
        return [" ".join(phonemes.split()) for phonemes in spoken]


def _make_backend(language: str) -> EspeakBackend:
    import espeakng_loader
    from phonemizer.backend import EspeakBackend
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    # The wheel's own library and data: phonemes differ between eSpeak releases.
    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    known = sorted(EspeakBackend.supported_languages())
    if language not in known:
        near = get_close_matches(language.lower(), known, n=1, cutoff=0.5)
        guess = f", did you mean {near[0]!r}?" if near else ";"
        raise TextError(f"unknown language {shown(language)}{guess} eSpeak NG knows {_list(known)}")
    return EspeakBackend(
        language,
        preserve_punctuation=False,
        with_stress=True,
        tie=False,
        language_switch="remove-flags",
        words_mismatch="ignore",
    )


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
