"""The answer without a language model: the best passages, quoted word for word and cited."""

from collections.abc import Sequence
from typing import Final

from lms_desktop.tutor.protocol import Source
from lms_desktop.tutor.retrieval import Hit

QUOTES: Final = 3
QUOTE_CHARS: Final = 600
_NEAR: Final = 0.6  # a neighbour at least this near, as a share of the best sentence, is quoted with it
_LEAST_CHARS: Final = 160  # a quote shorter than this takes its nearest neighbour, whatever that says


def quoted(hits: Sequence[Hit], limit: int = QUOTES) -> tuple[Source, ...]:
    """Return the best places of the passages found, the best passage first: at most `limit` sources.

    A quote is a run of whole sentences round the passage's best one, verbatim but for white space, at most
    QUOTE_CHARS characters; a single sentence longer than that is cut after a word. Passages may overlap: what
    an earlier quote of the same page contains is not quoted twice.
    """
    found: list[Source] = []
    for hit in hits:
        if len(found) == limit:
            break
        passage = hit.passage
        quote = _quote(passage.text, hit.sentences)
        twice = any(
            (source.document, source.page) == (passage.document, passage.page)
            and (quote in source.quote or source.quote in quote)
            for source in found
        )
        if quote and not twice:
            found.append(Source(passage.document, passage.page, quote, round(hit.score * 1000)))
    return tuple(found)


def answer(sources: Sequence[Source]) -> str:
    """Return the extractive answer: a paragraph for each source, `[n]` naming the n-th."""
    return "\n\n".join(f"“{source.quote}” [{number}]" for number, source in enumerate(sources, 1))


def _quote(text: str, sentences: Sequence[tuple[int, int, float]]) -> str:
    """The run of sentences that says most: it grows from the best one towards the nearer neighbour."""
    if not sentences:
        return _cut(_plain(text))
    scores = [score for _, _, score in sentences]
    first = last = scores.index(max(scores))
    quote = _cut(_plain(text[sentences[first][0] : sentences[first][1]]))
    while True:
        beside = [place for place in (first - 1, last + 1) if 0 <= place < len(sentences)]
        if not beside:
            return quote
        place = max(beside, key=scores.__getitem__)
        if scores[place] < _NEAR * max(scores) and len(quote) >= _LEAST_CHARS:
            return quote
        begin, end = min(first, place), max(last, place)
        longer = _plain(text[sentences[begin][0] : sentences[end][1]])
        if len(longer) > QUOTE_CHARS:
            return quote
        first, last, quote = begin, end, longer


def _plain(text: str) -> str:
    return " ".join(text.split())


def _cut(text: str) -> str:
    if len(text) <= QUOTE_CHARS:
        return text
    head, space, _ = text[: QUOTE_CHARS + 1].rpartition(" ")
    return head if space else text[:QUOTE_CHARS]
