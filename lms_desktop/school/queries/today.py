"""The home screens, and progress."""

from __future__ import annotations

from dataclasses import dataclass

from lms_desktop.school import deadlines
from lms_desktop.school.queries.rows import Database, Row, rows
from lms_desktop.school.queries.work import missing_standings, student_standings

MISSING_AT_MOST = 500


@dataclass(frozen=True, slots=True)
class DueRow(Row):
    """Work that a student has not handed in. ``group`` is a `deadlines.Group`, ``sentence`` leads it."""

    course: int
    course_title: str
    assignment: int
    title: str
    due: int
    reason: int
    group: int
    sentence: str


@dataclass(frozen=True, slots=True)
class FeedbackRow(Row):
    """A released grade that counts."""

    course: int
    course_title: str
    assignment: int
    title: str
    grade: int
    released_at: int
    unread: bool


@dataclass(frozen=True, slots=True)
class NewMaterialRow(Row):
    """A material whose current revision a student has not read; ``changed`` if they read an earlier one."""

    course: int
    course_title: str
    material: int
    title: str
    stamp: int
    changed: bool


@dataclass(frozen=True, slots=True)
class ProgressRow(Row):
    """How far one student has come in one course; what is archived does not count."""

    course: int
    title: str
    code: str
    student: int
    name: str
    username: str
    materials: int
    read: int
    assignments: int
    submitted: int
    graded: int
    seen: int


@dataclass(frozen=True, slots=True)
class ToGradeRow(Row):
    """One assignment as its staff sees it: counts of enrolled students."""

    course: int
    course_title: str
    assignment: int
    title: str
    due: int
    sentence: str
    enrolled: int
    submitted: int
    missing: int
    to_grade: int
    drafts: int
    released: int


@dataclass(frozen=True, slots=True)
class MissingRow(Row):
    """A student who has not handed in what is due within a week, or was due."""

    course: int
    course_title: str
    assignment: int
    title: str
    student: int
    name: str
    due: int
    reason: int
    overdue: bool
    sentence: str


def _zone(db: Database) -> str:
    (name,) = db.execute("SELECT zone FROM school_school").fetchone()
    return str(name)


def _live(db: Database) -> set[int]:
    return {course for (course,) in db.execute("SELECT course FROM school_courses WHERE NOT archived")}


def due(db: Database, student: int, now: int) -> list[DueRow]:
    """What a student has still to hand in, by due time."""
    zone, live = _zone(db), _live(db)
    open_work = [
        standing
        for standing in student_standings(db, student)
        if standing.submission is None and not standing.archived and standing.course in live
    ]
    return [
        DueRow(
            standing.course,
            standing.course_title,
            standing.assignment,
            standing.title,
            standing.due,
            standing.reason,
            int(deadlines.group(standing.due, now, zone)),
            deadlines.sentence(standing.due, now, zone),
        )
        for standing in sorted(open_work, key=lambda standing: standing.due)
    ]


def feedback(db: Database, student: int) -> list[FeedbackRow]:
    """A student's released grades, the newest first."""
    return [
        FeedbackRow(
            standing.course,
            standing.course_title,
            standing.assignment,
            standing.title,
            standing.released,
            standing.released_at,
            standing.unread,
        )
        for standing in sorted(
            student_standings(db, student), key=lambda standing: standing.released_at or 0, reverse=True
        )
        if standing.released is not None and standing.released_at is not None
    ]


def new_materials(db: Database, student: int) -> list[NewMaterialRow]:
    """Materials that a student has not read as they now are, the newest first."""
    return rows(
        NewMaterialRow,
        db.execute(
            """
            SELECT m.course, c.title, m.material, r.title, r.stamp, d.revision IS NOT NULL
            FROM school_enrolments e
            JOIN school_courses k ON k.course = e.course AND NOT k.archived
            JOIN school_course_revisions c ON c.revision = k.revision
            JOIN school_materials m ON m.course = e.course AND NOT m.archived
            JOIN school_material_revisions r ON r.revision = m.revision
            LEFT JOIN school_reads d ON d.material = m.material AND d.student = e.student
            WHERE e.student = ? AND e.active AND d.revision IS NOT m.revision
            ORDER BY r.position DESC
            """,
            (student,),
        ),
    )


