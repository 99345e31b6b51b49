"""The rules for assignments and submissions."""

import sqlite3
from dataclasses import dataclass

from lms_desktop.school import limits
from lms_desktop.school.changes import Changes
from lms_desktop.school.commands import (
    AssignmentArchive,
    AssignmentEdit,
    AssignmentPublish,
    Extension,
    Sealed,
    Slot,
    Submission,
)
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.rules.base import (
    Context,
    Done,
    Refused,
    Rules,
    is_enrolled,
    is_stale_revision,
    open_course,
    refuse_unless,
    require_new,
    require_staff,
)
from lms_desktop.school.rules.courses import file_columns
from lms_desktop.trust.receipts import tickets_needed

RULES = Rules()


@dataclass(frozen=True, slots=True)
class Assignment:
    """What rules ask of an assignment: its course, and its current revision."""

    number: int
    course: int
    revision: int
    title: str
    due: int
    archived: bool


def require_assignment(db: sqlite3.Connection, number: int) -> Assignment:
    """The assignment of an open course. Refuses if there is none."""
    row = db.execute(
        "SELECT a.course, a.revision, r.title, r.due, a.archived FROM school_assignments a "
        "JOIN school_assignment_revisions r ON r.revision = a.revision WHERE a.assignment = ?",
        (number,),
    ).fetchone()
    refuse_unless(row is not None, Outcome.UNKNOWN_ASSIGNMENT)
    open_course(db, row[0])
    return Assignment(number, row[0], row[1], row[2], row[3], bool(row[4]))


@dataclass(frozen=True, slots=True)
class Standing:
    """Which of a student's extensions, submissions and grades count for an assignment."""

    extension: int | None
    submission: int | None
    grade: int | None
    released: int | None


def standing(db: sqlite3.Connection, assignment: int, student: int) -> Standing:
    """How a student stands to an assignment; all none where nothing happened yet."""
    row = db.execute(
        "SELECT extension, submission, grade, released FROM school_standings "
        "WHERE student = ? AND assignment = ?",
        (student, assignment),
    ).fetchone()
    return Standing(None, None, None, None) if row is None else Standing(*row)


def set_standing(db: sqlite3.Connection, assignment: int, student: int, what: str, thing: int) -> None:
    """Makes a thing count: ``what`` is the column of it."""
    db.execute(
        f"INSERT INTO school_standings (student, assignment, {what}) VALUES (?, ?, ?) "
        f"ON CONFLICT DO UPDATE SET {what} = excluded.{what}",
        (student, assignment, thing),
    )


def require_member(db: sqlite3.Connection, course: int, student: int) -> None:
    """Refuses unless the person is or was a student of the course."""
    row = db.execute(
        "SELECT 1 FROM school_enrolments WHERE course = ? AND student = ?", (course, student)
    ).fetchone()
    refuse_unless(row is not None, Outcome.NOT_A_STUDENT)


def check_student_slot(db: sqlite3.Connection, student: int, slot: Slot) -> None:
    """Refuses a slot for a key that the student never had."""
    row = db.execute("SELECT key FROM school_people WHERE person = ?", (student,)).fetchone()
    refuse_unless(row is not None and slot.key <= row[0], Outcome.WRONG_KEY)


def check_sealed(db: sqlite3.Connection, course: int, student: int, sealed: Sealed) -> None:
    """The slots of a sealed item name keys that exist. An older generation of the course is let pass, because
    its author may not have heard of the newer one; `queries` show it."""
    row = db.execute("SELECT generation FROM school_courses WHERE course = ?", (course,)).fetchone()
    refuse_unless(sealed.staff.key <= row[0], Outcome.WRONG_GENERATION)
    if sealed.student is not None:
        check_student_slot(db, student, sealed.student)


def sealed_columns(sealed: Sealed) -> tuple[bytes | int | None, ...]:
    """A sealed item as the six columns of a row."""
    student = sealed.student
    return (
        sealed.box,
        sealed.commitment,
        sealed.staff.key,
        sealed.staff.box,
        None if student is None else student.key,
        None if student is None else student.box,
    )


