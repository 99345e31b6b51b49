"""Assignments, and how each student stands to them."""

from __future__ import annotations

from dataclasses import dataclass

from lms_desktop.school import deadlines
from lms_desktop.school.queries.rows import Database, Row, SealedRow, rows
from lms_desktop.school.schema import Value


@dataclass(frozen=True, slots=True)
class AssignmentRow(Row):
    """An assignment. The file's fields are nil when it has none; ``points`` are
    hundredths; ``beside`` counts revisions that were made from a stale one and wait to be looked at."""

    course: int
    assignment: int
    revision: int
    title: str
    text: str
    file_name: str | None
    manifest: bytes | None
    size: int | None
    sha256: bytes | None
    pages: int | None
    due: int
    zone: str
    points: int
    archived: bool
    beside: int
    published: int
    stamp: int
    author: int


@dataclass(frozen=True, slots=True)
class AssignmentRevisionRow(Row):
    """One revision of an assignment; ``beside`` was made from a stale one."""

    revision: int
    replaces: int | None
    title: str
    text: str
    file_name: str | None
    manifest: bytes | None
    size: int | None
    sha256: bytes | None
    pages: int | None
    due: int
    zone: str
    points: int
    author: int
    name: str
    stamp: int
    beside: bool


@dataclass(frozen=True, slots=True)
class StandingRow(Row):
    """One student and one assignment.

    ``due`` is the effective deadline and ``reason`` a `deadlines.Reason`. ``submission`` is the version that
    counts, accepted at ``submitted`` (``queued_at`` by its machine's clock; ``timing`` a `deadlines.Timing`).
    ``grade`` is what staff last wrote, for version ``graded_submission``; ``released`` is what they see.
    """

    course: int
    course_title: str
    assignment: int
    title: str
    zone: str
    points: int
    archived: bool
    student: int
    name: str
    username: str
    due: int
    reason: int
    extension: int | None
    submission: int | None
    versions: int
    submitted: int | None
    queued_at: int | None
    timing: int | None
    earliest_ticket: int | None
    grade: int | None
    graded_submission: int | None
    released: int | None
    released_at: int | None
    seen_at: int | None

    @property
    def to_grade(self) -> bool:
        """There is a version that no grade was written for."""
        return self.submission is not None and self.graded_submission != self.submission

    @property
    def draft(self) -> bool:
        """Staff wrote a grade that the student does not see."""
        return self.grade is not None and self.grade != self.released

    @property
    def unread(self) -> bool:
        """The student has not seen the released grade."""
        return self.released is not None and self.seen_at is None


@dataclass(frozen=True, slots=True)
class SubmissionRow(SealedRow):
    """One version that a student handed in (its ``author``); ``beside`` was made from a stale version.
    ``position`` is its index in the ledger; ``keepers`` gave tickets, the first at ``earliest_ticket``."""

    submission: int
    student: int
    version: int
    replaces: int | None
    machine: int
    queued_at: int
    manifest: bytes
    size: int
    file_commitment: bytes
    position: int
    earliest_ticket: int | None
    beside: bool
    due: int
    reason: int
    timing: int
    keepers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GradeRow(SealedRow):
    """One grade: drafts have no student slot until they are released."""

    grade: int
    student: int
    replaces: int | None
    submission: int | None
    correction: bool
    released: int | None
    released_by: int | None
    seen: int | None
    beside: bool
    position: int
    author_name: str


@dataclass(frozen=True, slots=True)
class ExtensionRow(SealedRow):
    """One extension; ``until`` is nil where it takes an earlier one back, ``current`` is what counts."""

    extension: int
    student: int
    replaces: int | None
    until: int | None
    beside: bool
    current: bool


_ASSIGNMENTS = """
SELECT a.course, a.assignment, r.revision, r.title, r.text, r.file_name, r.manifest, r.size, r.sha256,
    r.pages, r.due, r.zone, r.points, a.archived,
    (SELECT count(*) FROM school_assignment_revisions b
        WHERE b.assignment = a.assignment AND b.beside AND b.replaces = a.revision),
    a.stamp, r.stamp, r.author
FROM school_assignments a JOIN school_assignment_revisions r ON r.revision = a.revision
"""


def assignments(db: Database, course: int) -> list[AssignmentRow]:
    """A course's assignments by due time."""
    return rows(
        AssignmentRow, db.execute(_ASSIGNMENTS + "WHERE a.course = ? ORDER BY r.due, a.position", (course,))
    )


def assignment(db: Database, number: int) -> list[AssignmentRow]:
    """One assignment, or nothing."""
    return rows(AssignmentRow, db.execute(_ASSIGNMENTS + "WHERE a.assignment = ?", (number,)))


