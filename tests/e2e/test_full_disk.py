"""The disk fills up while a file is handed in: it is said plainly, and nothing is lost or doubled."""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lms_desktop.client import submit
from lms_desktop.client.errors import NodeRefused
from lms_desktop.client.protocol import ItemState
from lms_desktop.demo.cast import grow_pdf, sha256_of
from lms_desktop.demo.school import DemoSchool
from lms_desktop.node.blobs.store import DEFAULT_RESERVE_BYTES
from tests.client import pdfs
from tests.e2e.lab import Classroom, open_classroom

ROOM = 8_000_000
FILE = 2 * ROOM


def _mount(folder: Path, size: int, *, again: bool = False) -> bool:
    options = f"{'remount,' if again else ''}size={size}"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system with room for half of the file beside the reserve."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0 or not _mount(folder, DEFAULT_RESERVE_BYTES + ROOM):
        pytest.skip("needs root on Linux to mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def room(small_disk: Path) -> Iterator[Classroom]:
    """One machine with a class, all of its data on the small disk."""
    school = DemoSchool(small_disk, ("A",))
    try:
        yield asyncio.run(open_classroom(school))
    finally:
        school.close()


def test_a_disk_that_fills_up_while_uploading_loses_nothing(
    room: Classroom, small_disk: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        (student,) = room.students
        path = grow_pdf(pdfs.sample(tmp_path), tmp_path / "large.pdf", os.urandom(FILE))
        checked = await submit.check(student, assignment=room.assignment, path=path)
        steps: list[submit.Step] = []
        with pytest.raises(NodeRefused, match="disk") as caught:
            await submit.submit(student, assignment=room.assignment, checked=checked, on_step=steps.append)
        assert caught.value.code == "disk_full"
        assert "Free some" in str(caught.value)
        assert steps, "the disk was full before the upload began"
        page = await submit.assignment_page(student, assignment=room.assignment)
        assert not page.versions
        assert not page.pending

        assert _mount(small_disk, DEFAULT_RESERVE_BYTES + 4 * FILE, again=True)
        (left,) = await submit.unfinished(student)
        item = await submit.resume(student, unfinished=left)
        item = await submit.follow(student, item=item, until=ItemState.ACCEPTED)
        assert item.state in (ItemState.ACCEPTED, ItemState.SAFE)
        (version,) = (await submit.assignment_page(student, assignment=room.assignment)).versions
        opened, _ = await submit.open_version(student, version=version)
        assert hashlib.sha256(opened).digest() == sha256_of(path)
        assert not await submit.unfinished(student)

    asyncio.run(run())
