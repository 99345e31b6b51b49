"""The rules for questions to the instructors and their answers."""

import sqlite3
from dataclasses import dataclass

from lms_desktop.school import limits
from lms_desktop.school.changes import Changes
from lms_desktop.school.commands import (
    Citation,
    ClassAnswer,
    QuestionAsk,
    QuestionPost,
    QuestionSeen,
    QuestionSettle,
    Sealed,
)
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.rules.base import (
    Context,
    Done,
    Rules,
    is_enrolled,
    open_course,
    refuse_unless,
    require_new,
    require_staff,
)
from lms_desktop.school.rules.tutor import require_own_conversation, require_place
from lms_desktop.school.rules.work import check_sealed, sealed_columns
from lms_desktop.trust import wire

RULES = Rules()


@dataclass(frozen=True, slots=True)
class Question:
    """What rules ask of a question: its course, and who asked."""

    number: int
    course: int
    asker: int


def _require_question(db: sqlite3.Connection, number: int) -> Question:
    """The question of an open course. Refuses if there is none."""
    row = db.execute("SELECT course, author FROM school_questions WHERE question = ?", (number,)).fetchone()
    refuse_unless(row is not None, Outcome.UNKNOWN_QUESTION)
    open_course(db, row[0])
    return Question(number, *row)


def _check_for_both(db: sqlite3.Connection, course: int, asker: int, content: Sealed) -> None:
    """What is written in a thread is for the staff and for the student who asked."""
    refuse_unless(content.student is not None, Outcome.WRONG_KEY)
    check_sealed(db, course, asker, content)


@RULES.rule(QuestionAsk)
def _question_ask(db: sqlite3.Connection, command: QuestionAsk, ctx: Context) -> Done:
    """Effects: [question, course]."""
    require_place(db, command.course, command.assignment)
    refuse_unless(is_enrolled(db, command.course, ctx.author), Outcome.NOT_ENROLLED)
    _check_for_both(db, command.course, ctx.author, command.content)
    if command.conversation is not None:
        require_own_conversation(db, command.conversation, command.course, ctx.author)
    (asked,) = db.execute(
        "SELECT count(*) FROM school_questions WHERE author = ? AND course = ?", (ctx.author, command.course)
    ).fetchone()
    refuse_unless(asked < limits.QUESTIONS, Outcome.TOO_MANY_QUESTIONS)
    question = require_new(db, "school_questions", "question", ctx)
    db.execute(
        "INSERT INTO school_questions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (
            question,
            command.course,
            command.assignment or 0,
            command.conversation,
            *sealed_columns(command.content),
            ctx.author,
            ctx.lane,
            ctx.seq,
            ctx.stamp,
            ctx.index,
            ctx.stamp,
        ),
    )
    return Done((question, command.course), Changes.QUESTIONS, course=command.course)


@RULES.rule(QuestionPost)
def _question_post(db: sqlite3.Connection, command: QuestionPost, ctx: Context) -> Done:
    """Effects: [post, question, staff]. A reply answers the question; its student's own post opens it again,
    waiting from now unless it waited already."""
    question = _require_question(db, command.question)
    staff = ctx.author != question.asker
    if staff:
        require_staff(db, question.course, ctx)
    else:
        refuse_unless(is_enrolled(db, question.course, ctx.author), Outcome.NOT_ENROLLED)
        (added,) = db.execute(
            "SELECT count(*) FROM school_posts WHERE question = ? AND NOT staff", (question.number,)
        ).fetchone()
        refuse_unless(added < limits.POSTS, Outcome.TOO_MANY_POSTS)
    _check_for_both(db, question.course, question.asker, command.content)
    post = require_new(db, "school_posts", "post", ctx)
    db.execute(
        "INSERT INTO school_posts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        (
            post,
            question.number,
            staff,
            *sealed_columns(command.content),
            ctx.author,
            ctx.lane,
            ctx.seq,
            ctx.stamp,
            ctx.index,
        ),
    )
    if staff:
        _answered(db, question.number)
    else:
        db.execute(
            "UPDATE school_questions SET waiting = CASE WHEN settled THEN :now ELSE coalesce(waiting, :now) "
            "END, settled = 0 WHERE question = :question",
            {"now": ctx.stamp, "question": question.number},
        )
    return Done(
        (post, question.number, staff),
        Changes.QUESTIONS,
        course=question.course,
        subject="replied to a question" if staff else "wrote again about a question of theirs",
    )


