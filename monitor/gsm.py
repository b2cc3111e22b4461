"""How much room a text takes in one SMS: the 7-bit alphabet of 3GPP TS 23.038 (GSM 03.38) and its limits."""

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
