"""Grades in a table: a course's for its staff, one's own for a student."""

from dataclasses import dataclass

from lms_desktop.client.course import course_row
from lms_desktop.client.grading import GradeState, GradeValue, value_of
from lms_desktop.client.sealed import GRADE
from lms_desktop.client.session import Session
from lms_desktop.client.work import own_grade
from lms_desktop.school import deadlines
from lms_desktop.school.queries.today import ProgressRow
from lms_desktop.school.queries.work import AssignmentRow, GradeRow, StandingRow


@dataclass(frozen=True, slots=True)
class Column:
    """An assignment of the gradebook; points possible in hundredths."""

    assignment: int
    title: str
    points: int
    due_ms: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One student's standing in one assignment; `points` are what staff last wrote, released or not."""

    submitted: bool
    late: bool
    state: GradeState
    points: int | None
    over_maximum: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One student's line; the cells stand in the order of the columns; totals count released grades only."""

    student: int
    login: str
    name: str
    cells: tuple[Cell, ...]
    total: int
    possible: int
    materials_read: int
    materials: int


@dataclass(frozen=True, slots=True)
class Gradebook:
    """A course's grades."""

    course: int
    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class MyLine:
    """One assignment on the student's own grades page; `points` is None until released."""

    assignment: int
    course: int
    course_title: str
    title: str
    due_ms: int
    submitted: bool
    late: bool
    points: int | None
    possible: int
    feedback: str
    unread: bool
    released_ms: int | None
    corrected: bool
    over_maximum: bool


async def gradebook(session: Session, *, course: int) -> Gradebook:
    """The course's gradebook, opened with the staff key. Raises CannotOpen."""
    title = (await course_row(session, course)).title
    columns = tuple(
        Column(row.assignment, row.title, row.points, row.due)
        for row in await session.query(AssignmentRow, "assignments", course)
        if not row.archived
    )
    maximum = {column.assignment: column.points for column in columns}
    rows = [
        row for row in await session.query(GradeRow, "course_grades", course) if row.assignment in maximum
    ]
    opened = await session.opener.open_all_as_staff(rows, GRADE)
    grades = {
        row.grade: value_of(fields, maximum[row.assignment]) for row, fields in zip(rows, opened, strict=True)
    }
    standings: dict[int, dict[int, StandingRow]] = {}
    for standing in await session.query(StandingRow, "course_standings", course):
        standings.setdefault(standing.student, {})[standing.assignment] = standing
    lines = []
    for progress in await session.query(ProgressRow, "course_progress", course):
        own = standings.get(progress.student, {})
        released = [
            (value, column.points)
            for column in columns
            if column.assignment in own
            and (value := grades.get(own[column.assignment].released or 0)) is not None
        ]
        lines.append(
            Line(
                progress.student,
                progress.username,
                progress.name,
                tuple(_cell(own.get(column.assignment), grades) for column in columns),
                sum(value.points or 0 for value, _ in released),
                sum(points for _, points in released),
                progress.read,
                progress.materials,
            )
        )
    return Gradebook(course, title, columns, tuple(lines))


async def my_grades(session: Session) -> tuple[MyLine, ...]:
    """Every assignment of the signed-in student, with what has been released. Raises CannotOpen."""
    me = session.person.number
    released: dict[int, tuple[GradeRow, int | None, str]] = {}
    for row in await session.query(GradeRow, "student_grades", me):
        released[row.grade] = (row, *own_grade(session, row))
    lines = []
    for standing in await session.query(StandingRow, "student_standings", me):
        grade, points, feedback = released.get(standing.released or 0, (None, None, ""))
        lines.append(
            MyLine(
                standing.assignment,
                standing.course,
                standing.course_title,
                standing.title,
                standing.due,
                standing.submission is not None,
                standing.timing not in (None, deadlines.Timing.IN_TIME),
                points,
                standing.points,
                feedback,
                standing.unread,
                standing.released_at,
                grade is not None and grade.correction,
                points is not None and points > standing.points,
            )
        )
    return tuple(lines)


def _cell(standing: StandingRow | None, grades: dict[int, GradeValue]) -> Cell:
    if standing is None:
        return Cell(False, False, GradeState.NONE, None, False)
    state = GradeState.NONE if standing.grade is None else GradeState.DRAFT
    if standing.released is not None:
        state = GradeState.RELEASED
    value = grades.get(standing.grade or 0, GradeValue(None, ""))
    return Cell(
        standing.submission is not None,
        standing.timing not in (None, deadlines.Timing.IN_TIME),
        state,
        value.points,
        value.over_maximum,
    )
