"""`ledger.db`: the Raft log and hard state, and beside them the tables that the ledger keeps, on one
connection.

Everything is written inside the one open transaction: `commit` makes it durable (one fsync) and opens the
next.
Rows that are applied after a commit travel with the next one, together with the applied index that they stand
for.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgpack

from lms_desktop.node.errors import DiskFull, NewerDatabase
from lms_desktop.node.raft.types import Configuration, Entry, EntryType, HardState, Pair, Position, Stored

FILE = "ledger.db"
FORMAT = 1
CHECKPOINT_PAGES = 4000
_SCHEMA = """
CREATE TABLE raft_meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    format INTEGER NOT NULL,
    incarnation BLOB
) STRICT;
CREATE TABLE raft_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    term INTEGER NOT NULL,
    vote INTEGER NOT NULL,
    commit_index INTEGER NOT NULL,
    own BLOB NOT NULL,
    pairs BLOB NOT NULL
) STRICT;
CREATE TABLE raft_log (
    idx INTEGER PRIMARY KEY,
    term INTEGER NOT NULL,
    type INTEGER NOT NULL,
    stamp INTEGER NOT NULL,
    payload BLOB NOT NULL,
    head BLOB NOT NULL
) STRICT;
CREATE INDEX raft_log_configurations ON raft_log (idx) WHERE type >= 2;
"""


class Storage:
    """The open database; owned by the thread that opened it. Implements Raft's `LogReader`.

    `set_aside` names the damaged database that was moved out of the way, if one was found.
    """

    def __init__(self, path: Path, db: sqlite3.Connection, set_aside: Path | None) -> None:
        self.path = path
        self.db = db
        self.set_aside = set_aside
        self.last_index = self._last_index()

    @classmethod
    def open(cls, folder: Path) -> "Storage":
        """Open or make the database. A damaged one is renamed, never deleted, and a new one made in its
        place.

        Raises NewerDatabase, DiskFull.
        """
        path = folder / FILE
        try:
            return cls(path, _open(path), None)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
        aside = set_aside(path)
        return cls(path, _open(path), aside)

    def close(self) -> None:
        """Commit what is open and close."""
        self.db.execute("COMMIT")
        self.db.close()

    # --- the incarnation that this log belongs to ---

    @property
    def incarnation(self) -> bytes | None:
        """Whose votes and acknowledgements these are; None for a database that was just made."""
        row = self.db.execute("SELECT incarnation FROM raft_meta").fetchone()
        found: bytes | None = row[0]
        return found

    def adopt(self, incarnation: bytes) -> None:
        """Give the log to another life of this machine, which voted for nobody and acknowledged nothing;
        durable."""
        self.db.execute("UPDATE raft_meta SET incarnation = ?", (incarnation,))
        self.write(HardState(term=self.hard_state().term, commit=self.hard_state().commit), None, ())
        self.commit()

    # --- writing ---

    def write(
        self, hard_state: HardState | None, truncate_from: int | None, entries: Sequence[Entry]
    ) -> None:
        """Put term, vote, commit, pairs and log changes into the open transaction. Raises DiskFull."""
        with self._refusing_full():
            if truncate_from is not None:
                self.db.execute("DELETE FROM raft_log WHERE idx >= ?", (truncate_from,))
                self.last_index = min(self.last_index, truncate_from - 1)
            if entries:
                self.db.executemany("INSERT INTO raft_log VALUES (?, ?, ?, ?, ?, ?)", entries)
                self.last_index = entries[-1].index
            if hard_state is not None:
                self.db.execute(
                    "UPDATE raft_state SET term = ?, vote = ?, commit_index = ?, own = ?, pairs = ?",
                    (
                        hard_state.term,
                        hard_state.vote,
                        hard_state.commit,
                        msgpack.packb(hard_state.own),
                        msgpack.packb(hard_state.pairs),
                    ),
                )

    def commit(self) -> None:
        """Make the open transaction durable and open the next. Raises DiskFull, after which nothing of it is
        left."""
        with self._refusing_full():
            self.db.execute("COMMIT")
            self.db.execute("BEGIN IMMEDIATE")

    @contextmanager
    def _refusing_full(self) -> Iterator[None]:
        """On a full disk: roll the whole open transaction back, open an empty one, raise DiskFull."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
                raise
            self.rollback()
            raise disk_full(self.path) from error

    def rollback(self) -> None:
        """Drop the open transaction: the tables are again as at the last `commit`."""
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")
        self.db.execute("BEGIN IMMEDIATE")
        self.last_index = self._last_index()

    # --- reading ---

    def hard_state(self) -> HardState:
        """What a restart goes on from."""
        term, vote, commit, own, pairs = self.db.execute(
            "SELECT term, vote, commit_index, own, pairs FROM raft_state"
        ).fetchone()
        return HardState(
            term, vote, commit, Pair(*msgpack.unpackb(own)), msgpack.unpackb(pairs, use_list=False)
        )

    def stored(self, configuration_of: Callable[[Entry], Configuration]) -> Stored:
        """What Raft goes on from; `configuration_of` reads GENESIS and CONFIG entries."""
        last = self.entry(self.last_index)
        position = Position(last.index, last.term, last.head, last.stamp) if last else Position()
        history = [
            (entry.index, configuration_of(entry))
            for entry in self.of_types(EntryType.CONFIG, EntryType.GENESIS)
        ]
        return Stored(self.hard_state(), position, history)

    def entry(self, index: int) -> Entry | None:
        """The entry at `index`, None where there is none."""
        row = self.db.execute("SELECT * FROM raft_log WHERE idx = ?", (index,)).fetchone()
        return Entry(*row) if row else None

    def head_at(self, index: int) -> bytes:
        """The head of the entry at `index`, which exists."""
        (head,) = self.db.execute("SELECT head FROM raft_log WHERE idx = ?", (index,)).fetchone()
        return bytes(head)

    def entries(self, lo: int, hi: int, max_bytes: int) -> Sequence[Entry]:
        """Entries lo .. hi - 1, cut after about `max_bytes` of payload, at least one where any exists."""
        found: list[Entry] = []
        size = 0
        rows = self.db.execute("SELECT * FROM raft_log WHERE idx >= ? AND idx < ? ORDER BY idx", (lo, hi))
        for row in rows:
            found.append(Entry(*row))
            size += len(found[-1].payload)
            if size >= max_bytes:
                break
        return found

    def of_types(self, *types: int) -> Sequence[Entry]:
        """All entries of these types, ascending."""
        marks = ", ".join("?" * len(types))
        return [
            Entry(*row)
            for row in self.db.execute(f"SELECT * FROM raft_log WHERE type IN ({marks}) ORDER BY idx", types)
        ]

    def _last_index(self) -> int:
        row = self.db.execute("SELECT max(idx) FROM raft_log").fetchone()
        return int(row[0] or 0)


