"""What the worker has read is what it was told last, and not what it was told before."""

import asyncio
import hashlib
import shutil
from pathlib import Path

import pytest

from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.node.tutoring import library as library_module
from lms_desktop.node.tutoring.library import Library
from lms_desktop.node.tutoring.reading import Reading
from lms_desktop.school.commands import FileRef, MaterialPublish
from lms_desktop.trust.manifest import manifest_hash
from lms_desktop.tutor.protocol import Indexed, Open, Order
from tests.node.blobs.files import manifest_of, store_whole
from tests.node.classroom import Classroom
from tests.node.ledger_kit import Replica
from tests.node.links import until
from tests.node.tutoring.school import HEAPS, run
from tests.tutor.pdfs import with_text


def test_a_word_on_an_earlier_edition_does_not_count_for_the_present_one(tmp_path: Path) -> None:
    async def story() -> None:
        school, replica, told = Classroom(), Replica(), list[Open]()
        replica.apply(school.entries)
        known = len(school.entries)
        library = Library(replica.db, BlobStore(tmp_path / "blobs", reserve_bytes=0), tmp_path / "tutor")
        reading = Reading(library, lambda order: _note(order, told))
        try:
            reading.worker_ready()
            await until(lambda: len(told) == 1)
            school.publish_assignment(school.teacher, school.course)
            replica.apply(school.entries[known:])
            reading.changed()
            reading._stale = dict.fromkeys(reading._stale, 0.0)
            await until(lambda: reading._task is None)
            reading.tick()
            await until(lambda: len(told) == 2)
            earlier, present = told
            assert earlier.edition != present.edition
            reading.heard(Indexed(school.course, earlier.edition, "ready", 1, 1, ()))
            reading.tick()
            await asyncio.sleep(0)
            assert reading.under_way
            assert not library.is_indexed(school.course)
            reading.heard(Indexed(school.course, present.edition, "ready", 2, 2, ()))
            await until(lambda: library.is_indexed(school.course))
            assert not reading.under_way
        finally:
            await reading.close()
            Replica.close_all()

    run(story())


def test_files_are_put_together_only_while_the_disk_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        school, replica = Classroom(), Replica()
        data = with_text(tmp_path / "notes.pdf", [HEAPS]).read_bytes()
        manifest = manifest_of(data, 1 << 20)
        file = FileRef("n.pdf", manifest_hash(manifest.encode()), len(data), hashlib.sha256(data).digest(), 1)
        school.do(school.teacher, MaterialPublish(school.course, "Heaps", file))
        replica.apply(school.entries)
        store = BlobStore(tmp_path / "blobs", reserve_bytes=0)
        store_whole(store, data, 1 << 20)
        library = Library(replica.db, store, tmp_path / "tutor")
        usage = shutil.disk_usage(tmp_path)
        free = library_module.FREE_BYTES + len(data) - 1
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))
        assert (await library.contents(school.course)).lacking
        assert list((tmp_path / "tutor" / "files").iterdir()) == []
        free += 1
        assert not (await library.contents(school.course)).lacking
        Replica.close_all()

    run(story())


def _note(order: Order, told: list[Open]) -> bool:
    assert isinstance(order, Open)
    told.append(order)
    return True
