"""What the worker has read is what it was told last, and not what it was told before."""

import asyncio
from pathlib import Path

from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.node.tutoring.library import Library
from lms_desktop.node.tutoring.reading import Reading
from lms_desktop.tutor.protocol import Indexed, Open, Order
from tests.node.classroom import Classroom
from tests.node.ledger_kit import Replica
from tests.node.links import until
from tests.node.tutoring.school import run


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


def _note(order: Order, told: list[Open]) -> bool:
    assert isinstance(order, Open)
    told.append(order)
    return True
