"""In which language a question is written, as far as its small words and letters tell.

The encoder knows English only: it would misjudge what is written in another language.
"""

import re
import unicodedata
from functools import cache
from typing import Final

from lms_desktop.resources import resource

_WORD: Final = re.compile(r"[^\W\d_]+")


def language(text: str) -> str:
    """Return the ISO 639 code of the language that the text is clearly written in; "en" where none is clear,
    "und" for what is mostly in another script than the Latin."""
    letters = [letter for letter in text if letter.isalpha()]
    if sum(map(_is_latin, letters)) * 2 < len(letters):
        return "und"
    words = _WORD.findall(text.lower())
    counts = {code: sum(word in small for word in words) for code, small in _small_words().items()}
    english = counts.pop("en")
    likeliest = max(counts, key=counts.__getitem__)
    small = counts[likeliest]
    foreign = small + any(not letter.isascii() for letter in letters)
    if foreign > english and (foreign > 1 or (small > 0 and english == 0)):
        return likeliest
    return "en"


@cache
def _small_words() -> dict[str, frozenset[str]]:
    lines = resource("tutor", "languages.txt").read_text(encoding="utf-8").splitlines()
    parts = (line.split(": ", 1) for line in lines if not line.startswith("#"))
    return {code: frozenset(words.split()) for code, words in parts}


def _is_latin(letter: str) -> bool:
    return letter.isascii() or unicodedata.name(letter, "").startswith("LATIN")
