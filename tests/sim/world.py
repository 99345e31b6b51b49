"""A whole cluster in one thread, in virtual time: what happens follows from the seed alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from lms_desktop.node.raft.types import (
    Configuration,
    Eligible,
    Message,
    Receive,
    Role,
    Server,
    Session,
    Update,
    encode_configuration,
)
from tests.sim.checks import Checks, Violation
from tests.sim.faults import Faults
from tests.sim.network import Network
from tests.sim.node import FSYNC, Node
from tests.sim.oracle import Oracle

COMMANDS = 200
FAULTS = 10
CONVERGE_MS = 30_000


@dataclass(frozen=True, slots=True)
class Report:
    """What a run was."""

    seed: int
    nodes: int
    commands: int
    faults: int
    steps: int
    virtual_ms: int
    counts: Counter[str]
    trace: str


class World:
    """The clock, the machines, the network between them, and those who watch."""

    def __init__(self, seed: int) -> None:
        random = Random(seed)
        self.seed = seed
        self.now = 0
        self.steps = 0
        self.counts: Counter[str] = Counter()
        self._events: list[tuple[int, int, Callable[..., object], tuple[Any, ...]]] = []
        self._order = count()
        self._hash = blake2b(digest_size=16)
        self._random = random
        self.network = Network(Random(random.getrandbits(64)), self.counts)
        self.checks = Checks(self)
        self.oracle = Oracle(self, Random(random.getrandbits(64)))
        self.faults = Faults(self, Random(random.getrandbits(64)))
        size = random.randint(3, 5)
        servers = [Server(machine, bytes([machine]) * 16) for machine in range(1, size + 1)]
        self.nodes = {s.machine: Node(self, s, Random(random.getrandbits(64))) for s in servers}
        voting = random.choice((1, 3, 3, size, size))
        learning = random.randint(voting, size)
        founding = Configuration.of(servers[:voting], servers[voting:learning])
        for server in founding.voters:
            self.nodes[server.machine].disk.found(encode_configuration(founding, 0))
        genesis = self.nodes[1].disk.log[0]
        self.checks.committed.append(genesis)

    # --- the clock -------------------------------------------------------------------------------------

    def at(self, time: int, call: Callable[..., object], *arguments: Any) -> None:
        """Call this then."""
        heappush(self._events, (time, next(self._order), call, arguments))

    def _run(self, done: Callable[[], bool], limit: int) -> bool:
        """Let time pass until `done`, or for `limit` ms; whether it was done."""
        end = self.now + limit
        while not done():
            time, _, call, arguments = heappop(self._events)
            if time > end:
                heappush(self._events, (time, next(self._order), call, arguments))
                return False
            self.now = time
            call(*arguments)
        return True

    # --- what nodes do ---------------------------------------------------------------------------------

    def send(self, source: Node, target: int, message: Message) -> None:
        """A message leaves; what arrives of it, and when, is the network's."""
        session = Session(source.boots, b"")
        for time in self.network.arrivals(source.machine, target, self.now):
            self.at(time, self._arrive, self.nodes[target], Receive(source.server, session, message))

    def _arrive(self, node: Node, event: Receive) -> None:
        if node.up:
            node.give(event)

    def trace(self, node: Node, update: Update) -> None:
        """Remember this step for the comparison of two runs."""
        raft = node.raft
        self._hash.update(
            b"%d %d %d %d %d %d\n"
            % (
                self.now,
                node.machine,
                raft.term,
                raft.commit,
                raft.log.last.index,
                len(update.send),
            )
        )

    # --- a run -----------------------------------------------------------------------------------------

    def run(self) -> Report:
        """Trouble, then healing, then agreement; raises Violation."""
        target = FAULTS + self._random.randint(2, 8)
        for node in self.nodes.values():
            node.start()
        self._client()
        self._nemesis()
        self._run(lambda: self.faults.happened >= target, 120_000)
        self._heal()
        if not self._run(lambda: len(self.oracle.acknowledged) >= COMMANDS, 60_000):
            raise Violation(f"liveness: only {len(self.oracle.acknowledged)} commands were acknowledged")
        self._quiet = True
        if not self._run(self._agreed, CONVERGE_MS):
            raise Violation(f"liveness: no agreement, {list(self.nodes.values())}")
        self.oracle.judge()
        return Report(
            self.seed,
            len(self.nodes),
            len(self.oracle.acknowledged),
            self.faults.happened,
            self.steps,
            self.now,
            self.counts,
            self._hash.hexdigest(),
        )

    _healed = False
    _quiet = False

    def _client(self) -> None:
        if self._quiet:
            return
        node = self.oracle.leader()
        if self._random.random() < 0.05:
            node = self._random.choice([*self.nodes.values()])
        if node is not None and node.up and node.stalled_until <= self.now:
            self.oracle.propose(node)
        self.at(self.now + self._random.randint(5, 120), self._client)

    def _nemesis(self) -> None:
        if not self._healed:
            self.faults.inject()
            self.at(self.now + self._random.randint(20, 900), self._nemesis)

    def _heal(self) -> None:
        self._healed = True
        self.network.heal()
        for node in self.nodes.values():
            node.fsync = FSYNC
            node.refuses = 0
            node.stalled_until = self.now
            if node.up and node.muted:
                node.crash()  # whoever refused an entry is as if switched off until people come
            if not node.up:
                node.start()
            node.give(Eligible(True))

    def _agreed(self) -> bool:
        leaders = [node for node in self.nodes.values() if node.raft.role is Role.LEADER]
        if len(leaders) != 1:
            return False
        leader = leaders[0].raft
        last = leader.log.last
        if leader.commit < last.index:
            return False
        members = leader.configuration.voters + leader.configuration.learners
        return all(
            raft.commit == last.index and raft.log.last == last and raft.term == leader.term
            for raft in (self.nodes[server.machine].raft for server in members)
        )
