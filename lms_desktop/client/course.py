"""Courses: their people, materials and assignments."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lms_desktop.client.session import Sent, Session

Progress = Callable[[int, int], None]  # bytes done, bytes in all; called on the caller's loop


@dataclass(frozen=True, slots=True)
class CourseCard:
    """A course in a list."""

    course: int
    code: str
    title: str
    archived: bool
    students: int
    materials: int
    assignments: int


@dataclass(frozen=True, slots=True)
class Material:
    """A PDF of the course; `read` tells the signed-in student's own state, `readers` how many students opened it."""

    material: int
    title: str
    file_name: str
    size: int
    manifest: bytes
    added_ms: int
    archived: bool
    read: bool
    readers: int


@dataclass(frozen=True, slots=True)
class AssignmentCard:
    """An assignment in its course; `due_ms` is the signed-in person's own effective due time (extensions counted)."""

    assignment: int
    title: str
    due_ms: int
    extended: bool
    points: int  # hundredths
    archived: bool
    sentence: str
    submitted: bool
    graded: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A person enrolled in the course; counts are of this course's assignments and materials."""

    person: int
    login: str
    name: str
    staff: bool
    submitted: int
    graded: int
    read: int
    needs_key: (
        bool  # staff who cannot open sealed items yet: another staff member's app has to hand them the key
    )


@dataclass(frozen=True, slots=True)
class CoursePage:
    """Everything a course's page shows."""

    course: int
    code: str
    title: str
    description: str
    archived: bool
    staff: bool  # the signed-in person teaches it
    materials: tuple[Material, ...]
    assignments: tuple[AssignmentCard, ...]
    members: tuple[Member, ...]  # empty for students


async def courses(session: Session, *, archived: bool = False) -> tuple[CourseCard, ...]:
    """The courses that the person teaches or attends; an administrator sees all."""


async def course_page(session: Session, *, course: int) -> CoursePage:
    """One course, as the signed-in person sees it."""


async def create_course(session: Session, *, code: str, title: str, description: str = "") -> Sent:
    """Make a course with the signed-in instructor as its staff, and its first key generation."""


async def edit_course(session: Session, *, course: int, code: str, title: str, description: str) -> Sent:
    """Change the texts of a course."""


async def archive_course(session: Session, *, course: int, archived: bool = True) -> Sent:
    """Put a course away, or take it out again."""


async def enrol(session: Session, *, course: int, students: tuple[int, ...]) -> Sent:
    """Enrol students."""


async def unenrol(session: Session, *, course: int, student: int) -> Sent:
    """End a student's enrolment; what they handed in stays."""


async def candidates(session: Session, *, course: int) -> tuple[Member, ...]:
    """Students of the school who are not enrolled in the course."""


async def add_material(
    session: Session, *, course: int, title: str, path: Path, on_progress: Progress | None = None
) -> Sent:
    """Upload a PDF as material for everyone in the course. Raises BadFile."""


async def edit_material(session: Session, *, material: int, title: str) -> Sent:
    """Rename a material."""


async def archive_material(session: Session, *, material: int, archived: bool = True) -> Sent:
    """Put a material away, or take it out again."""


async def open_material(session: Session, *, material: int) -> bytes:
    """The PDF's bytes, checked against the ledger; marks it read for a student."""


async def save_material(session: Session, *, material: int, destination: Path) -> Path:
    """Write a copy to a folder or file that the person chose; returns the path written."""


async def add_assignment(
    session: Session,
    *,
    course: int,
    title: str,
    text: str,
    due_ms: int,
    points: int,
    path: Path | None = None,
) -> Sent:
    """Set an assignment: due time in UTC ms, points possible in hundredths, an optional PDF."""


async def edit_assignment(
    session: Session,
    *,
    assignment: int,
    title: str,
    text: str,
    due_ms: int,
    points: int,
    path: Path | None = None,
) -> Sent:
    """Change an assignment; `path` replaces its PDF, None keeps it."""


async def archive_assignment(session: Session, *, assignment: int, archived: bool = True) -> Sent:
    """Put an assignment away, or take it out again."""


async def extend(session: Session, *, assignment: int, student: int, due_ms: int, reason: str) -> Sent:
    """Give one student a later due time; the reason is sealed to the student and the staff."""


async def open_assignment_pdf(session: Session, *, assignment: int) -> bytes:
    """The assignment's PDF. Raises BadFile when it has none."""


def due_text(session: Session, due_ms: int) -> str:
    """A due time for people: weekday, date, time and zone of the school."""