def _add_revision(
    db: sqlite3.Connection,
    assignment: int,
    replaces: int | None,
    command: AssignmentPublish | AssignmentEdit,
    ctx: Context,
    *,
    beside: bool,
) -> None:
    db.execute(
        "INSERT INTO school_assignment_revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            ctx.reference,
            assignment,
            replaces,
            command.title,
            command.text,
            *file_columns(command.file),
            command.due,
            command.zone,
            command.points,
            ctx.author,
            ctx.stamp,
            ctx.index,
            beside,
        ),
    )


@RULES.rule(AssignmentPublish)
def _assignment_publish(db: sqlite3.Connection, command: AssignmentPublish, ctx: Context) -> Done:
    """Effects: [course, assignment, due]."""
    open_course(db, command.course)
    require_staff(db, command.course, ctx)
    assignment = require_new(db, "school_assignments", "assignment", ctx)
    db.execute(
        "INSERT INTO school_assignments VALUES (?, ?, ?, 0, ?, ?)",
        (assignment, command.course, assignment, ctx.stamp, ctx.index),
    )
    _add_revision(db, assignment, None, command, ctx, beside=False)
    return Done(
        (command.course, assignment, command.due),
        Changes.ASSIGNMENTS,
        course=command.course,
        subject=command.title,
    )


@RULES.rule(AssignmentEdit)
def _assignment_edit(db: sqlite3.Connection, command: AssignmentEdit, ctx: Context) -> Done:
    """Effects: [assignment, revision, beside, due]."""
    assignment = require_assignment(db, command.assignment)
    require_staff(db, assignment.course, ctx)
    beside = is_stale_revision(
        db,
        "school_assignment_revisions",
        "assignment",
        assignment.number,
        command.replaces,
        assignment.revision,
    )
    revision = require_new(db, "school_assignment_revisions", "revision", ctx)
    _add_revision(db, assignment.number, command.replaces, command, ctx, beside=beside)
    if not beside:
        db.execute(
            "UPDATE school_assignments SET revision = ? WHERE assignment = ?", (revision, assignment.number)
        )
    return Done(
        (assignment.number, revision, beside, command.due),
        Changes.ASSIGNMENTS,
        course=assignment.course,
        subject=command.title,
    )


@RULES.rule(AssignmentArchive)
def _assignment_archive(db: sqlite3.Connection, command: AssignmentArchive, ctx: Context) -> Done:
    """Effects: [assignment, archived]."""
    assignment = require_assignment(db, command.assignment)
    require_staff(db, assignment.course, ctx)
    db.execute(
        "UPDATE school_assignments SET archived = ? WHERE assignment = ?",
        (command.archived, assignment.number),
    )
    verb = "archived" if command.archived else "restored"
    return Done(
        (assignment.number, command.archived),
        Changes.ASSIGNMENTS,
        course=assignment.course,
        subject=f"{verb} the assignment “{assignment.title}”",
    )


@RULES.rule(Extension)
def _extension(db: sqlite3.Connection, command: Extension, ctx: Context) -> Done:
    """Effects: [extension, student, due, beside]."""
    assignment = require_assignment(db, command.assignment)
    require_staff(db, assignment.course, ctx)
    require_member(db, assignment.course, command.student)
    refuse_unless(command.due is None or command.due > assignment.due, Outcome.EXTENSION_TOO_EARLY)
    check_sealed(db, assignment.course, command.student, command.reason)
    current = standing(db, assignment.number, command.student).extension
    if command.replaces is not None and command.replaces != current:
        known = db.execute(
            "SELECT 1 FROM school_extensions WHERE extension = ? AND assignment = ? AND student = ?",
            (command.replaces, assignment.number, command.student),
        ).fetchone()
        refuse_unless(known is not None, Outcome.UNKNOWN_REVISION)
    beside = command.replaces != current
    extension = require_new(db, "school_extensions", "extension", ctx)
    db.execute(
        "INSERT INTO school_extensions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            extension,
            assignment.number,
            command.student,
            command.replaces,
            command.due,
            *sealed_columns(command.reason),
            ctx.author,
            ctx.lane,
            ctx.seq,
            ctx.stamp,
            ctx.index,
            beside,
        ),
    )
    if not beside:
        set_standing(db, assignment.number, command.student, "extension", extension)
    return Done(
        (extension, command.student, command.due, beside),
        Changes.ASSIGNMENTS,
        course=assignment.course,
        person=command.student,
        subject=assignment.title,
    )


