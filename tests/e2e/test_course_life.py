"""What staff and administrators change after the first day, on real nodes, as the others then see it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from lms_desktop.client import course, people, signin, submit, today
from lms_desktop.client.course import AssignmentCard, CoursePage
from lms_desktop.client.errors import Refused, SignInFailed
from lms_desktop.client.session import Session
from lms_desktop.demo.school import DemoSchool
from lms_desktop.school.outcomes import Outcome
from tests.client import pdfs
from tests.e2e.lab import DAY_MS, POINTS, Classroom, eventually, hand_in, new_assignment, open_classroom


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    """One machine with a class of two."""
    school = DemoSchool(tmp_path_factory.mktemp("school"), ("A",))
    try:
        yield asyncio.run(open_classroom(school, students=2))
    finally:
        school.close()


async def page_of(session: Session, room: Classroom) -> CoursePage:
    return await course.course_page(session, course=room.course)


async def card_of(session: Session, room: Classroom, assignment: int) -> AssignmentCard:
    page = await page_of(session, room)
    return next(card for card in page.assignments if card.assignment == assignment)


def test_a_course_is_edited_archived_and_taken_out_again(room: Classroom) -> None:
    async def run() -> None:
        staff, student = room.instructor, room.students[0]
        seen = await page_of(staff, room)
        await course.edit_course(
            staff, course=room.course, replaces=seen.revision, code="T-2", title="Proving", description="New."
        )
        page = await page_of(student, room)
        assert (page.code, page.title, page.description) == ("T-2", "Proving", "New.")
        await course.archive_course(staff, course=room.course)
        assert room.course not in [card.course for card in await course.courses(student)]
        assert room.course in [card.course for card in await course.courses(staff, archived=True)]
        await course.archive_course(staff, course=room.course, archived=False)
        assert room.course in [card.course for card in await course.courses(student)]

    asyncio.run(run())


def test_a_replaced_material_is_new_again_and_can_be_put_away(room: Classroom, tmp_path: Path) -> None:
    async def run() -> None:
        staff, student = room.instructor, room.students[0]
        made = await course.add_material(staff, course=room.course, title="Notes", path=pdfs.sample(tmp_path))
        await course.open_material(student, material=made.made)

        async def read() -> bool:
            (material,) = (await page_of(student, room)).materials
            return material.read

        await eventually(read)
        (before,) = (await page_of(staff, room)).materials
        assert before.readers == 1
        newer = pdfs.unlike_any_other(tmp_path, "newer.pdf", 7)
        await course.edit_material(
            staff, material=made.made, replaces=before.revision, title="Better notes", path=newer
        )
        (after,) = (await page_of(student, room)).materials
        assert (after.title, after.file_name) == ("Better notes", "newer.pdf")
        (news,) = (await today.student_today(student)).materials
        assert (news.material, news.changed) == (made.made, True)
        assert await course.open_material(student, material=made.made) == newer.read_bytes()

        async def no_news() -> bool:
            return not (await today.student_today(student)).materials

        await eventually(no_news)
        await course.archive_material(staff, material=made.made)
        assert not [one for one in (await page_of(student, room)).materials if not one.archived]

    asyncio.run(run())


def test_a_due_time_is_changed_for_all_and_extended_for_one(room: Classroom) -> None:
    async def run() -> None:
        staff, (first, second) = room.instructor, room.students
        assignment = await new_assignment(room)
        card = await card_of(staff, room, assignment)
        later = card.due_ms + 2 * DAY_MS
        await course.edit_assignment(
            staff,
            assignment=assignment,
            replaces=card.revision,
            title="Later work",
            text="There is more time.",
            due_ms=later,
            points=POINTS,
        )
        extended = later + DAY_MS
        await course.extend(
            staff, assignment=assignment, student=second.person.number, due_ms=extended, reason="An exam."
        )
        for session, due_ms, reason in ((first, later, ""), (second, extended, "An exam.")):
            page = await submit.assignment_page(session, assignment=assignment)
            assert (page.title, page.due_ms, page.extension_reason) == ("Later work", due_ms, reason)
            due = next(d for d in (await today.student_today(session)).due if d.assignment == assignment)
            assert (due.due_ms, due.extended) == (due_ms, bool(reason))
        assert (await card_of(staff, room, assignment)).due_ms == later

    asyncio.run(run())


def test_nothing_is_handed_in_to_an_archived_assignment(room: Classroom, tmp_path: Path) -> None:
    async def run() -> None:
        staff, student = room.instructor, room.students[0]
        assignment = await new_assignment(room)
        await course.archive_assignment(staff, assignment=assignment)
        assert (await submit.assignment_page(student, assignment=assignment)).closed
        with pytest.raises(Refused, match="archive"):
            await hand_in(student, assignment, pdfs.sample(tmp_path))

    asyncio.run(run())


def test_who_leaves_a_course_no_longer_sees_it_and_can_come_back(room: Classroom) -> None:
    async def run() -> None:
        staff, leaver = room.instructor, room.students[1]
        await course.unenrol(staff, course=room.course, student=leaver.person.number)
        assert room.course not in [card.course for card in await course.courses(leaver)]
        assert not (await today.student_today(leaver)).due
        (candidate,) = await course.candidates(staff, course=room.course)
        assert candidate.person == leaver.person.number
        await course.enrol(staff, course=room.course, students=(candidate.person,))
        assert room.course in [card.course for card in await course.courses(leaver)]

    asyncio.run(run())


def test_an_account_that_is_closed_signs_in_no_more_until_it_is_opened(room: Classroom) -> None:
    async def run() -> None:
        admin, student, seat = room.admin, room.students[1], room.school.seats[0]
        login, passphrase = student.person.login, room.passphrase(student.person.login)
        await people.set_active(admin, person=student.person.number, active=False)
        with pytest.raises(SignInFailed, match="switched off"):
            await signin.sign_in(seat.link, login=login, passphrase=passphrase, user_data=seat.user_data)
        with pytest.raises(Refused) as caught:
            await course.create_course(student, code="X", title="Still signed in elsewhere")
        assert caught.value.code == Outcome.AUTHOR_INACTIVE
        await people.set_active(admin, person=student.person.number, active=True)
        again = await signin.sign_in(seat.link, login=login, passphrase=passphrase, user_data=seat.user_data)
        assert again.person.login == login

    asyncio.run(run())
