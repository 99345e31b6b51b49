"""A disk that loses what was not yet durable when the power fails."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from random import Random

from lms_desktop.node.raft.types import (
    ZERO_HEAD,
    Configuration,
    Entry,
    EntryType,
    HardState,
    Position,
    Stored,
    Update,
    decode_configuration,
)

_place = struct.Struct(">QQBq").pack


def chain(head: bytes, index: int, term: int, type_: int, stamp: int, payload: bytes) -> bytes:
    """The simulator's hash chain: like the ledger's, without the inner hashes."""
    return blake2b(head + _place(index, term, type_, stamp) + payload, digest_size=32).digest()


def configuration_of(entry: Entry) -> Configuration:
    """GENESIS entries carry a configuration too, here."""
    return decode_configuration(entry.payload)[0]


@dataclass(slots=True)
class Write:
    """One transaction under way."""

    seq: int
    truncate_from: int | None
    entries: Sequence[Entry]
    hard_state: HardState | None


class Disk:
    """What is durable (`log`, `hard_state`), and the transactions under way. Also the core's LogReader."""

    def __init__(self) -> None:
        self.log: list[Entry] = []
        self.hard_state = HardState()
        self.pending: list[Write] = []
        self._unwritten: HardState | None = None

    def found(self, payload: bytes) -> None:
        """Write the genesis, as the first start of a school does."""
        self.log.append(Entry(1, 1, EntryType.GENESIS, 0, payload, chain(ZERO_HEAD, 1, 1, 3, 0, payload)))
        self.hard_state = HardState(term=1, commit=1)

    def accept(self, update: Update) -> None:
        """Begin the transaction that an update asks for."""
        if update.hard_state is not None:
            self._unwritten = update.hard_state
        if update.seq:
            self.pending.append(Write(update.seq, update.truncate_from, update.entries, self._unwritten))
            self._unwritten = None

    def complete(self) -> int:
        """The oldest transaction is durable now; its seq."""
        write = self.pending.pop(0)
        if write.truncate_from is not None:
            del self.log[write.truncate_from - 1 :]
        assert not write.entries or write.entries[0].index == len(self.log) + 1, "a gap in what is written"
        self.log.extend(write.entries)
        if write.hard_state is not None:
            self.hard_state = write.hard_state
        return write.seq

    def power_fails(self, random: Random) -> int:
        """Some of what is under way, in order, still gets to the disk; how many transactions are lost."""
        for _ in range(random.randint(0, len(self.pending))):
            self.complete()
        lost = len(self.pending)
        self.pending.clear()
        self._unwritten = None
        return lost

    def stored(self) -> Stored:
        """What a node finds at its start."""
        history = [
            (e.index, configuration_of(e))
            for e in self.log
            if e.type in (EntryType.CONFIG, EntryType.GENESIS)
        ]
        last = Position()
        if self.log:
            entry = self.log[-1]
            last = Position(entry.index, entry.term, entry.head, entry.stamp)
        return Stored(self.hard_state, last, history)

    def entries(self, lo: int, hi: int, max_bytes: int) -> Sequence[Entry]:
        assert 1 <= lo < hi <= len(self.log) + 1, "the core asks for entries that are not durable"
        taken = self.log[lo - 1 : lo]
        size = len(taken[0].payload)
        for entry in self.log[lo : hi - 1]:
            size += len(entry.payload)
            if size > max_bytes:
                break
            taken.append(entry)
        return taken
