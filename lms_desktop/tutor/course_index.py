"""A course's passages in memory: their vectors as matrices, and the search by words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lms_desktop.tutor.encoder import WIDTH
from lms_desktop.tutor.pages import clean
from lms_desktop.tutor.passages import Passage
from lms_desktop.tutor.store import Store

SEARCH_WORDS: Final = 64  # of one question: more would find no better


class Listed(NamedTuple):
    """A document of the course: `kind` is "material" or "assignment"."""

    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class CourseIndex:
    """What a course consists of, as it was when this was made. Rows are places in `passages`.

    `sentence_vectors` are in the order of the passages and of their `sentences`; the passage of each is in
    `sentence_rows`. Vectors have unit length, so that a product is a cosine.
    """

    documents: Mapping[int, Listed]
    passages: tuple[Passage, ...]
    passage_vectors: NDArray[np.float32]  # (passages, 384)
    sentence_vectors: NDArray[np.float32]  # (sentences, 384)
    sentence_rows: NDArray[np.int32]  # (sentences,)
    words: "WordIndex"

    def search(self, words: Sequence[str], limit: int) -> list[tuple[int, float]]:
        """Return (row, BM25) of the passages with any of these words, or a form of it; the best first.

        Raises IndexDamaged, IndexFailed.
        """
        return self.words.search(words, limit)


class WordIndex:
    """The search by words in one course, by SQLite's FTS5, whose scores are better the lower."""

    def __init__(self, store: Store, life: int, rows: Mapping[int, int]) -> None:
        self._store = store
        self._life = life
        self._rows = rows  # by the passage's number in the database
        self._range = (min(rows), max(rows)) if rows else (0, 0)

    def search(self, words: Sequence[str], limit: int) -> list[tuple[int, float]]:
        wanted = list(dict.fromkeys(clean(word).replace('"', "").lower() for word in words))[:SEARCH_WORDS]
        if not wanted or not self._rows:
            return []
        query = " OR ".join(f'"{word}"' for word in wanted)
        found: list[tuple[int, float]] = []
        with self._store.open(self._life) as db:
            best = db.execute(
                "SELECT rowid, rank FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rank",
                (query, *self._range),  # a course's passages lie together, or nearly: the others are not read
            )
            for number, rank in best:
                if number in self._rows:
                    found.append((self._rows[number], rank))
                    if len(found) == limit:
                        break
            best.close()
        return found


def course_index(
    documents: Mapping[int, Listed],
    rows: Sequence[tuple[int, int, int, int, str, bytes, bytes]],
    store: Store,
    life: int,
) -> CourseIndex:
    """Make it from rows of (number, document, page, start, text, sentences, vectors), as `index` keeps them.

    Raises ValueError where a row is not as it was written.
    """
    passages = []
    tables: list[NDArray[Any]] = []
    for _, document, page, start, text, sentences, vectors in rows:
        places = np.frombuffer(sentences, "<i4").reshape(-1, 2)
        table = np.frombuffer(vectors, "<f2").reshape(-1, WIDTH)
        if len(table) != len(places) + 1:
            raise ValueError("a passage has not one vector for each sentence")
        spans = tuple((int(first), int(last)) for first, last in places)
        passages.append(Passage(document, page, start, start + len(text), text, spans))
        tables.append(table)
    lengths = [len(passage.sentences) for passage in passages]
    return CourseIndex(
        documents,
        tuple(passages),
        _stacked([table[:1] for table in tables]),
        _stacked([table[1:] for table in tables]),
        np.repeat(np.arange(len(passages), dtype=np.int32), lengths),
        WordIndex(store, life, {row[0]: place for place, row in enumerate(rows)}),
    )


def _stacked(tables: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    if not tables:
        return np.empty((0, WIDTH), np.float32)
    return np.concatenate(tables, dtype=np.float32)
