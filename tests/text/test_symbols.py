"""The symbol table is frozen."""

from __future__ import annotations

import unicodedata

import pytest

from text.errors import TextError
from text.symbols import SYMBOLS, decompose, encode, symbol_table_hash


def test_symbol_table_is_the_one_voices_were_trained_on() -> None:
    """Ids are positions in the table, so not one character may move."""
    assert symbol_table_hash() == "060b585f90683e17d24a0702202b6a197838b2376b5f7e62f94cef2fb38cf526"
    assert len(SYMBOLS) == 247


def test_symbols_are_distinct_single_characters_in_canonical_form() -> None:
    """A symbol written in two ways would have two ids."""
    assert len(set(SYMBOLS)) == len(SYMBOLS)
    assert all(len(symbol) == 1 for symbol in SYMBOLS)
    assert all(decompose(symbol) == symbol for symbol in SYMBOLS)
    assert SYMBOLS[0] == "_"


def test_composed_nasal_vowels_are_two_symbols() -> None:
    """One vowel and one tilde, however they are typed."""
    assert decompose(unicodedata.normalize("NFC", "a\u0303")) == "a\u0303"
    assert len(encode(decompose("ãç"))) == 3


@pytest.mark.parametrize("symbol", ["_", "💥", "ж", "\x00"])
def test_encode_names_the_character_it_does_not_know(symbol: str) -> None:
    """The user learns which character and which code point."""
    with pytest.raises(TextError, match=f"U\\+{ord(symbol):04X}"):
        encode(f"a{symbol}b")
