"""What became of each command, and the rule of the lanes.

A lane is one author's numbered line of commands. A right signature with the lane's next `seq` takes its
place, whatever the outcome; the same envelope again gets the first outcome; another at a taken place is
refused; a gap takes nothing.
"""

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from lms_desktop.school.outcomes import Outcome as Code
from lms_desktop.trust.envelope import Envelope

MAX_CACHED: Final = 4096

SCHEMA: Final = (
    """CREATE TABLE ledger_verdicts (
        idx INTEGER PRIMARY KEY, stamp INTEGER NOT NULL, code INTEGER NOT NULL, effects BLOB NOT NULL,
        digest BLOB NOT NULL, envelope BLOB NOT NULL) STRICT""",
    """CREATE TABLE ledger_places (
        author INTEGER NOT NULL, lane BLOB NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL,
        PRIMARY KEY (author, lane, seq)) STRICT, WITHOUT ROWID""",
)
"""`ledger_verdicts`: of every entry its stamp, outcome code, effects hash, verdict digest and, for a command,
H(envelope). `ledger_places`: the entry that took each place of each lane."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The first outcome of a command that took its place; `stamp` in ms UTC."""

    index: int
    stamp: int
    code: int
    envelope_hash: bytes


class Lanes:
    """The two tables. Rows are written by the batch: `write` before its end, `forget` after a rollback."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._next: OrderedDict[tuple[int, bytes], int] = OrderedDict()
        self._verdicts: list[tuple[int, int, int, bytes, bytes, bytes]] = []
        self._places: list[tuple[int, bytes, int, int]] = []

    def forget(self) -> None:
        """Drop the cache and what is not written: the tables are not what they were."""
        self._next.clear()
        self._verdicts.clear()
        self._places.clear()

    def write(self) -> None:
        """Write what was recorded and taken since the last time."""
        if self._verdicts:
            self._db.executemany("INSERT INTO ledger_verdicts VALUES (?, ?, ?, ?, ?, ?)", self._verdicts)
            self._verdicts.clear()
        if self._places:
            self._db.executemany("INSERT INTO ledger_places VALUES (?, ?, ?, ?)", self._places)
            self._places.clear()

    def record(
        self, index: int, stamp: int, code: int, effects: bytes, digest: bytes, hash_of_envelope: bytes
    ) -> None:
        """Note the verdict on an entry: a row of `ledger_verdicts`."""
        self._verdicts.append((index, stamp, code, effects, digest, hash_of_envelope))

    def next_seq(self, author: int, lane: bytes) -> int:
        """Return the place that the author's lane takes next, 0 for a new lane."""
        known = self._next.get((author, lane))
        if known is None:
            self.write()
            row = self._db.execute(
                "SELECT max(seq) FROM ledger_places WHERE author = ? AND lane = ?", (author, lane)
            ).fetchone()
            known = 0 if row[0] is None else row[0] + 1
            self._remember(author, lane, known)
        return known

    def outcome(self, author: int, lane: bytes, seq: int) -> Settled | None:
        """Return what became of the command that took this place, None while none has."""
        self.write()
        row = self._db.execute(
            "SELECT idx, stamp, code, envelope FROM ledger_places JOIN ledger_verdicts USING (idx)"
            " WHERE author = ? AND lane = ? AND seq = ?",
            (author, lane, seq),
        ).fetchone()
        return Settled(*row) if row else None

    def judge(self, envelope: Envelope, hash_of_envelope: bytes) -> Settled | Code | None:
        """Return a repeat's first outcome, the refusal of a gap or a taken place, None for the next place."""
        expected = self.next_seq(envelope.author, envelope.lane)
        if envelope.seq == expected:
            return None
        if envelope.seq > expected:
            return Code.SEQ_GAP
        settled = self.outcome(envelope.author, envelope.lane, envelope.seq)
        if settled is not None and settled.envelope_hash == hash_of_envelope:
            return settled
        return Code.SEQ_USED

    def take(self, envelope: Envelope, index: int) -> None:
        """Give the lane's next place to the command at this index."""
        self._places.append((envelope.author, envelope.lane, envelope.seq, index))
        self._remember(envelope.author, envelope.lane, envelope.seq + 1)

    def _remember(self, author: int, lane: bytes, following: int) -> None:
        self._next[author, lane] = following
        self._next.move_to_end((author, lane))
        if len(self._next) > MAX_CACHED:
            self._next.popitem(last=False)
