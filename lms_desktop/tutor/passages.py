"""Passages: what is searched and cited. Runs of whole sentences, about 150 words, within one page."""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lms_desktop.tutor.sentences import BLOCK, LINE, Span, lay_out, split

TARGET: Final = 900  # characters: about 150 words, and within the encoder's 256 tokens
LONGEST: Final = 1_200

# A hyphen at the end of a line, but not the one of "pre- and postfix".
_HYPHENATED: Final = re.compile(r"(?<=\w)- (?=[^\W\d_])(?!(?:and|or|to|und|oder|bis|et|ou|y|o)\b)")


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a document: `text` is `normal(page text)[start:end]`, verbatim.

    Pages count from 1; 0 is the document's own words, its title and text. `sentences` are places in `text`.
    """

    document: int
    page: int
    start: int
    end: int
    text: str
    sentences: tuple[Span, ...]


def passages(document: int, page: int, text: str) -> list[Passage]:
    """Return the page's passages, in order."""
    laid_out = lay_out(text)
    plain = laid_out.replace(BLOCK, " ").replace(LINE, " ")
    found = []
    for sentences in _grouped(laid_out, split(laid_out)):
        start, end = sentences[0][0], sentences[-1][1]
        places = tuple((first - start, last - start) for first, last in sentences)
        found.append(Passage(document, page, start, end, plain[start:end], places))
    return found


def readable(text: str) -> str:
    """Return the text as the encoder and the word index read it: words that a line's end cut in two made
    whole, ligatures and full-width letters made plain ones."""
    return unicodedata.normalize("NFKC", _HYPHENATED.sub("", text))


def _grouped(laid_out: str, sentences: Sequence[Span]) -> list[list[Span]]:
    """Share the sentences out to passages of like length, cut where a block begins if one does nearby."""
    length = len(laid_out)
    share = length / max(math.ceil(length / LONGEST), round(length / TARGET), 1)
    groups: list[list[Span]] = []
    for start, end in sentences:
        at_block = start > 0 and laid_out[start - 1] == BLOCK
        begin = start + 0.3 * share if at_block else (start + end) / 2
        if not groups or begin > share * len(groups) or end - groups[-1][0][0] > LONGEST:
            groups.append([])
        groups[-1].append((start, end))
    return groups
