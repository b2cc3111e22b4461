"""How much room a text takes in one SMS: the 7-bit alphabet of 3GPP TS 23.038 (GSM 03.38) and its limits."""

import re
import unicodedata
from typing import Final

SEGMENT: Final = 160  # septets in one unconcatenated message
BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION: Final = frozenset("\f^{}\\[~]|€")  # each takes two septets
# What has no decomposition into letters of the alphabet, or a better one than Unicode's. Spaces that do not break and
# thin ones become plain; the degree sign vanishes ("58 C").
SUBSTITUTES: Final = str.maketrans(
    {
        **dict.fromkeys("’‘ʼ", "'"),
        **dict.fromkeys("“”«»„", '"'),
        **dict.fromkeys("–—−‑·•", "-"),
        **dict.fromkeys("\u00a0\u202f\u2009\t", " "),
        **{"…": "...", "œ": "oe", "Œ": "OE", "±": "+/-", "°": "", "×": "x", "≥": ">=", "≤": "<="},
        **dict(zip("ŋŊɓƁɗƊɲƝƴƳɛƐɔƆ", "nNbBdDnNyYeEoO", strict=True)),  # Bambara and Fulfulde names
    }
)

# French words that lose an accent in the alphabet, and the words that say the same with none to lose. What is not here
# (names, "août") is written without its accent: better a letter than half the room, for ê makes a text Unicode.
WORDS: Final = {
    "à emporter": "emporter",
    "câble coupé": "fil coupé",
    "câble de réglage": "cordon de réglage",
    "câbles": "fils",
    "câble": "fil",
    "mât": "poteau",
    "tôle d'ombrage": "écran d'ombrage",
    "trop tôt": "avant l'heure",
}
_WORDS: Final = re.compile("|".join(rf"\b{word}\b" for word in WORDS), re.IGNORECASE)


def in_gsm_words(text: str) -> str:
    """A sentence of ours with its words chosen for the alphabet: `s'éteint trop tôt` is `s'éteint avant l'heure`."""
    return _WORDS.sub(_other_word, text)


def _other_word(match: re.Match[str]) -> str:
    found = match[0]
    other = WORDS[found.lower()]
    return other if found[0].islower() else other[:1].upper() + other[1:]


def to_gsm(text: str) -> str:
    """`text` in letters that the alphabet has: ê becomes e, ç becomes c; what nothing resembles becomes '?'."""
    if BASIC.issuperset(text):
        return text
    return "".join(_letter(letter) for letter in unicodedata.normalize("NFC", text).translate(SUBSTITUTES))


def _letter(letter: str) -> str:
    if letter in BASIC or letter in EXTENSION:
        return letter
    plain = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    if plain and all(part in BASIC or part in EXTENSION for part in plain):
        return plain
    return "" if unicodedata.category(letter) in ("Mn", "Cf", "Cc") else "?"


def septets(text: str) -> int:
    """Room taken by a text of the alphabet. Raises ValueError for a letter that it does not have."""
    if BASIC.issuperset(text):
        return len(text)
    strange = next((letter for letter in text if letter not in BASIC and letter not in EXTENSION), None)
    if strange is not None:
        raise ValueError(f"{strange!r} is not in the GSM alphabet")
    return len(text) + sum(letter in EXTENSION for letter in text)
