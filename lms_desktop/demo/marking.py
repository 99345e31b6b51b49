"""The story's grading: drafts that nobody sees, a release with its preview, a correction with its history."""

from lms_desktop.client import gradebook, grading, submit, today
from lms_desktop.client.errors import BadInput, Refused
from lms_desktop.client.grading import GradeState, StudentRow
from lms_desktop.client.session import Session
from lms_desktop.demo.cast import Cast, StoryFailed, expect, until
from lms_desktop.demo.handing_in import MIA, YUSUF, ZOFIA
from lms_desktop.demo.opening import POINTS
from lms_desktop.demo.school import INSTRUCTOR
from lms_desktop.school.commands import GradeRelease, GradeSlot, Slot
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.queries.work import GradeRow

GRADES = {
    MIA: (1850, "A clear trace; say in question 2 why the loop ends."),
    YUSUF: (1225, "Your list is not sorted, so question 3 shows the fault without meaning to."),
    ZOFIA: (0, "Nothing was handed in."),
}
CORRECTED = (1425, "On a second reading, question 3 is right.")


async def grade(cast: Cast) -> None:
    """The instructor, at the student's seat: opened work, drafts that stay hidden, release, correction."""
    seat = cast.seats["C"]
    cast.sessions.pop(MIA).sign_out()
    instructor = await cast.sign_in(INSTRUCTOR.login, seat)
    room = await grading.grading_room(instructor, assignment=cast.assignment)
    rows = {row.login: row for row in room.rows}
    handed_in = {login for login, row in rows.items() if row.versions}
    expect(set(rows) == set(GRADES), "The grading room does not list the three students.")
    expect(handed_in == {MIA, YUSUF}, f"The grading room says that {sorted(handed_in)} handed in.")
    for login in (MIA, YUSUF):
        work = await grading.open_work(instructor, version=rows[login].versions[0])
        expect(work.pdf == cast.handed_in[login].read_bytes(), "Opened work is not the file handed in.")
    await _refuse_too_many_points(instructor, cast.assignment, rows[MIA])
    await _draft(instructor, cast.assignment, rows)

    students = {
        login: await cast.sign_in(login, cast.seats[name])
        for login, name in ((MIA, "B"), (YUSUF, "A"), (ZOFIA, "A"))
    }
    for student in students.values():
        await _sees_nothing(student, cast.assignment)
    await _student_cannot_release(students[ZOFIA], cast.assignment, instructor)

    preview = await grading.release_preview(instructor, assignment=cast.assignment)
    expect(preview.will_see == 3 and preview.held == 0, "The preview does not say that three will see.")
    shown = {line.name: (line.points, line.feedback) for line in preview.lines}
    expect(shown == {rows[login].name: GRADES[login] for login in rows}, "The preview shows other grades.")
    await grading.release(instructor, preview=preview)
    for login, student in students.items():
        await _sees(student, cast.assignment, *GRADES[login])
    await _progress(students[MIA], students[ZOFIA])
    await _correct(instructor, students[YUSUF], cast.assignment)


async def _refuse_too_many_points(instructor: Session, assignment: int, row: StudentRow) -> None:
    try:
        await grading.save_draft(
            instructor, assignment=assignment, row=row, points=POINTS + 1, feedback="Too good."
        )
    except BadInput:
        return
    raise StoryFailed("Points above the maximum were taken.")


async def _draft(instructor: Session, assignment: int, rows: dict[str, StudentRow]) -> None:
    for login, (points, feedback) in GRADES.items():
        row = rows[login]
        await grading.keep_draft(
            instructor, assignment=assignment, student=row.student, points=None, feedback=feedback[:10]
        )
        kept = (await _row(instructor, assignment, login)).value
        expect(kept is not None and kept.feedback == feedback[:10], "A typed draft was not kept.")
        await grading.save_draft(instructor, assignment=assignment, row=row, points=points, feedback=feedback)
        saved = await _row(instructor, assignment, login)
        expect(saved.state is GradeState.DRAFT and not saved.unsaved, "A draft was not saved.")


async def _row(instructor: Session, assignment: int, login: str) -> StudentRow:
    room = await grading.grading_room(instructor, assignment=assignment)
    return next(row for row in room.rows if row.login == login)


async def _sees_nothing(student: Session, assignment: int) -> None:
    page = await submit.assignment_page(student, assignment=assignment)
    lines = await gradebook.my_grades(student)
    home = await today.student_today(student)
    hidden = page.grade is None and lines[0].points is None and not home.feedback
    expect(hidden, f"{student.person.name} sees a draft.")
    drafts = await student.query(GradeRow, "grade_history", assignment, student.person.number)
    sealed = bool(drafts) and all(draft.student_box is None for draft in drafts)
    expect(sealed, f"A draft about {student.person.name} is not there, or is sealed to them already.")


async def _student_cannot_release(student: Session, assignment: int, instructor: Session) -> None:
    """A modified app could send this: every replica refuses it."""
    row = await _row(instructor, assignment, ZOFIA)
    assert row.grade is not None
    command = GradeRelease(assignment, (GradeSlot(row.grade, Slot(1, bytes(112))),))
    try:
        await student.send(command, label="Forged release")
    except Refused as error:
        expect(
            error.code == Outcome.NOT_STAFF, f"A student's release was refused for another reason: {error}"
        )
        return
    raise StoryFailed("A student's session released a grade.")


async def _sees(student: Session, assignment: int, points: int, feedback: str) -> None:
    async def look() -> submit.MyGrade | None:
        page = await submit.assignment_page(student, assignment=assignment)
        return page.grade if page.grade is not None and page.grade.points == points else None

    name = student.person.name
    seen = await until(look, f"{name} does not see the released grade.")
    expect(seen.feedback == feedback, f"{name} sees another feedback.")
    expect((await today.student_today(student)).unread == 1, f"{name} has no unread badge.")
    await submit.mark_grade_seen(student, assignment=assignment)

    async def read() -> bool:
        return (await today.student_today(student)).unread == 0

    await until(read, f"The badge of {name} does not go.")


async def _progress(mia: Session, zofia: Session) -> None:
    for student, submitted, read in ((mia, 1, 1), (zofia, 0, 0)):
        progress = (await today.student_today(student)).progress[0]
        counts = (progress.submitted, progress.read, progress.graded)
        expect(counts == (submitted, read, 1), f"The progress of {student.person.name} is wrong: {counts}.")


async def _correct(instructor: Session, student: Session, assignment: int) -> None:
    row = await _row(instructor, assignment, YUSUF)
    points, feedback = CORRECTED
    await grading.correct(instructor, assignment=assignment, row=row, points=points, feedback=feedback)
    await _sees(student, assignment, points, feedback)
    for session in (instructor, student):
        entries = await grading.history(session, assignment=assignment, student=student.person.number)
        values = [(entry.value.points, entry.value.feedback) for entry in entries]
        expect(values == [CORRECTED, GRADES[YUSUF]], "The history does not keep both values.")
    book = await gradebook.gradebook(instructor, course=(await _course(instructor, assignment)))
    totals = {line.login: line.total for line in book.lines}
    expected = {MIA: GRADES[MIA][0], YUSUF: points, ZOFIA: GRADES[ZOFIA][0]}
    expect(totals == expected, f"The gradebook's totals are wrong: {totals}.")


async def _course(instructor: Session, assignment: int) -> int:
    return (await grading.grading_room(instructor, assignment=assignment)).course
