"""What goes wrong: each fault picks its victims and says when it is over."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from lms_desktop.node.raft.types import (
    Accepted,
    Configuration,
    Eligible,
    ProposeConfiguration,
    Role,
    Server,
    Transfer,
)
from tests.sim.node import FSYNC, Node

if TYPE_CHECKING:
    from tests.sim.world import World


class Faults:
    """Injects a fault at a time; those that could not happen do not count."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._random = random
        self.happened = 0
        self._kinds = [
            (self._crash, 4),
            (self._crash_leader, 3),
            (self._power_cut, 1),
            (self._partition, 3),
            (self._one_way, 2),
            (self._bad_network, 3),
            (self._slow_disk, 2),
            (self._stall, 3),
            (self._transfer, 2),
            (self._membership, 6),
            (self._refusal, 1),
            (self._wrong_clock, 1),
        ]

    def inject(self) -> None:
        """One fault of some kind."""
        kinds, weights = zip(*self._kinds, strict=True)
        name = self._random.choices(kinds, weights)[0]()
        if name:
            self.happened += 1
            self._world.counts[name] += 1

    def _some(self, up: bool = True) -> Node | None:
        nodes = [node for node in self._world.nodes.values() if node.up == up]
        return self._random.choice(nodes) if nodes else None

    def _later(self, low: int, high: int) -> int:
        return self._world.now + self._random.randint(low, high)

    def _kill(self, node: Node) -> None:
        node.crash()
        self._world.at(self._later(20, self._random.choice((60, 2500))), self._restart, node, node.boots)

    def _restart(self, node: Node, boots: int) -> None:
        if not node.up and node.boots == boots:
            node.start()

    def _crash(self) -> str:
        node = self._some()
        if node is None:
            return ""
        if self._random.random() < 0.5:
            node.dies_writing = lambda: self._kill(node)
            return "crashes in mid-write"
        self._kill(node)
        return "crashes"

    def _crash_leader(self) -> str:
        node = self._world.oracle.leader()
        if node is None:
            return ""
        self._kill(node)
        return "crashes of a leader"

    def _power_cut(self) -> str:
        for node in self._world.nodes.values():
            if node.up:
                self._kill(node)
        return "power cuts"

    def _partition(self) -> str:
        machines = list(self._world.nodes)
        self._random.shuffle(machines)
        split = self._random.randint(1, len(machines) - 1)
        for a in machines[:split]:
            for b in machines[split:]:
                self._world.network.cut(a, b)
                self._world.network.cut(b, a)
        self._heal_later()
        return "partitions"

    def _one_way(self) -> str:
        machines = list(self._world.nodes)
        victim = self._random.choice(machines)
        hears = self._random.random() < 0.5
        for other in machines:
            if other != victim:
                self._world.network.cut(*((other, victim) if hears else (victim, other)))
        self._heal_later()
        return "one-way partitions"

    def _bad_network(self) -> str:
        network = self._world.network
        network.loss = self._random.choice((0.0, 0.05, 0.3))
        network.doubling = self._random.choice((0.0, 0.1, 0.5))
        network.delay = self._random.choice(((1, 4), (1, 50), (1, 400)))
        self._heal_later()
        return "bad networks"

    def _heal_later(self) -> None:
        self._world.at(self._later(200, 2000), self._world.network.heal)

    def _slow_disk(self) -> str:
        node = self._some()
        if node is None:
            return ""
        node.fsync = self._random.choice(((10, 40), (20, 300)))
        self._world.at(self._later(300, 2500), setattr, node, "fsync", FSYNC)
        return "slow disks"

    def _stall(self) -> str:
        node = self._some()
        if node is None:
            return ""
        node.stalled_until = self._later(100, 1800)
        if self._random.random() < 0.5:  # and when it goes on, it hears of nothing new
            for other in self._world.nodes:
                if other != node.machine:
                    self._world.network.cut(other, node.machine)
            self._world.at(node.stalled_until + 400, self._world.network.heal)
        return "stalls"

    def _transfer(self) -> str:
        node = self._world.oracle.leader()
        if node is None or node.stalled_until > self._world.now:
            return ""
        answers = node.step([Transfer()]).answers
        return "transfers" if isinstance(answers[0], Accepted) else ""

    def _membership(self) -> str:
        node = self._world.oracle.leader()
        if node is None or node.stalled_until > self._world.now:
            return ""
        accepted = False
        for _ in range(2):  # the second is one too many, most often
            configuration = self._changed(node.raft.configuration)
            if configuration is not None:
                change = ProposeConfiguration(configuration, node.raft.commit, self._world.now)
                accepted |= isinstance(node.step([change]).answers[0], Accepted)
        return "membership changes" if accepted else ""

    def _changed(self, old: Configuration) -> Configuration | None:
        server = self._random.choice([node.server for node in self._world.nodes.values()])
        voters, learners = _without(old.voters, server), _without(old.learners, server)
        if server in old.learners and self._random.random() < 0.7:
            return Configuration.of([*voters, server], learners)
        if server not in old.voters + old.learners:
            return Configuration.of(voters, [*learners, server])
        if not voters:
            return None
        if server in old.voters and self._random.random() < 0.5:
            return Configuration.of(voters, [*learners, server])
        return Configuration.of(voters, learners)

    def _refusal(self) -> str:
        node = self._some()
        if node is None or node.raft.role is Role.LEADER:
            return ""
        node.refuses = 1
        return "refusals"

    def _wrong_clock(self) -> str:
        node = self._some()
        if node is None or node.stalled_until > self._world.now:
            return ""
        node.give(Eligible(False))
        self._world.at(self._later(300, 3000), self._right_clock, node, node.boots)
        return "wrong clocks"

    def _right_clock(self, node: Node, boots: int) -> None:
        if node.up and node.boots == boots:
            node.give(Eligible(True))


def _without(servers: tuple[Server, ...], server: Server) -> list[Server]:
    return [s for s in servers if s != server]
