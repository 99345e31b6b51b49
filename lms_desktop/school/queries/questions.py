"""Questions to the instructors, their threads, and answers for the class."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from lms_desktop.school import limits
from lms_desktop.school.queries.rows import Database, Row, SealedRow, rows
from lms_desktop.trust import wire


class QuestionState(IntEnum):
    """How a question stands."""

    UNANSWERED = 0
    ANSWERED = 1
    SETTLED = 2
    """Staff said that it needs no reply."""


@dataclass(frozen=True, slots=True)
class QuestionRow(SealedRow):
    """A question of its ``author`` (``name``); ``assignment`` 0: on the whole course.

    ``state`` is a `QuestionState`; ``waiting`` the time since when it is unanswered. ``posts`` counts what
    followed it; the last of that, or the question, is of ``last_author`` at ``last_stamp``. ``unread``
    counts replies, class answers among them, that the asker has not seen. ``answer`` is the newest class
    answer made of it, if there is one.
    """

    question: int
    course_title: str
    assignment_title: str
    name: str
    conversation: bytes | None
    state: int
    waiting: int | None
    posts: int
    last_stamp: int
    last_author: int
    last_name: str
    unread: int
    answer: int | None
    position: int


@dataclass(frozen=True, slots=True)
class PostRow(SealedRow):
    """What followed a question: a reply (``staff``), ``seen`` by the asker at that time, or their own."""

    post: int
    question: int
    name: str
    staff: bool
    seen: int | None
    position: int


@dataclass(frozen=True, slots=True)
class ClassAnswerRow(Row):
    """An answer for the class. ``pages`` are (document, page, quote); ``seen``: when the person read it;
    ``new``: they have still to, because it was written for them."""

    answer: int
    course: int
    course_title: str
    assignment: int
    assignment_title: str
    question: int | None
    title: str
    text: str
    pages: tuple[tuple[int, int, str], ...]
    author: int
    name: str
    stamp: int
    seen: int | None
    new: bool
    position: int


@dataclass(frozen=True, slots=True)
class CountsRow(Row):
    """What waits for a person: questions of the courses they teach, since ``oldest``; replies and class
    answers that they have not read."""

    unanswered: int
    oldest: int | None
    unread: int


@dataclass(frozen=True, slots=True)
class UnansweredRow(Row):
    """The unanswered questions of one course, the oldest since ``oldest``."""

    course: int
    course_title: str
    unanswered: int
    oldest: int


@dataclass(frozen=True, slots=True)
class ReplyRow(Row):
    """A reply, or an answer for the class (``to_class``, with its ``title``), that a student has not read.
    ``item`` is what `QuestionSeen` names; ``question`` is the thread, nil for an answer to no question of
    theirs."""

    item: int
    to_class: bool
    course: int
    course_title: str
    assignment: int
    assignment_title: str
    question: int | None
    title: str
    author: int
    name: str
    stamp: int


_QUESTIONS = """
SELECT q.course, q.assignment, q.author, q.lane, q.seq, q.stamp, q.box, q.commitment, q.staff_key,
    q.staff_box, q.student_key, q.student_box, q.question, c.title, coalesce(r.title, ''), p.name,
    q.conversation, CASE WHEN q.settled THEN 2 ELSE q.waiting IS NULL END,
    CASE WHEN NOT q.settled THEN q.waiting END,
    (SELECT count(*) FROM school_posts o WHERE o.question = q.question),
    coalesce(l.stamp, q.stamp), coalesce(l.author, q.author), coalesce(n.name, p.name),
    (SELECT count(*) FROM school_posts o WHERE o.question = q.question AND o.staff AND o.seen IS NULL)
        + (SELECT count(*) FROM school_class_answers w WHERE w.question = q.question AND NOT EXISTS (
            SELECT 1 FROM school_class_answers_seen d WHERE d.answer = w.answer AND d.student = q.author)),
    (SELECT w.answer FROM school_class_answers w WHERE w.question = q.question
        ORDER BY w.position DESC LIMIT 1), q.position
FROM school_questions q
JOIN school_people p ON p.person = q.author
JOIN school_courses k ON k.course = q.course
JOIN school_course_revisions c ON c.revision = k.revision
LEFT JOIN school_assignments a ON a.assignment = q.assignment
LEFT JOIN school_assignment_revisions r ON r.revision = a.revision
LEFT JOIN school_posts l ON l.question = q.question
    AND l.position = (SELECT max(o.position) FROM school_posts o WHERE o.question = q.question)
LEFT JOIN school_people n ON n.person = l.author
"""


def questions(db: Database, course: int) -> list[QuestionRow]:
    """A course's questions, for staff: the unanswered first, the oldest of them first; then those last
    written to. A bounded number."""
    order = """
        ORDER BY q.settled OR q.waiting IS NULL, CASE WHEN NOT q.settled THEN q.waiting END,
            coalesce((SELECT max(o.position) FROM school_posts o WHERE o.question = q.question), q.position)
            DESC
    """
    return _some(db, "q.course = ?", order, course)


def my_questions(db: Database, student: int) -> list[QuestionRow]:
    """A student's questions in all courses, the one last written to first; a bounded number."""
    order = (
        "ORDER BY coalesce((SELECT max(o.position) FROM school_posts o WHERE o.question = q.question), "
        "q.position) DESC"
    )
    return _some(db, "q.author = ?", order, student)


