"""Too few machines, or a network that is cut: writes are kept, shown as waiting, and take effect once."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lms_desktop.client import course, grading, machines, receipts, submit
from lms_desktop.client.protocol import ItemState
from lms_desktop.demo.cast import grow_pdf, sha256_of
from lms_desktop.demo.school import wait_for_voters
from lms_desktop.demo.seats import Seat
from tests.client import pdfs
from tests.e2e.lab import Classroom, eventually, hand_in, new_assignment

pytestmark = pytest.mark.timeout(180)


@contextmanager
def cut_off(*seats: Seat) -> Iterator[None]:
    """These machines neither send nor receive anything until the end of the block."""
    pids = [seat.pid for seat in seats if seat.pid is not None]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_without_a_quorum_writes_wait_and_then_take_effect_once(lab: Classroom, tmp_path: Path) -> None:
    async def run() -> None:
        here, *others = lab.school.seats
        await wait_for_voters(lab.school.seats)
        for seat in others:
            seat.kill()

        async def no_quorum() -> bool:
            return not (await here.status()).quorum

        await eventually(no_quorum)

        async def named() -> bool:
            return (await machines.machines_page(lab.admin)).switch_on == ("B", "C")

        await eventually(named)

        staff = lab.instructor
        sent = await course.create_course(staff, code="W", title="Written alone")
        assert sent.waiting
        dependent = await course.add_material(
            staff, course=sent.made, title="Before its course is accepted", path=pdfs.sample(tmp_path)
        )
        assert dependent.waiting
        waiting = await staff.pending()
        assert {item.key for item in waiting} >= {sent.item.key, dependent.item.key}
        titles = [card.title for card in await course.courses(staff)]
        assert titles == ["Testing"], "what is known stays readable, what waits does not count yet"

        for seat in others:
            await seat.restart()
        for item in (sent.item, dependent.item):
            item = await staff.follow(item, until=ItemState.ACCEPTED, timeout_s=30)
            assert item.state in (ItemState.ACCEPTED, ItemState.SAFE)
        made = [card for card in await course.courses(staff) if card.title == "Written alone"]
        assert [card.course for card in made] == [sent.made]
        assert made[0].materials == 1

    asyncio.run(run())


def test_a_network_that_is_cut_while_uploading_delays_the_work_and_no_more(
    lab: Classroom, tmp_path: Path
) -> None:
    async def run() -> None:
        first, second, here = lab.school.seats
        student = lab.students[0]
        await wait_for_voters(lab.school.seats)
        assignment = await new_assignment(lab)
        path = grow_pdf(pdfs.sample(tmp_path), tmp_path / "large.pdf", os.urandom(12_000_000))
        checked = await submit.check(student, assignment=assignment, path=path)
        item = await submit.submit(student, assignment=assignment, checked=checked)
        with cut_off(first, second):

            async def no_quorum() -> bool:
                return not (await here.status()).quorum

            await eventually(no_quorum)
            page = await submit.assignment_page(student, assignment=assignment)
            assert [pending.key for pending in page.pending] == [item.key]
            assert not page.versions
        item = await submit.follow(student, item=item)
        assert item.state is ItemState.SAFE
        page = await submit.assignment_page(student, assignment=assignment)
        assert [version.number for version in page.versions] == [1]
        assert not page.pending
        receipt = await receipts.receipt(student, version=page.versions[0], safe=True)
        assert receipt.sha256 == sha256_of(path)

    asyncio.run(run())


def test_what_waits_can_be_taken_back(lab: Classroom, tmp_path: Path) -> None:
    async def run() -> None:
        others = lab.school.seats[:-1]
        student = lab.students[0]
        await wait_for_voters(lab.school.seats)
        assignment = await new_assignment(lab)
        for seat in others:
            seat.kill()
        checked = await submit.check(student, assignment=assignment, path=pdfs.sample(tmp_path))
        item = await submit.submit(student, assignment=assignment, checked=checked)
        await submit.drop(student, item=item)
        for seat in others:
            await seat.restart()
        await wait_for_voters(lab.school.seats)
        item = await student.follow(item, until=ItemState.ACCEPTED, timeout_s=30)
        assert item.state is ItemState.DROPPED
        again = await hand_in(student, assignment, pdfs.sample(tmp_path, "other.pdf"))
        assert again.state in (ItemState.ACCEPTED, ItemState.SAFE)
        page = await submit.assignment_page(student, assignment=assignment)
        assert [version.row.lane for version in page.versions] == [again.lane]
        rows = (await grading.grading_room(lab.instructor, assignment=assignment)).rows
        assert len(rows[0].versions) <= 1

    asyncio.run(run())
