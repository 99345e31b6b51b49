"""Questions to the instructors: who waits for whom, who reads what, and how much there may be."""

from dataclasses import replace

import pytest

from lms_desktop.school import limits
from lms_desktop.school.changes import Changes
from lms_desktop.school.commands import (
    Citation,
    ClassAnswer,
    CommandError,
    CourseArchive,
    CourseEnrol,
    CourseStaff,
    CourseUnenrol,
    QuestionAsk,
    QuestionPost,
    QuestionSeen,
    QuestionSettle,
)
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.queries import audit, questions
from lms_desktop.school.queries.questions import QuestionState
from lms_desktop.trust import wire
from tests.school.world import ADMIN, Class, generation, sealed

BOTH = sealed(student=1)
MINUTE = 60_000


def _reply(class_: Class, question: int) -> int:
    return class_.world.do(class_.teacher, QuestionPost(question, BOTH))


def _answer(class_: Class, question: int | None = None, title: str = "Why did it fail?") -> int:
    return class_.world.do(
        class_.teacher, ClassAnswer(class_.course, class_.assignment, question, title, "Rain.", ())
    )


def _state(class_: Class, question: int) -> tuple[int, int | None]:
    (row,) = questions.question(class_.world.db, question)
    return row.state, row.waiting


def _unread(class_: Class, person: int) -> list[int]:
    rows = questions.replies(class_.world.db, person)
    (counts,) = questions.question_counts(class_.world.db, person)
    assert counts.unread == len(rows)
    return [row.item for row in rows]


# --- asking ----------------------------------------------------------------------------------------------


def test_a_question_waits_for_its_instructors(class_: Class) -> None:
    world = class_.world
    command = QuestionAsk(class_.course, class_.assignment, b"c" * 16, BOTH)
    said = world.say(class_.ann, command)
    assert said.verdict.changes == Changes.QUESTIONS | Changes.AUDIT
    (row,) = questions.questions(world.db, class_.course)
    assert questions.my_questions(world.db, class_.ann) == [row]
    assert (row.question, row.author, row.name) == (said.context.reference, class_.ann, "Ann Lee")
    assert (row.course_title, row.assignment_title, row.conversation) == ("History", "Essay", b"c" * 16)
    assert (row.state, row.waiting, row.posts) == (QuestionState.UNANSWERED, world.now, 0)
    assert (row.last_stamp, row.last_author, row.last_name) == (world.now, class_.ann, "Ann Lee")
    assert (row.unread, row.answer, row.student_box) == (0, None, b"student")
    assert questions.my_questions(world.db, class_.bo) == []
    (counts,) = questions.question_counts(world.db, class_.teacher)
    assert (counts.unanswered, counts.oldest) == (1, world.now)
    (other,) = questions.question_counts(world.db, class_.other_teacher)
    assert (other.unanswered, other.oldest) == (0, None)
    (told,) = audit.audit(world.db, world.index + 1, 1)
    assert told.sentence == "Ann Lee asked the instructors of “History” a question."


def test_a_question_is_of_a_student_and_on_something_in_the_course(class_: Class) -> None:
    world = class_.world
    art = world.course(class_.other_teacher, title="Art")
    drawing = world.assignment(class_.other_teacher, art, "Drawing")
    world.do(class_.bo, world.exchange(class_.course, None, b"b" * 16))
    good = QuestionAsk(class_.course, class_.assignment, None, BOTH)
    for wrong, why in (
        (replace(good, assignment=drawing), Outcome.UNKNOWN_ASSIGNMENT),
        (replace(good, course=art, assignment=None), Outcome.NOT_ENROLLED),
        (replace(good, course=drawing, assignment=None), Outcome.UNKNOWN_COURSE),
        (replace(good, content=sealed()), Outcome.WRONG_KEY),
        (replace(good, content=sealed(student=2)), Outcome.WRONG_KEY),
        (replace(good, content=sealed(student=1, generation=2)), Outcome.WRONG_GENERATION),
        (replace(good, conversation=b"b" * 16), Outcome.NOT_YOURS),
    ):
        assert world.refusal(class_.ann, wrong) is why
    world.do(class_.teacher, CourseUnenrol(class_.course, (class_.ann,)))
    assert world.refusal(class_.ann, good) is Outcome.NOT_ENROLLED
    world.do(class_.teacher, CourseArchive(class_.course, True))
    assert world.refusal(class_.bo, good) is Outcome.COURSE_ARCHIVED


