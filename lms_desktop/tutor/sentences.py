"""Where sentences begin and end on a page: among headings, lists, abbreviations and code.

A *laid-out* text has one character between words: a space, LINE where a line ended, BLOCK where a paragraph,
heading or list item did. With both made spaces it is the page's normal text, so places are the same in both.
"""

import re
import statistics
from collections.abc import Iterator
from typing import Final, TypeAlias

Span: TypeAlias = tuple[int, int]

LINE: Final = "\n"
BLOCK: Final = "\f"
LONGEST: Final = 320  # characters; what is longer (code, tables, formulas) is cut at a line or a comma
SHORTEST: Final = 20  # what is shorter (a heading, a number, "Why?") goes with what follows

_BULLET: Final = re.compile(r"[•◦▪‣⁃●○■□➢✓*·–—-]\s")
_NUMBERED: Final = re.compile(r"(?:\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{2,4})[.)]|\d+(?:\.\d+)+\.?)\s")
_GOES_ON: Final = tuple(",-–+=(<>*/")  # at a line's end
_NUMBER: Final = re.compile(r"\s*\(?\w{1,3}\.$")  # a block's "3." is its number, not its first sentence
_STOP: Final = re.compile(r"[.!?…؟۔]{1,4}[\"'”’»)\]]{0,4}(?=\s)|[。！？][」』”]{0,4}")  # bounded: linear time
_ABBREVIATION: Final = re.compile(
    r"(?:^|[\s(\[“\"'])(?:(?-i:[A-Z])|(?:[^\W\d_]\.)+[^\W\d_]|al|approx|bzw|ca|cf|ch|chap|dr|ed|eds|eq|eqs|ex|fig|figs|"
    r"incl|inc|jr|max|min|mr|mrs|ms|no|nos|nr|op|p|pp|prof|ref|refs|resp|sec|sect|st|tab|vgl|viz|vol|vs)\.$",
    re.IGNORECASE,
)
_OPENERS: Final = "\"'“‘«([¿¡ \n"


def lay_out(text: str) -> str:
    """Return the text with one character between words, guessing from its lines where blocks begin."""
    paragraphs = [[*map(normal, part.split("\n"))] for part in re.split(r"\n\s*\n", text)]
    lengths = [len(line) for lines in paragraphs for line in lines if line]
    width = statistics.quantiles(lengths, n=10)[-1] if len(lengths) > 1 else 0.0
    return BLOCK.join(_joined([line for line in lines if line], width) for lines in paragraphs if any(lines))


def normal(text: str) -> str:
    """Return the text with each run of white space made one space: what quotes are verbatim from."""
    return " ".join(text.split())


def split(laid_out: str) -> list[Span]:
    """Return the sentences' places, in order; together they cover all but the white space between them."""
    found: list[Span] = []
    for sentence in _sentences(laid_out):
        if found and found[-1][1] - found[-1][0] < SHORTEST:
            sentence = found.pop()[0], sentence[1]
        found.extend(_cut(laid_out, *sentence))
    return found


def _joined(lines: list[str], width: float) -> str:
    """Join a paragraph's lines, some of which may begin another block though no empty line says so."""
    parts: list[str] = []
    for number, line in enumerate(lines):
        if number:
            before = lines[number - 1]
            parts.append(BLOCK if _begins_block(before, line, width) else LINE)
        parts.append(line)
    return "".join(parts)


def _begins_block(before: str, line: str, width: float) -> bool:
    """A list's item, or what follows a line that stops well before the others and not within a sentence."""
    if _BULLET.match(line):
        return True
    if before.endswith(_GOES_ON):
        return False
    return bool(_NUMBERED.match(line)) or (len(before) < 0.75 * width and not line[0].islower())


def _sentences(text: str) -> Iterator[Span]:
    start = 0
    for block in text.split(BLOCK):
        end = start + len(block)
        begin = start
        for stop in _STOP.finditer(text, start, end):
            following = text[stop.end() : min(stop.end() + 8, end)].lstrip(_OPENERS)[:1]
            last_word = text[max(begin, stop.end() - 12) : stop.end()]
            if not following or following.islower() or _is_abbreviation(last_word):
                continue
            yield begin, stop.end()
            begin = stop.end() + text[stop.end()].isspace()
        if begin < end:
            yield begin, end
        start = end + 1


def _is_abbreviation(words: str) -> bool:
    return bool(_ABBREVIATION.search(words) or _NUMBER.match(words))


def _cut(text: str, start: int, end: int) -> Iterator[Span]:
    """Cut what is too long, after a line, a semicolon, a comma or a word."""
    while end - start > LONGEST:
        window = text[start : start + LONGEST]
        for mark in (BLOCK, LINE, "; ", ", ", " ", ""):
            place = window.rfind(mark) if mark else LONGEST
            if place > LONGEST // 2:
                break
        place += len(mark.rstrip())
        yield start, start + place
        start += place + (bool(mark))
    if start < end:
        yield start, end
