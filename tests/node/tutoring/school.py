"""A classroom whose nodes have their part in the tutor, with real PDFs and real workers."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lms_desktop.node.clock import SYSTEM
from lms_desktop.node.gossip import PERIOD_S, Gossip, Self
from lms_desktop.node.tutoring.tutoring import Tutoring
from lms_desktop.node.tutoring.verbs import LocalVerbs, PeerVerbs
from lms_desktop.school.commands import FileRef, MachineSet, MaterialPublish
from lms_desktop.trust.asks import Ask
from lms_desktop.trust.envelope import make_payload
from lms_desktop.trust.manifest import manifest_hash
from lms_desktop.trust.primitives import SigningKey, random_bytes
from lms_desktop.trust.wire import Packable
from tests.node.blobs.files import manifest_of, store_whole
from tests.node.classroom import VOTERS, Classroom, Node, Nodes
from tests.node.ledger_kit import Author
from tests.node.links import acquaint, now_ms, until
from tests.tutor.pdfs import with_text

TERMINALS = ("answered", "failed", "busy")
HEAPS = (
    "A heap is a tree in which no child is smaller than its parent.",
    "The smallest value of a heap therefore stands at its root.",
    "Taking the smallest value out of a heap of n values takes a number of steps that grows with log n.",
    "A heap is kept in an array: the children of place i stand at places 2i + 1 and 2i + 2.",
)
GRAPHS = (
    "A graph consists of nodes and of edges between them.",
    "Breadth-first search visits the nodes of a graph in the order of their distance from the first one.",
    "Dijkstra's algorithm finds the shortest paths from one node to all others if no edge is negative.",
)
ON_TOPIC = "Where does the smallest value of a heap stand?"


class TutoredNode(Node):
    """A running node with its part in the tutor, and gossip, by which machines know that others are there."""

    def start(self, peers: Callable[[Node], None]) -> None:
        super().start(peers)
        station = self.station
        place = Self("voter", 0, 0, str(self.number), "127.0.0.1", station.port, station.files_port)
        self.gossip = Gossip(
            self.number,
            station.links,
            self.host,
            self.ledger,
            station.admission,
            SYSTEM,
            lambda: place,
            lambda _: None,
        )
        self.gossiping = asyncio.create_task(self._gossip())
        self.tutoring = Tutoring(
            self.number,
            self.station.identity.signing,
            self.school.cluster_id,
            self.storage.db,
            self.store,
            self.station.links,
            self.station.context,
            self.station.admission,
            self.folder / "tutor",
            self.work.reachable,
            now_ms,
        )
        self.work.on_changes = self.tutoring.changed
        PeerVerbs(self.tutoring, self.station.links)
        LocalVerbs(self.tutoring, self.local, self.station.links)
        self.tutoring.start()

    async def _gossip(self) -> None:
        while True:
            self.gossip.tick()
            await asyncio.sleep(PERIOD_S)

    async def stop(self) -> None:
        self.gossiping.cancel()
        await self.tutoring.close()
        await super().stop()

    @property
    def worker(self) -> int | None:
        """The worker's process."""
        return self.tutoring._supervisor.pid

    @property
    def is_ready(self) -> bool:
        """Whether a worker takes questions."""
        return self.tutoring._supervisor.ready is not None


@dataclass
class Lesson:
    """The running nodes, and the course that they teach. `pdf` is its material."""

    nodes: Nodes
    pdf: Path

    @property
    def school(self) -> Classroom:
        return self.nodes.school

    def node(self, number: int) -> TutoredNode:
        node = self.nodes.running[number]
        assert isinstance(node, TutoredNode)
        return node

    def start(self, number: int) -> TutoredNode:
        node = TutoredNode(self.nodes.folder / str(number), self.school, number)
        self.nodes.running[number] = node
        node.start(lambda _: acquaint([each.station for each in self.nodes.running.values()]))
        if (self.nodes.folder / str(number) / "blobs").exists():
            store_whole(node.store, self.pdf.read_bytes(), 1 << 20)
        return node

    def ask(
        self,
        text: str = ON_TOPIC,
        *,
        author: Author | None = None,
        key: SigningKey | None = None,
        course: int | None = None,
        assignment: int = 0,
        time_ms: int | None = None,
        history: Sequence[tuple[str, str]] = (),
        confirmed: bool = False,
        ask_id: bytes | None = None,
    ) -> Ask:
        """A question of Alice's, unless said otherwise."""
        author = author or self.school.alice
        return Ask.sign(
            self.school.cluster_id,
            key or author.key,
            author=author.number,
            course=self.school.course if course is None else course,
            assignment=assignment,
            ask_id=ask_id or random_bytes(16),
            time_ms=now_ms() if time_ms is None else time_ms,
            text=text,
            history=history,
            confirmed=confirmed,
        )

    def tag(self, machine: int, on: bool = True) -> None:
        """The administrator makes a machine a GPU host, or no longer; applied where it comes."""
        command = MachineSet(machine, None, None, on, False)
        envelope = self.school.sign(self.school.admin, command)
        leader = next(node for node in self.nodes.running.values() if node.host.is_leader)
        leader.host.propose(make_payload(envelope.raw), lambda _: None)


def messages(node: TutoredNode, ask_id: bytes) -> list[tuple[Packable, ...]]:
    """What the question has led to so far, as an app on that node reads it."""
    for streams in (node.tutoring.relay.streams, node.tutoring.answering.streams):
        stream = streams.get(ask_id, node.number)
        if stream is not None:
            return list(stream.after(0))
    return []


async def ended(node: TutoredNode, ask_id: bytes, seconds: float = 30.0) -> list[tuple[Packable, ...]]:
    """All messages of a question, once it has ended; there is exactly one terminal."""
    await until(lambda: any(each[0] in TERMINALS for each in messages(node, ask_id)), seconds)
    found = messages(node, ask_id)
    assert [each[0] in TERMINALS for each in found].count(True) == 1
    assert found[-1][0] in TERMINALS
    return found


@asynccontextmanager
async def lesson(folder: Path, *numbers: int, hosts: Sequence[int] = ()) -> AsyncIterator[Lesson]:
    """A class with one PDF of two pages, on the nodes of these numbers (all by default)."""
    school = Classroom()
    pdf = with_text(folder / "notes.pdf", [HEAPS, GRAPHS])
    data = pdf.read_bytes()
    manifest = manifest_of(data, 1 << 20)
    file = FileRef("notes.pdf", manifest_hash(manifest.encode()), len(data), hashlib.sha256(data).digest(), 2)
    school.do(school.teacher, MaterialPublish(school.course, "Heaps and graphs", file))
    for host in hosts:
        school.do(school.admin, MachineSet(host, None, None, True, False))
    made = Lesson(Nodes(folder, school), pdf)
    for number in numbers or VOTERS:
        made.start(number)
    try:
        await until(lambda: all(node.ledger.applied for node in made.nodes.running.values()))
        yield made
    finally:
        for number in list(made.nodes.running):
            await made.nodes.stop(number)


def run(story: Coroutine[Any, Any, None]) -> None:
    """Run a story, with a deadline."""

    async def bounded() -> None:
        async with asyncio.timeout(90):
            await story

    asyncio.run(bounded())