_PROGRESS = """
SELECT e.course, c.title, c.code, p.person, p.name, p.username,
    (SELECT count(*) FROM school_materials m WHERE m.course = e.course AND NOT m.archived),
    (SELECT count(*) FROM school_materials m
        JOIN school_reads d ON d.material = m.material AND d.student = e.student
        WHERE m.course = e.course AND NOT m.archived),
    (SELECT count(*) FROM school_assignments a WHERE a.course = e.course AND NOT a.archived),
    count(t.submission), count(t.released), count(h.seen)
FROM school_enrolments e
JOIN school_courses k ON k.course = e.course
JOIN school_course_revisions c ON c.revision = k.revision
JOIN school_people p ON p.person = e.student
LEFT JOIN school_assignments a ON a.course = e.course AND NOT a.archived
LEFT JOIN school_standings t ON t.student = e.student AND t.assignment = a.assignment
LEFT JOIN school_grades h ON h.grade = t.released
WHERE e.active AND {where}
GROUP BY e.course, e.student ORDER BY {order}
"""


def my_progress(db: Database, student: int) -> list[ProgressRow]:
    """A student's progress in each course that is not archived."""
    sql = _PROGRESS.format(where="e.student = ? AND NOT k.archived", order="c.title, e.course")
    return rows(ProgressRow, db.execute(sql, (student,)))


def course_progress(db: Database, course: int) -> list[ProgressRow]:
    """The progress of each enrolled student of a course, by name."""
    sql = _PROGRESS.format(where="e.course = ?", order="p.name, p.person")
    return rows(ProgressRow, db.execute(sql, (course,)))


_TO_GRADE = """
SELECT a.course, k.title, a.assignment, r.title, r.due, count(*), count(t.submission),
    count(*) - count(t.submission), total(t.submission IS NOT NULL AND g.submission IS NOT t.submission),
    total(t.grade IS NOT NULL AND t.grade IS NOT t.released), count(t.released)
FROM school_courses c
JOIN school_course_revisions k ON k.revision = c.revision
JOIN school_staff_slots s ON s.course = c.course AND s.generation = c.generation AND s.person = ?
JOIN school_assignments a ON a.course = c.course AND NOT a.archived
JOIN school_assignment_revisions r ON r.revision = a.revision
JOIN school_enrolments e ON e.course = a.course AND e.active
LEFT JOIN school_standings t ON t.student = e.student AND t.assignment = a.assignment
LEFT JOIN school_grades g ON g.grade = t.grade
WHERE NOT c.archived GROUP BY a.assignment ORDER BY r.due, a.position
"""


def to_grade(db: Database, person: int, now: int) -> list[ToGradeRow]:
    """The assignments of the courses that a person teaches and that have students, by due time."""
    zone = _zone(db)
    return [
        ToGradeRow(
            course, course_title, assignment, title, due, deadlines.until(due, now, zone), *map(int, counts)
        )
        for course, course_title, assignment, title, due, *counts in db.execute(_TO_GRADE, (person,))
    ]


def missing(db: Database, person: int, now: int) -> list[MissingRow]:
    """Who has not handed in, in the courses that a person teaches, unless they were graded without.

    At most `MISSING_AT_MOST`, by due time.
    """
    zone = _zone(db)
    found = [
        MissingRow(
            standing.course,
            standing.course_title,
            standing.assignment,
            standing.title,
            standing.student,
            standing.name,
            standing.due,
            standing.reason,
            standing.due < now,
            deadlines.sentence(standing.due, now, zone),
        )
        for standing in missing_standings(db, person, now + 8 * deadlines.DAY, MISSING_AT_MOST)
        if deadlines.group(standing.due, now, zone) < deadlines.Group.LATER
    ]
    return sorted(found, key=lambda row: row.due)
