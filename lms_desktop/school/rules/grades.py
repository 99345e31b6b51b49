"""The rules for grades: drafts, release and correction."""

import sqlite3

from lms_desktop.school.changes import Changes
from lms_desktop.school.commands import GradeCorrect, GradeDraft, GradeRelease, GradeSeen
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.rules.base import Context, Done, Rules, refuse_unless, require_new, require_staff
from lms_desktop.school.rules.work import (
    Assignment,
    check_sealed,
    check_student_slot,
    require_assignment,
    require_member,
    sealed_columns,
    set_standing,
    standing,
)

RULES = Rules()


def _check(db: sqlite3.Connection, command: GradeDraft | GradeCorrect, ctx: Context) -> Assignment:
    """What drafts and corrections share: staff grade a student of the course, for a version of theirs."""
    assignment = require_assignment(db, command.assignment)
    require_staff(db, assignment.course, ctx)
    require_member(db, assignment.course, command.student)
    if command.submission is not None:
        known = db.execute(
            "SELECT 1 FROM school_submissions WHERE submission = ? AND assignment = ? AND student = ?",
            (command.submission, assignment.number, command.student),
        ).fetchone()
        refuse_unless(known is not None, Outcome.UNKNOWN_SUBMISSION)
    check_sealed(db, assignment.course, command.student, command.content)
    return assignment


def _add(
    db: sqlite3.Connection,
    grade: int,
    command: GradeDraft | GradeCorrect,
    ctx: Context,
    *,
    released: bool,
    beside: bool,
) -> None:
    db.execute(
        "INSERT INTO school_grades VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",
        (
            grade,
            command.assignment,
            command.student,
            command.replaces,
            command.submission,
            isinstance(command, GradeCorrect),
            *sealed_columns(command.content),
            ctx.author,
            ctx.lane,
            ctx.seq,
            ctx.stamp,
            ctx.index,
            ctx.stamp if released else None,
            ctx.author if released else None,
            beside,
        ),
    )


@RULES.rule(GradeDraft)
def _grade_draft(db: sqlite3.Connection, command: GradeDraft, ctx: Context) -> Done:
    """Effects: [grade, student, beside]."""
    assignment = _check(db, command, ctx)
    refuse_unless(command.content.student is None, Outcome.DRAFT_FOR_STUDENT)
    current = standing(db, assignment.number, command.student).grade
    if command.replaces is not None and command.replaces != current:
        known = db.execute(
            "SELECT 1 FROM school_grades WHERE grade = ? AND assignment = ? AND student = ?",
            (command.replaces, assignment.number, command.student),
        ).fetchone()
        refuse_unless(known is not None, Outcome.UNKNOWN_GRADE)
    beside = command.replaces != current
    grade = require_new(db, "school_grades", "grade", ctx)
    _add(db, grade, command, ctx, released=False, beside=beside)
    if not beside:
        set_standing(db, assignment.number, command.student, "grade", grade)
    return Done(
        (grade, command.student, beside),
        Changes.GRADES,
        course=assignment.course,
        person=command.student,
        subject=assignment.title,
    )


@RULES.rule(GradeRelease)
def _grade_release(db: sqlite3.Connection, command: GradeRelease, ctx: Context) -> Done:
    """Effects: [assignment, [grades]]."""
    assignment = require_assignment(db, command.assignment)
    require_staff(db, assignment.course, ctx)
    grades = tuple(item.grade for item in command.grades)
    refuse_unless(len(set(grades)) == len(grades), Outcome.DUPLICATE)
    students = []
    for item in command.grades:
        row = db.execute(
            "SELECT student, released FROM school_grades WHERE grade = ? AND assignment = ?",
            (item.grade, assignment.number),
        ).fetchone()
        refuse_unless(row is not None, Outcome.UNKNOWN_GRADE)
        student, released = row
        refuse_unless(released is None, Outcome.ALREADY_RELEASED)
        current = standing(db, assignment.number, student).grade
        refuse_unless(item.grade == current, Outcome.NOT_CURRENT)
        check_student_slot(db, student, item.slot)
        students.append(student)
    for item, student in zip(command.grades, students, strict=True):
        db.execute(
            "UPDATE school_grades SET student_key = ?, student_box = ?, released = ?, released_by = ? "
            "WHERE grade = ?",
            (item.slot.key, item.slot.box, ctx.stamp, ctx.author, item.grade),
        )
        set_standing(db, assignment.number, student, "released", item.grade)
    return Done(
        (assignment.number, grades),
        Changes.GRADES | Changes.PROGRESS,
        course=assignment.course,
        count=len(grades),
        subject=assignment.title,
    )


@RULES.rule(GradeCorrect)
def _grade_correct(db: sqlite3.Connection, command: GradeCorrect, ctx: Context) -> Done:
    """Effects: [grade, student, beside]."""
    assignment = _check(db, command, ctx)
    refuse_unless(command.content.student is not None, Outcome.WRONG_KEY)
    replaced = db.execute(
        "SELECT released FROM school_grades WHERE grade = ? AND assignment = ? AND student = ?",
        (command.replaces, assignment.number, command.student),
    ).fetchone()
    refuse_unless(replaced is not None, Outcome.UNKNOWN_GRADE)
    refuse_unless(replaced[0] is not None, Outcome.NOT_RELEASED)
    beside = command.replaces != standing(db, assignment.number, command.student).grade
    grade = require_new(db, "school_grades", "grade", ctx)
    _add(db, grade, command, ctx, released=not beside, beside=beside)
    if not beside:
        set_standing(db, assignment.number, command.student, "grade", grade)
        set_standing(db, assignment.number, command.student, "released", grade)
    return Done(
        (grade, command.student, beside),
        Changes.GRADES | Changes.PROGRESS,
        course=assignment.course,
        person=command.student,
        subject=assignment.title,
    )


@RULES.rule(GradeSeen)
def _grade_seen(db: sqlite3.Connection, command: GradeSeen, ctx: Context) -> Done:
    """Effects: [grade]. The first time stays."""
    row = db.execute(
        "SELECT student, released FROM school_grades WHERE grade = ?", (command.grade,)
    ).fetchone()
    refuse_unless(row is not None, Outcome.UNKNOWN_GRADE)
    refuse_unless(row[0] == ctx.author, Outcome.NOT_YOURS)
    refuse_unless(row[1] is not None, Outcome.NOT_RELEASED)
    db.execute(
        "UPDATE school_grades SET seen = ? WHERE grade = ? AND seen IS NULL", (ctx.stamp, command.grade)
    )
    return Done((command.grade,), Changes.GRADES | Changes.PROGRESS, audited=False)
