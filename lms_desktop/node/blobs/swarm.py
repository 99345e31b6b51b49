"""Files between machines: each takes random missing chunks from random holders and gives what it has.

At most four chunks are under way to this machine, and four machines at a time are served; the rest are
told to ask elsewhere. A peer that does not deliver within three seconds rests, one that sent bytes that
are not the chunk is avoided for long. What arrived is on disk at once, so a transfer that was cut off, or
a node that was killed, goes on where it was.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence

from lms_desktop.node.blobs.store import BlobError, BlobStore, WrongHash
from lms_desktop.node.errors import PeerError
from lms_desktop.node.transport import BadMessage, Fields, PeerLinks, Sender
from lms_desktop.trust.manifest import Manifest, ManifestError, manifest_hash
from lms_desktop.trust.wire import Packable

GET_MANIFEST, HAVE, GET_CHUNK = 16, 17, 18  # verbs of the files link
OK, ABSENT, BUSY, FAILED = 0, 1, 2, 3
DOWN = UP = 4
STALL_S = 3.0
REST_STALLED_S = 2.0
REST_LIAR_S = 600.0
REST_BUSY_S = 0.1
SLOT_IDLE_S = 0.5
ASK_AGAIN_S = 1.0
ASK_SOON_S = 0.25
GIVE_UP_S = 5.0
ASKED_AT_ONCE = 8
SWITCH_ON = "Switch on a machine that has the file; it is then fetched by itself."


class Unavailable(BlobError):
    """No machine that can be reached has what is missing."""

    code = "unreachable"


Sources = Callable[[], Sequence[int]]


class Transfer:
    """One file on its way to this machine. `done_bytes` of `total_bytes` (0 until known) are on disk."""

    def __init__(self, name: bytes, task_of: "Callable[[Transfer], asyncio.Task[Manifest]]") -> None:
        self.name = name
        self.done_bytes = 0
        self.total_bytes = 0
        self.task = task_of(self)


class Swarm:
    """Gives and takes chunks over the files link, storing in `store`."""

    def __init__(self, store: BlobStore, peers: PeerLinks, *, choice: random.Random | None = None) -> None:
        self._store = store
        self._peers = peers
        self._random = choice or random.Random()
        self._down = asyncio.Semaphore(DOWN)
        self._slots: dict[int, float] = {}
        self._resting: dict[int, float] = {}
        self._transfers: dict[bytes, Transfer] = {}
        peers.serve(GET_MANIFEST, self._give_manifest)
        peers.serve(HAVE, self._give_have)
        peers.serve(GET_CHUNK, self._give_chunk)

    def start(self, name: bytes, sources: Sources) -> Transfer:
        """Begin to fetch the file of manifest `name` from the machines that `sources()` gives, or join
        the transfer under way. Its `task` ends with the manifest once all is on disk, or raises
        Unavailable, DiskFull, BlobError.
        """
        transfer = self._transfers.get(name)
        if transfer is None:
            transfer = Transfer(name, lambda made: asyncio.create_task(_Fetch(self, made, sources).run()))
            self._transfers[name] = transfer
            transfer.task.add_done_callback(lambda task: self._ended(name, task))
        return transfer

    async def fetch(self, name: bytes, sources: Sources) -> Manifest:
        """The manifest `name`, with all its chunks on this disk. Raises Unavailable, DiskFull,
        BlobError.
        """
        return await asyncio.shield(self.start(name, sources).task)

    async def manifest(self, name: bytes, sources: Sources) -> bytes:
        """The encoded manifest of that hash, stored here once it came from elsewhere. Raises Unavailable,
        DiskFull.
        """
        kept = await asyncio.to_thread(self._store.raw_manifest, name)
        if kept is not None:
            return kept
        for machine in self._shuffled(sources):
            try:
                (raw,) = await self._peers.request(machine, GET_MANIFEST, [name], STALL_S)
            except (PeerError, ValueError):
                self._rest(machine, REST_STALLED_S)
                continue
            if isinstance(raw, bytes) and manifest_hash(raw) == name:
                try:
                    await asyncio.to_thread(self._store.put_manifest, raw)
                except ManifestError as error:
                    raise BlobError(
                        "What its author signed as a file is none",
                        next_step="Ask the author to send it again.",
                    ) from error
                return raw
            if raw is not None:
                self._rest(machine, REST_LIAR_S)
        raise Unavailable("No machine that can be reached now has the file", next_step=SWITCH_ON)

    async def chunk(self, name: bytes, sources: Sources) -> bytes:
        """One chunk, stored here once it came from elsewhere. Raises Unavailable, DiskFull."""
        give_up = time.monotonic() + GIVE_UP_S
        while True:
            data = await asyncio.to_thread(self._store.chunk, name)
            if data is not None:
                return data
            if time.monotonic() > give_up:
                raise Unavailable("No machine that can be reached now has the file", next_step=SWITCH_ON)
            for machine in self._shuffled(sources):
                if await self._take(name, machine) == OK:
                    break
            else:
                await asyncio.sleep(ASK_SOON_S)

    async def close(self) -> None:
        """Stop all transfers; what they stored stays."""
        tasks = [transfer.task for transfer in self._transfers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, name: bytes, task: "asyncio.Task[Manifest]") -> None:
        del self._transfers[name]
        if not task.cancelled():
            task.exception()  # it is raised to those who wait; with nobody waiting it is not news

    async def _give_manifest(self, sender: Sender, fields: Fields) -> Sequence[Packable]:
        match fields:
            case (bytes(name),) if len(name) == 32:
                return [await asyncio.to_thread(self._store.raw_manifest, name)]
        raise BadMessage("a manifest is asked for by its hash")

    async def _give_have(self, sender: Sender, fields: Fields) -> Sequence[Packable]:
        match fields:
            case (bytes(name),) if len(name) == 32:
                return [await asyncio.to_thread(self._bitmap, name)]
        raise BadMessage("chunks are asked for by their manifest's hash")

    def _bitmap(self, name: bytes) -> bytes | None:
        manifest = self._store.manifest(name)
        if manifest is None:
            return None
        bits = (1 << len(manifest.hashes)) - 1
        for position in self._store.missing(manifest):
            bits &= ~(1 << position)
        return bits.to_bytes(len(manifest.hashes) // 8 + 1, "little")

    async def _give_chunk(self, sender: Sender, fields: Fields) -> Sequence[Packable]:
        match fields:
            case (bytes(name),) if len(name) == 32:
                if not self._take_slot(sender.machine):
                    return [BUSY, None]
                data = await asyncio.to_thread(self._store.chunk, name)
                return [ABSENT, None] if data is None else [OK, data]
        raise BadMessage("a chunk is asked for by its hash")

    def _take_slot(self, machine: int) -> bool:
        now = time.monotonic()
        self._slots = {peer: used for peer, used in self._slots.items() if now - used < SLOT_IDLE_S}
        if machine not in self._slots and len(self._slots) >= UP:
            return False
        self._slots[machine] = now
        return True

    async def _take(self, name: bytes, machine: int) -> int:
        """Fetch one chunk from one machine and store it: OK, ABSENT, BUSY or FAILED. Raises DiskFull."""
        try:
            async with self._down:
                status, data = await self._peers.request(machine, GET_CHUNK, [name], STALL_S)
            if status == OK and isinstance(data, bytes):
                await asyncio.to_thread(self._store.put_chunk, name, data)
                return OK
            if status == BUSY:
                self._rest(machine, REST_BUSY_S * (1 + self._random.random()))
                return BUSY
            if status == ABSENT:
                return ABSENT
            self._rest(machine, REST_LIAR_S)
        except WrongHash:
            self._rest(machine, REST_LIAR_S)
        except (PeerError, ValueError):
            self._rest(machine, REST_STALLED_S)
        return FAILED

    def _shuffled(self, sources: Sources) -> list[int]:
        machines = [machine for machine in sources() if self._usable(machine)]
        self._random.shuffle(machines)
        return machines

    def _usable(self, machine: int) -> bool:
        return time.monotonic() >= self._resting.get(machine, 0.0)

    def _rest(self, machine: int, seconds: float) -> None:
        self._resting[machine] = max(self._resting.get(machine, 0.0), time.monotonic() + seconds)


class _Fetch:
    """The state of one transfer: what is missing, and who has what."""

    def __init__(self, swarm: Swarm, transfer: Transfer, sources: Sources) -> None:
        self._swarm = swarm
        self._store = swarm._store
        self._peers = swarm._peers
        self._transfer = transfer
        self._sources = sources
        self._has: dict[int, int] = {}  # machine -> bitmap of the positions it has
        self._missing: set[int] = set()
        self._under_way: set[int] = set()

    async def run(self) -> Manifest:
        manifest = Manifest.decode(await self._swarm.manifest(self._transfer.name, self._sources))
        self._missing = set(await asyncio.to_thread(self._store.missing, manifest))
        self._transfer.total_bytes = manifest.total_size
        self._count(manifest)
        running: set[asyncio.Task[None]] = set()
        asking: set[asyncio.Task[None]] = set()
        asked, lucky = -ASK_AGAIN_S, time.monotonic()
        try:
            while self._missing:
                now = time.monotonic()
                if not asking and now - asked > (ASK_AGAIN_S if running else ASK_SOON_S):
                    asked = now
                    asking = self._ask_who_has(manifest)
                while len(running) < DOWN and (choice := self._choose()) is not None:
                    position, machine = choice
                    self._under_way.add(position)
                    running.add(asyncio.create_task(self._take(manifest.hashes[position], position, machine)))
                before = len(self._missing)
                await self._some_news(running, asking)
                if len(self._missing) < before:
                    lucky = time.monotonic()
                    self._count(manifest)
                elif not running and time.monotonic() - lucky > GIVE_UP_S:
                    raise Unavailable(
                        f"{before} of {len(manifest.hashes)} parts of a file are on no machine "
                        "that can be reached now",
                        next_step=SWITCH_ON,
                    )
        finally:
            for task in running | asking:
                task.cancel()
            await asyncio.gather(*running, *asking, return_exceptions=True)
        return manifest

    async def _some_news(self, running: set[asyncio.Task[None]], asking: set[asyncio.Task[None]]) -> None:
        """Wait a moment for any of the tasks, and take out what is done. Raises what a transfer ended
        with.
        """
        if not running and not asking:
            await asyncio.sleep(0.05)
            return
        done, _ = await asyncio.wait(
            running | asking, timeout=ASK_SOON_S, return_when=asyncio.FIRST_COMPLETED
        )
        running -= done
        asking -= done
        for task in done:
            task.result()

    def _count(self, manifest: Manifest) -> None:
        self._transfer.done_bytes = manifest.total_size - sum(map(manifest.size_of, self._missing))

    def _ask_who_has(self, manifest: Manifest) -> set[asyncio.Task[None]]:
        whole = (1 << len(manifest.hashes)) - 1
        machines = self._swarm._shuffled(self._sources)
        asked = [machine for machine in machines if self._has.get(machine) != whole][:ASKED_AT_ONCE]
        return {asyncio.create_task(self._ask(machine)) for machine in asked}

    async def _ask(self, machine: int) -> None:
        try:
            (bitmap,) = await self._peers.request(machine, HAVE, [self._transfer.name], STALL_S)
        except (PeerError, ValueError):
            self._swarm._rest(machine, REST_STALLED_S)
            return
        if isinstance(bitmap, bytes) and len(bitmap) <= 8192:
            self._has[machine] = int.from_bytes(bitmap, "little")

    def _choose(self) -> tuple[int, int] | None:
        """A random missing chunk and a random machine that has it, None where there is none such."""
        machines = [
            (machine, bitmap) for machine, bitmap in self._has.items() if self._swarm._usable(machine)
        ]
        positions = list(self._missing - self._under_way)
        self._swarm._random.shuffle(positions)
        for position in positions:
            holders = [machine for machine, bitmap in machines if bitmap >> position & 1]
            if holders:
                return position, self._swarm._random.choice(holders)
        return None

    async def _take(self, name: bytes, position: int, machine: int) -> None:
        try:
            status = await self._swarm._take(name, machine)
        finally:
            self._under_way.discard(position)
        if status == OK:
            self._missing.discard(position)
        elif status == ABSENT:
            self._has[machine] &= ~(1 << position)
