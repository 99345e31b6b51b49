"""Finds a quoted passage in the text of a page, and where it stands on the page. No widgets.

Whoever extracted the quote may have broken lines, joined words and drawn dashes otherwise than QtPdf does:
only what is neither space, hyphen nor control counts, and not its case.
"""

from __future__ import annotations

import unicodedata

from PySide6.QtCore import QRectF
from PySide6.QtPdf import QPdfDocument

PADDING = 2.0  # points around the ink of a line
MAX_SHIFT = 64  # how far QtPdf's numbering of characters may be from that of its text
LEAST = 24  # letters that a part of a quote must have to stand for the whole


def locate(text: str, quote: str) -> tuple[int, int] | None:
    """Return where `quote` stands in `text`, as (start, end) of Python's characters; None where it does not.

    Of a quote that stands there only in part the longest beginning, or end, counts from `LEAST` letters on.
    """
    letters, places = _letters(text)
    wanted, _ = _letters(quote)
    if not wanted:
        return None
    for length in range(len(wanted), min(LEAST, len(wanted)) - 1, -1):
        for part in (wanted[:length], wanted[-length:]):
            at = letters.find(part)
            if at >= 0:
                return places[at], places[at + length - 1] + 1
    return None


def units(text: str, place: int) -> int:
    """Return a place among Python's characters as Qt counts: in UTF-16 units."""
    return len(text[:place].encode("utf-16-le")) // 2


def _letters(text: str) -> tuple[str, list[int]]:
    """What counts of a text, and the place of each in it."""
    kept: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        for part in unicodedata.normalize("NFKC", char).casefold():
            if not (part.isspace() or unicodedata.category(part) in ("Pd", "Cc", "Cf", "Cn", "Co")):
                kept.append(part)
                places.append(place)
    return "".join(kept), places


def rectangles(document: QPdfDocument, page: int, quote: str) -> list[QRectF]:
    """Return the lines of a quote on a page (from 0), in points from the page's top left; [] if not there."""
    text = document.getAllText(page).text()
    found = locate(text, quote)
    if found is None:
        return []
    start, end = found
    wanted, _ = _letters(text[start:end])
    for shift in sorted(range(-MAX_SHIFT, MAX_SHIFT + 1), key=abs):
        if start + shift >= 0:
            selection = document.getSelectionAtIndex(page, start + shift, end - start)
            if _letters(selection.text())[0] == wanted:
                return _lines([polygon.boundingRect() for polygon in selection.bounds()])
    return []


def _lines(boxes: list[QRectF]) -> list[QRectF]:
    """Join the boxes of single runs of letters to one for each line."""
    lines: list[QRectF] = []
    for box in boxes:
        if box.isEmpty():
            continue
        middle = box.center().y()
        if lines and lines[-1].top() <= middle <= lines[-1].bottom() and box.left() > lines[-1].left():
            lines[-1] = lines[-1].united(box)
        else:
            lines.append(box)
    return [line.adjusted(-PADDING, -PADDING, PADDING, PADDING) for line in lines]
