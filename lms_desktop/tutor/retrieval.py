"""Which passages of a course say most about a question.

Two rankings are joined by reciprocal rank (Cormack, Clarke and Buettcher 2009): by meaning, where a passage
counts as its best sentence or as a whole, whichever is nearer, and by words (BM25).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from lms_desktop.tutor.course_index import CourseIndex
from lms_desktop.tutor.encoder import Floats
from lms_desktop.tutor.passages import Passage
from lms_desktop.tutor.question import content
from lms_desktop.tutor.relevance import Query

_DEPTH: Final = 50  # of each ranking
_DAMPING: Final = 10  # ranks: the less, the more the first few of either ranking count


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found. `score`: its best place's cosine; `sentences`: (start, end, cosine) in its text."""

    passage: Passage
    score: float
    sentences: tuple[tuple[int, int, float], ...]


def retrieve(
    course: CourseIndex, query: Query, limit: int, closed: frozenset[int] = frozenset()
) -> list[Hit]:
    """Return the passages that say most about it, the best first; none of a closed document.

    Raises IndexDamaged, IndexFailed where the search by words cannot be made.
    """
    if not course.passages or limit < 1:
        return []
    sentences = course.sentence_vectors @ query.vector
    cosines = course.passage_vectors @ query.vector
    np.maximum.at(cosines, course.sentence_rows, sentences)
    depth = min(max(_DEPTH, limit), len(cosines))
    by_meaning = np.argpartition(-cosines, depth - 1)[:depth]
    by_meaning = by_meaning[np.argsort(-cosines[by_meaning], kind="stable")]
    by_words = [row for row, _ in course.search(content(query.text), depth)]
    scores: dict[int, float] = {}
    for ranking in (by_meaning.tolist(), by_words):
        for rank, row in enumerate(ranking, 1):
            scores[row] = scores.get(row, 0.0) + 1 / (_DAMPING + rank)
    open_ = [row for row in scores if course.passages[row].document not in closed]
    best = sorted(open_, key=lambda row: (-scores[row], -float(cosines[row])))[:limit]
    return [_hit(course, row, float(cosines[row]), sentences) for row in best]


def _hit(course: CourseIndex, row: int, score: float, cosines: Floats) -> Hit:
    passage = course.passages[row]
    start = int(np.searchsorted(course.sentence_rows, row))
    places = zip(passage.sentences, cosines[start : start + len(passage.sentences)], strict=True)
    return Hit(passage, score, tuple((begin, end, float(cosine)) for (begin, end), cosine in places))
