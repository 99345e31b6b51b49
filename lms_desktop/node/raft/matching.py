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
    term, head = log.position(prev)
    if term != append.prev_term and prev > commit:
        return Lacks(commit)
    if head != append.prev_head:
        return Contradicts(prev, head, append.prev_head)
    entries = append.entries
    known = min(len(entries), log.last.index - prev)
    cut = None
    for place in range(known):
        entry = entries[place]
        term, head = log.position(prev + 1 + place)
        if head == entry.head:
            continue
        if term == entry.term or prev + 1 + place <= commit:
            return Contradicts(prev + 1 + place, head, entry.head)
        known = place
        cut = prev + 1 + place
        log.truncate(cut)
        break
    fresh = entries[known:]
    wrong = log.check(fresh)
    if wrong is not None:
        entry, head = wrong
        return Contradicts(entry.index, head, entry.head)
    return Fits(fresh, cut)
