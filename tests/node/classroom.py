"""Whole nodes of one school on one loop: real storage, ledger, Raft, links, files and local link each.

The school's history (machines, people, a course with an assignment) is written into every node's log
before it starts; what happens then is up to the test. A node can crash: nothing that it had not fsynced
is kept.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.node.clock import SYSTEM
from lms_desktop.node.host import Host
from lms_desktop.node.identity import Identity
from lms_desktop.node.ledger import Ledger
from lms_desktop.node.local import LocalServer
from lms_desktop.node.outbox import Outbox
from lms_desktop.node.raft.types import (
    Configuration,
    EntryType,
    HardState,
    Server,
    encode_configuration,
)
from lms_desktop.node.storage import Storage
from lms_desktop.node.trace import Trace, silent
from lms_desktop.node.work import Work
from lms_desktop.school.commands import Role
from lms_desktop.trust.chain import entry_head
from lms_desktop.trust.primitives import CurveKeys, SigningKey, random_bytes
from tests.node.ledger_kit import Author, School
from tests.node.links import Station, acquaint, now_ms, until

VOTERS = (2, 4, 6)


class Classroom(School):
    """A school with three machines, a teacher, two students, a course and an assignment."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.stamp = now_ms() - 60_000
        self.store_admin_keys()
        self.machines = {
            2: self.machine_keys,
            4: self.add_machine("B", 4).key,
            6: self.add_machine("C", 6).key,
        }
        self.teacher = self.add_person("teacher", Role.INSTRUCTOR, 7)
        self.alice = self.add_person("alice", Role.STUDENT, 9)
        self.bob = self.add_person("bob", Role.STUDENT, 11)
        self.course, self.course_key = self.create_course(self.teacher, [self.alice, self.bob])
        self.assignment = self.publish_assignment(self.teacher, self.course)
        self.identities = {number: _identity(key) for number, key in self.machines.items()}
        servers = [Server(number, each.incarnation) for number, each in self.identities.items()]
        admitted = len(self.entries)
        self.append(EntryType.CONFIG, encode_configuration(Configuration.of(servers), admitted))

    def lane(self, author: Author) -> Author:
        """The author in a lane of its own, as each submission has one."""
        return Author(author.number, author.key, random_bytes(16))


def _identity(key: SigningKey) -> Identity:
    return Identity(key, CurveKeys.generate(), random_bytes(16), 1, random_bytes(16), ())


@dataclass
class Node:
    """One running node. `events` are what it published, as (name, value)."""

    folder: Path
    school: Classroom
    number: int
    trace: Trace = silent
    events: list[tuple[str, object]] = field(default_factory=list)

    def start(self, peers: Callable[["Node"], None]) -> None:
        loop = asyncio.get_running_loop()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.station = Station(self.number, identity=self.school.identities[self.number])
        self.station.introduce(cluster_id=self.school.cluster_id)
        self.storage = Storage.open(self.folder)
        if self.storage.last_index == 0:
            entries = self.school.entries
            self.storage.write(HardState(term=1, commit=len(entries)), None, entries)
            self.storage.commit()
        self.ledger = Ledger(self.storage.db, pinned=self.school.cluster_id)
        server = Server(self.number, self.station.identity.incarnation)
        self.host = Host(
            loop, self.storage, self.ledger, entry_head, server, self.station.links, SYSTEM, random.Random()
        )
        self.local = LocalServer(self.station.context, loop, self.station.identity.curve, self.folder)
        publish = self.local.publish

        def record(event: str, value: object) -> None:
            self.events.append((event, value))
            publish(event, value)  # type: ignore[arg-type]

        self.local.publish = record  # type: ignore[method-assign]
        self.store = BlobStore(self.folder / "blobs", reserve_bytes=0)
        self.outbox = Outbox.open(self.folder, trace=self.trace)
        self.work = Work(
            self.number,
            self.station.identity.signing,
            self.storage.db,
            self.ledger,
            self.host,
            self.station.links,
            self.local,
            self.store,
            self.outbox,
            now_ms,
            self.trace,
        )
        peers(self)
        self.host.start()
        self.work.start()

    async def stop(self) -> None:
        await self.work.close()
        self.host.close()
        await self.local.close()
        await self.station.close()
        self.ledger.close()
        self.storage.close()

    def states(self) -> list[str]:
        """The states that the outbox's events told, in order, each once."""
        told = [str(value[5]) for name, value in self.events if name == "outbox" and isinstance(value, list)]
        return list(dict.fromkeys(told))


class Nodes:
    """The running nodes of a classroom."""

    def __init__(self, folder: Path, school: Classroom) -> None:
        self.folder = folder
        self.school = school
        self.running: dict[int, Node] = {}

    def start(self, number: int, trace: Trace = silent) -> Node:
        node = Node(self.folder / str(number), self.school, number, trace)
        self.running[number] = node
        node.start(lambda _: acquaint([each.station for each in self.running.values()]))
        return node

    async def stop(self, number: int) -> None:
        await self.running.pop(number).stop()
        acquaint([each.station for each in self.running.values()])

    async def leader(self) -> Node:
        """The node that leads, once there is one that all running nodes follow."""

        def agreed() -> bool:
            leaders = {node.host.leader for node in self.running.values()}
            return len(leaders) == 1 and leaders <= self.running.keys()

        await until(agreed)
        (number,) = {node.host.leader for node in self.running.values()}
        assert number is not None
        return self.running[number]

    async def follower(self) -> Node:
        """A node that does not lead."""
        leader = await self.leader()
        return next(node for node in self.running.values() if node is not leader)


@asynccontextmanager
async def classroom(folder: Path, *numbers: int) -> AsyncIterator[Nodes]:
    """The nodes of these numbers (all three voters by default), running."""
    nodes = Nodes(folder, Classroom())
    for number in numbers or VOTERS:
        nodes.start(number)
    try:
        yield nodes
    finally:
        for number in list(nodes.running):
            await nodes.stop(number)
