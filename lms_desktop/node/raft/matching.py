"""How a follower fits an append into its log: nothing that agrees is cut, and nothing that is committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lms_desktop.node.raft.log import Log
from lms_desktop.node.raft.types import AppendEntries, Entry


@dataclass(frozen=True, slots=True)
class Fits:
    """The log agrees up to where `entries` go on; `cut` is where it was truncated for them."""

    entries: Sequence[Entry]
    cut: int | None


@dataclass(frozen=True, slots=True)
class Lacks:
    """The log does not hold what comes before; `hint` is the last index that it may share with the leader."""

    hint: int


@dataclass(frozen=True, slots=True)
class Contradicts:
    """The append and the log cannot both come from honest servers: two heads at `index`."""

    index: int
    ours: bytes
    theirs: bytes


def match(log: Log, append: AppendEntries, commit: int) -> Fits | Lacks | Contradicts:
    """Compare an append with the log and cut the log at a real conflict. Up to `commit` it is committed."""
    prev = append.prev_index
    if prev > log.last.index:
        return Lacks(log.last.index)
    before = log.position(prev)
    if before.term != append.prev_term and prev > commit:
        return Lacks(commit)
    if before.head != append.prev_head:
        return Contradicts(prev, before.head, append.prev_head)
    entries = append.entries
    known = min(len(entries), log.last.index - prev)
    cut = None
    for place in range(known):
        entry = entries[place]
        index = prev + 1 + place
        ours = log.position(index)
        if ours.head == entry.head:
            continue
        if ours.term == entry.term or index <= commit:
            return Contradicts(index, ours.head, entry.head)
        known = place
        cut = index
        break
    fresh = entries[known:]
    wrong = log.check(prev + known, fresh)
    if wrong is not None:
        entry, head = wrong
        return Contradicts(entry.index, head, entry.head)
    if cut is not None:
        log.truncate(cut)
    return Fits(fresh, cut)
