"""Grades in a table: a course's for its staff, one's own for a student."""

from dataclasses import dataclass

from lms_desktop.client.grading import GradeState
from lms_desktop.client.session import Session


@dataclass(frozen=True, slots=True)
class Column:
    """An assignment of the gradebook; points possible in hundredths."""

    assignment: int
    title: str
    points: int
    due_ms: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One student's standing in one assignment."""

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
    """One assignment on the student's own grades page."""

    assignment: int
    course: int
    course_title: str
    title: str
    due_ms: int
    submitted: bool
    late: bool
    points: int | None  # None: not released
    possible: int
    feedback: str
    unread: bool
    released_ms: int | None


async def gradebook(session: Session, *, course: int) -> Gradebook:
    """The course's gradebook, opened with the staff key."""


async def my_grades(session: Session) -> tuple[MyLine, ...]:
    """Every assignment of the signed-in student, with what has been released."""
