"""Ahead of need: fetches what this machine must hold, repairs what it lost, drops what nothing names."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import islice

from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.node.blobs.swarm import Sources, Swarm
from lms_desktop.node.errors import NodeError

RETRY_S = 10.0
AT_ONCE = 2
DROP_EVERY_S = 3_600.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The files that this machine must hold: all materials on every machine; on keepers, submissions
    after the ledger index that was asked about, as (manifest hash, index), by ascending index.
    """

    materials: Sequence[bytes]
    submissions: Sequence[tuple[bytes, int]]


class Replicator:
    """Keeps this machine whole. `wanted(after)` says what it must hold, `sources()` who may have it, and
    `referenced()` all manifests that the ledger or the outbox name, which are never dropped; None while
    the ledger's tables are behind.

    `trouble` is why something is missing, empty when nothing is.
    """

    def __init__(
        self,
        store: BlobStore,
        swarm: Swarm,
        wanted: Callable[[int], Wanted],
        referenced: Callable[[], Collection[bytes] | None],
        sources: Sources,
    ) -> None:
        self._store = store
        self._swarm = swarm
        self._wanted = wanted
        self._referenced = referenced
        self._sources = sources
        self._whole: set[bytes] = set()
        self._lacking: dict[bytes, int] = {}  # manifest hash -> ledger index; 0 for materials
        self._seen = 0
        self._tried: dict[bytes, float] = {}
        self._losses = store.losses
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.trouble = ""

    def start(self) -> None:
        """Begin; `close` ends it."""
        self._tasks = [asyncio.create_task(self._fetch()), asyncio.create_task(self._drop())]

    async def close(self) -> None:
        """Stop fetching; what was stored stays."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def poke(self) -> None:
        """To be called when the ledger named new files."""
        self._news.set()

    def holds(self, name: bytes) -> bool:
        """Whether all of the file of that manifest hash is known to be on this disk."""
        return name in self._whole

    def held_up_to(self, applied: int) -> int:
        """The ledger index up to which this machine holds every submission, where `applied` is applied."""
        self._look()
        return min((index - 1 for index in self._lacking.values() if index), default=applied)

    def _look(self) -> None:
        """Note what the ledger named since the last look; all of it again after a file was found damaged."""
        if self._store.losses != self._losses:
            self._losses = self._store.losses
            self._whole.clear()
            self._seen = 0
        wanted = self._wanted(self._seen)
        for name in wanted.materials:
            if name not in self._whole:
                self._lacking.setdefault(name, 0)
        for name, index in wanted.submissions:
            self._seen = index
            if name not in self._whole:
                self._lacking[name] = index

    async def _fetch(self) -> None:
        while True:
            self._news.clear()
            try:
                due = self._due()
                await asyncio.gather(*map(self._one, due))
            except Exception:  # without another round nothing would ever be fetched again
                _log.exception("the files that this machine must hold could not be checked")
                due = []
            if not due:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_S):
                        await self._news.wait()

    def _due(self) -> list[bytes]:
        """Up to two files that are missing and were not tried just now."""
        self._look()
        now = time.monotonic()
        due = (name for name in self._lacking if now - self._tried.get(name, -RETRY_S) >= RETRY_S)
        return list(islice(due, AT_ONCE))

    async def _one(self, name: bytes) -> None:
        try:
            await self._swarm.fetch(name, self._sources)
        except NodeError as error:
            self.trouble = str(error)
            self._tried[name] = time.monotonic()
        else:
            self._whole.add(name)
            self._tried.pop(name, None)
            self._lacking.pop(name, None)
            if not self._lacking:
                self.trouble = ""

    async def _drop(self) -> None:
        while True:
            await asyncio.sleep(DROP_EVERY_S)
            try:
                referenced = self._referenced()
                if referenced is not None:
                    freed = await asyncio.to_thread(self._store.drop_unreferenced, frozenset(referenced))
                    _log.info("dropped %d bytes of files that nothing names", freed)
            except OSError:
                _log.exception("files that nothing names could not be dropped")