def _some(db: Database, where: str, order: str, argument: int) -> list[QuestionRow]:
    """The first questions in an order. They are chosen before anything else of them is read: a sealed text
    may be large, and there may be many."""
    chosen = f"SELECT q.question FROM school_questions q WHERE {where} {order} LIMIT {limits.QUESTIONS}"
    return rows(QuestionRow, db.execute(f"{_QUESTIONS} WHERE q.question IN ({chosen}) {order}", (argument,)))


def question(db: Database, number: int) -> list[QuestionRow]:
    """One question, or nothing."""
    return rows(QuestionRow, db.execute(f"{_QUESTIONS} WHERE q.question = ?", (number,)))


def posts(db: Database, question: int) -> list[PostRow]:
    """What followed a question, in order."""
    return rows(
        PostRow,
        db.execute(
            "SELECT q.course, q.assignment, o.author, o.lane, o.seq, o.stamp, o.box, o.commitment, "
            "o.staff_key, o.staff_box, o.student_key, o.student_box, o.post, o.question, p.name, o.staff, "
            "o.seen, o.position FROM school_posts o JOIN school_questions q ON q.question = o.question "
            "JOIN school_people p ON p.person = o.author WHERE o.question = ? ORDER BY o.position",
            (question,),
        ),
    )


_FOR_PERSON = """(
    EXISTS (SELECT 1 FROM school_enrolments e
        WHERE e.course = w.course AND e.student = :person AND e.active AND e.stamp <= w.stamp)
    OR EXISTS (SELECT 1 FROM school_questions q WHERE q.question = w.question AND q.author = :person))"""
"""A class answer written while the person was a student of the course, or made of their own question."""
_NEAR_PERSON = """(
    w.course IN (SELECT e.course FROM school_enrolments e WHERE e.student = :person AND e.active)
    OR w.question IN (SELECT q.question FROM school_questions q WHERE q.author = :person))"""
"""Spares looking at the answers of all other courses."""
_SEEN = "(SELECT d.stamp FROM school_class_answers_seen d WHERE d.answer = w.answer AND d.student = :person)"


def class_answers(db: Database, course: int, person: int) -> list[ClassAnswerRow]:
    """A course's answers for the class, the newest first, as a person has read them."""
    found = db.execute(
        f"""
        SELECT w.answer, w.course, c.title, w.assignment, coalesce(r.title, ''), w.question, w.title, w.text,
            w.pages, w.author, p.name, w.stamp, {_SEEN}, {_FOR_PERSON} AND {_SEEN} IS NULL, w.position
        FROM school_class_answers w
        JOIN school_courses k ON k.course = w.course
        JOIN school_course_revisions c ON c.revision = k.revision
        JOIN school_people p ON p.person = w.author
        LEFT JOIN school_assignments a ON a.assignment = w.assignment
        LEFT JOIN school_assignment_revisions r ON r.revision = a.revision
        WHERE w.course = :course ORDER BY w.position DESC
        """,
        {"course": course, "person": person},
    )
    return rows(ClassAnswerRow, ((*row[:8], wire.unpack(row[8]), *row[9:]) for row in found))


def unanswered(db: Database, person: int) -> list[UnansweredRow]:
    """The courses that a person teaches and that have unanswered questions, the longest waiting first."""
    return rows(
        UnansweredRow,
        db.execute(
            """
            SELECT k.course, c.title, count(*), min(q.waiting)
            FROM school_staff_slots s
            JOIN school_courses k ON k.course = s.course AND k.generation = s.generation AND NOT k.archived
            JOIN school_course_revisions c ON c.revision = k.revision
            JOIN school_questions q ON q.course = k.course AND q.waiting IS NOT NULL AND NOT q.settled
            WHERE s.person = ? GROUP BY k.course ORDER BY min(q.waiting), k.course
            """,
            (person,),
        ),
    )


def replies(db: Database, student: int) -> list[ReplyRow]:
    """The replies to a student's questions and the answers for their classes that they have not read, the
    newest first."""
    found = db.execute(
        f"""
        SELECT u.item, u.to_class, u.course, c.title, u.assignment, coalesce(r.title, ''), u.question,
            u.title, u.author, p.name, u.stamp
        FROM (
            SELECT o.post AS item, 0 AS to_class, q.course, q.assignment, q.question, '' AS title,
                o.author, o.stamp, o.position
            FROM school_questions q JOIN school_posts o ON o.question = q.question
            WHERE q.author = :person AND o.staff AND o.seen IS NULL
            UNION ALL
            SELECT w.answer, 1, w.course, w.assignment,
                (SELECT q.question FROM school_questions q
                    WHERE q.question = w.question AND q.author = :person),
                w.title, w.author, w.stamp, w.position
            FROM school_class_answers w
            WHERE {_NEAR_PERSON} AND {_FOR_PERSON} AND {_SEEN} IS NULL
        ) u
        JOIN school_courses k ON k.course = u.course
        JOIN school_course_revisions c ON c.revision = k.revision
        JOIN school_people p ON p.person = u.author
        LEFT JOIN school_assignments a ON a.assignment = u.assignment
        LEFT JOIN school_assignment_revisions r ON r.revision = a.revision
        WHERE NOT k.archived ORDER BY u.position DESC
        """,
        {"person": student},
    )
    return rows(ReplyRow, found)


def question_counts(db: Database, person: int) -> list[CountsRow]:
    """What waits for a person: one row."""
    waiting = unanswered(db, person)
    oldest = min((row.oldest for row in waiting), default=None)
    return [CountsRow(sum(row.unanswered for row in waiting), oldest, len(replies(db, person)))]
