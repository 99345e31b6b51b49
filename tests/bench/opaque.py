"""A state machine that stores what it is given: the benchmark's stand-in for the ledger."""

import sqlite3
import struct
from collections.abc import Sequence

from lms_desktop.node.raft.types import Configuration, Entry, EntryType, Server, decode_configuration
from lms_desktop.trust.primitives import hash_, tag

_HEAD = tag("bench-head")
_place = struct.Struct(">QQBq").pack


def chain(head: bytes, index: int, term: int, type_: int, stamp: int, payload: bytes) -> bytes:
    """A head over everything in the entry."""
    return hash_(_HEAD, head, _place(index, term, type_, stamp), payload)


class Opaque:
    """One row a command, in the host's transaction. `founders` are the voters from the first entry on."""

    def __init__(self, db: sqlite3.Connection, founders: Sequence[Server]) -> None:
        self._db = db
        self._founders = Configuration.of(founders)
        self.halted: str | None = None
        self.keepers: set[int] | None = None
        """Who may vote; None: everyone."""
        db.execute(
            "CREATE TABLE IF NOT EXISTS opaque (idx INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT"
        )
        db.execute("CREATE TABLE IF NOT EXISTS opaque_applied (idx INTEGER NOT NULL) STRICT")
        if db.execute("SELECT count(*) FROM opaque_applied").fetchone() == (0,):
            db.execute("INSERT INTO opaque_applied VALUES (0)")
        self.applied = 0
        self.reload()

    def prepare(self, entries: Sequence[Entry]) -> None:
        """Nothing is signed."""

    def apply(self, entries: Sequence[Entry]) -> Sequence[int]:
        self._db.executemany(
            "INSERT INTO opaque VALUES (?, ?)",
            [(entry.index, entry.payload) for entry in entries if entry.type == EntryType.COMMAND],
        )
        self.applied = entries[-1].index
        self._db.execute("UPDATE opaque_applied SET idx = ?", (self.applied,))
        return [0] * len(entries)

    def reload(self) -> None:
        (self.applied,) = self._db.execute("SELECT idx FROM opaque_applied").fetchone()

    def configuration_of(self, entry: Entry) -> Configuration:
        if entry.type == EntryType.GENESIS:
            return self._founders
        return decode_configuration(entry.payload)[0]

    def is_keeper(self, machine: int) -> bool:
        return self.keepers is None or machine in self.keepers

    def is_enrolled(self, machine: int) -> bool:
        return True
