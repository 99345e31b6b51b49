"""A lab of machines for the tests: real peer links (ZeroMQ, CURVE, ZAP) and real blob stores on one loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.node.transport import PeerLinks
from tests.node.links import stations


@dataclass
class Machine:
    """One machine: its links and files."""

    number: int
    links: PeerLinks
    store: BlobStore


@asynccontextmanager
async def lab(folder: Path, count: int) -> AsyncIterator[list[Machine]]:
    """Machines 1 to `count`, each admitted and dialled by all others."""
    async with stations(*range(1, count + 1)) as made:
        yield [
            Machine(each.number, each.links, BlobStore(folder / str(each.number) / "blobs", reserve_bytes=0))
            for each in made
        ]