def test_nobody_takes_the_conversation_of_a_question(class_: Class) -> None:
    world = class_.world
    world.do(class_.ann, QuestionAsk(class_.course, None, b"a" * 16, BOTH))
    assert world.refusal(class_.bo, world.exchange(class_.course, None, b"a" * 16)) is Outcome.NOT_YOURS
    world.do(class_.ann, world.exchange(class_.course, None, b"a" * 16))
    world.do(class_.ann, QuestionAsk(class_.course, None, b"a" * 16, BOTH))


def test_a_student_asks_so_many_questions_in_a_course_and_no_more(class_: Class) -> None:
    world = class_.world
    for _ in range(limits.QUESTIONS):
        world.question(class_.ann, class_.course)
    more = QuestionAsk(class_.course, None, None, BOTH)
    assert world.refusal(class_.ann, more) is Outcome.TOO_MANY_QUESTIONS
    world.do(class_.bo, more)
    assert len(questions.questions(world.db, class_.course)) == limits.QUESTIONS


# --- the thread ------------------------------------------------------------------------------------------


def test_a_reply_answers_and_a_post_of_the_student_opens_again(class_: Class) -> None:
    world = class_.world
    question = world.question(class_.ann, class_.course)
    asked = world.now
    assert _state(class_, question) == (QuestionState.UNANSWERED, asked)
    world.do(class_.ann, QuestionPost(question, BOTH))
    assert _state(class_, question) == (QuestionState.UNANSWERED, asked), "it waits since it was asked"
    reply = _reply(class_, question)
    assert _state(class_, question) == (QuestionState.ANSWERED, None)
    world.do(class_.ann, QuestionPost(question, BOTH))
    assert _state(class_, question) == (QuestionState.UNANSWERED, world.now)
    rows = questions.posts(world.db, question)
    assert [(row.name, row.staff) for row in rows] == [
        ("Ann Lee", False),
        ("Tess Teacher", True),
        ("Ann Lee", False),
    ]
    assert (rows[1].post, rows[1].question, rows[1].author) == (reply, question, class_.teacher)
    assert (rows[1].course, rows[1].assignment, rows[1].student_box) == (class_.course, 0, b"student")
    (row,) = questions.questions(world.db, class_.course)
    assert (row.posts, row.last_author, row.last_stamp) == (3, class_.ann, world.now)


def test_the_unanswered_come_first_and_the_oldest_of_them_first(class_: Class) -> None:
    world = class_.world
    numbers = [world.question(student, class_.course) for student in (class_.ann, class_.bo) * 2]
    first, second, third, fourth = numbers
    _reply(class_, second)
    _reply(class_, first)
    world.do(class_.teacher, QuestionSettle(fourth, True))
    listed = [(row.question, row.state) for row in questions.questions(world.db, class_.course)]
    assert listed == [
        (third, QuestionState.UNANSWERED),
        (first, QuestionState.ANSWERED),
        (second, QuestionState.ANSWERED),
        (fourth, QuestionState.SETTLED),
    ]
    world.do(class_.bo, QuestionPost(second, BOTH))
    world.do(class_.bo, QuestionPost(fourth, BOTH))
    waiting = [row.question for row in questions.questions(world.db, class_.course)]
    assert waiting == [third, second, fourth, first], "a settled one waits since it was opened again"


