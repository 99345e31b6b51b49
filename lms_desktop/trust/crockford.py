"""Crockford's base32: codes that people read aloud and type. No I, L, O or U; look-alikes are forgiven.

Source: https://www.crockford.com/base32.html
"""

from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_FORGIVEN = str.maketrans(
    {"O": "0", "I": "1", "L": "1", " ": None, "-": None, "\n": None, "\t": None, "\r": None}
)


def encode(number: int, length: int) -> str:
    """Return the number as exactly `length` characters, five bits each, the highest first."""
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(length)))


def clean(text: str) -> str:
    """Return what was typed with separators removed and look-alikes replaced."""
    return text.upper().translate(_FORGIVEN)


def decode(text: str) -> int:
    """Return the number of a cleaned text; raises ValueError for a character that the alphabet lacks."""
    number = 0
    for character in text:
        number = number << 5 | ALPHABET.index(character)
    return number
