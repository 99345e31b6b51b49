"""Ahead of need: what the ledger names arrives by itself, is repaired, and is known to be held."""

import random
from pathlib import Path

from lms_desktop.node.blobs.swarm import Swarm
from lms_desktop.node.blobs.wanted import Replicator, Wanted
from tests.node.blobs.files import store_whole
from tests.node.blobs.test_swarm import run
from tests.node.lab import lab
from tests.node.links import until


def test_named_files_arrive_and_lost_ones_are_repaired(tmp_path: Path) -> None:
    async def story() -> None:
        async with lab(tmp_path, 2) as machines:
            swarms = [Swarm(machine.store, machine.links) for machine in machines]
            source, store = machines[0].store, machines[1].store
            material, _ = store_whole(source, random.Random(1).randbytes(9_000), 1_000)
            submission, sent = store_whole(source, random.Random(2).randbytes(9_000), 1_000)
            nowhere = bytes(32)
            named: list[tuple[bytes, int]] = []
            keeper = Replicator(
                store,
                swarms[1],
                lambda after: Wanted([material], [each for each in named if each[1] > after]),
                lambda: {material, submission},
                lambda: [1],
            )
            assert keeper.held_up_to(40) == 40
            keeper.start()
            await until(lambda: keeper.holds(material))
            named += [(nowhere, 7), (submission, 9)]
            assert keeper.held_up_to(40) == 6
            keeper.poke()
            await until(lambda: keeper.holds(submission))
            assert keeper.held_up_to(40) == 6, "what comes before is not held"
            assert "Switch on" in keeper.trouble
            late, _ = store_whole(source, b"late", 1_000)
            named.append((late, 12))
            keeper.poke()
            await until(lambda: keeper.holds(late))

            (tmp_path / "2/blobs/chunks").rename(tmp_path / "lost")  # the disk lost all chunks
            (tmp_path / "2/blobs/chunks").mkdir()
            path = tmp_path / "lost" / (digits := sent.hashes[0].hex())[:2] / digits[2:4] / digits
            damaged = tmp_path / "2/blobs/chunks" / digits[:2] / digits[2:4]
            damaged.mkdir(parents=True)
            (damaged / digits).write_bytes(path.read_bytes()[:-1] + b"!")
            assert store.chunk(sent.hashes[0]) is None, "the damage is found by whoever reads"
            keeper.poke()
            await until(lambda: store.missing(sent) == [])
            assert store.damaged(sent) == []
            await keeper.close()
            for swarm in swarms:
                await swarm.close()

    run(story())
