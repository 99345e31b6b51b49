"""A course's next key generation: a newcomer reads the past, who left reads nothing that comes after."""

import asyncio

import pytest

from lms_desktop.client import course, grading
from lms_desktop.client.errors import Refused
from lms_desktop.client.sealed import Reader, new_generation
from lms_desktop.client.session import Session
from lms_desktop.school.commands import CourseStaff
from lms_desktop.school.queries.people import SchoolRow
from tests.e2e.lab import Classroom, eventually, new_assignment

pytestmark = pytest.mark.timeout(180)


async def hand_over(lab: Classroom, author: Session, number: int, staff: tuple[Session, ...]) -> None:
    """Make generation `number` of the course's key for these members of staff."""
    readers = {one.person.number: Reader(one.person.key, one.keys.sealing.public) for one in staff}
    recovery = (await author.query(SchoolRow, "school"))[0].recovery
    previous = await author.opener.course_key(lab.course, number - 1)
    generation = new_generation(author.cluster_id, lab.course, number, readers, recovery, previous)
    await author.send(CourseStaff(lab.course, generation), label="New staff")


async def written(session: Session, assignment: int) -> grading.GradeValue | None:
    return (await grading.grading_room(session, assignment=assignment)).rows[0].written


def test_a_newcomer_opens_the_past_and_who_left_does_not_open_what_follows(lab: Classroom) -> None:
    async def run() -> None:
        instructor, substitute = lab.instructor, lab.admin
        before, after = await new_assignment(lab), await new_assignment(lab)

        async def grade(session: Session, assignment: int, feedback: str) -> None:
            row = (await grading.grading_room(session, assignment=assignment)).rows[0]
            await grading.save_draft(session, assignment=assignment, row=row, points=700, feedback=feedback)

        await grade(instructor, before, "Written before")
        value = await written(substitute, before)
        assert value is not None
        assert value.problem, "an administrator is no staff of the course"

        await hand_over(lab, instructor, 2, (instructor, substitute))
        assert await written(substitute, before) == grading.GradeValue(700, "Written before")

        await hand_over(lab, substitute, 3, (substitute,))
        await grade(substitute, after, "Written after")

        async def arrived() -> grading.GradeValue | None:
            return await written(instructor, after)

        value = await eventually(arrived)
        assert value.problem, "who left holds no key of the new generation"
        assert await written(instructor, before) == grading.GradeValue(700, "Written before")
        with pytest.raises(Refused, match="Only an instructor of this course"):
            await course.archive_assignment(instructor, assignment=after)

        await hand_over(lab, substitute, 4, (instructor, substitute))
        assert await written(instructor, after) == grading.GradeValue(700, "Written after")

    asyncio.run(run())
