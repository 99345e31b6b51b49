"""Which class answers resemble what is being typed: enough words in common, found here and at once. No Qt."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lms_desktop.client.questions import ClassAnswer

MOST = 3
LEAST_WORDS = 2
LEAST_SHARE = 0.4
STEM = 5  # letters by which two words are held to be the same: search, searches, searching
_COMMON = frozenset(
    re.findall(
        r"\w+",
        """
    a about an and are as at be by can could did do does for from had has have how i if in into is it its me
    must my no not of on one or our should so some than that the their them then there these they this to up
    use used was we were what when where which who why will with would you your
    """,
    )
)


def words(text: str) -> frozenset[str]:
    """Return the words of a text that carry its meaning, cut to their stems."""
    return frozenset(
        word[:STEM] for word in re.findall(r"\w+", text.casefold()) if word not in _COMMON and len(word) > 1
    )


def similar(typed: str, answers: Sequence[ClassAnswer]) -> tuple[ClassAnswer, ...]:
    """Return the answers whose question shares the most with `typed`, the nearest first, at most `MOST`."""
    wanted = words(typed)
    if len(wanted) < LEAST_WORDS:
        return ()
    scored = []
    for answer in answers:
        title, text = words(answer.title), words(answer.text)
        common = len(wanted & title) + 0.5 * len(wanted & (text - title))
        if common / len(wanted) >= LEAST_SHARE:
            scored.append((common, answer))
    scored.sort(key=lambda item: (-item[0], -item[1].when_ms))
    return tuple(answer for _, answer in scored[:MOST])
