"""Real machines' links on loopback for tests: each with its own context, keys and loop-bound sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import MappingProxyType

import zmq

from lms_desktop.node.admission import Admission, AllowList
from lms_desktop.node.identity import Identity
from lms_desktop.node.transport import Header, Peer, PeerLinks
from lms_desktop.trust.primitives import CurveKeys, SigningKey, random_bytes

SCHOOL = bytes(range(32))
LOCAL = "tcp://127.0.0.1:*"


class Station:
    """One machine's links, listening."""

    def __init__(self, number: int, *, boot: int = 1, identity: Identity | None = None) -> None:
        self.number = number
        self.identity = identity or Identity(
            SigningKey.generate(), CurveKeys.generate(), random_bytes(16), boot, random_bytes(16), ()
        )
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        loop = asyncio.get_running_loop()
        self.admission = Admission(self.context, loop, now_ms)
        self.links = PeerLinks(self.context, loop, self.admission, self.identity, now_ms)
        self.port, self.files_port = self.links.listen(LOCAL, LOCAL)
        self.introduce()

    def introduce(self, *, machine: int | None = None, cluster_id: bytes = SCHOOL, epoch: int = 0) -> Header:
        number = self.number if machine is None else machine
        header = Header(
            cluster_id, epoch, number, self.identity.incarnation, self.identity.boot, self.identity.nonce
        )
        self.links.introduce(header)
        return header

    def peer(self) -> Peer:
        return Peer(self.identity.curve.public, "127.0.0.1", self.port, self.files_port)

    async def close(self) -> None:
        await self.links.close()
        self.admission.close()
        self.context.destroy(linger=0)


@asynccontextmanager
async def stations(*numbers: int) -> AsyncIterator[list[Station]]:
    """Machines that know each other."""
    made = [Station(number) for number in numbers]
    try:
        acquaint(made)
        yield made
    finally:
        for station in made:
            await station.close()


def acquaint(all_: list[Station]) -> None:
    """Put everyone on everyone's allow-list and tell where they are."""
    allowed = AllowList(MappingProxyType({each.identity.curve.public: each.number for each in all_}))
    for station in all_:
        station.admission.allow(allowed)
        station.links.set_peers({each.number: each.peer() for each in all_ if each is not station})


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.005)


def now_ms() -> int:
    return time.time_ns() // 1_000_000
