"""Today: what is due, what is new, what waits to be graded or answered."""

from dataclasses import dataclass
from enum import StrEnum

from lms_desktop.client.machines import machines_page
from lms_desktop.client.protocol import OutboxItem
from lms_desktop.client.questions import QuestionCard, counts, unanswered
from lms_desktop.client.session import Session
from lms_desktop.school import deadlines
from lms_desktop.school.queries.people import PersonRow
from lms_desktop.school.queries.questions import ReplyRow
from lms_desktop.school.queries.today import (
    DueRow,
    FeedbackRow,
    MissingRow,
    NewMaterialRow,
    ProgressRow,
    ToGradeRow,
)

UNANSWERED_SHOWN = 20


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
    """A material that the student has not opened as it now is; `changed` if they opened an earlier form."""

    material: int
    course: int
    course_title: str
    title: str
    added_ms: int
    changed: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What an instructor wrote that the student has not read: a reply to `question`, or a class answer.

    `item` is what `questions.mark_seen` takes; `title` is a class answer's.
    """

    item: int
    to_class: bool
    course: int
    course_title: str
    assignment: int | None
    assignment_title: str
    question: int | None
    title: str
    name: str
    when_ms: int


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
    replies: tuple[Reply, ...]
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
    """A student who has not handed in what is due within a week, or was due."""

    assignment: int
    title: str
    student: int
    name: str
    due_ms: int
    overdue: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class InstructorToday:
    """An instructor's home; `unanswered` are the questions that wait longest, of `waiting` in all."""

    to_grade: tuple[ToGrade, ...]
    unanswered: tuple[QuestionCard, ...]
    waiting: int
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


_WHEN = {
    deadlines.Group.OVERDUE: When.OVERDUE,
    deadlines.Group.TODAY: When.TODAY,
    deadlines.Group.THIS_WEEK: When.THIS_WEEK,
    deadlines.Group.LATER: When.LATER,
}


async def student_today(session: Session) -> StudentToday:
    """What a student's home shows."""
    me = session.person.number
    due = await session.query(DueRow, "due", me, await session.now_ms())
    return StudentToday(
        tuple(
            DueItem(
                row.assignment,
                row.course,
                row.course_title,
                row.title,
                row.due,
                _WHEN[deadlines.Group(row.group)],
                row.sentence,
                row.reason == deadlines.Reason.EXTENSION,
            )
            for row in due
        ),
        tuple(
            Feedback(row.assignment, row.course, row.course_title, row.title, row.released_at, row.unread)
            for row in await session.query(FeedbackRow, "feedback", me)
        ),
        tuple(
            NewMaterial(row.material, row.course, row.course_title, row.title, row.stamp, row.changed)
            for row in await session.query(NewMaterialRow, "new_materials", me)
        ),
        tuple(
            Reply(
                row.item,
                row.to_class,
                row.course,
                row.course_title,
                row.assignment or None,
                row.assignment_title,
                row.question,
                row.title,
                row.name,
                row.stamp,
            )
            for row in await session.query(ReplyRow, "replies", me)
        ),
        tuple(
            CourseProgress(
                row.course,
                row.code,
                row.title,
                row.assignments,
                row.submitted,
                row.graded,
                row.materials,
                row.read,
            )
            for row in await session.query(ProgressRow, "my_progress", me)
        ),
        await session.pending(),
    )


async def instructor_today(session: Session) -> InstructorToday:
    """What an instructor's home shows."""
    me, now = session.person.number, await session.now_ms()
    return InstructorToday(
        tuple(
            ToGrade(
                row.assignment,
                row.course,
                row.course_title,
                row.title,
                row.due,
                row.sentence,
                row.enrolled,
                row.submitted,
                row.missing,
                row.to_grade,
                row.drafts,
                row.released,
            )
            for row in await session.query(ToGradeRow, "to_grade", me, now)
        ),
        await unanswered(session, at_most=UNANSWERED_SHOWN),
        (await counts(session)).unanswered,
        tuple(
            MissingWork(row.assignment, row.title, row.student, row.name, row.due, row.overdue, row.sentence)
            for row in await session.query(MissingRow, "missing", me, now)
        ),
        await session.pending(),
    )


async def administrator_today(session: Session) -> AdministratorToday:
    """What the administrator's home shows."""
    people = await session.query(PersonRow, "people")
    page = await machines_page(session)
    return AdministratorToday(
        session.school,
        len(people),
        sum(row.active and row.key == 0 for row in people),
        len(page.machines),
        sum(row.online for row in page.machines),
        sum(row.keeper for row in page.machines),
        page.quorum,
        sum(attempt.count for attempt in page.attempts),
        await session.pending(),
    )
