"""Files between machines, over real links: random chunks from random holders, whatever the holders do."""

import asyncio
import random
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from lms_desktop.node.blobs import swarm as swarm_module
from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.node.blobs.swarm import GET_CHUNK, HAVE, OK, Swarm, Unavailable
from lms_desktop.node.errors import DiskFull
from lms_desktop.node.transport import Fields, Sender
from lms_desktop.trust.manifest import Manifest
from lms_desktop.trust.wire import Packable
from tests.node.blobs.files import store_whole
from tests.node.lab import Machine, lab
from tests.node.links import until

DATA = random.Random(7).randbytes(300_000)
CHUNK = 10_000


def run(story: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await story

    asyncio.run(bounded())


def whole(store: BlobStore, manifest: Manifest) -> bytes:
    return b"".join(store.chunk(name) or b"" for name in manifest.hashes)


def count_served(machine: Machine) -> list[bytes]:
    """The names of the chunks that `machine` gives from now on."""
    served: list[bytes] = []
    give = machine.store.chunk

    def counted(name: bytes) -> bytes | None:
        served.append(name)
        return give(name)

    machine.store.chunk = counted  # type: ignore[method-assign]
    return served


def test_a_file_comes_from_several_holders_and_is_the_same(tmp_path: Path) -> None:
    async def story() -> None:
        async with lab(tmp_path, 4) as machines:
            swarms = [Swarm(machine.store, machine.links) for machine in machines]
            for machine in machines[:3]:
                name, _ = store_whole(machine.store, DATA, CHUNK)
            served = [count_served(machine) for machine in machines[:3]]
            manifest = await swarms[3].fetch(name, lambda: [1, 2, 3])
            assert whole(machines[3].store, manifest) == DATA
            assert sum(map(len, served)) == len(manifest.hashes), "no chunk was fetched twice"
            assert all(served), "every holder gave some"
            for swarm in swarms:
                await swarm.close()

    run(story())


def test_a_holder_of_a_part_gives_that_part(tmp_path: Path) -> None:
    async def story() -> None:
        async with lab(tmp_path, 3) as machines:
            swarms = [Swarm(machine.store, machine.links) for machine in machines]
            _, manifest = store_whole(BlobStore(tmp_path / "source", reserve_bytes=0), DATA, CHUNK)
            for position, chunk in enumerate(manifest.hashes):
                machines[position % 2].store.put_chunk(chunk, DATA[position * CHUNK :][:CHUNK])
            for machine in machines[:2]:
                name = machine.store.put_manifest(manifest.encode())
            await swarms[2].fetch(name, lambda: [1, 2])
            assert whole(machines[2].store, manifest) == DATA
            for swarm in swarms:
                await swarm.close()

    run(story())


def test_a_corrupt_chunk_is_discarded_fetched_elsewhere_and_its_sender_avoided(tmp_path: Path) -> None:
    async def story() -> None:
        async with lab(tmp_path, 3) as machines:
            swarms = [Swarm(machine.store, machine.links) for machine in machines]
            for machine in machines[:2]:
                name, manifest = store_whole(machine.store, DATA, CHUNK)
            lies = 0

            async def lie(_sender: Sender, fields: Fields) -> Sequence[Packable]:
                nonlocal lies
                lies += 1
                (wanted,) = fields
                assert isinstance(wanted, bytes)
                data = machines[0].store.chunk(wanted)
                assert data is not None
                return [OK, bytes([data[0] ^ 1]) + data[1:]]

            machines[0].links.serve(GET_CHUNK, lie)
            await swarms[2].fetch(name, lambda: [1, 2])
            assert whole(machines[2].store, manifest) == DATA
            assert 1 <= lies <= 4, "asked again after it lied"
            assert machines[2].store.used_bytes == len(DATA) + len(manifest.encode()), "nothing false is kept"
            for swarm in swarms:
                await swarm.close()

    run(story())


def test_a_stalled_holder_is_dropped(tmp_path: Path) -> None:
    async def story() -> None:
        async with lab(tmp_path, 3) as machines:
            swarms = [Swarm(machine.store, machine.links) for machine in machines]
            for machine in machines[:2]:
                name, manifest = store_whole(machine.store, DATA, CHUNK)
            asked = 0

            async def stall(_sender: Sender, _fields: Fields) -> Sequence[Packable]:
                nonlocal asked
                asked += 1
                await asyncio.sleep(3600)
                return []

            machines[0].links.serve(GET_CHUNK, stall)
            await swarms[2].fetch(name, lambda: [1, 2])
            assert whole(machines[2].store, manifest) == DATA
            assert asked <= 8
            for swarm in swarms:
                await swarm.close()

    run(story())


def test_a_cut_in_mid_transfer_is_survived_and_nothing_is_fetched_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swarm_module, "GIVE_UP_S", 1.0)
    monkeypatch.setattr(swarm_module, "REST_STALLED_S", 0.2)

    async def story() -> None:
        async with lab(tmp_path, 2) as machines:
            swarms = [Swarm(machine.store, machine.links) for machine in machines]
            name, manifest = store_whole(machines[0].store, DATA, CHUNK)
            served = count_served(machines[0])
            transfer = swarms[1].start(name, lambda: [1])
            await until(lambda: len(machines[1].store.missing(manifest)) < 25)
            peers = machines[1].links.peers
            machines[1].links.set_peers({})  # the cable is out
            with pytest.raises(Unavailable):
                await transfer.task
            there = len(manifest.hashes) - len(machines[1].store.missing(manifest))
            assert 0 < there < len(manifest.hashes)
            served.clear()
            machines[1].links.set_peers(peers)
            await swarms[1].fetch(name, lambda: [1])
            assert whole(machines[1].store, manifest) == DATA
            assert len(served) == len(manifest.hashes) - there
            for swarm in swarms:
                await swarm.close()

    run(story())


