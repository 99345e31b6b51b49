"""`index.db` as a file: opened, read and written by any thread in turn, set aside when it is damaged."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

BUSY_MS: Final = 5_000  # an ending worker may still hold the file

_FORMAT: Final = 1  # of tables, passages and vectors: an index of another one is made anew
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SCHEMA: Final = """
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    format INTEGER NOT NULL,
    encoder TEXT NOT NULL
) STRICT;
CREATE TABLE contents (
    content INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    complete INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE TABLE passages (
    passage INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: a CourseIndex may be older
    content INTEGER NOT NULL,
    page INTEGER NOT NULL,
    start INTEGER NOT NULL,
    text TEXT NOT NULL,
    sentences BLOB NOT NULL, -- places in the text, int32 little-endian, two for each
    vectors BLOB NOT NULL -- float16 little-endian, 384 for the passage, then for each sentence
) STRICT;
CREATE INDEX passages_content ON passages (content);
CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'porter unicode61');
CREATE TABLE courses (course INTEGER PRIMARY KEY, used_ms INTEGER NOT NULL) STRICT;
CREATE TABLE members (
    course INTEGER NOT NULL,
    document INTEGER NOT NULL,
    content INTEGER NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (course, document, content)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_content ON members (content);
"""


class IndexDamaged(Exception):
    """The index was damaged. It has been set aside and an empty one is in use: build its courses again."""


class IndexFailed(Exception):
    """The index cannot be read or written for another reason; the message says which and what to do."""


class Store:
    """The open file, of which each thread has its turn.

    `set_aside` is the damaged file that was found; `life` counts the files there have been: numbers read in
    an earlier one mean nothing in this one.
    """

    def __init__(self, path: Path, encoder: str) -> None:
        """Open or make the file. Raises IndexFailed."""
        self._path = path
        self._encoder = encoder
        self._turn = threading.RLock()
        self.set_aside: Path | None = None
        self.life = 0
        with _told(path):
            try:
                self._db = self._open()
            except (sqlite3.DatabaseError, _Other) as error:
                if isinstance(error, sqlite3.DatabaseError) and not _is_damage(error):
                    raise
                self._replace(keep=not isinstance(error, _Other))

    def close(self) -> None:
        with self._turn:
            self._db.close()

    @contextmanager
    def open(self, life: int | None = None) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction, in this life of the file if one is named.

        Raises IndexDamaged, also where that life is over; IndexFailed.
        """
        with self._turn, _told(self._path):
            if life not in (None, self.life):
                raise IndexDamaged(f"{self._path} was damaged and is being made anew.")
            try:
                self._db.execute("BEGIN")
                try:
                    yield self._db
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):  # what made it fail is told
                        self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                raise self.damaged(error) from error

    def damaged(self, reason: Exception) -> IndexDamaged:
        """Set the file aside and begin an empty one; returns what the caller is to raise."""
        with self._turn, _told(self._path):
            self._db.close()
            self._replace(keep=True)
        return IndexDamaged(f"{self._path} was damaged: {reason}. It is being made anew.")

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(
            self._path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False
        )
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            if not db.execute("PRAGMA schema_version").fetchone()[0]:
                db.executescript(f"BEGIN; {_SCHEMA}")
                db.execute("INSERT INTO meta VALUES (1, ?, ?)", (_FORMAT, self._encoder))
                db.execute("COMMIT")
            elif db.execute("SELECT format, encoder FROM meta").fetchone() != (_FORMAT, self._encoder):
                raise _Other
        except BaseException:
            db.close()
            raise
        return db

    def _replace(self, *, keep: bool) -> None:
        for suffix in ("", "-wal", "-shm"):
            part = self._path.with_name(self._path.name + suffix)
            if keep and not suffix and part.exists():
                self.set_aside = part.replace(self._path.with_name(self._path.name + ".damaged"))
            else:
                part.unlink(missing_ok=True)
        self._db = self._open()
        self.life += 1


class _Other(Exception):
    """The file is of another version, or of another encoder."""


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether the file is not what we wrote: not a database, corrupt, or without our tables."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF in _DAMAGED or code == sqlite3.SQLITE_ERROR


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise IndexFailed(
            f"The tutor's index {path} cannot be used: {error}. Check that the disk is not full and that "
            "this account may write there."
        ) from error
