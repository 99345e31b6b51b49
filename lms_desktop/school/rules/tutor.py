"""The rules for the tutor: its settings, and the exchanges that are kept."""

import sqlite3

from lms_desktop.school import limits
from lms_desktop.school.changes import Changes
from lms_desktop.school.commands import TutorExchange, TutorMode, TutorSet
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.rules.base import (
    Context,
    Done,
    Rules,
    is_enrolled,
    is_staff,
    open_course,
    refuse_unless,
    require_new,
    require_staff,
)
from lms_desktop.school.rules.work import Assignment, check_sealed, require_assignment, sealed_columns

RULES = Rules()

_SET = {
    TutorMode.OFF: "switched the tutor off",
    TutorMode.ON: "switched the tutor on",
    TutorMode.HINTS: "set the tutor to hints only",
}


def require_place(db: sqlite3.Connection, course: int, assignment: int | None) -> Assignment | None:
    """The assignment, if one is named, of an open course. Refuses one of another course."""
    open_course(db, course)
    if assignment is None:
        return None
    found = require_assignment(db, assignment)
    refuse_unless(found.course == course, Outcome.UNKNOWN_ASSIGNMENT)
    return found


def require_own_conversation(db: sqlite3.Connection, conversation: bytes, course: int, author: int) -> None:
    """Refuses a conversation that began as somebody else's, or in another course."""
    row = db.execute(
        "SELECT author, course FROM school_exchanges WHERE conversation = :it "
        "UNION ALL SELECT author, course FROM school_questions WHERE conversation = :it LIMIT 1",
        {"it": conversation},
    ).fetchone()
    refuse_unless(row in (None, (author, course)), Outcome.NOT_YOURS)


def _is_stale(db: sqlite3.Connection, command: TutorSet, current: int | None) -> bool:
    if command.replaces == current:
        return False
    if command.replaces is not None:
        known = db.execute(
            "SELECT 1 FROM school_tutor_settings WHERE revision = ? AND course = ? AND assignment = ?",
            (command.replaces, command.course, command.assignment or 0),
        ).fetchone()
        refuse_unless(known is not None, Outcome.UNKNOWN_REVISION)
    return True


@RULES.rule(TutorSet)
def _tutor_set(db: sqlite3.Connection, command: TutorSet, ctx: Context) -> Done:
    """Effects: [course, assignment or 0, revision, beside]."""
    assignment = require_place(db, command.course, command.assignment)
    require_staff(db, command.course, ctx)
    spans = command.starts is None or command.ends is None or command.starts < command.ends
    refuse_unless(spans, Outcome.EMPTY_SPAN)
    place = (command.course, command.assignment or 0)
    row = db.execute(
        "SELECT revision FROM school_tutor WHERE course = ? AND assignment = ?", place
    ).fetchone()
    beside = _is_stale(db, command, None if row is None else row[0])
    revision = require_new(db, "school_tutor_settings", "revision", ctx)
    db.execute(
        "INSERT INTO school_tutor_settings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            revision,
            *place,
            command.replaces,
            command.mode,
            command.starts,
            command.ends,
            command.per_hour,
            command.reason,
            ctx.author,
            ctx.stamp,
            ctx.index,
            beside,
        ),
    )
    if not beside:
        db.execute(
            "INSERT INTO school_tutor VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET revision = excluded.revision",
            (*place, revision),
        )
    subject = _SET[TutorMode(command.mode)]
    return Done(
        (*place, revision, beside),
        Changes.TUTOR,
        course=command.course,
        subject=subject if assignment is None else f"{subject} for the assignment “{assignment.title}”",
    )


@RULES.rule(TutorExchange)
def _tutor_exchange(db: sqlite3.Connection, command: TutorExchange, ctx: Context) -> Done:
    """Effects: [exchange, course]. What was asked when stays between its author and the staff: it is not
    in the audit."""
    require_place(db, command.course, command.assignment)
    belongs = is_enrolled(db, command.course, ctx.author) or is_staff(db, command.course, ctx.author)
    refuse_unless(belongs, Outcome.NOT_IN_COURSE)
    machine = db.execute("SELECT 1 FROM school_machines WHERE machine = ?", (command.machine,)).fetchone()
    refuse_unless(machine is not None, Outcome.UNKNOWN_MACHINE)
    refuse_unless(command.content.student is not None, Outcome.WRONG_KEY)
    check_sealed(db, command.course, ctx.author, command.content)
    require_own_conversation(db, command.conversation, command.course, ctx.author)
    (kept,) = db.execute(
        "SELECT count(*) FROM school_exchanges WHERE author = ? AND course = ?", (ctx.author, command.course)
    ).fetchone()
    refuse_unless(kept < limits.EXCHANGES, Outcome.TOO_MANY_EXCHANGES)
    exchange = require_new(db, "school_exchanges", "exchange", ctx)
    db.execute(
        "INSERT INTO school_exchanges VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            exchange,
            command.course,
            command.assignment or 0,
            command.conversation,
            command.asked_at,
            command.machine,
            command.verdict,
            *sealed_columns(command.content),
            ctx.author,
            ctx.lane,
            ctx.seq,
            ctx.stamp,
            ctx.index,
        ),
    )
    return Done((exchange, command.course), Changes.TUTOR, course=command.course, audited=False)
