"""The tutor's index: passages with their vectors and words, of every course that this machine serves.

What is indexed is a *content*: a PDF, named by its SHA-256, or a document's own words, named by theirs. So
what two courses share, or a course publishes again, is read and encoded once; what no course has any more is
dropped.
"""

import hashlib
import sqlite3
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lms_desktop.tutor.course_index import CourseIndex, Listed, course_index
from lms_desktop.tutor.encoder import MODEL_SHA256, Encoder
from lms_desktop.tutor.extract import Extraction
from lms_desktop.tutor.pages import Page, clean
from lms_desktop.tutor.passages import Passage, document_passages, readable
from lms_desktop.tutor.protocol import Document
from lms_desktop.tutor.store import Store
from lms_desktop.tutor.textcache import TextCache

COURSE_PASSAGES: Final = 12_000  # of a course, about 5,000 pages: 180 MB of vectors in memory
MAX_BYTES: Final = 4 << 30  # of the file; then the course that was built longest ago goes
SLICE: Final = 4_000  # characters encoded between two steps

_DROPPED_AT_ONCE: Final = 200  # passages
_WAIT_S: Final = 0.05  # for text, between two steps
_NOT_HERE: Final = "Its file has not arrived on this machine yet."
_TOO_MUCH: Final = "The course has more text than the tutor can hold: not all of this document is read."


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a course is: `done` of `total` documents. `notes`: (document, what of it cannot be read)."""

    done: int
    total: int
    notes: tuple[tuple[int, str], ...]


class Index:
    """The open index. `build` is for one thread at a time; `course`, and what it returns, for any."""

    def __init__(self, path: Path, encoder: Encoder, cache: TextCache) -> None:
        """Open or make the file; `cache` keeps the text of PDFs. Raises IndexFailed."""
        self._store = Store(path, MODEL_SHA256)
        self._encoder = encoder
        self._cache = cache

    @property
    def set_aside(self) -> Path | None:
        """The damaged index that was found, where it is kept now."""
        return self._store.set_aside

    def close(self) -> None:
        """Close the file; a `build` under way must have been closed before."""
        self._store.close()

    def course(self, course: int) -> CourseIndex:
        """Return what is indexed of the course by now. Raises IndexDamaged, IndexFailed."""
        life = self._store.life
        with self._store.open(life) as db:
            documents = db.execute("SELECT document, kind, title FROM members WHERE course = ?", (course,))
            rows = db.execute(
                "SELECT passage, belongs.document, page, start, text, sentences, vectors FROM passages JOIN "
                "(SELECT content, min(document) AS document FROM members WHERE course = ? GROUP BY content) "
                "AS belongs USING (content) ORDER BY belongs.document, passage LIMIT ?",
                (course, COURSE_PASSAGES),
            )
            listed = {document: Listed(kind, title) for document, kind, title in documents}
            found = rows.fetchall()
        try:
            return course_index(listed, found, self._store, life)
        except ValueError as error:
            raise self._store.damaged(error) from error

    def build(self, course: int, documents: Sequence[Document]) -> Generator[Progress]:
        """Make the course consist of these documents, in steps of about a fifth of a second.

        What is indexed already stays; what is not among these is dropped. Between two steps it may be closed:
        the next build goes on from there. After each step `course` shows what there is. Raises IndexDamaged,
        IndexFailed.
        """
        parts = [*map(_own_words, documents), *map(_file, filter(lambda one: one.sha256, documents))]
        left = Counter(part.document for part in parts)
        notes: dict[int, str] = {}

        def progress() -> Progress:
            return Progress(len(documents) - len(+left), len(documents), tuple(sorted(notes.items())))

        life = self._store.life
        self._enrol(life, course, documents, parts)
        yield progress()
        for _ in self._drop_unused(life, course):
            yield progress()
        for part in parts:
            outcome = _Outcome()
            for _ in self._index(life, course, part, outcome):
                yield progress()
            left[part.document] -= outcome.complete
            if outcome.note:
                notes[part.document] = outcome.note
            yield progress()

    def _enrol(self, life: int, course: int, documents: Sequence[Document], parts: Sequence["_Part"]) -> None:
        kinds = {document.document: (document.kind, document.title) for document in documents}
        with self._store.open(life) as db:
            db.execute("DELETE FROM members WHERE course = ?", (course,))
            db.execute("DELETE FROM courses WHERE course = ?", (course,))
            if documents:
                db.execute("INSERT INTO courses VALUES (?, ?)", (course, time.time_ns() // 1_000_000))
            for part in parts:
                db.execute(
                    "INSERT OR IGNORE INTO contents (key, complete, note) VALUES (?, 0, '')", (part.key,)
                )
                db.execute(
                    "INSERT OR REPLACE INTO members SELECT ?, ?, content, ?, ? FROM contents WHERE key = ?",
                    (course, part.document, *kinds[part.document], part.key),
                )

    def _index(self, life: int, course: int, part: "_Part", outcome: "_Outcome") -> Iterator[None]:
        """Index one content from where it was left."""
        with self._store.open(life) as db:
            content, outcome.complete, outcome.note = db.execute(
                "SELECT content, complete, note FROM contents WHERE key = ?", (part.key,)
            ).fetchone()
            have, total = db.execute(
                "SELECT (SELECT count(*) FROM passages WHERE content = ?1), (SELECT count(*) FROM passages "
                "WHERE content IN (SELECT content FROM members WHERE course = ?2))",
                (content, course),
            ).fetchone()
        if outcome.complete:
            return
        pages: Sequence[Page] = part.pages
        if not pages:
            extraction = Extraction(Path(part.path), part.key[1:], self._cache)
            try:
                while extraction.result is None:
                    if not part.path:
                        outcome.note = _NOT_HERE
                        return
                    extraction.poll(_WAIT_S)
                    yield
            finally:
                extraction.close()
            pages, outcome.note = extraction.result.pages, extraction.result.words
            if extraction.result.problem == "missing":
                return
        room = max(0, COURSE_PASSAGES - total)
        rest = islice(document_passages(part.document, pages), have, None)
        for batch in _slices(islice(rest, room)):
            vectors = _vectors(self._encoder, batch)
            with self._store.open(life) as db:
                for passage, table in zip(batch, vectors, strict=True):
                    _insert(db, content, passage, table)
            yield
        if next(rest, None) is not None:
            outcome.note = _TOO_MUCH
            return
        outcome.complete = 1
        with self._store.open(life) as db:
            db.execute(
                "UPDATE contents SET complete = 1, note = ? WHERE content = ?", (outcome.note, content)
            )

    def _drop_unused(self, life: int, course: int) -> Iterator[None]:
        """Drop what no course has any more; while the file is too large, drop another course first."""
        while True:
            with self._store.open(life) as db:
                found = db.execute(
                    "SELECT content FROM contents WHERE content NOT IN (SELECT content FROM members) LIMIT 1"
                ).fetchone()
                if found is None:
                    if _used_bytes(db) <= MAX_BYTES:
                        return
                    oldest = db.execute(
                        "SELECT course FROM courses WHERE course != ? ORDER BY used_ms LIMIT 1", (course,)
                    ).fetchone()
                    if oldest is None:
                        return
                    db.execute("DELETE FROM members WHERE course = ?", oldest)
                    db.execute("DELETE FROM courses WHERE course = ?", oldest)
                    continue
                some = "SELECT passage FROM passages WHERE content = ? ORDER BY passage LIMIT ?"
                which = (*found, _DROPPED_AT_ONCE)
                db.execute(f"DELETE FROM words WHERE rowid IN ({some})", which)
                if not db.execute(f"DELETE FROM passages WHERE passage IN ({some})", which).rowcount:
                    db.execute("DELETE FROM contents WHERE content = ?", found)
            yield


@dataclass(slots=True)
class _Outcome:
    complete: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    """One content of a document: its own words as page 0, or its file."""

    document: int
    key: bytes
    pages: tuple[Page, ...] = ()
    path: str = ""


def _own_words(document: Document) -> _Part:
    words = clean(f"{document.title}\n\n{document.text}")
    return _Part(document.document, b"w" + hashlib.sha256(words.encode()).digest(), pages=(Page(0, words),))


def _file(document: Document) -> _Part:
    return _Part(document.document, b"f" + document.sha256, path=document.path)


def _slices(passages: Iterable[Passage]) -> Iterator[list[Passage]]:
    some: list[Passage] = []
    characters = 0
    for passage in passages:
        some.append(passage)
        characters += len(passage.text)
        if characters >= SLICE:
            yield some
            some, characters = [], 0
    if some:
        yield some


def _vectors(encoder: Encoder, passages: Sequence[Passage]) -> list[NDArray[np.float32]]:
    """Return for each passage its vector and its sentences', shape (1 + sentences, 384)."""
    texts = [
        [
            readable(text)
            for text in (passage.text, *(passage.text[start:end] for start, end in passage.sentences))
        ]
        for passage in passages
    ]
    places = {
        text: place for place, text in enumerate(dict.fromkeys(text for some in texts for text in some))
    }
    vectors = encoder.encode(list(places))
    return [vectors[[places[text] for text in some]] for some in texts]


def _insert(db: sqlite3.Connection, content: int, passage: Passage, vectors: NDArray[np.float32]) -> None:
    sentences = np.array(passage.sentences, "<i4").tobytes()
    number = db.execute(
        "INSERT INTO passages (content, page, start, text, sentences, vectors) VALUES (?, ?, ?, ?, ?, ?)",
        (content, passage.page, passage.start, passage.text, sentences, vectors.astype("<f2").tobytes()),
    ).lastrowid
    db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (number, readable(passage.text)))


def _used_bytes(db: sqlite3.Connection) -> int:
    (pages,), (free,), (size,) = (
        db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