def assignment_revisions(db: Database, assignment: int) -> list[AssignmentRevisionRow]:
    """An assignment's revisions, the oldest first."""
    return rows(
        AssignmentRevisionRow,
        db.execute(
            "SELECT r.revision, r.replaces, r.title, r.text, r.file_name, r.manifest, r.size, r.sha256, "
            "r.pages, r.due, r.zone, r.points, r.author, p.name, r.stamp, r.beside "
            "FROM school_assignment_revisions r JOIN school_people p ON p.person = r.author "
            "WHERE r.assignment = ? ORDER BY r.position",
            (assignment,),
        ),
    )


_STANDINGS = """
SELECT a.course, c.title, a.assignment, r.title, r.zone, r.points, a.archived, p.person, p.name, p.username,
    r.due, x.due, t.extension, t.submission,
    (SELECT count(*) FROM school_submissions v
        WHERE v.assignment = a.assignment AND v.student = e.student),
    s.stamp, s.queued_at, s.earliest_ticket, {grade}, t.released, h.released, h.seen
FROM school_assignments a
JOIN school_assignment_revisions r ON r.revision = a.revision
JOIN school_courses k ON k.course = a.course
JOIN school_course_revisions c ON c.revision = k.revision
JOIN school_enrolments e ON e.course = a.course AND e.active
JOIN school_people p ON p.person = e.student
LEFT JOIN school_standings t ON t.student = e.student AND t.assignment = a.assignment
LEFT JOIN school_extensions x ON x.extension = t.extension
LEFT JOIN school_submissions s ON s.submission = t.submission
LEFT JOIN school_grades g ON g.grade = t.grade
LEFT JOIN school_grades h ON h.grade = t.released
WHERE {where}
ORDER BY r.due, a.position, p.name, p.person LIMIT {at_most}
"""
_FOR_STAFF = "t.grade, g.submission"
_FOR_STUDENTS = "t.released, h.submission"


def _standings(db: Database, grade: str, where: str, *arguments: int, at_most: int = -1) -> list[StandingRow]:
    sql = _STANDINGS.format(grade=grade, where=where, at_most=at_most)
    return [_standing(values) for values in db.execute(sql, arguments)]


def _standing(values: tuple[Value, ...]) -> StandingRow:
    *context, due, extension_due, extension, submission, versions, submitted, queued_at, ticket = values[:18]
    deadline = deadlines.effective(_int(due), None if extension_due is None else _int(extension_due))
    timing = None if submitted is None else int(deadlines.timing(deadline, _int(submitted), _int(queued_at)))
    (row,) = rows(
        StandingRow,
        [
            (
                *context,
                deadline.due,
                int(deadline.reason),
                extension,
                submission,
                versions,
                submitted,
                queued_at,
                timing,
                ticket,
                *values[18:],
            )
        ],
    )
    return row


def _int(value: Value) -> int:
    assert isinstance(value, int)
    return value


def student_standings(db: Database, student: int) -> list[StandingRow]:
    """A student's assignments in all courses, as the student sees them: ``grade`` is the released one."""
    return _standings(db, _FOR_STUDENTS, "e.student = ?", student)


def student_standing(db: Database, assignment: int, student: int) -> list[StandingRow]:
    """One assignment as its student sees it, or nothing."""
    return _standings(db, _FOR_STUDENTS, "a.assignment = ? AND e.student = ?", assignment, student)


def assignment_standings(db: Database, assignment: int) -> list[StandingRow]:
    """Every enrolled student of one assignment, for staff: who has handed in and who has not."""
    return _standings(db, _FOR_STAFF, "a.assignment = ?", assignment)


def course_standings(db: Database, course: int) -> list[StandingRow]:
    """The gradebook: every assignment that is not archived, with every enrolled student, for staff."""
    return _standings(db, _FOR_STAFF, "a.course = ? AND NOT a.archived", course)


def missing_standings(db: Database, person: int, before: int, at_most: int) -> list[StandingRow]:
    """Students with neither submission nor grade in an assignment that was to be due before a time, in the
    courses that a person teaches."""
    where = """
        NOT a.archived AND NOT k.archived AND t.submission IS NULL AND t.grade IS NULL AND r.due < ?
        AND EXISTS (SELECT 1 FROM school_staff_slots l
            WHERE l.course = k.course AND l.generation = k.generation AND l.person = ?)
        """
    return _standings(db, _FOR_STAFF, where, before, person, at_most=at_most)


_SUBMISSIONS = """
SELECT a.course, s.assignment, s.author, s.lane, s.seq, s.stamp, s.box, s.commitment, s.staff_key,
    s.staff_box, s.student_key, s.student_box, s.submission, s.student, s.version, s.replaces, s.machine,
    s.queued_at, s.manifest, s.size, s.file_commitment, s.position, s.earliest_ticket, s.beside, r.due, x.due,
    (SELECT group_concat(k.keeper) FROM school_submission_keepers k WHERE k.submission = s.submission)
FROM school_submissions s
JOIN school_assignments a ON a.assignment = s.assignment
JOIN school_assignment_revisions r ON r.revision = a.revision
LEFT JOIN school_standings t ON t.student = s.student AND t.assignment = s.assignment
LEFT JOIN school_extensions x ON x.extension = t.extension
"""