def test_what_needs_no_reply_waits_for_none_and_may_be_opened_again(class_: Class) -> None:
    world = class_.world
    question = world.question(class_.ann, class_.course)
    asked = world.now
    world.do(class_.teacher, QuestionSettle(question, True))
    (told,) = audit.audit(world.db, world.index + 1, 1)
    assert told.sentence == "Tess Teacher said that a question needs no reply in “History”."
    assert _state(class_, question) == (QuestionState.SETTLED, None)
    assert questions.unanswered(world.db, class_.teacher) == []
    world.do(class_.teacher, QuestionSettle(question, False))
    assert _state(class_, question) == (QuestionState.UNANSWERED, asked)
    world.do(class_.teacher, QuestionSettle(question, True))
    _reply(class_, question)
    assert _state(class_, question) == (QuestionState.ANSWERED, None)


def test_a_thread_is_its_students_and_its_staffs(class_: Class) -> None:
    world = class_.world
    question = world.question(class_.ann, class_.course)
    post = QuestionPost(question, BOTH)
    for author, command, why in (
        (class_.bo, post, Outcome.NOT_STAFF),
        (class_.other_teacher, post, Outcome.NOT_STAFF),
        (class_.ann, QuestionSettle(question, True), Outcome.NOT_STAFF),
        (class_.teacher, replace(post, question=class_.course), Outcome.UNKNOWN_QUESTION),
        (class_.teacher, QuestionSettle(class_.course, True), Outcome.UNKNOWN_QUESTION),
        (class_.teacher, QuestionPost(question, sealed()), Outcome.WRONG_KEY),
        (class_.teacher, QuestionPost(question, sealed(student=2)), Outcome.WRONG_KEY),
    ):
        assert world.refusal(author, command) is why
    world.do(ADMIN, CourseStaff(class_.course, generation(class_.other_teacher, number=2)))
    assert world.refusal(class_.teacher, post) is Outcome.NOT_STAFF
    world.do(class_.other_teacher, QuestionPost(question, sealed(student=1, generation=2)))
    world.do(class_.other_teacher, CourseUnenrol(class_.course, (class_.ann,)))
    assert world.refusal(class_.ann, post) is Outcome.NOT_ENROLLED
    world.do(class_.other_teacher, post)
    world.do(class_.other_teacher, CourseArchive(class_.course, True))
    for command in (post, QuestionSettle(question, True)):
        assert world.refusal(class_.other_teacher, command) is Outcome.COURSE_ARCHIVED


def test_a_student_adds_so_much_to_a_question_and_no_more(class_: Class) -> None:
    world = class_.world
    question = world.question(class_.ann, class_.course)
    for _ in range(limits.POSTS):
        world.do(class_.ann, QuestionPost(question, BOTH))
    assert world.refusal(class_.ann, QuestionPost(question, BOTH)) is Outcome.TOO_MANY_POSTS
    _reply(class_, question)


# --- the class -------------------------------------------------------------------------------------------


def test_an_answer_for_the_class_is_read_by_all_of_it_and_answers_the_question(class_: Class) -> None:
    world = class_.world
    notes = world.material(class_.teacher, class_.course)
    question = world.question(class_.ann, class_.course)
    pages = (Citation(notes, 2, "The harvest failed."), Citation(class_.assignment, 0, ""))
    answer = world.do(
        class_.teacher, ClassAnswer(class_.course, None, question, "Why did it fail?", "Rain.\nCold.", pages)
    )
    assert _state(class_, question) == (QuestionState.ANSWERED, None)
    (row,) = questions.class_answers(world.db, class_.course, class_.bo)
    assert (row.answer, row.question, row.title, row.text) == (
        answer,
        question,
        "Why did it fail?",
        "Rain.\nCold.",
    )
    assert row.pages == ((notes, 2, "The harvest failed."), (class_.assignment, 0, ""))
    assert (row.name, row.course_title, row.assignment_title, row.seen, row.new) == (
        "Tess Teacher",
        "History",
        "",
        None,
        True,
    )
    assert questions.question(world.db, question)[0].answer == answer
    for student, thread in ((class_.ann, question), (class_.bo, None)):
        (reply,) = questions.replies(world.db, student)
        assert (reply.item, reply.to_class, reply.question, reply.title) == (
            answer,
            True,
            thread,
            "Why did it fail?",
        )
    assert _unread(class_, class_.outsider) == _unread(class_, class_.teacher) == []
    (told,) = audit.audit(world.db, world.index + 1, 1)
    assert told.sentence == "Tess Teacher answered “Why did it fail?” for the class in “History”."
    for _ in range(3):
        newest = _answer(class_, question)
        assert questions.question(world.db, question)[0].answer == newest


