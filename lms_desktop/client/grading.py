"""The grading room: open work, points and feedback, drafts, release, correction."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from lms_desktop.client.course import assignment_row, course_row
from lms_desktop.client.errors import BadInput, CannotOpen, Refused
from lms_desktop.client.points import check_points
from lms_desktop.client.sealed import GRADE, SUBMISSION, Reader, context_of, seal_item
from lms_desktop.client.session import Sent, Session
from lms_desktop.client.work import Version, details_of, grade_fields, open_file, own_grade, version_of
from lms_desktop.school import deadlines, limits
from lms_desktop.school.commands import GradeCorrect, GradeDraft, GradeRelease, GradeSlot, Slot
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.queries.courses import MemberRow
from lms_desktop.school.queries.work import GradeRow, StandingRow, SubmissionRow
from lms_desktop.trust.sealing import make_slot


class GradeState(StrEnum):
    """How far grading one student has come; a draft over a released grade counts as released."""

    NONE = "none"
    DRAFT = "draft"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class GradeValue:
    """Points in hundredths (None: not given yet) and feedback; `over_maximum` is not to be trusted.

    `problem` says why a grade cannot be opened; it then has neither points nor feedback, and can be replaced.
    """

    points: int | None
    feedback: str
    over_maximum: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class StudentRow:
    """One student of an assignment in the grading list.

    `grade` numbers what staff last wrote, and `written` is what it says; `local` is a newer draft that lies
    only on this computer; `shown` is what the student sees.
    """

    student: int
    login: str
    name: str
    versions: tuple[Version, ...]  # newest first; empty: nothing handed in
    counting: Version | None  # the version that counts: not one made on another seat from a stale state
    late: bool
    due_ms: int
    extended: bool
    state: GradeState
    grade: int | None
    written: GradeValue | None
    local: GradeValue | None
    shown: GradeValue | None
    seen: bool
    signed_in_before: bool  # False: nothing can be released to them yet

    @property
    def value(self) -> GradeValue | None:
        """What the form starts with."""
        return self.local or self.written

    @property
    def unsaved(self) -> bool:
        """There is a draft that the class does not have yet."""
        return self.local is not None

    @property
    def changed(self) -> bool:
        """Staff wrote something after (or without) a release."""
        return self.written is not None and self.written != self.shown


@dataclass(frozen=True, slots=True)
class GradingRoom:
    """An assignment as its staff grade it; points possible in hundredths."""

    assignment: int
    course: int
    course_title: str
    title: str
    points: int
    due_ms: int
    rows: tuple[StudentRow, ...]


@dataclass(frozen=True, slots=True)
class OpenedWork:
    """A submission opened by staff."""

    pdf: bytes
    file_name: str
    pages: int
    note: str
    version: Version


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """One student in the preview of a release; `reason` says why they will not see it, or what is unusual.

    `grade` numbers what would be released.
    """

    student: int
    name: str
    grade: int | None
    points: int | None
    feedback: str
    will_see: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ReleasePreview:
    """Who will see what when the grades are released."""

    assignment: int
    lines: tuple[ReleaseLine, ...]

    @property
    def will_see(self) -> int:
        """How many students will see a grade."""
        return sum(line.will_see for line in self.lines)

    @property
    def held(self) -> int:
        """How many will not."""
        return len(self.lines) - self.will_see


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One value of a grade's history; `beside` was written by two people at once and does not count."""

    when_ms: int
    by: str
    value: GradeValue
    released_ms: int | None
    correction: bool
    beside: bool


async def grading_room(session: Session, *, assignment: int) -> GradingRoom:
    """Everyone enrolled, what they handed in, and how far their grades are. Raises CannotOpen, BadInput."""
    row = await assignment_row(session, assignment)
    title = (await course_row(session, row.course)).title
    versions: dict[int, list[Version]] = {}
    for submission in await session.query(SubmissionRow, "assignment_submissions", assignment):
        versions.setdefault(submission.student, []).append(version_of(submission))
    grades = await session.query(GradeRow, "assignment_grades", assignment)
    opened = await session.opener.open_all_as_staff(grades, GRADE)
    values = {grade.grade: value_of(fields, row.points) for grade, fields in zip(grades, opened, strict=True)}
    keyed = {row.person for row in await _keyed(session, row.course)}
    rows = []
    for standing in await session.query(StandingRow, "assignment_standings", assignment):
        written = values.get(standing.grade or 0)
        local = await _local_draft(session, assignment, standing.student, standing.points)
        handed_in = tuple(versions.get(standing.student, ()))
        rows.append(
            StudentRow(
                standing.student,
                standing.username,
                standing.name,
                handed_in,
                next((one for one in handed_in if one.submission == standing.submission), None),
                standing.timing not in (None, deadlines.Timing.IN_TIME),
                standing.due,
                standing.reason == deadlines.Reason.EXTENSION,
                _state(standing),
                standing.grade,
                written,
                None if local == written else local,
                values.get(standing.released or 0),
                standing.seen_at is not None,
                standing.student in keyed,
            )
        )
    return GradingRoom(assignment, row.course, title, row.title, row.points, row.due, tuple(rows))