def disk_full(path: Path) -> DiskFull:
    """The error for a write that found no room."""
    return DiskFull(
        "The disk is full, so nothing new can be saved",
        where=str(path.parent),
        next_step="Free some space: the node goes on by itself, and nothing was lost.",
    )


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, cached_statements=256)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            damage = sqlite3.DatabaseError("quick_check found damage")
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'raft_meta'").fetchone():
            db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            db.execute("INSERT INTO raft_meta VALUES (1, ?, NULL)", (FORMAT,))
            db.execute(
                "INSERT INTO raft_state VALUES (1, 0, 0, 0, ?, ?)", (msgpack.packb((0, 0)), msgpack.packb(()))
            )
        (version,) = db.execute("SELECT format FROM raft_meta").fetchone()
        if version > FORMAT:
            raise NewerDatabase(
                f"This ledger was written by a newer version (format {version})",
                where=str(path),
                next_step="Update LMS Desktop on this machine.",
            )
        db.execute("BEGIN IMMEDIATE")
    except BaseException:
        db.close()
        raise
    return db


def set_aside(path: Path) -> Path:
    """Rename a damaged database and what belongs to it; returns its new name."""
    mark = ".damaged-" + time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(path.with_name(path.name + mark + suffix))
    return path.with_name(path.name + mark)
