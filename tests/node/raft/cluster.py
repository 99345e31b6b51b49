"""Cores side by side, moved by hand: each message and each fsync happens when the test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from lms_desktop.node.raft.core import Raft
from lms_desktop.node.raft.settings import Settings
from lms_desktop.node.raft.types import (
    AppendEntries,
    AppendReply,
    Configuration,
    EntryType,
    Event,
    Message,
    Persisted,
    Propose,
    Receive,
    RequestVote,
    Role,
    Server,
    Session,
    TimeoutNow,
    Update,
    VoteReply,
    encode_configuration,
)
from tests.sim.disk import Disk, chain, configuration_of

Sent = tuple[int, int, Message]
M = TypeVar("M", RequestVote, VoteReply, AppendEntries, AppendReply, TimeoutNow)


def server(machine: int) -> Server:
    return Server(machine, bytes([machine]) * 16)


def configuration(voters: Iterable[int], learners: Iterable[int] = ()) -> Configuration:
    return Configuration.of([server(m) for m in voters], [server(m) for m in learners])


class Patience:
    """Election timeouts are the shortest or the longest, as the test wants."""

    def __init__(self) -> None:
        self.eager = False

    def randrange(self, stop: int, /) -> int:
        return 0 if self.eager else stop - 1


class Cluster:
    """`wire` holds what was sent and not delivered; `slow` names machines whose writes wait for `fsync`."""

    def __init__(
        self,
        voters: Iterable[int] = (1, 2, 3),
        learners: Iterable[int] = (),
        settings: Settings | None = None,
    ) -> None:
        self.now = 0
        self.wire: list[Sent] = []
        self.slow: set[int] = set()
        self.cut: Callable[[int, int], bool] = lambda source, target: False
        self.nodes: dict[int, Raft] = {}
        self.updates: dict[int, list[Update]] = {}
        self.disks: dict[int, Disk] = {}
        self._settings = settings or Settings()
        self._patience: dict[int, Patience] = {}
        self._boots: dict[int, int] = {}
        founding = configuration(voters, learners)
        for member in founding.voters + founding.learners:
            self.add(member.machine)
            if member in founding.voters:
                self.disks[member.machine].found(encode_configuration(founding, 0))
                self.start(member.machine)

    # --- machines --------------------------------------------------------------------------------------

    def add(self, machine: int) -> None:
        """A machine with an empty disk starts."""
        self.disks[machine] = Disk()
        self._patience[machine] = Patience()
        self.start(machine)

    def start(self, machine: int) -> None:
        """(Re)start a machine with what is durable on its disk; what it still had to write is lost."""
        disk = self.disks[machine]
        disk.pending.clear()
        self._boots[machine] = self._boots.get(machine, 0) + 1
        self.updates[machine] = []
        self.nodes[machine] = Raft(
            server(machine),
            disk.stored(),
            disk,
            chain,
            configuration_of,
            self._patience[machine],
            self.now,
            self._settings,
        )

    def session(self, machine: int) -> Session:
        return Session(self._boots[machine], b"")

    # --- steps -----------------------------------------------------------------------------------------

    def step(self, machine: int, *events: Event) -> Update:
        """One step, and its write too unless the disk is slow."""
        update = self.nodes[machine].step(events, self.now)
        self.updates[machine].append(update)
        self.wire += [(machine, target, message) for target, message in update.send]
        self.disks[machine].accept(update)
        if machine not in self.slow:
            self.fsync(machine)
        return update

    def fsync(self, machine: int) -> None:
        """Everything that the machine is writing becomes durable."""
        disk = self.disks[machine]
        while disk.pending:
            self.step(machine, Persisted(disk.complete()))

    def receive(self, source: int, target: int, message: Message, session: Session | None = None) -> Update:
        return self.step(target, Receive(server(source), session or self.session(source), message))

    def take(self, kind: type[M], source: int = 0, target: int = 0) -> list[tuple[int, int, M]]:
        """Take the messages of this kind (of these machines) off the wire."""
        taken: list[tuple[int, int, M]] = []
        left: list[Sent] = []
        for sent in self.wire:
            message = sent[2]
            if isinstance(message, kind) and source in (0, sent[0]) and target in (0, sent[1]):
                taken.append((sent[0], sent[1], message))
            else:
                left.append(sent)
        self.wire = left
        return taken

    def settle(self) -> None:
        """Deliver until nothing is on the wire."""
        while self.wire:
            source, target, message = self.wire.pop(0)
            if target in self.nodes and source in self.nodes and not self.cut(source, target):
                self.receive(source, target, message)

    def run(self, ms: int) -> None:
        """Let time pass in steps of 10 ms, delivering everything."""
        end = self.now + ms
        while self.now < end:
            self.now += 10
            for machine in list(self.nodes):
                self.step(machine)
            self.settle()

    # --- what tests want -------------------------------------------------------------------------------

    def favour(self, machine: int) -> None:
        """From the next timeout drawn on, this machine has the shortest and all others the longest."""
        for other, patience in self._patience.items():
            patience.eager = other == machine

    def idle(self, ms: int) -> None:
        """Time passes in steps of 100 ms, and nothing is delivered."""
        for _ in range(ms // 100):
            self.now += 100
            for machine in list(self.nodes):
                self.step(machine)
        self.wire.clear()

    def elect(self, machine: int) -> Raft:
        """Let time pass until this machine leads."""
        self.favour(machine)
        for _ in range(400):
            if self.nodes[machine].role is Role.LEADER:
                self.settle()
                return self.nodes[machine]
            self.run(10)
        raise AssertionError(f"machine {machine} is not elected")

    def lead(self, machine: int) -> Raft:
        """Like `elect`, but all that the new leader sends stays on the wire."""
        self.favour(machine)
        for _ in range(400):
            self.now += 10
            for other in list(self.nodes):
                self.step(other)
            self._votes()
            raft = self.nodes[machine]
            if raft.role is Role.LEADER:
                self.wire = [sent for sent in self.wire if sent[0] == machine]
                return raft
            self.wire = []
        raise AssertionError(f"machine {machine} is not elected")

    def _votes(self) -> None:
        while True:
            ballots: list[Sent] = [*self.take(RequestVote), *self.take(VoteReply)]
            if not ballots:
                return
            for source, target, message in ballots:
                if target in self.nodes and not self.cut(source, target):
                    self.receive(source, target, message)

    def stop(self, machine: int) -> None:
        """The power of this machine fails."""
        del self.nodes[machine]

    def propose(self, machine: int, *payloads: bytes) -> Update:
        return self.step(machine, Propose([(EntryType.COMMAND, self.now, p) for p in payloads]))

    def leaders(self) -> list[int]:
        return [machine for machine, raft in self.nodes.items() if raft.role is Role.LEADER]

    def commands(self, machine: int) -> list[bytes]:
        """The committed commands of a machine, in order."""
        raft = self.nodes[machine]
        found: list[bytes] = []
        index = 1
        while index <= raft.commit:
            for entry in raft.entries(index, raft.commit + 1, 1 << 20):
                if entry.type == EntryType.COMMAND:
                    found.append(entry.payload)
                index += 1
        return found

    def only(self, *machines: int) -> None:
        """Only these machines reach each other."""
        self.cut = lambda source, target: not (source in machines and target in machines)

    def heal(self) -> None:
        self.cut = lambda source, target: False