async def open_work(session: Session, *, version: Version) -> OpenedWork:
    """Fetch and open a submission with the course staff's key. Raises CannotOpen, NodeRefused."""
    row = version.row
    item_key = await session.opener.item_key_as_staff(row, SUBMISSION)
    details = details_of(await session.opener.open_as_staff(row, SUBMISSION))
    pdf = await open_file(session, row, item_key, details)
    return OpenedWork(pdf, details[0], details[1], details[2], version)


async def keep_draft(
    session: Session, *, assignment: int, student: int, points: int | None, feedback: str
) -> None:
    """Keep a draft sealed on this computer: called at each keystroke, returns when it is on disk."""
    fields = (points, feedback)
    await asyncio.to_thread(session.drafts.keep, _draft_name(assignment, student), fields)


async def discard_draft(session: Session, *, assignment: int, student: int) -> None:
    """Forget the draft on this computer; what the class has stays."""
    await asyncio.to_thread(session.drafts.forget, _draft_name(assignment, student))


async def save_draft(
    session: Session, *, assignment: int, row: StudentRow, points: int | None, feedback: str
) -> Sent | None:
    """Put a draft into the ledger, sealed to the course staff: called on leaving the student.

    None when the class has the same already. Raises BadInput for points below zero or above the maximum.
    """
    if (row.written or GradeValue(None, "")) == GradeValue(points, feedback):
        await discard_draft(session, assignment=assignment, student=row.student)
        return None
    course, staff = await _prepare(session, assignment, points, feedback)
    replaces, submission = await _replaces(session, assignment, row), _graded(row)
    sent = await session.send(
        lambda place: GradeDraft(
            assignment,
            row.student,
            replaces,
            submission,
            seal_item(
                (points, feedback), place.context(GRADE, course, assignment), staff=staff, student=None
            ),
        ),
        label=f"Grade of {row.name} (draft)",
    )
    await _written(session, assignment, row.student, sent)
    return sent


async def release_preview(session: Session, *, assignment: int) -> ReleasePreview:
    """Who will see what, were the drafts released now."""
    room = await grading_room(session, assignment=assignment)
    lines = []
    for row in room.rows:
        points, feedback = (row.written.points, row.written.feedback) if row.written else (None, "")
        reason = _held(row)
        will_see = not reason
        if will_see and row.counting is None:
            reason = "handed in nothing"
        lines.append(ReleaseLine(row.student, row.name, row.grade, points, feedback, will_see, reason))
    return ReleasePreview(assignment, tuple(lines))


async def release(session: Session, *, preview: ReleasePreview) -> tuple[Sent, ...]:
    """Publish the students' slots of the grades that the preview showed, and of no others.

    Raises Refused where one of them was replaced since, BadInput where there is none.
    """
    shown = [line for line in preview.lines if line.will_see]
    if not shown:
        raise BadInput("There is nothing to release.", next_step="Give points first, then release.")
    assignment = await assignment_row(session, preview.assignment)
    rows = await session.query(GradeRow, "assignment_grades", preview.assignment)
    grades = {row.grade: row for row in rows}
    keyed = {row.person: row for row in await _keyed(session, assignment.course)}
    slots = []
    for line in shown:
        grade, member = grades.get(line.grade or 0), keyed.get(line.student)
        if grade is None or member is None or member.sealing is None:
            raise Refused(Outcome.NOT_CURRENT, Outcome.NOT_CURRENT.sentence, where=line.name)
        item_key = await session.opener.item_key_as_staff(grade, GRADE)
        box = make_slot(item_key, member.sealing, context_of(grade, GRADE))
        slots.append(GradeSlot(grade.grade, Slot(member.key, box)))
    sent = []
    for start in range(0, len(slots), limits.GRADES_AT_ONCE):
        command = GradeRelease(preview.assignment, tuple(slots[start : start + limits.GRADES_AT_ONCE]))
        label = f"Release of {len(command.grades)} grades of “{assignment.title}”"
        sent.append(await session.send(command, label=label))
    return tuple(sent)


