"""The log as the core sees it: a bounded window of recent entries, by reference, over a durable rest.

Indexes run from 1. Three marks rise through it: `stable` (durable here), `handed` (given to the caller to
make durable) and `last`. Only a truncation, at a real conflict, lowers them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence

from lms_desktop.node.raft.types import Chain, Entry, LogReader, Position


class Log:
    """Entries from a `LogReader` and, above `base`, from memory."""

    def __init__(
        self, last: Position, reader: LogReader, chain: Chain, window_entries: int, window_bytes: int
    ) -> None:
        self._reader = reader
        self._chain = chain
        self._window_entries = window_entries
        self._window_bytes = window_bytes
        self._base = last  # the position just before the window
        self._entries: list[Entry] = []
        self._ends: list[int] = []  # payload bytes of the window up to and including each entry
        self._dropped_bytes = 0  # payload bytes that left the window at the front: `_ends` goes on counting
        self.last = last
        self.stable = last.index
        self.handed = last.index
        self._writes: deque[tuple[int, int]] = deque()  # (seq, last index then), not yet durable
        self._cut: int | None = None

    # --- reading ---------------------------------------------------------------------------------------

    def position(self, index: int) -> Position:
        """Where the log stands after the entry at `index`, 0 <= index <= last."""
        offset = index - self._base.index
        if offset > 0:
            return _position(self._entries[offset - 1])
        if offset == 0:
            return self._base
        return _position(self._reader.entries(index, index + 1, 1)[0]) if index else Position()

    def entries(self, lo: int, hi: int, max_bytes: int) -> Sequence[Entry]:
        """The first of the entries lo .. hi - 1, about `max_bytes` of payload; at least one if lo < hi."""
        base = self._base.index
        if lo <= base:
            return self._reader.entries(lo, min(hi, base + 1), max_bytes)
        start = lo - base - 1
        stop = hi - base - 1
        before = self._ends[start - 1] if start else self._dropped_bytes
        if self._ends[stop - 1] - before > max_bytes:
            stop = max(start + 1, bisect_right(self._ends, before + max_bytes, start, stop))
        return self._entries[start:stop]

    def bytes_after(self, index: int) -> int:
        """Payload bytes in the window above `index`."""
        if not self._ends:
            return 0
        offset = index - self._base.index
        return self._ends[-1] - (self._ends[offset - 1] if offset > 0 else self._dropped_bytes)

    # --- writing ---------------------------------------------------------------------------------------

    def extend(self, term: int, proposals: Sequence[tuple[int, int, bytes]]) -> None:
        """Append (type, stamp, payload) as the leader of `term`; stamps never fall."""
        index, _, head, stamp = self.last
        chain, entries, ends = self._chain, self._entries, self._ends
        end = ends[-1] if ends else self._dropped_bytes
        for type_, wanted, payload in proposals:
            index += 1
            if wanted > stamp:
                stamp = wanted
            head = chain(head, index, term, type_, stamp, payload)
            entries.append(Entry(index, term, type_, stamp, payload, head))
            end += len(payload)
            ends.append(end)
        self.last = Position(index, term, head, stamp)

    def check(self, after: int, entries: Sequence[Entry]) -> tuple[Entry, bytes] | None:
        """The first of `entries`, which are to follow the one at `after`, that order, stamp or chain refutes;
        and the head that it should have had."""
        index, term, head, stamp = self.position(after)
        chain = self._chain
        for entry in entries:
            index += 1
            ordered = entry.index == index and entry.term >= term and entry.stamp >= stamp
            term = entry.term
            stamp = entry.stamp
            head = chain(head, index, term, entry.type, stamp, entry.payload)
            if not ordered or head != entry.head:
                return entry, head
        return None

    def append(self, entries: Sequence[Entry]) -> None:
        """Append entries of a leader that passed `check`."""
        ends = self._ends
        end = ends[-1] if ends else self._dropped_bytes
        for entry in entries:
            end += len(entry.payload)
            ends.append(end)
        self._entries.extend(entries)
        entry = entries[-1]
        self.last = Position(entry.index, entry.term, entry.head, entry.stamp)

    def truncate(self, cut: int) -> None:
        """Drop the entries from `cut` on."""
        keep = cut - 1 - self._base.index
        if keep > 0:
            del self._entries[keep:]
            del self._ends[keep:]
            self.last = _position(self._entries[-1])
        else:
            self._entries.clear()
            self._ends.clear()
            self._dropped_bytes = 0
            self.last = self._base = self.position(cut - 1)
        if self.handed >= cut:
            self.handed = cut - 1
            self._cut = cut if self._cut is None else min(cut, self._cut)
        self.stable = min(self.stable, cut - 1)
        # A write of entries that are gone must not, when it completes, vouch for their replacements.
        self._writes = deque((seq, min(end, cut - 1)) for seq, end in self._writes)

    # --- durability ------------------------------------------------------------------------------------

    def hand_over(self) -> tuple[int | None, Sequence[Entry]]:
        """What the caller must now write: (truncate from, entries to append)."""
        cut, self._cut = self._cut, None
        start = self.handed - self._base.index
        self.handed = self.last.index
        return cut, self._entries[start:]

    def writing(self, seq: int) -> None:
        """All handed over so far will be durable when write `seq` is."""
        self._writes.append((seq, self.handed))

    @property
    def idle(self) -> bool:
        """Whether nothing waits to become durable."""
        return not self._writes

    def persisted(self, seq: int) -> None:
        """Writes up to `seq` are durable. Completions that are late or out of order say nothing new."""
        writes = self._writes
        while writes and writes[0][0] <= seq:
            end = writes.popleft()[1]
            if end > self.stable:
                self.stable = end

    def shrink(self, commit: int) -> None:
        """Forget the older half of the window once it is too large, as far as it is durable and committed."""
        size = self._ends[-1] - self._dropped_bytes if self._ends else 0
        if len(self._entries) <= self._window_entries and size <= self._window_bytes:
            return
        count = min(min(self.stable, commit) - self._base.index, len(self._entries) // 2 + 1)
        if count <= 0:
            return
        self._base = _position(self._entries[count - 1])
        self._dropped_bytes = self._ends[count - 1]
        del self._entries[:count]
        del self._ends[:count]


def _position(entry: Entry) -> Position:
    return Position(entry.index, entry.term, entry.head, entry.stamp)
