"""What a release shows to students is what its preview showed to staff."""

import asyncio
from pathlib import Path

import pytest

from lms_desktop.client import grading, submit
from lms_desktop.client.errors import Refused
from lms_desktop.school.outcomes import Outcome
from tests.client import pdfs
from tests.e2e.lab import Classroom, hand_in, new_assignment

pytestmark = pytest.mark.timeout(180)


def test_a_grade_written_after_the_preview_is_not_released_by_it(lab: Classroom, tmp_path: Path) -> None:
    async def run() -> None:
        assignment, staff, student = await new_assignment(lab), lab.instructor, lab.students[0]
        await hand_in(student, assignment, pdfs.sample(tmp_path))

        async def draft(points: int) -> grading.ReleasePreview:
            rows = (await grading.grading_room(staff, assignment=assignment)).rows
            (row,) = [row for row in rows if row.student == student.person.number]
            await grading.save_draft(staff, assignment=assignment, row=row, points=points, feedback="")
            return await grading.release_preview(staff, assignment=assignment)

        seen = await draft(700)
        newer = await draft(100)
        with pytest.raises(Refused) as refused:
            await grading.release(staff, preview=seen)
        assert refused.value.code == Outcome.NOT_CURRENT
        page = await submit.assignment_page(student, assignment=assignment)
        assert page.grade is None
        await grading.release(staff, preview=newer)

    asyncio.run(run())