def _answered(db: sqlite3.Connection, question: int) -> None:
    db.execute("UPDATE school_questions SET waiting = NULL, settled = 0 WHERE question = ?", (question,))


@RULES.rule(QuestionSettle)
def _question_settle(db: sqlite3.Connection, command: QuestionSettle, ctx: Context) -> Done:
    """Effects: [question, settled]. Taken back, the question stands as it did."""
    question = _require_question(db, command.question)
    require_staff(db, question.course, ctx)
    db.execute(
        "UPDATE school_questions SET settled = ? WHERE question = ?", (command.settled, question.number)
    )
    return Done(
        (question.number, command.settled),
        Changes.QUESTIONS,
        course=question.course,
        subject="said that a question needs no reply" if command.settled else "opened a question again",
    )


def _check_citation(db: sqlite3.Connection, course: int, citation: Citation) -> None:
    """What the class is pointed to is a material or an assignment of the course."""
    known = db.execute(
        "SELECT 1 FROM school_materials WHERE material = :it AND course = :course "
        "UNION ALL SELECT 1 FROM school_assignments WHERE assignment = :it AND course = :course",
        {"it": citation.document, "course": course},
    ).fetchone()
    refuse_unless(known is not None, Outcome.UNKNOWN_MATERIAL)


@RULES.rule(ClassAnswer)
def _class_answer(db: sqlite3.Connection, command: ClassAnswer, ctx: Context) -> Done:
    """Effects: [answer, course, question]. The question that it answers is answered."""
    require_place(db, command.course, command.assignment)
    require_staff(db, command.course, ctx)
    if command.question is not None:
        question = _require_question(db, command.question)
        refuse_unless(question.course == command.course, Outcome.UNKNOWN_QUESTION)
    for citation in command.pages:
        _check_citation(db, command.course, citation)
    answer = require_new(db, "school_class_answers", "answer", ctx)
    db.execute(
        "INSERT INTO school_class_answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            answer,
            command.course,
            command.assignment or 0,
            command.question,
            command.title,
            command.text,
            wire.pack(tuple((page.document, page.page, page.quote) for page in command.pages)),
            ctx.author,
            ctx.stamp,
            ctx.index,
        ),
    )
    if command.question is not None:
        _answered(db, command.question)
    return Done(
        (answer, command.course, command.question),
        Changes.QUESTIONS,
        course=command.course,
        subject=command.title,
    )


@RULES.rule(QuestionSeen)
def _question_seen(db: sqlite3.Connection, command: QuestionSeen, ctx: Context) -> Done:
    """Effects: [item]. The first time stays."""
    post = db.execute(
        "SELECT q.author, o.question, o.position FROM school_posts o "
        "JOIN school_questions q ON q.question = o.question WHERE o.post = ?",
        (command.item,),
    ).fetchone()
    if post is not None:
        asker, question, position = post
        refuse_unless(asker == ctx.author, Outcome.NOT_YOURS)
        db.execute(
            "UPDATE school_posts SET seen = ? "
            "WHERE question = ? AND position <= ? AND staff AND seen IS NULL",
            (ctx.stamp, question, position),
        )
        return Done((command.item,), Changes.QUESTIONS, audited=False)
    answer = db.execute(
        "SELECT w.course, q.author FROM school_class_answers w "
        "LEFT JOIN school_questions q ON q.question = w.question WHERE w.answer = ?",
        (command.item,),
    ).fetchone()
    refuse_unless(answer is not None, Outcome.UNKNOWN_REPLY)
    course, asker = answer
    refuse_unless(asker == ctx.author or is_enrolled(db, course, ctx.author), Outcome.NOT_ENROLLED)
    db.execute(
        "INSERT OR IGNORE INTO school_class_answers_seen VALUES (?, ?, ?)",
        (command.item, ctx.author, ctx.stamp),
    )
    return Done((command.item,), Changes.QUESTIONS, audited=False)
