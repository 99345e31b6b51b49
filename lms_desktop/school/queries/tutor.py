"""The tutor: what staff set, what was asked, and what a course consists of."""

from __future__ import annotations

from dataclasses import dataclass

from lms_desktop.school import limits
from lms_desktop.school.commands import TutorMode
from lms_desktop.school.queries.rows import Database, Row, SealedRow, rows
from lms_desktop.school.schema import Value


@dataclass(frozen=True, slots=True)
class TutorSettingRow(Row):
    """One setting of the tutor, of a course or (``assignment`` not 0) of one assignment; see `TutorSet`.

    ``current`` is the one that counts, if its span is now; ``beside`` was made from a stale one.
    """

    course: int
    assignment: int
    assignment_title: str
    revision: int
    replaces: int | None
    mode: int
    starts: int | None
    ends: int | None
    per_hour: int | None
    reason: str
    author: int
    name: str
    stamp: int
    beside: bool
    current: bool


@dataclass(frozen=True, slots=True)
class TutorStateRow(Row):
    """What the tutor may do at a time: ``mode`` is a `TutorMode`, until ``ends`` (nil: open).

    ``revision`` is the setting that decides, nil where none is in force; ``reason`` is its.
    """

    mode: int
    reason: str
    ends: int | None
    per_hour: int
    revision: int | None


@dataclass(frozen=True, slots=True)
class ExchangeRow(SealedRow):
    """One exchange of its ``author`` (``name``) with the tutor. ``assignment`` 0: on the whole course;
    ``verdict`` is an `answers.Verdict`, 0 where no answer came; ``position`` is its index in the ledger."""

    exchange: int
    name: str
    conversation: bytes
    asked_at: int
    machine: int
    verdict: int
    position: int


@dataclass(frozen=True, slots=True)
class DocumentRow(Row):
    """What a course consists of: a material, or an assignment with its text and, if it has one, its file."""

    document: int
    kind: str
    title: str
    text: str
    file_name: str | None
    manifest: bytes | None
    sha256: bytes | None
    size: int | None
    pages: int | None


@dataclass(frozen=True, slots=True)
class GpuHostRow(Row):
    """A machine tagged as GPU host and not retired."""

    machine: int


_SETTINGS = """
SELECT t.course, t.assignment, coalesce(r.title, ''), t.revision, t.replaces, t.mode, t.starts, t.ends,
    t.per_hour, t.reason, t.author, p.name, t.stamp, t.beside, u.revision IS t.revision
FROM school_tutor_settings t
JOIN school_people p ON p.person = t.author
JOIN school_tutor u ON u.course = t.course AND u.assignment = t.assignment
LEFT JOIN school_assignments a ON a.assignment = t.assignment
LEFT JOIN school_assignment_revisions r ON r.revision = a.revision
WHERE t.course = ? ORDER BY t.assignment, t.position DESC
"""


def tutor_settings(db: Database, course: int) -> list[TutorSettingRow]:
    """Every setting ever made in a course: the course's own first, then by assignment, the newest first."""
    return rows(TutorSettingRow, db.execute(_SETTINGS, (course,)))


_STRICTEST_FIRST = (TutorMode.OFF, TutorMode.HINTS, TutorMode.ON)


def tutor_setting(db: Database, course: int, assignment: int, now: int) -> list[TutorStateRow]:
    """What holds at a time for questions on an assignment (0: on the course): one row.

    Of the course's setting and the assignment's the stricter one decides, and the fewer questions an hour.
    """
    found = db.execute(
        """
        SELECT t.mode, t.reason, t.ends, t.per_hour, t.revision FROM school_tutor u
        JOIN school_tutor_settings t ON t.revision = u.revision
        WHERE u.course = :course AND u.assignment IN (0, :assignment)
            AND coalesce(t.starts <= :now, 1) AND coalesce(:now < t.ends, 1)
        ORDER BY u.assignment
        """,
        {"course": course, "assignment": assignment, "now": now},
    ).fetchall()
    per_hour = min(
        (limit for *_, limit, _ in found if limit is not None),
        default=limits.ASKS_PER_HOUR,
    )
    if not found:
        return [TutorStateRow(int(TutorMode.ON), "", None, per_hour, None)]
    mode, reason, ends, _, revision = min(found, key=lambda setting: _STRICTEST_FIRST.index(setting[0]))
    return [TutorStateRow(mode, reason, ends, per_hour, revision)]


