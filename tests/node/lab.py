"""A lab of machines for the tests: real peer links (ZeroMQ, CURVE, ZAP) and real blob stores on one loop."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import zmq

from lms_desktop.node.admission import Admission, AllowList
from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.node.identity import Identity
from lms_desktop.node.transport import Header, Peer, PeerLinks
from lms_desktop.trust.primitives import CurveKeys, SigningKey, random_bytes

CLUSTER = bytes(range(32))


@dataclass
class Machine:
    """One machine: its number, keys, links and files."""

    number: int
    identity: Identity
    links: PeerLinks
    admission: Admission
    store: BlobStore
    context: "zmq.Context[zmq.Socket[bytes]]"
    ports: tuple[int, int]


@asynccontextmanager
async def lab(folder: Path, count: int) -> AsyncIterator[list[Machine]]:
    """Machines 1 to `count`, each admitted and dialled by all others."""
    loop = asyncio.get_running_loop()
    machines = [_machine(folder, number, loop) for number in range(1, count + 1)]
    allowed = AllowList({machine.identity.curve.public: machine.number for machine in machines})
    for machine in machines:
        machine.admission.allow(allowed)
        machine.links.set_peers(
            {
                other.number: Peer(other.identity.curve.public, "127.0.0.1", *other.ports)
                for other in machines
                if other is not machine
            }
        )
    try:
        yield machines
    finally:
        for machine in machines:
            await machine.links.close()
            machine.admission.close()
            machine.context.destroy(linger=0)


def _machine(folder: Path, number: int, loop: asyncio.AbstractEventLoop) -> Machine:
    context = zmq.Context[zmq.Socket[bytes]]()
    identity = Identity(
        SigningKey.generate(), CurveKeys.generate(), random_bytes(16), 1, random_bytes(16), ()
    )
    admission = Admission(context, loop, now_ms)
    links = PeerLinks(context, loop, admission, identity, now_ms)
    ports = links.listen("tcp://127.0.0.1:*", "tcp://127.0.0.1:*")
    links.introduce(Header(CLUSTER, 0, number, identity.incarnation, 1, identity.nonce))
    store = BlobStore(folder / str(number) / "blobs", reserve_bytes=0)
    return Machine(number, identity, links, admission, store, context, ports)


def now_ms() -> int:
    """The machines' clock."""
    return time.time_ns() // 1_000_000


async def until(condition: Callable[[], object], deadline_s: float = 10.0) -> None:
    """Wait until `condition()` is true; fails when it is not within the deadline."""
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110 - the condition is not the loop's
            await asyncio.sleep(0.005)