def _check_submission(db: sqlite3.Connection, command: Submission, author: int) -> Assignment:
    assignment = require_assignment(db, command.assignment)
    refuse_unless(is_enrolled(db, assignment.course, author), Outcome.NOT_ENROLLED)
    refuse_unless(not assignment.archived, Outcome.ASSIGNMENT_ARCHIVED)
    machine = db.execute("SELECT 1 FROM school_machines WHERE machine = ?", (command.machine,)).fetchone()
    refuse_unless(machine is not None, Outcome.UNKNOWN_MACHINE)
    refuse_unless(command.details.student is not None, Outcome.WRONG_KEY)
    check_sealed(db, assignment.course, author, command.details)
    (kept,) = db.execute(
        "SELECT coalesce(sum(size), 0) FROM school_submissions WHERE student = ?", (author,)
    ).fetchone()
    refuse_unless(kept + command.size <= limits.SUBMISSIONS_BYTES, Outcome.TOO_MUCH_WORK)
    return assignment


def _is_stale(db: sqlite3.Connection, command: Submission, student: int, current: int | None) -> bool:
    """Whether the student made this from a version that no longer counted.

    A version that the class has not seen may still come, from a longer upload of the same student: what
    replaces it counts, and it will be kept beside.
    """
    if command.replaces == current:
        return False
    if command.replaces is None:
        return True
    row = db.execute(
        "SELECT assignment, student FROM school_submissions WHERE submission = ?", (command.replaces,)
    ).fetchone()
    refuse_unless(row in (None, (command.assignment, student)), Outcome.UNKNOWN_SUBMISSION)
    return row is not None


def _require_holders(db: sqlite3.Connection, command: Submission, ctx: Context) -> dict[int, int]:
    """The keepers that hold the file, with the times of their tickets: as many as voters may be lost, besides
    the machine that made it, whose word on its own behalf is worth nothing."""
    holders = {}
    for machine, time in ctx.tickets:
        row = db.execute(
            "SELECT m.keeper AND q.active FROM school_machines m "
            "JOIN school_principals q ON q.number = m.machine WHERE m.machine = ?",
            (machine,),
        ).fetchone()
        if row is not None and row[0] and machine != command.machine:
            holders[machine] = time
    if len(holders) < tickets_needed(ctx.voters):
        raise Refused(Outcome.TOO_FEW_TICKETS)
    return holders


@RULES.rule(Submission)
def _submission(db: sqlite3.Connection, command: Submission, ctx: Context) -> Done:
    """Effects: [submission, version, beside]."""
    student = ctx.author
    assignment = _check_submission(db, command, student)
    current = standing(db, assignment.number, student).submission
    beside = _is_stale(db, command, student, current)
    submission = require_new(db, "school_submissions", "submission", ctx)
    holders = _require_holders(db, command, ctx)
    (versions,) = db.execute(
        "SELECT count(*) FROM school_submissions WHERE assignment = ? AND student = ?",
        (assignment.number, student),
    ).fetchone()
    db.execute(
        "INSERT INTO school_submissions VALUES "
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            submission,
            assignment.number,
            student,
            versions + 1,
            command.replaces,
            command.machine,
            command.queued_at,
            command.manifest,
            command.size,
            command.file_commitment,
            *sealed_columns(command.details),
            ctx.author,
            ctx.lane,
            ctx.seq,
            ctx.stamp,
            ctx.index,
            min(holders.values(), default=None),
            beside,
        ),
    )
    db.executemany(
        "INSERT INTO school_submission_keepers VALUES (?, ?)",
        [(submission, keeper) for keeper in holders],
    )
    if not beside:
        set_standing(db, assignment.number, student, "submission", submission)
    return Done(
        (submission, versions + 1, beside),
        Changes.SUBMISSIONS | Changes.PROGRESS,
        course=assignment.course,
        count=versions + 1,
        subject=assignment.title,
    )
