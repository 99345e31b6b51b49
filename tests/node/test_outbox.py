"""What was said to be saved is on disk, whatever happens next."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from lms_desktop.node import outbox as outbox_module
from lms_desktop.node.errors import DiskFull
from lms_desktop.node.items import Item, State
from lms_desktop.node.outbox import Outbox, OutboxError
from lms_desktop.trust.envelope import Envelope
from lms_desktop.trust.primitives import SigningKey

CLUSTER = bytes(32)
KEY = SigningKey(bytes(range(32)))
LANE = bytes(16)


def item(seq: int, *, size: int = 10, lane: bytes = LANE, kind: int = 1) -> Item:
    envelope = Envelope.sign(CLUSTER, KEY, author=5, lane=lane, seq=seq, kind=kind, body=[bytes(size)])
    return Item(envelope, None, f"item {seq}", 1_000 + seq)


def genuine() -> bool:
    return True


def run(story: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await story

    asyncio.run(bounded())


def test_saved_items_come_back_in_lane_order_with_what_was_known(tmp_path: Path) -> None:
    async def story() -> None:
        outbox = Outbox.open(tmp_path)
        items = [item(seq) for seq in range(5)]
        await asyncio.gather(*(outbox.save(each, genuine) for each in items))
        items[0].tickets[3] = b"ticket"
        items[0].state, items[0].code, items[0].index, items[0].stamp = State.ACCEPTED, 0, 9, 77
        outbox.update(items[0])
        outbox.forget(items[1])
        await outbox.close()
        again = Outbox.open(tmp_path)
        assert [each.envelope.seq for each in again.items.values()] == [0, 2, 3, 4]
        assert [each.row() for each in again.items.values()] == [items[n].row() for n in (0, 2, 3, 4)]
        await again.close()

    run(story())


def test_what_was_answered_survives_sigkill_and_nothing_else_is_promised(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, signal, sys, pathlib\n"
        "from lms_desktop.node.outbox import Outbox\n"
        "from tests.node.test_outbox import item, genuine\n"
        "async def main():\n"
        "    outbox = Outbox.open(pathlib.Path(sys.argv[1]))\n"
        "    for seq in range(3):\n"
        "        await outbox.save(item(seq), genuine)\n"
        "        print(seq, flush=True)\n"
        "    here = sys.argv[2]\n"
        "    outbox._trace = lambda point: os.kill(os.getpid(), signal.SIGKILL) if point == here else None\n"
        "    await outbox.save(item(3), genuine)\n"
        "    print('never', flush=True)\n"
        "asyncio.run(main())\n"
    )
    for point, there in (("outbox-before-fsync", 3), ("outbox-after-fsync", 4)):
        folder = tmp_path / point
        folder.mkdir()
        child = subprocess.run(
            [sys.executable, "-c", script, str(folder), point], check=False, capture_output=True, text=True
        )
        assert child.returncode == -9, child.stderr
        assert child.stdout.split() == ["0", "1", "2"]

        async def story(folder: Path = folder, there: int = there) -> None:
            outbox = Outbox.open(folder)
            assert [each.envelope.seq for each in outbox.items.values()] == list(range(there))
            await outbox.close()

        run(story())


def test_many_saves_share_a_few_fsyncs(tmp_path: Path) -> None:
    commits: list[str] = []

    async def story() -> None:
        outbox = Outbox.open(tmp_path, trace=commits.append)
        await asyncio.gather(*(outbox.save(item(seq), genuine) for seq in range(500)))
        await outbox.close()

    run(story())
    assert commits.count("outbox-after-fsync") <= 3


def test_a_forged_item_is_not_taken_and_does_not_stop_the_others(tmp_path: Path) -> None:
    async def story() -> None:
        outbox = Outbox.open(tmp_path)
        answers = await asyncio.gather(
            outbox.save(item(0), genuine),
            outbox.save(item(1), lambda: False),
            outbox.save(item(2), genuine),
            return_exceptions=True,
        )
        assert isinstance(answers[1], OutboxError)
        assert answers[1].code == "bad_signature"
        assert list(outbox.items.values()) == [answers[0], answers[2]]
        assert len(outbox.items) == 2
        await outbox.close()

    run(story())


def test_a_void_that_is_not_taken_leaves_the_item_it_would_replace(tmp_path: Path) -> None:
    async def story() -> None:
        outbox = Outbox.open(tmp_path)
        first = item(0)
        await outbox.save(first, genuine)
        with pytest.raises(OutboxError):
            await outbox.save(item(0, kind=160), lambda: False, first)
        assert outbox.items[first.key] is first
        with pytest.raises(OutboxError):
            outbox.save(item(0, kind=160), genuine)
        void = item(0, kind=160)
        await outbox.save(void, genuine, first)
        assert outbox.items[first.key] is void
        await outbox.close()

    run(story())


def test_the_outbox_is_bounded_in_items_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "MAX_ITEMS", 3)
    monkeypatch.setattr(outbox_module, "MAX_BYTES", 5_000)

    async def story() -> None:
        outbox = Outbox.open(tmp_path)
        await outbox.save(item(0), genuine)
        with pytest.raises(OutboxError, match="wait on this computer"):
            outbox.save(item(1, size=5_000), genuine)
        await outbox.save(item(1), genuine)
        await outbox.save(item(2), genuine)
        with pytest.raises(OutboxError) as refused:
            outbox.save(item(3), genuine)
        assert refused.value.code == "outbox_full"
        outbox.forget(next(iter(outbox.items.values())))
        await outbox.save(item(3), genuine)
        await outbox.close()

    run(story())


def test_ended_items_are_shown_for_a_week(tmp_path: Path) -> None:
    now = [1_000_000_000_000]

    async def story() -> None:
        outbox = Outbox.open(tmp_path, now_ms=lambda: now[0])
        old, new = item(0), item(1)
        for each in (old, new):
            await outbox.save(each, genuine)
        outbox.end(old)
        assert old.key in outbox.items
        now[0] += outbox_module.KEEP_ENDED_MS + 1
        outbox.end(new)
        assert list(outbox.items) == [new.key]
        await outbox.close()

    run(story())


def test_receipts_are_kept(tmp_path: Path) -> None:
    async def story() -> None:
        outbox = Outbox.open(tmp_path)
        key = item(0).key
        assert await outbox.receipt(key) is None
        await outbox.keep_receipt(key, b"accepted", safe=False)
        await outbox.keep_receipt(key, b"safe", safe=True)
        await outbox.close()
        again = Outbox.open(tmp_path)
        assert await again.receipt(key) == (b"safe", True)
        await again.close()

    run(story())


def test_a_damaged_file_is_set_aside_and_said(tmp_path: Path) -> None:
    (tmp_path / "outbox.db").write_bytes(b"this is no database" * 300)

    async def story() -> None:
        outbox = Outbox.open(tmp_path)
        assert outbox.set_aside is not None
        assert outbox.set_aside.read_bytes().startswith(b"this is no database")
        await outbox.save(item(0), genuine)
        await outbox.close()

    run(story())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 512 KiB, where this account may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("needs root on Linux to mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_and_what_was_saved_stays(small_disk: Path) -> None:
    async def story() -> None:
        outbox = Outbox.open(small_disk)
        saved = 0
        with pytest.raises(DiskFull):  # noqa: PT012
            for seq in range(100):
                await outbox.save(item(seq, size=30_000), genuine)
                saved += 1
        assert saved
        assert len(outbox.items) == saved
        await outbox.close()
        with sqlite3.connect(small_disk / "outbox.db") as db:
            assert db.execute("SELECT count(*) FROM outbox_items").fetchone() == (saved,)
        db.close()

    run(story())
