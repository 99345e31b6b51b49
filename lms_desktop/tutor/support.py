"""Which sentences of a generated answer its sources do not carry: those like no sentence of a source."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from lms_desktop.tutor.protocol import Source
from lms_desktop.tutor.sentences import BLOCK, Span, split

BAR: Final = 0.62
"""Cosine of MiniLM: a paraphrase has 0.7 and more, a new statement near the subject 0.5 to 0.6."""
SPANS: Final = 64  # as many as a signed answer holds


def unsupported(
    text: str,
    sources: Sequence[Source],
    encode: Callable[[Sequence[str]], Any],
    bar: float = BAR,
) -> tuple[Span, ...]:
    """Return the places in `text` of sentences whose likeness to all sentences of the sources is below `bar`.

    Neighbours are one place. `encode` gives L2-normalised rows. It tells what is unlike, not what is untrue:
    a sentence that contradicts its source in the source's own words passes.
    """
    places = split(text.replace("\n", BLOCK))
    known = [source.quote[begin:end] for source in sources for begin, end in split(source.quote)]
    if not places or not known:
        return tuple(_joined(places))
    vectors = encode([text[begin:end] for begin, end in places] + known)
    nearest = (vectors[: len(places)] @ vectors[len(places) :].T).max(axis=1)
    return tuple(_joined([place for place, score in zip(places, nearest, strict=True) if score < bar]))


def _joined(places: Sequence[Span]) -> list[Span]:
    """Neighbours made one: only white space lies between sentences."""
    found: list[Span] = []
    for begin, end in places:
        if found and begin - found[-1][1] <= 2:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found[:SPANS]
