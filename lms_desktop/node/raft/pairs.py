"""What each voter is known to have acknowledged: how a disk that was wiped or rolled back is found out.

A server makes its own pair durable before it acknowledges, so an honest one never speaks with a pair below
what anybody knows of it. One that does has forgotten entries, and perhaps votes: it counts for nothing until
the log that it is sent again brings its pair back up.
"""

from __future__ import annotations

from collections.abc import Collection

from lms_desktop.node.raft.types import NO_PAIR, Pair, Pairs, Server


class PairBook:
    """Machine -> the highest pair known of it."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = {machine: Pair(term, match) for machine, term, match in pairs}
        self._packed: Pairs | None = None
        self.news = False  # something was learnt since whoever stores it looked

    def of(self, machine: int) -> Pair:
        """The pair of this machine, (0, 0) if nothing is known."""
        return self._pairs.get(machine, NO_PAIR)

    def learn(self, machine: int, pair: Pair) -> None:
        """It acknowledged this much."""
        if pair > self._pairs.get(machine, NO_PAIR):
            self._pairs[machine] = pair
            self._packed = None
            self.news = True

    def learn_all(self, pairs: Pairs, voters: Collection[int]) -> None:
        """What a leader says of these voters."""
        for machine, term, match in pairs:
            if machine in voters:
                self.learn(machine, Pair(term, match))

    def promote(self, before: Collection[Server], after: Collection[Server]) -> None:
        """Who becomes a voter starts afresh: what is known was said of an earlier life."""
        for server in after:
            if server not in before and server.machine in self._pairs:
                del self._pairs[server.machine]
                self._packed = None
                self.news = True

    def packed(self) -> Pairs:
        """All that is known, as it travels and is stored."""
        if self._packed is None:
            self._packed = tuple((m, *self._pairs[m]) for m in sorted(self._pairs))
        return self._packed
