"""What a voter checks of a leader's entries before Raft sees them: their stamps, and whom they let in.

A refused entry is cut off with all that follow it. To Raft that is a lost message, and a leader so refused is
heard no more in that term: a refusing majority elects another, a lone refuser is as if switched off.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from lms_desktop.node.raft.core import Raft
from lms_desktop.node.raft.types import (
    AppendEntries,
    Configuration,
    ConfigurationError,
    Entry,
    EntryType,
    decode_configuration,
)
from lms_desktop.trust.errors import TrustError

AHEAD_MS = 120_000
"""How far a stamp that rises may lie beyond the judge's own clock."""

ASTRAY_MS = 30_000
"""A clock this far from the voters' median neither judges nor leads."""

FRESH_MS = 10_000
"""For how long a voter's clock, once heard, counts."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """Keep the first `keep` entries. `reason` says why the next one is refused; None: it is only too
    early."""

    keep: int
    reason: str | None


class Register(Protocol):
    """What the judge asks of the ledger, at the index applied now."""

    @property
    def applied(self) -> int: ...
    def is_keeper(self, machine: int) -> bool: ...
    def is_enrolled(self, machine: int) -> bool: ...
    def configuration_of(self, entry: Entry) -> Configuration: ...


class _Trusting:
    """The register of who has no vote: what it is fed is decided by others, so only the form counts."""

    def __init__(self, register: Register) -> None:
        self.configuration_of = register.configuration_of

    applied = 1 << 62

    def is_keeper(self, machine: int) -> bool:
        return True

    def is_enrolled(self, machine: int) -> bool:
        return True


def judge_append(
    raft: Raft, append: AppendEntries, register: Register, now_ms: int | None
) -> tuple[AppendEntries, str | None]:
    """The append as far as this node accepts it, and why not further if that is the leader's fault.

    `now_ms` is UTC, None where this clock may not judge.
    """
    if append.prev_index > raft.log.last.index:
        return append, None
    votes = raft.server in raft.configuration.voters
    decided = max(raft.commit - append.prev_index, 0)
    entries = append.entries[decided:]
    before = append.prev_index + decided

    def previous_stamp() -> int:
        return raft.entries(before, before + 1, 1)[0].stamp if 0 < before <= raft.log.last.index else 0

    rulings = [judge_configurations(entries, raft.configuration, register if votes else _Trusting(register))]
    if votes and now_ms is not None:
        rulings.append(judge_stamps(entries, previous_stamp, now_ms))
    ruling = min((r for r in rulings if r is not None), key=lambda r: r.keep, default=None)
    if ruling is None:
        return append, None
    return cut(append, decided + ruling.keep), ruling.reason


def judge_stamps(entries: Sequence[Entry], previous: Callable[[], int], now_ms: int) -> Ruling | None:
    """Refuse the first entry whose stamp exceeds both the one before it and `now_ms` (UTC) plus two minutes.

    `previous` gives the stamp of the entry before the first; asked only if it matters. Stamps never fall
    (Raft sees to that), so the last one tells for all.
    """
    if not entries or entries[-1].stamp <= now_ms + AHEAD_MS:
        return None
    before = previous()
    for place, entry in enumerate(entries):
        if entry.stamp > max(before, now_ms + AHEAD_MS):
            ahead = (entry.stamp - now_ms) // 1000
            return Ruling(place, f"its clock is {ahead} s ahead of this machine's")
        before = entry.stamp
    return None


def judge_configurations(
    entries: Sequence[Entry], current: Configuration, register: Register
) -> Ruling | None:
    """Refuse a configuration that lets in as a voter who is no enrolled keeper, or as a learner who is not
    enrolled.

    One that names an index beyond what is applied here is cut off without blame: it will be judged when it
    returns.
    """
    for place, entry in enumerate(entries):
        if entry.type not in (EntryType.CONFIG, EntryType.GENESIS):
            continue
        try:
            if entry.type == EntryType.GENESIS:
                current = register.configuration_of(entry)
                continue
            proposed, admitted = decode_configuration(entry.payload)
        except (ConfigurationError, TrustError) as error:
            return Ruling(place, f"its configuration at entry {entry.index} is not valid ({error})")
        if admitted >= entry.index:
            return Ruling(place, f"its configuration at entry {entry.index} refers to a later one")
        if admitted > register.applied:
            return Ruling(place, None)
        voters = {server.machine for server in current.voters}
        known = voters | {server.machine for server in current.learners}
        for server in proposed.voters:
            if server.machine not in voters and not register.is_keeper(server.machine):
                return Ruling(place, f"it wants machine {server.machine} to vote, which is no keeper")
        for server in proposed.learners:
            if server.machine not in known and not register.is_enrolled(server.machine):
                return Ruling(place, f"it wants to feed machine {server.machine}, which is not enrolled")
        current = proposed
    return None


def cut(append: AppendEntries, keep: int) -> AppendEntries:
    """The append with its first `keep` entries only."""
    return AppendEntries(
        append.term,
        append.round,
        append.prev_index,
        append.prev_term,
        append.prev_head,
        append.commit,
        append.pairs,
        append.entries[:keep],
    )


class VotersClocks:
    """How far the other voters' clocks are from ours, as heard with their gossip."""

    def __init__(self) -> None:
        self._offsets: dict[int, tuple[int, int]] = {}

    def heard(self, machine: int, their_utc_ms: int, our_utc_ms: int, now_ms: int) -> None:
        """A machine told the time; `now_ms` is monotonic."""
        self._offsets[machine] = their_utc_ms - our_utc_ms, now_ms

    def astray_by(self, voters: Sequence[int], me: int, now_ms: int) -> int:
        """How many ms this machine's clock is from the median of the voters'.

        Of two that differ nobody can tell which is wrong, but the stamps of the one ahead would be refused:
        that one counts as astray, or the two would never again agree on an entry.
        """
        offsets = [
            known[0]
            for machine in voters
            if machine != me and (known := self._offsets.get(machine)) and now_ms - known[1] <= FRESH_MS
        ]
        if me in voters:
            offsets.append(0)
        if len(offsets) < 3:
            return max(0, -min(offsets, default=0))
        return abs(sorted(offsets)[len(offsets) // 2])