def test_what_nobody_has_is_said_to_be_unavailable(tmp_path: Path) -> None:
    async def story() -> None:
        async with lab(tmp_path, 2) as machines:
            swarms = [Swarm(machine.store, machine.links) for machine in machines]
            with pytest.raises(Unavailable, match="Switch on"):
                await swarms[0].fetch(bytes(32), lambda: [2])
            for swarm in swarms:
                await swarm.close()

    run(story())


def test_a_full_disk_ends_the_transfer_with_its_reason_and_it_goes_on_later(tmp_path: Path) -> None:
    async def story() -> None:
        async with lab(tmp_path, 2) as machines:
            small = BlobStore(tmp_path / "small", reserve_bytes=0, quota_bytes=100_000)
            giving, taking = Swarm(machines[0].store, machines[0].links), Swarm(small, machines[1].links)
            name, manifest = store_whole(machines[0].store, DATA, CHUNK)
            with pytest.raises(DiskFull):
                await taking.fetch(name, lambda: [1])
            assert 0 < small.used_bytes <= 100_000
            await taking.close()
            larger = BlobStore(tmp_path / "small", reserve_bytes=0)
            again = Swarm(larger, machines[1].links)
            await again.fetch(name, lambda: [1])
            assert whole(larger, manifest) == DATA
            for swarm in (giving, again):
                await swarm.close()

    run(story())


def test_a_liar_about_what_it_has_stops_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        async with lab(tmp_path, 3) as machines:
            swarms = [Swarm(machine.store, machine.links) for machine in machines]
            name, manifest = store_whole(machines[1].store, DATA, CHUNK)

            async def boast(_sender: Sender, _fields: Fields) -> Sequence[Packable]:
                return [b"\xff" * 5]

            machines[0].links.serve(HAVE, boast)
            await swarms[2].fetch(name, lambda: [1, 2])
            assert whole(machines[2].store, manifest) == DATA
            for swarm in swarms:
                await swarm.close()

    run(story())
