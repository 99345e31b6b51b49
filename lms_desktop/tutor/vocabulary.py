"""A course's words: which it uses and where, and what a misspelt word was meant to be."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lms_desktop.tutor.encoder import find_model

WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")

_ENDINGS: Final = ("ing", "ies", "es", "ed", "s", "e", "y")
_STEM: Final = 3  # letters that an ending leaves, at least
_OWN_SHARE: Final = 0.01  # of the passages: a word that stands in so many is the course's own
_EVERYDAY: Final = 3_000  # the most frequent pieces of English: nobody misspells a course's term into one
_MENDABLE: Final = 4  # letters; a shorter word may be anything
_LONGEST: Final = 40  # letters; what is longer is no word
_TWO_SLIPS: Final = 6  # letters from which on a word may have two


def words(text: str) -> list[str]:
    """Return the text's words in small letters."""
    return [word.lower() for word in WORD.findall(text)]


@cache
def stem(word: str) -> str:
    """Return the word without its ending, so that its forms are one: crude, but the same on both sides."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM:
            return word[: -len(ending)]
    return word


class Vocabulary:
    """The words of a course's passages."""

    def __init__(self, passages: Sequence[str], known: Iterable[str]) -> None:
        """`known` are words that are spelt right though they are not the course's."""
        places: dict[str, list[int]] = {}
        counts: Counter[str] = Counter()
        for row, passage in enumerate(passages):
            found = Counter(words(passage))
            counts.update(found)
            for each in {stem(word) for word in found}:
                places.setdefault(each, []).append(row)
        self._places = {each: np.array(rows, np.int32) for each, rows in places.items()}
        self._size = len(passages)
        self._counts = counts
        self._known = frozenset(known) | english().keys()
        self._targets = [word for word in counts if _MENDABLE <= len(word) <= _LONGEST and _is_target(word)]
        self._letters = _letter_counts(self._targets)

    def coverage(self, stems: Iterable[str]) -> float:
        """Return which share of these words, weighted by how rare they are, one passage holds at the best."""
        scores = np.zeros(self._size)
        total = 0.0
        for each in set(stems):
            rows = self._places.get(each)
            weight = math.log(1 + self._size / (1 if rows is None else len(rows)))
            total += weight
            if rows is not None:
                scores[rows] += weight
        return float(scores.max() / total) if total and self._size else 0.0

    def is_own(self, word: str) -> bool:
        """Whether the course uses this word, or a form of it, often enough to call it its own."""
        rows = self._places.get(stem(word))
        return rows is not None and len(rows) >= _OWN_SHARE * self._size

    def mended(self, text: str) -> str:
        """Return the text with words that nobody knows replaced by the course's word that they nearly are."""
        return WORD.sub(lambda match: self._mended_word(match[0]), text)

    def _mended_word(self, written: str) -> str:
        word = written.lower()
        known = (word, word.removesuffix("s"), word.removesuffix("ed"), word.removesuffix("ing"))
        if not _MENDABLE <= len(word) <= _LONGEST or "'" in word or "’" in word or not word.isascii():
            return written
        if any(form in self._known or form in self._counts for form in known):
            return written
        slips = 2 if len(word) >= _TWO_SLIPS else 1
        apart = np.abs(self._letters - _letter_counts([word])).sum(axis=1)
        near = [self._targets[place] for place in np.flatnonzero(apart <= 2 * slips)]
        best = min(
            ((distance(word, each), -self._counts[each], each) for each in near), default=(slips + 1, 0, "")
        )
        return best[2] if best[0] <= slips else written


@cache
def english() -> dict[str, int]:
    """Return English words, as far as the encoder has pieces for them, with their ranks by frequency."""
    pieces = json.loads((find_model() / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    return {piece: rank for piece, rank in pieces.items() if piece.isalpha()}


def distance(one: str, other: str) -> int:
    """Return how many letters must be put in, left out, replaced or swapped with the next (Damerau)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(last[j] + 1, row[-1] + 1, last[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


def _is_target(word: str) -> bool:
    return word.isascii() and word.isalpha() and english().get(word, _EVERYDAY) >= _EVERYDAY


def _letter_counts(texts: Sequence[str]) -> NDArray[np.int8]:
    counts = np.zeros((len(texts), 26), np.int8)
    for row, text in enumerate(texts):
        for letter in text:
            if "a" <= letter <= "z":
                counts[row, ord(letter) - 97] += 1
    return counts
