"""A host for the core, as the real one is, but over the simulated disk and network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING

from lms_desktop.node.raft.core import Raft
from lms_desktop.node.raft.settings import Settings
from lms_desktop.node.raft.types import (
    AppendEntries,
    Entry,
    Event,
    Message,
    Mute,
    Persisted,
    Receive,
    Role,
    Server,
    Update,
    VoteReply,
)
from tests.sim.disk import Disk, chain, configuration_of

if TYPE_CHECKING:
    from tests.sim.world import World

# Small windows, so that a short run crosses all of them.
SETTINGS = Settings(
    batch_entries=8, batch_bytes=256, inflight=3, window_entries=24, window_bytes=2048, uncommitted_bytes=2048
)


FSYNC = (0, 6)  # ms


class Node:
    """One machine: its disk, and while it runs its core."""

    def __init__(self, world: World, server: Server, random: Random) -> None:
        self.server = server
        self.machine = server.machine
        self.disk = Disk()
        self.fsync = FSYNC
        self.refuses = 0  # how many appends are still cut by the host
        self.stalled_until = 0
        self.dies_writing: Callable[[], None] | None = (
            None  # cuts the power while the next write is under way
        )
        self.up = False
        self.boots = 0
        self.muted = False
        self.raft: Raft
        self._world = world
        self._random = random
        self._inbox: list[Event] = []
        self._due = -1
        self._late_report = 0
        self._disk_free = 0

    def __repr__(self) -> str:
        raft = self.raft
        return (
            f"node {self.machine} {raft.role.value} term {raft.term} commit {raft.commit} "
            f"last {raft.log.last.index} at {self._world.now} ms"
        )

    def read(self, first: int, last: int) -> Iterator[Entry]:
        """The entries first .. last."""
        while first <= last:
            for entry in self.raft.entries(first, last + 1, 1 << 30):
                yield entry
                first += 1

    # --- power -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Boot with what the disk holds."""
        self.boots += 1
        self.up = True
        self.muted = False
        self._inbox = []
        self._due = -1
        self._late_report = 0
        self._disk_free = 0
        self.raft = Raft(
            self.server,
            self.disk.stored(),
            self.disk,
            chain,
            configuration_of,
            Random(self._random.getrandbits(32)),
            self._world.now,
            SETTINGS,
        )
        self.wake(self._world.now)

    def crash(self) -> None:
        """The power fails."""
        self.up = False
        lost = self.disk.power_fails(self._random)
        self._world.counts["writes lost"] += lost

    # --- running ---------------------------------------------------------------------------------------

    def give(self, event: Event) -> None:
        """An event for the next step, which is now (or when a stall ends)."""
        self._inbox.append(event)
        self.wake(self._world.now)

    def wake(self, at: int) -> None:
        """Step at this time at the latest."""
        at = max(at, self._world.now, self.stalled_until)
        if self._due < 0 or at < self._due:
            self._due = at
            self._world.at(at, self._tick, self.boots, at)

    def _tick(self, boot: int, at: int) -> None:
        if self.up and boot == self.boots and at == self._due:
            if self.stalled_until > self._world.now:
                self._due = -1
                self.wake(self.stalled_until)
            else:
                self._due = -1
                inbox, self._inbox = self._inbox, []
                self.step(inbox)

    def step(self, events: list[Event]) -> Update:
        """One step of the core, its checks, and the duties that it leaves."""
        world = self._world
        raft = self.raft
        before = (raft.role, raft.term, raft.commit)
        if self.refuses:
            events = list(self._refusing(events))
        update = raft.step(events, world.now)
        world.steps += 1
        world.checks.after_step(self, update, before)
        self.disk.accept(update)
        for target, message in update.send:
            self._send(target, message)
        if update.seq:
            self._write(update.seq)
        world.trace(self, update)
        if raft.role is Role.LEADER and before[0] is not Role.LEADER:
            world.counts["leaders"] += 1
        world.oracle.stepped(self, update)
        self.wake(update.next_deadline)
        return update

    def _refusing(self, events: list[Event]) -> Iterator[Event]:
        """What the host does with an entry that it refuses: the append cut before it, then silence."""
        for event in events:
            message = event.message if isinstance(event, Receive) else None
            if not (isinstance(event, Receive) and isinstance(message, AppendEntries) and message.entries):
                yield event
                continue
            if self.refuses and message.entries[0].index > self.raft.log.last.index:
                self.refuses -= 1
                keep = self._random.randrange(len(message.entries))
                cut = AppendEntries(
                    message.term,
                    message.round,
                    message.prev_index,
                    message.prev_term,
                    message.prev_head,
                    message.commit,
                    message.pairs,
                    message.entries[:keep],
                )
                self.muted = True
                self._world.counts["entries refused"] += 1
                yield Receive(event.sender, event.session, cut)
                yield Mute(event.sender.machine, message.term)
            else:
                yield event

    def _write(self, seq: int) -> None:
        world = self._world
        low, high = self.fsync
        took = low + int(self._random.random() * (high - low + 1))
        self._disk_free = max(world.now + took, self._disk_free)
        if self.dies_writing is not None:
            world.at(world.now, self._die, self.boots, self.dies_writing)
            self.dies_writing = None
        world.at(self._disk_free, self._written, self.boots, seq)

    def _die(self, boot: int, kill: Callable[[], None]) -> None:
        if self.up and boot == self.boots:
            kill()

    def _written(self, boot: int, seq: int) -> None:
        if not self.up or boot != self.boots:
            return
        done = self.disk.complete()
        assert done == seq, "transactions complete in order"
        if self.disk.pending and self._random.random() < 0.1:
            self._late_report = max(self._late_report, seq)  # reported after, or with, a later one
        else:
            self.give(Persisted(seq))
            if self._late_report:
                self.give(Persisted(self._late_report))
                self._world.counts["completions out of order"] += 1
                self._late_report = 0

    def _send(self, target: int, message: Message) -> None:
        if isinstance(message, VoteReply):
            self._world.checks.on_vote(self, target, message)
        else:
            self._world.checks.on_send(self, message)
        self._world.send(self, target, message)
