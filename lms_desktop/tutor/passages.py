"""Passages: what is searched and cited. Runs of whole sentences, about 150 words, within one page."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lms_desktop.tutor.pages import Page
from lms_desktop.tutor.sentences import BLOCK, LINE, Span, lay_out, normal, split

TARGET: Final = 900  # characters: about 150 words, and within the encoder's 256 tokens
LONGEST: Final = 1_200

_TITLE: Final = 80  # characters of a heading, at most
_EDGE: Final = 2  # lines at the top or foot of a page that may be running ones
_LINES_OF_BODY: Final = 6  # of a page, at least, that has such lines
_PAGES_ALIKE: Final = 3  # at least, to tell that they run
_PAGE_NUMBER_LENGTH: Final = 30
_PAGE_NUMBER: Final = re.compile(
    r"\W*(?:page|seite|p\.|s\.)?\W*\d+\W*(?:(?:of|von)?\W*\d+\W*)?", re.IGNORECASE
)
_NUMBER_AT_EDGE: Final = re.compile(r"^\d+ (?=.{12})|(?<=.{12}) \d+$")  # but not that of "Exercise 5"

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


def document_passages(document: int, pages: Sequence[Page]) -> Iterator[Passage]:
    """Yield the passages of all pages, in order, without the lines at the tops and feet of most of them."""
    running = _running_lines(pages)
    for page in pages:
        offset, body = _without(running, page.text)
        for passage in passages(document, page.number, body):
            yield replace(passage, start=passage.start + offset, end=passage.end + offset)


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
    groups: list[list[Span]] = []
    first, share = 0, 0.0
    for start, end in sentences:
        starts_block = start > 0 and laid_out[start - 1] == BLOCK
        reached = start + 0.3 * share if starts_block else (start + end) / 2
        if not groups or reached - first > share or end - first > LONGEST:
            headings: list[Span] = []
            while groups and len(headings) < 2 and _ends_with_heading(laid_out, groups[-1]):
                headings.insert(0, groups[-1].pop())
            groups.append(headings)
            first = headings[0][0] if headings else start
            left = len(laid_out) - first
            number = max(math.ceil(left / LONGEST), round(left / TARGET))
            share = left / number if number > 1 else LONGEST
        groups[-1].append((start, end))
    return groups


def _ends_with_heading(laid_out: str, sentences: Sequence[Span]) -> bool:
    """Return whether the last of several sentences is a block of its own that reads like a title."""
    start, end = sentences[-1]
    title = laid_out[start:end]
    alone = len(sentences) > 1 and laid_out[start - 1] == laid_out[end] == BLOCK
    return alone and len(title) <= _TITLE and title[0].isalnum() and title[-1].isalnum()


def _running_lines(pages: Sequence[Page]) -> frozenset[str]:
    """Return the shapes of lines that stand at the edges of most pages: headers, footers, page numbers."""
    seen: Counter[str] = Counter()
    for page in pages:
        lines = [line for line in page.text.split("\n") if line.strip()]
        if len(lines) >= _LINES_OF_BODY:
            seen.update({_shape(line) for line in lines[:_EDGE] + lines[-_EDGE:]})
    often = max(_PAGES_ALIKE, len(pages) / 2)
    return frozenset(shape for shape, times in seen.items() if times >= often)


def _without(running: frozenset[str], text: str) -> tuple[int, str]:
    """Return the text without such lines at its edges, and where it then begins in the page's normal text."""
    lines = text.split("\n")
    full = [place for place, line in enumerate(lines) if line.strip()]
    if not running or len(full) < _LINES_OF_BODY:
        return 0, text
    first = next(n for n in range(_EDGE + 1) if n == _EDGE or _shape(lines[full[n]]) not in running)
    last = next(n for n in range(1, _EDGE + 2) if n > _EDGE or _shape(lines[full[-n]]) not in running)
    before = normal("\n".join(lines[: full[first]]))
    return len(before) + bool(before), "\n".join(lines[full[first] : full[-last] + 1])


def _shape(line: str) -> str:
    """Return the line as it is on every page."""
    words = normal(line)
    if len(words) <= _PAGE_NUMBER_LENGTH and _PAGE_NUMBER.fullmatch(words):
        return "page number"
    return _NUMBER_AT_EDGE.sub("", words)
