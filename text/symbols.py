"""The frozen table of phoneme symbols: one Unicode character each, its position is its id.

The table holds punctuation, ASCII letters, and every IPA letter, diacritic, stress and tone mark
that eSpeak NG writes in any of its languages, completed from the IPA chart of 2020 so that a
lexicon may use the rest. Voices are trained on these ids: the table never changes, it can only
be replaced by a new one under a new hash (see `symbol_table_hash`).

Phonemes are kept in decomposed Unicode (NFD), so that a nasal vowel is always two symbols and the
table stays finite; only "ç", a letter of the IPA in its own right, stays composed.
"""

from __future__ import annotations

import hashlib
import unicodedata

from text.errors import TextError, shown

PAD = "_"
PUNCTUATION = ';:,.!?¡¿—…"«»“” '
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TONE_DIGITS = "123456789"
_ESPEAK_MARKS = "-'^`#+"
_IPA_VOWELS = "ɐɑɒæɓɔɘəɚɛɜɝɞɤɨɪᵻɯɵøœɶʉʊʌʏ"
_CONSONANTS = "βçðɕɖɗɟɠɡɢɣɥɦɧħɫɬɭɮɰɱɲɳɴŋɸɹɺɻɽɾʀʁʂʃʄʈʋʍʎʐʑʒʔʕʖʘʙʛʜʝʟʡʢθχǀǁǂǃʣʤʥʦʧʨȵȶȴɼɿ"
_GREEK_IN_ESPEAK = "Φε"
_MODIFIERS = "ˈˌːˑʰʱʲʷˠˤ˞ⁿˡᵐᵑᵝʼʴˀ"
_TONES = "˥˦˧˨˩↓↑→↗↘"
_DIACRITICS = (
    "\u0300\u0301\u0302\u0303\u0304\u0306\u0308\u030a\u030b\u030c\u030f\u0311\u0318\u0319\u031a"
    "\u031c\u031d\u031e\u031f\u0320\u0324\u0325\u0327\u0329\u032a\u032c\u032f\u0330\u0334\u0339"
    "\u033a\u033b\u033c\u033d\u0361"
)

SYMBOLS: tuple[str, ...] = tuple(
    PAD
    + PUNCTUATION
    + _LETTERS
    + _TONE_DIGITS
    + _ESPEAK_MARKS
    + _IPA_VOWELS
    + _CONSONANTS
    + _GREEK_IN_ESPEAK
    + _MODIFIERS
    + _TONES
    + _DIACRITICS
)
VOWELS = frozenset("aeiouyAEIOUY" + _IPA_VOWELS + _GREEK_IN_ESPEAK[1])
SYMBOL_IDS: dict[str, int] = {symbol: index for index, symbol in enumerate(SYMBOLS)}


def symbol_table_hash() -> str:
    """Return the SHA-256 of the table as 64 hexadecimal digits; voices store and compare it."""
    return hashlib.sha256("".join(SYMBOLS).encode("utf-8")).hexdigest()


def decompose(phonemes: str) -> str:
    """Bring phonemes into the form of the table: NFD, with "ç" kept whole."""
    return unicodedata.normalize("NFD", phonemes).replace("c\u0327", "ç")


def encode(phonemes: str, where: str = "phonemes") -> list[int]:
    """Turn a phoneme string into ids, one for each character.

    Args:
        phonemes: Symbols of the table, as `decompose` returns them.
        where: What to call the string in an error message.

    Returns:
        Ids in [1, len(SYMBOLS) - 1]; id 0 is the pad and never appears.

    Raises:
        TextError: A character is not in the table, or is the pad.
    """
    try:
        ids = [SYMBOL_IDS[symbol] for symbol in phonemes]
    except KeyError as error:
        raise unknown_symbol(error.args[0], phonemes, where) from None
    if 0 in ids:
        raise unknown_symbol(PAD, phonemes, where)
    return ids


def unknown_symbol(symbol: str, phonemes: str, where: str) -> TextError:
    """Build the error that names a character outside the table."""
    name = unicodedata.name(symbol, "unnamed")
    return TextError(
        f"the character {shown(symbol)} (U+{ord(symbol):04X}, {name}) in the {where} "
        f"{shown(phonemes)} is not a phoneme symbol; allowed are IPA letters and marks, ASCII "
        f"letters and the punctuation {PUNCTUATION.strip()}"
    )
