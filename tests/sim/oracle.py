"""The clients, and what they may rely on: no phantom, nothing twice, what was acknowledged stays, reads are
not stale."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from lms_desktop.node.raft.types import (
    Accepted,
    Entry,
    EntryType,
    Propose,
    ReadIndex,
    Refused,
    Role,
    Update,
)
from tests.sim.checks import require

if TYPE_CHECKING:
    from tests.sim.node import Node
    from tests.sim.world import World


class Oracle:
    """Proposes numbered commands at whoever says it leads, and knows what became of each."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._random = random
        self._next = 0
        self._accepted: dict[bytes, tuple[int, int]] = {}  # payload -> (index, term) as answered
        self._waiting: dict[tuple[int, int], list[tuple[int, int]]] = {}  # (machine, boot) -> (index, term)
        self._places: dict[bytes, int] = {}  # committed payload -> index
        self._reads: dict[int, int] = {}  # context -> what was acknowledged when it was asked
        self._asked = 0
        self.acknowledged: dict[int, int] = {}  # index -> term, as told to a client
        self._highest = 0

    def propose(self, node: Node) -> None:
        """Some commands, in one step; sometimes a read."""
        count = self._random.randint(1, 6)
        payloads = []
        for _ in range(count):
            self._next += 1
            payloads.append(b"%d" % self._next + b"." * self._random.randint(0, 60))
        now = self._world.now
        events: list[Propose | ReadIndex] = [Propose([(EntryType.COMMAND, now, p) for p in payloads])]
        if self._random.random() < 0.3:
            self._asked += 1
            self._reads[self._asked] = self._highest
            events.append(ReadIndex(self._asked))
        for payload in payloads:
            self._accepted[payload] = (0, 0)
        answers = node.step(list(events)).answers
        if isinstance(answers[0], Refused):
            self._world.counts["proposals refused"] += 1
            for payload in payloads:
                del self._accepted[payload]
            return
        assert isinstance(answers[0], Accepted)
        first, term = answers[0].first, answers[0].term
        waiting = self._waiting.setdefault((node.machine, node.boots), [])
        for offset, payload in enumerate(payloads):
            self._accepted[payload] = (first + offset, term)
            waiting.append((first + offset, term))

    def committed(self, entry: Entry) -> None:
        """The canonical chain grew by this entry."""
        if entry.type != EntryType.COMMAND:
            return
        require(entry.payload in self._accepted, "no phantom", entry)
        require(entry.payload not in self._places, "nothing twice", entry)
        self._places[entry.payload] = entry.index

    def stepped(self, node: Node, update: Update) -> None:
        """Tell the clients of this node what is done."""
        for context, index in update.reads:
            require(index >= self._reads[context], "reads are not stale", (node, context, index))
            self._world.counts["reads"] += 1
        waiting = self._waiting.get((node.machine, node.boots))
        if not waiting:
            return
        committed = self._world.checks.committed
        rest = []
        for index, term in waiting:
            if index > update.commit:
                rest.append((index, term))
            elif committed[index - 1].term == term:
                self.acknowledged[index] = term
                self._highest = max(self._highest, index)
        waiting[:] = rest

    def judge(self) -> None:
        """After all: what was acknowledged is there."""
        committed = self._world.checks.committed
        for index, term in self.acknowledged.items():
            require(committed[index - 1].term == term, "acknowledged stays", (index, term))
        for payload, index in self._places.items():
            require(committed[index - 1].payload == payload, "acknowledged stays", index)
            require(self._accepted[payload][0] in (0, index), "an entry is where it was said to be", index)

    def leader(self) -> Node | None:
        """Somebody who says it leads."""
        leaders = [n for n in self._world.nodes.values() if n.up and n.raft.role is Role.LEADER]
        return self._random.choice(leaders) if leaders else None
