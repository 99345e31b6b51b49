"""Words that people read from paper and type: the EFF large word list, 12.9 bits a word."""

import difflib
import functools
import re
import secrets
from collections.abc import Sequence

from lms_desktop.resources import resource
from lms_desktop.trust.errors import TrustError


class UnknownWord(TrustError):
    """A typed word that is not on the list; the message offers the nearest."""


@functools.cache
def word_list() -> tuple[str, ...]:
    """Return the list without its four hyphenated words, so that a typed hyphen always separates."""
    lines = resource("words.txt").read_text(encoding="ascii").split()
    return tuple(word for word in lines if "-" not in word)


@functools.cache
def _known() -> frozenset[str]:
    return frozenset(word_list())


def new_words(count: int) -> str:
    """Return that many words chosen by the system's generator, joined by blanks."""
    return " ".join(secrets.choice(word_list()) for _ in range(count))


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of a typed text in lower case; whatever is not a letter separates them."""
    return tuple(re.findall(r"\w+", text.casefold()))


def read_words(text: str) -> tuple[str, ...]:
    """Return the typed words, each on the list; raises UnknownWord."""
    words = split_words(text)
    for number, word in enumerate(words, start=1):
        if word not in _known():
            near = difflib.get_close_matches(word, word_list(), n=1, cutoff=0.6)
            hint = f" Did you mean “{near[0]}”?" if near else ""
            raise UnknownWord(f"Word {number}, “{word[:40]}”, is not a word of the list.{hint}")
    return words


def all_known(words: Sequence[str]) -> bool:
    """Tell whether every word is on the list."""
    return all(word in _known() for word in words)