async def correct(session: Session, *, assignment: int, row: StudentRow, points: int, feedback: str) -> Sent:
    """Replace a released grade, seen at once; the old value stays in its history. Raises BadInput."""
    course, staff = await _prepare(session, assignment, points, feedback)
    replaces = await _replaces(session, assignment, row)
    if replaces is None:
        raise BadInput("This student has no grade to correct.", where=row.name, next_step="Give one first.")
    student = await session.opener.student_reader(row.student)
    submission = _graded(row)
    sent = await session.send(
        lambda place: GradeCorrect(
            assignment,
            row.student,
            replaces,
            submission,
            seal_item(
                (points, feedback), place.context(GRADE, course, assignment), staff=staff, student=student
            ),
        ),
        label=f"Corrected grade of {row.name}",
    )
    await _written(session, assignment, row.student, sent)
    return sent


async def history(session: Session, *, assignment: int, student: int) -> tuple[HistoryEntry, ...]:
    """Every value that the grade has had, newest first; for the student only what they were shown."""
    maximum = (await assignment_row(session, assignment)).points
    own = session.person.number == student
    entries = []
    for row in await session.query(
        GradeRow, "released_history" if own else "grade_history", assignment, student
    ):
        if own:
            value = checked_value(*own_grade(session, row), maximum)
        else:
            (opened,) = await session.opener.open_all_as_staff([row], GRADE)
            value = value_of(opened, maximum)
        entries.append(
            HistoryEntry(row.stamp, row.author_name, value, row.released, row.correction, row.beside)
        )
    return tuple(entries)


async def _prepare(
    session: Session, assignment: int, points: int | None, feedback: str
) -> tuple[int, Reader]:
    row = await assignment_row(session, assignment)
    check_points(points, row.points)
    if len(feedback) > limits.TEXT:
        raise BadInput(
            f"The feedback is longer than {limits.TEXT} characters.",
            where="feedback",
            next_step="Shorten it; what you typed is kept on this computer.",
        )
    return row.course, await session.opener.staff_reader(row.course)


async def _replaces(session: Session, assignment: int, row: StudentRow) -> int | None:
    """What the person saw, or the newer one that they wrote themselves: nobody conflicts with themselves."""
    history = await session.query(GradeRow, "grade_history", assignment, row.student)
    mine = session.grades_written.get((assignment, row.student))
    if mine is not None and all(grade.grade != mine for grade in history):
        return mine  # the class has not decided about it yet
    current = next((grade for grade in history if not grade.beside), None)
    if current is not None and current.author == session.person.number:
        return current.grade
    return row.grade


async def _written(session: Session, assignment: int, student: int, sent: Sent) -> None:
    session.grades_written[assignment, student] = sent.made
    if not sent.waiting:  # else the draft on this computer stays the only thing to show
        await discard_draft(session, assignment=assignment, student=student)


def _graded(row: StudentRow) -> int | None:
    return row.counting.submission if row.counting is not None else None


def _held(row: StudentRow) -> str:
    """Why a student will not see anything new; empty when they will."""
    if row.written is None:
        return "no grade yet"
    if row.written.problem:
        return "cannot be opened"
    if not row.changed:
        return "already released"
    if row.written.points is None:
        return "no points yet"
    if row.written.over_maximum:
        return "points above the maximum"
    if not row.signed_in_before:
        return "has not signed in yet"
    return ""


async def _keyed(session: Session, course: int) -> list[MemberRow]:
    members = await session.query(MemberRow, "members", course)
    return [member for member in members if member.sealing is not None]


async def _local_draft(session: Session, assignment: int, student: int, maximum: int) -> GradeValue | None:
    fields = await asyncio.to_thread(session.drafts.load, _draft_name(assignment, student))
    return None if fields is None else checked_value(*grade_fields(fields), maximum)


def value_of(opened: tuple[object, ...] | CannotOpen, maximum: int) -> GradeValue:
    """The grade of an opened row, or of one that does not open."""
    try:
        if isinstance(opened, CannotOpen):
            raise opened
        return checked_value(*grade_fields(opened), maximum)
    except CannotOpen as error:
        return GradeValue(None, "", problem=str(error))


def checked_value(points: int | None, feedback: str, maximum: int) -> GradeValue:
    """An opened grade, flagged where its author's app let through more than the maximum."""
    return GradeValue(points, feedback, points is not None and points > maximum)


def _state(standing: StandingRow) -> GradeState:
    if standing.released is not None:
        return GradeState.RELEASED
    return GradeState.NONE if standing.grade is None else GradeState.DRAFT


def _draft_name(assignment: int, student: int) -> str:
    return f"grade/{assignment}/{student}"