def test_an_answer_for_the_class_stays_within_the_course(class_: Class) -> None:
    world = class_.world
    art = world.course(class_.other_teacher, class_.ann, title="Art")
    colours = world.material(class_.other_teacher, art, "Colours")
    drawing = world.assignment(class_.other_teacher, art, "Drawing")
    theirs = world.question(class_.ann, art)
    good = ClassAnswer(class_.course, None, None, "Why?", "So.", ())
    for wrong, why in (
        (replace(good, assignment=drawing), Outcome.UNKNOWN_ASSIGNMENT),
        (replace(good, question=theirs), Outcome.UNKNOWN_QUESTION),
        (replace(good, question=class_.course), Outcome.UNKNOWN_QUESTION),
        (replace(good, pages=(Citation(colours, 1, ""),)), Outcome.UNKNOWN_MATERIAL),
        (replace(good, pages=(Citation(drawing, 0, ""),)), Outcome.UNKNOWN_MATERIAL),
        (replace(good, course=art), Outcome.NOT_STAFF),
    ):
        assert world.refusal(class_.teacher, wrong) is why
    world.do(class_.teacher, CourseArchive(class_.course, True))
    assert world.refusal(class_.teacher, good) is Outcome.COURSE_ARCHIVED


def test_the_longest_answer_for_the_class_fits_an_envelope() -> None:
    page = Citation(limits.NUMBER, limits.PAGES, "𝒳" * limits.QUOTE)
    longest = ClassAnswer(
        limits.NUMBER,
        limits.NUMBER,
        limits.NUMBER,
        "字" * limits.TITLE,
        "𝒳" * (limits.POST_BYTES // 4),
        (page,) * limits.CITATIONS,
    )
    assert len(wire.pack(longest.body())) < 64 * 1024 - 300
    for wrong in (
        replace(longest, text="x" * (limits.POST + 1)),
        replace(longest, text="𝒳" * (limits.POST_BYTES // 4 + 1)),
        replace(longest, title=""),
        replace(longest, pages=(page,) * (limits.CITATIONS + 1)),
        replace(longest, pages=(replace(page, quote="x" * (limits.QUOTE + 1)),)),
        replace(longest, pages=(replace(page, quote="two\nlines"),)),
        replace(longest, pages=(replace(page, page=-1),)),
    ):
        with pytest.raises(CommandError):
            wrong.body()


# --- unread ----------------------------------------------------------------------------------------------


def test_a_reply_is_unread_until_its_student_has_seen_it_and_the_earlier_ones_with_it(class_: Class) -> None:
    world = class_.world
    question = world.question(class_.ann, class_.course, class_.assignment)
    first, second = _reply(class_, question), _reply(class_, question)
    assert _unread(class_, class_.ann) == [second, first]
    (newest, _) = questions.replies(world.db, class_.ann)
    assert (newest.question, newest.course_title, newest.assignment_title, newest.name) == (
        question,
        "History",
        "Essay",
        "Tess Teacher",
    )
    assert questions.question(world.db, question)[0].unread == 2
    assert _unread(class_, class_.bo) == []
    assert world.refusal(class_.bo, QuestionSeen(second)) is Outcome.NOT_YOURS
    assert world.refusal(class_.teacher, QuestionSeen(second)) is Outcome.NOT_YOURS
    assert world.refusal(class_.ann, QuestionSeen(question)) is Outcome.UNKNOWN_REPLY
    said = world.say(class_.ann, QuestionSeen(second))
    assert said.verdict.changes == Changes.QUESTIONS, "reading is not in the audit"
    seen = world.now
    third = _reply(class_, question)
    world.do(class_.ann, QuestionSeen(first))
    assert _unread(class_, class_.ann) == [third]
    assert [row.seen for row in questions.posts(world.db, question)] == [seen, seen, None]


def test_an_answer_for_the_class_is_unread_for_those_who_were_there(class_: Class) -> None:
    world = class_.world
    answer = _answer(class_)
    world.do(class_.teacher, CourseEnrol(class_.course, (class_.outsider,)))
    later = _answer(class_, title="And the tax?")
    assert _unread(class_, class_.ann) == [later, answer]
    assert _unread(class_, class_.outsider) == [later]
    flags = [row.new for row in questions.class_answers(world.db, class_.course, class_.outsider)]
    assert flags == [True, False], "they can still look it up"
    world.do(class_.ann, QuestionSeen(later))
    seen = world.now
    world.do(class_.ann, QuestionSeen(later))
    assert _unread(class_, class_.ann) == [answer]
    rows = questions.class_answers(world.db, class_.course, class_.ann)
    assert [(row.seen, row.new) for row in rows] == [(seen, False), (None, True)]
    assert _unread(class_, class_.bo) == [later, answer]
    world.do(class_.teacher, CourseUnenrol(class_.course, (class_.bo,)))
    assert _unread(class_, class_.bo) == []
    assert world.refusal(class_.bo, QuestionSeen(answer)) is Outcome.NOT_ENROLLED


def test_who_left_the_course_still_reads_what_was_made_of_their_question(class_: Class) -> None:
    world = class_.world
    question = world.question(class_.ann, class_.course)
    world.do(class_.teacher, CourseUnenrol(class_.course, (class_.ann,)))
    reply, answer = _reply(class_, question), _answer(class_, question)
    assert _unread(class_, class_.ann) == [answer, reply]
    assert questions.my_questions(world.db, class_.ann)[0].unread == 2
    world.do(class_.ann, QuestionSeen(reply))
    world.do(class_.ann, QuestionSeen(answer))
    assert _unread(class_, class_.ann) == []
    assert questions.my_questions(world.db, class_.ann)[0].unread == 0


def test_an_archived_course_waits_for_nobody(class_: Class) -> None:
    world = class_.world
    question = world.question(class_.ann, class_.course)
    reply = _reply(class_, question)
    world.question(class_.bo, class_.course)
    world.do(class_.teacher, CourseArchive(class_.course, True))
    assert questions.unanswered(world.db, class_.teacher) == []
    assert _unread(class_, class_.ann) == []
    world.do(class_.ann, QuestionSeen(reply))


def test_the_instructors_home_counts_by_course_the_longest_waiting_first(class_: Class) -> None:
    world = class_.world
    art = world.course(class_.teacher, class_.ann, title="Art")
    world.question(class_.ann, art)
    since = world.now
    for student in (class_.ann, class_.bo):
        world.question(student, class_.course)
    rows = questions.unanswered(world.db, class_.teacher)
    assert [(row.course_title, row.unanswered, row.oldest) for row in rows] == [
        ("Art", 1, since),
        ("History", 2, since + MINUTE),
    ]
    (counts,) = questions.question_counts(world.db, class_.teacher)
    assert (counts.unanswered, counts.oldest) == (3, since)
    assert questions.unanswered(world.db, class_.ann) == []
    world.do(ADMIN, CourseStaff(class_.course, generation(class_.other_teacher, number=2)))
    assert [row.course_title for row in questions.unanswered(world.db, class_.teacher)] == ["Art"]