def _submissions(db: Database, where: str, *arguments: int) -> list[SubmissionRow]:
    found = []
    for *values, due, extension_due, keepers in db.execute(_SUBMISSIONS + where, arguments):
        deadline = deadlines.effective(due, extension_due)
        stamp, queued_at = values[5], values[17]
        found.append(
            (
                *values,
                deadline.due,
                int(deadline.reason),
                int(deadlines.timing(deadline, stamp, queued_at)),
                tuple(sorted(int(keeper) for keeper in (keepers or "").split(",") if keeper)),
            )
        )
    return rows(SubmissionRow, found)


def submissions(db: Database, assignment: int, student: int) -> list[SubmissionRow]:
    """One student's versions, the newest first."""
    return _submissions(
        db, "WHERE s.assignment = ? AND s.student = ? ORDER BY s.version DESC", assignment, student
    )


def assignment_submissions(db: Database, assignment: int) -> list[SubmissionRow]:
    """Every version of every student, by student, the newest first."""
    return _submissions(db, "WHERE s.assignment = ? ORDER BY s.student, s.version DESC", assignment)


def submission(db: Database, number: int) -> list[SubmissionRow]:
    """One version, or nothing."""
    return _submissions(db, "WHERE s.submission = ?", number)


_GRADES = """
SELECT a.course, g.assignment, g.author, g.lane, g.seq, g.stamp, g.box, g.commitment, g.staff_key,
    g.staff_box, g.student_key, g.student_box, g.grade, g.student, g.replaces, g.submission, g.correction,
    g.released, g.released_by, g.seen, g.beside, g.position, p.name
FROM school_grades g
JOIN school_assignments a ON a.assignment = g.assignment
JOIN school_people p ON p.person = g.author
"""


def grade_history(db: Database, assignment: int, student: int) -> list[GradeRow]:
    """Every grade of one student in one assignment, the newest first: for staff."""
    where = "WHERE g.assignment = ? AND g.student = ? ORDER BY g.position DESC"
    return rows(GradeRow, db.execute(_GRADES + where, (assignment, student)))


def released_history(db: Database, assignment: int, student: int) -> list[GradeRow]:
    """What the student was shown, the newest first."""
    where = (
        "WHERE g.assignment = ? AND g.student = ? AND g.released IS NOT NULL "
        "ORDER BY g.released DESC, g.position DESC"
    )
    return rows(GradeRow, db.execute(_GRADES + where, (assignment, student)))


_THAT_STAND = (
    "JOIN school_standings t ON t.student = g.student AND t.assignment = g.assignment "
    "AND g.grade IN (t.grade, t.released) "
)
"""Of each student's grades those that count: the last written, and the one that the student sees."""


def assignment_grades(db: Database, assignment: int) -> list[GradeRow]:
    """What staff last wrote for each student of an assignment."""
    where = "WHERE g.assignment = ? ORDER BY g.student, g.position"
    return rows(GradeRow, db.execute(_GRADES + _THAT_STAND + where, (assignment,)))


def course_grades(db: Database, course: int) -> list[GradeRow]:
    """For each student and assignment of a course what staff last wrote, and what the student sees."""
    where = "WHERE a.course = ? ORDER BY g.assignment, g.student, g.position"
    return rows(GradeRow, db.execute(_GRADES + _THAT_STAND + where, (course,)))


def student_grades(db: Database, student: int) -> list[GradeRow]:
    """The released grades that count for a student, in all courses, the newest first."""
    where = (
        "JOIN school_standings t ON t.released = g.grade AND t.student = g.student "
        "AND t.assignment = g.assignment WHERE g.student = ? ORDER BY g.released DESC, g.position DESC"
    )
    return rows(GradeRow, db.execute(_GRADES + where, (student,)))


def extensions(db: Database, assignment: int) -> list[ExtensionRow]:
    """Every extension of an assignment, by student, the newest first."""
    return rows(
        ExtensionRow,
        db.execute(
            "SELECT a.course, x.assignment, x.author, x.lane, x.seq, x.stamp, x.box, x.commitment, "
            "x.staff_key, x.staff_box, x.student_key, x.student_box, x.extension, x.student, x.replaces, "
            "x.due, x.beside, coalesce(t.extension = x.extension, 0) FROM school_extensions x "
            "JOIN school_assignments a ON a.assignment = x.assignment "
            "LEFT JOIN school_standings t ON t.student = x.student AND t.assignment = x.assignment "
            "WHERE x.assignment = ? ORDER BY x.student, x.position DESC",
            (assignment,),
        ),
    )
