"""Checks of what this machine has stored: the head chain of its log, and the tables that were made from it.

A bit that flips on a disk, or is flipped, shows in the chain. `first_altered` finds where, over the tail at
each start and over the whole log on demand; `replay` checks everything else: it applies the whole log to an
empty database, every signature included, and compares what comes out with the tables in use.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final, Protocol

from lms_desktop.node.ledger import Ledger
from lms_desktop.node.ledger_tables import content_hash
from lms_desktop.node.raft.types import Entry
from lms_desktop.trust.chain import ZERO, entry_head

TAIL: Final = 1000  # entries looked at when a node starts
_SLICE: Final = 256
_SLICE_BYTES: Final = 1 << 20


class StoredLog(Protocol):
    """The log on this disk (`storage.Storage`)."""

    def head_at(self, index: int) -> bytes:
        """The stored head of the entry at `index`, which exists."""

    def entries(self, lo: int, hi: int, max_bytes: int) -> Sequence[Entry]:
        """Entries lo .. hi - 1, cut after about `max_bytes` of payload, at least one where any exists."""


def first_altered(log: StoredLog, first: int, last: int) -> int | None:
    """Return the first entry of `first` .. `last` that does not continue the chain, None where all do."""
    index, head = first, ZERO if first == 1 else log.head_at(first - 1)
    while index <= last:
        for entry in _slice(log, index, last):
            head = entry_head(head, entry.index, entry.term, entry.type, entry.stamp, entry.payload)
            if entry.index != index or head != entry.head:
                return index
            index += 1
    return None


def check_tail(log: StoredLog, ledger: Ledger, last: int) -> str | None:
    """Return what is wrong with the newest entries up to `last`, in words for IT; None where nothing is.

    Called when a node starts, before it applies anything. A broken tail also halts the ledger.
    """
    altered = first_altered(log, max(1, last - TAIL + 1), last)
    if altered is None and ledger.applied and log.head_at(ledger.applied) != ledger.head:
        altered = ledger.applied
    if altered is None:
        return None
    return ledger.halt_altered(altered)


def replay(log: StoredLog, db: sqlite3.Connection, ledger: Ledger) -> str | None:
    """Apply the whole log to an empty database and compare; returns what differs, in words for IT, or None.

    Takes about a second for each 5,000 entries, and needs as much room in the temporary folder as the tables.
    """
    scratch_db = sqlite3.connect("", isolation_level=None)  # on disk, without a name, gone when closed
    scratch = Ledger(scratch_db, pinned=ledger.cluster_id)
    try:
        scratch_db.execute("BEGIN")
        while scratch.applied < ledger.applied:
            scratch.apply(_slice(log, scratch.applied + 1, ledger.applied))
            if scratch.halted is not None:
                return scratch.halted
        if content_hash(scratch_db) != content_hash(db):
            return "The tables of this machine are not what its ledger says: they were altered on its disk."
        return None
    finally:
        scratch.close()
        scratch_db.close()


def _slice(log: StoredLog, first: int, last: int) -> list[Entry]:
    found = list(log.entries(first, min(last, first + _SLICE - 1) + 1, _SLICE_BYTES))
    if not found or found[0].index != first:
        raise ValueError(f"the log holds no entry {first}")
    return found
