"""A person who lost the passphrase and was invited anew: new work goes on at once, past work says why not."""

import asyncio
from pathlib import Path

import pytest

from lms_desktop.client import grading, people, submit
from lms_desktop.client.errors import CannotOpen, SignedOut
from lms_desktop.client.gradebook import my_grades
from tests.client import pdfs
from tests.e2e.lab import Classroom, eventually, hand_in, new_assignment

pytestmark = pytest.mark.timeout(180)


async def grade(room: Classroom, assignment: int, student: int, points: int) -> None:
    opened = await grading.grading_room(room.instructor, assignment=assignment)
    (row,) = [row for row in opened.rows if row.student == student]
    save = grading.correct if row.shown is not None else grading.save_draft
    await save(room.instructor, assignment=assignment, row=row, points=points, feedback="Well done.")
    if row.shown is None:
        preview = await grading.release_preview(room.instructor, assignment=assignment)
        await grading.release(room.instructor, preview=preview)


def test_a_student_with_new_keys_hands_in_and_reads_what_is_new(lab: Classroom, tmp_path: Path) -> None:
    async def run() -> None:
        assignment, file = await new_assignment(lab), pdfs.sample(tmp_path)
        before = lab.students[0]
        await hand_in(before, assignment, file)
        await grade(lab, assignment, before.person.number, 700)

        (row,) = [row for row in await people.people(lab.admin) if row.person == before.person.number]
        slip = await people.invite_again(lab.admin, person=row)
        student = await lab.school.first_sign_in(lab.school.seats[-1], slip)
        lab.students[0] = student

        async def shown() -> bool:
            page = await submit.assignment_page(student, assignment=assignment)
            return page.grade is not None

        await eventually(shown)
        page = await submit.assignment_page(student, assignment=assignment)
        assert page.grade is not None
        assert page.grade.points is None
        assert "invited" in page.grade.feedback
        lines = {line.assignment: line for line in await my_grades(student)}
        assert lines[assignment].points is None
        (entry,) = await grading.history(student, assignment=assignment, student=student.person.number)
        assert entry.value.points is None
        with pytest.raises(CannotOpen, match="invited"):
            await submit.open_version(student, version=page.versions[0])

        await hand_in(student, assignment, pdfs.unlike_any_other(tmp_path, "second.pdf", 2))
        await grade(lab, assignment, student.person.number, 900)

        async def readable() -> bool:
            page = await submit.assignment_page(student, assignment=assignment)
            return page.grade is not None and page.grade.points == 900

        await eventually(readable)

    asyncio.run(run())


def test_a_locked_seat_opens_with_the_new_passphrase_and_never_after_sign_out(
    lab: Classroom, tmp_path: Path
) -> None:
    async def run() -> None:
        before = lab.students[0]
        before.lock()
        (row,) = [row for row in await people.people(lab.admin) if row.person == before.person.number]
        slip = await people.invite_again(lab.admin, person=row)
        lab.students[0] = await lab.school.first_sign_in(lab.school.seats[-1], slip)
        passphrase = lab.school.people[-1].passphrase
        await before.unlock(passphrase=passphrase)
        assert before.person == lab.students[0].person
        await hand_in(before, await new_assignment(lab), pdfs.sample(tmp_path))

        before.lock()
        unlocking = asyncio.create_task(before.unlock(passphrase=passphrase))
        await asyncio.sleep(0)
        before.sign_out()
        with pytest.raises(SignedOut):
            await unlocking
        assert before.locked

    asyncio.run(run())
