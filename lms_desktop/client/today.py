"""Today: what is due, what is new, what waits to be graded."""

from dataclasses import dataclass
from enum import StrEnum

from lms_desktop.client.protocol import OutboxItem
from lms_desktop.client.session import Session


class When(StrEnum):
    """The group of the home list an item stands in, in this order."""

    OVERDUE = "overdue"
    TODAY = "today"
    THIS_WEEK = "this_week"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class DueItem:
    """An assignment the student has not handed in; `sentence` leads it ("3 days to submit")."""

    assignment: int
    course: int
    course_title: str
    title: str
    due_ms: int
    when: When
    sentence: str
    extended: bool


@dataclass(frozen=True, slots=True)
class Feedback:
    """A released grade; `unread` until the student opens it."""

    assignment: int
    course: int
    course_title: str
    title: str
    released_ms: int
    unread: bool


@dataclass(frozen=True, slots=True)
class NewMaterial:
    """A material that the student has not opened."""

    material: int
    course: int
    course_title: str
    title: str
    added_ms: int


@dataclass(frozen=True, slots=True)
class CourseProgress:
    """How far one student has come in one course: counts of assignments and of materials."""

    course: int
    code: str
    title: str
    assignments: int
    submitted: int
    graded: int
    materials: int
    read: int


@dataclass(frozen=True, slots=True)
class StudentToday:
    """A student's home: `due` sorted by due time, `pending` the writes that are not safe yet."""

    due: tuple[DueItem, ...]
    feedback: tuple[Feedback, ...]
    materials: tuple[NewMaterial, ...]
    progress: tuple[CourseProgress, ...]
    pending: tuple[OutboxItem, ...]

    @property
    def unread(self) -> int:
        """How many released grades are unread: the badge."""
        return sum(item.unread for item in self.feedback)


@dataclass(frozen=True, slots=True)
class ToGrade:
    """One assignment as its instructor sees it: counts of students."""

    assignment: int
    course: int
    course_title: str
    title: str
    due_ms: int
    sentence: str
    enrolled: int
    submitted: int
    missing: int
    to_grade: int
    drafts: int
    released: int


@dataclass(frozen=True, slots=True)
class MissingWork:
    """A student who has not handed in an assignment that is due."""

    assignment: int
    title: str
    student: int
    name: str
    due_ms: int
    overdue: bool


@dataclass(frozen=True, slots=True)
class InstructorToday:
    """An instructor's home."""

    to_grade: tuple[ToGrade, ...]
    missing: tuple[MissingWork, ...]
    pending: tuple[OutboxItem, ...]


@dataclass(frozen=True, slots=True)
class AdministratorToday:
    """The administrator's home: counts, and whether the class can write."""

    school: str
    people: int
    awaiting_first_sign_in: int
    machines: int
    machines_online: int
    keepers: int
    quorum: bool
    refused_joins: int
    pending: tuple[OutboxItem, ...]


async def student_today(session: Session) -> StudentToday:
    """What a student's home shows."""


async def instructor_today(session: Session) -> InstructorToday:
    """What an instructor's home shows."""


async def administrator_today(session: Session) -> AdministratorToday:
    """What the administrator's home shows."""