def closed_assignments(db: Database, course: int, now: int) -> frozenset[int]:
    """The assignments of a course for which staff have switched the tutor off at a time."""
    found = db.execute(
        """
        SELECT u.assignment FROM school_tutor u JOIN school_tutor_settings t ON t.revision = u.revision
        WHERE u.course = :course AND u.assignment != 0 AND t.mode = :off
            AND coalesce(t.starts <= :now, 1) AND coalesce(:now < t.ends, 1)
        """,
        {"course": course, "off": int(TutorMode.OFF), "now": now},
    )
    return frozenset(assignment for (assignment,) in found)


_EXCHANGES = """
SELECT e.course, e.assignment, e.author, e.lane, e.seq, e.stamp, e.box, e.commitment, e.staff_key,
    e.staff_box, e.student_key, e.student_box, e.exchange, p.name, e.conversation, e.asked_at, e.machine,
    e.verdict, e.position
FROM school_exchanges e JOIN school_people p ON p.person = e.author
"""


def _exchanges(db: Database, where: str, *arguments: Value) -> list[ExchangeRow]:
    newest = f"{_EXCHANGES} WHERE {where} ORDER BY e.position DESC LIMIT {limits.EXCHANGES_AT_ONCE}"
    return rows(ExchangeRow, db.execute(newest, arguments))


def exchanges(db: Database, course: int, before: int) -> list[ExchangeRow]:
    """What was asked in a course before a position (0: up to now), the newest first, a bounded number."""
    return _exchanges(db, "e.course = ? AND e.position < ?", course, before or limits.NUMBER)


def my_exchanges(db: Database, author: int, course: int, before: int) -> list[ExchangeRow]:
    """What one person asked in a course before a position (0: up to now), the newest first, a bounded
    number."""
    where = "e.author = ? AND e.course = ? AND e.position < ?"
    return _exchanges(db, where, author, course, before or limits.NUMBER)


def conversation(db: Database, conversation: bytes) -> list[ExchangeRow]:
    """The newest exchanges of one conversation, a bounded number, the oldest first."""
    return _exchanges(db, "e.conversation = ?", conversation)[::-1]


def course_documents(db: Database, course: int) -> list[DocumentRow]:
    """The materials and assignments of a course that are not archived, in the order of publishing."""
    return rows(
        DocumentRow,
        db.execute(
            """
            SELECT document, kind, title, text, file_name, manifest, sha256, size, pages FROM (
                SELECT m.material AS document, 'material' AS kind, r.title, '' AS text, r.file_name,
                    r.manifest, r.sha256, r.size, r.pages, m.position
                FROM school_materials m JOIN school_material_revisions r ON r.revision = m.revision
                WHERE m.course = :course AND NOT m.archived
                UNION ALL
                SELECT a.assignment, 'assignment', r.title, r.text, r.file_name,
                    r.manifest, r.sha256, r.size, r.pages, a.position
                FROM school_assignments a JOIN school_assignment_revisions r ON r.revision = a.revision
                WHERE a.course = :course AND NOT a.archived)
            ORDER BY position
            """,
            {"course": course},
        ),
    )


def gpu_hosts(db: Database) -> list[GpuHostRow]:
    """The machines that run the tutor for the class, by number."""
    return rows(
        GpuHostRow,
        db.execute(
            "SELECT m.machine FROM school_machines m JOIN school_principals q ON q.number = m.machine "
            "WHERE m.gpu_host AND q.active ORDER BY m.machine"
        ),
    )
