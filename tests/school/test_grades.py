"""Grades: drafts that students do not see, release, correction with history."""

from dataclasses import replace

from lms_desktop.school.commands import (
    AssignmentArchive,
    CourseUnenrol,
    GradeCorrect,
    GradeDraft,
    GradeRelease,
    GradeSeen,
    GradeSlot,
    Slot,
)
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.queries import today, work
from tests.school.world import Class, sealed


def _release(assignment: int, *grades: int, key: int = 1) -> GradeRelease:
    return GradeRelease(assignment, tuple(GradeSlot(grade, Slot(key, b"student")) for grade in grades))


def test_a_draft_is_not_there_for_the_student(class_: Class) -> None:
    world = class_.world
    hand_in = world.do(class_.ann, world.submission(class_.assignment))
    grade = world.draft(class_.teacher, class_.assignment, class_.ann, submission=hand_in)
    (row,) = work.grade_history(world.db, class_.assignment, class_.ann)
    assert (row.grade, row.student_box, row.released, row.submission) == (grade, None, None, hand_in)
    assert work.released_history(world.db, class_.assignment, class_.ann) == []
    assert work.student_grades(world.db, class_.ann) == []
    (mine,) = work.student_standing(world.db, class_.assignment, class_.ann)
    assert (mine.grade, mine.graded_submission, mine.released) == (None, None, None)
    staff = work.assignment_standings(world.db, class_.assignment)[0]
    assert (staff.student, staff.draft, staff.to_grade) == (class_.ann, True, False)


def test_a_release_gives_the_student_a_slot_and_an_unread_badge(class_: Class) -> None:
    world = class_.world
    grade = world.draft(class_.teacher, class_.assignment, class_.ann)
    world.release(class_.teacher, class_.assignment, grade)
    (row,) = work.student_grades(world.db, class_.ann)
    assert (row.grade, row.student_key, row.student_box) == (grade, 1, b"student")
    assert (row.released, row.released_by, row.author) == (world.now, class_.teacher, class_.teacher)
    assert [item.unread for item in today.feedback(world.db, class_.ann)] == [True]
    world.do(class_.ann, GradeSeen(grade))
    seen = world.now
    world.do(class_.ann, GradeSeen(grade))
    assert [item.unread for item in today.feedback(world.db, class_.ann)] == [False]
    assert work.assignment_standings(world.db, class_.assignment)[0].seen_at == seen


def test_who_handed_in_nothing_can_be_graded(class_: Class) -> None:
    world = class_.world
    grade = world.draft(class_.teacher, class_.assignment, class_.bo)
    world.release(class_.teacher, class_.assignment, grade)
    (standing,) = work.student_standing(world.db, class_.assignment, class_.bo)
    assert (standing.submission, standing.released) == (None, grade)


def test_who_left_the_course_can_still_be_graded(class_: Class) -> None:
    world = class_.world
    world.do(class_.teacher, CourseUnenrol(class_.course, (class_.ann,)))
    world.draft(class_.teacher, class_.assignment, class_.ann)


def test_grading_goes_on_in_an_archived_assignment(class_: Class) -> None:
    world = class_.world
    world.do(class_.teacher, AssignmentArchive(class_.assignment, True))
    grade = world.draft(class_.teacher, class_.assignment, class_.ann)
    world.release(class_.teacher, class_.assignment, grade)


def test_a_draft_is_for_a_student_and_a_version_of_theirs(class_: Class) -> None:
    world = class_.world
    hers = world.do(class_.ann, world.submission(class_.assignment))
    draft = GradeDraft(class_.assignment, class_.bo, None, None, sealed())
    for wrong, why in (
        (replace(draft, student=class_.outsider), Outcome.NOT_A_STUDENT),
        (replace(draft, student=class_.teacher), Outcome.NOT_A_STUDENT),
        (replace(draft, assignment=class_.course), Outcome.UNKNOWN_ASSIGNMENT),
        (replace(draft, submission=hers), Outcome.UNKNOWN_SUBMISSION),
        (replace(draft, replaces=hers), Outcome.UNKNOWN_GRADE),
        (replace(draft, content=sealed(student=1)), Outcome.DRAFT_FOR_STUDENT),
        (replace(draft, content=sealed(generation=2)), Outcome.WRONG_GENERATION),
    ):
        assert world.refusal(class_.teacher, wrong) is why


def test_drafts_that_collide_are_both_kept(class_: Class) -> None:
    world = class_.world
    first = world.draft(class_.teacher, class_.assignment, class_.ann)
    beside = world.draft(class_.teacher, class_.assignment, class_.ann)
    rows = work.grade_history(world.db, class_.assignment, class_.ann)
    assert [(row.grade, row.beside) for row in rows] == [(beside, True), (first, False)]
    assert world.refusal(class_.teacher, _release(class_.assignment, beside)) is Outcome.NOT_CURRENT
    chosen = world.draft(class_.teacher, class_.assignment, class_.ann, replaces=first)
    assert world.refusal(class_.teacher, _release(class_.assignment, first)) is Outcome.NOT_CURRENT
    world.release(class_.teacher, class_.assignment, chosen)


def test_a_release_is_all_or_nothing(class_: Class) -> None:
    world, number = class_.world, class_.assignment
    ann = world.draft(class_.teacher, number, class_.ann)
    bo = world.draft(class_.teacher, number, class_.bo)
    assert world.refusal(class_.teacher, _release(number, ann, 5)) is Outcome.UNKNOWN_GRADE
    assert world.refusal(class_.teacher, _release(number, ann, ann)) is Outcome.DUPLICATE
    assert world.refusal(class_.teacher, _release(number, ann, bo, key=2)) is Outcome.WRONG_KEY
    other = world.assignment(class_.teacher, class_.course, "Second")
    assert world.refusal(class_.teacher, _release(other, ann)) is Outcome.UNKNOWN_GRADE
    world.release(class_.teacher, number, ann)
    assert world.refusal(class_.teacher, _release(number, bo, ann)) is Outcome.ALREADY_RELEASED
    assert work.student_grades(world.db, class_.bo) == []


def test_a_correction_replaces_a_released_grade_and_both_stay(class_: Class) -> None:
    world, number = class_.world, class_.assignment
    first = world.draft(class_.teacher, number, class_.ann)
    correct = GradeCorrect(number, class_.ann, first, None, sealed(student=1))
    assert world.refusal(class_.teacher, correct) is Outcome.NOT_RELEASED
    world.release(class_.teacher, number, first)
    world.do(class_.ann, GradeSeen(first))
    second = world.do(class_.teacher, correct)
    (current,) = work.student_grades(world.db, class_.ann)
    assert (current.grade, current.replaces, current.correction) == (second, first, True)
    history = work.released_history(world.db, number, class_.ann)
    assert [row.grade for row in history] == [second, first]
    assert [item.unread for item in today.feedback(world.db, class_.ann)] == [True]


def test_a_stale_correction_is_kept_beside_and_not_shown(class_: Class) -> None:
    world, number = class_.world, class_.assignment
    first = world.draft(class_.teacher, number, class_.ann)
    world.release(class_.teacher, number, first)
    correct = GradeCorrect(number, class_.ann, first, None, sealed(student=1))
    second = world.do(class_.teacher, correct)
    stale = world.do(class_.teacher, correct)
    assert [row.grade for row in work.released_history(world.db, number, class_.ann)] == [second, first]
    row = work.grade_history(world.db, number, class_.ann)[0]
    assert (row.grade, row.beside, row.released) == (stale, True, None)


def test_a_correction_is_for_the_student_of_the_grade(class_: Class) -> None:
    world, number = class_.world, class_.assignment
    grade = world.draft(class_.teacher, number, class_.ann)
    world.release(class_.teacher, number, grade)
    correct = GradeCorrect(number, class_.ann, grade, None, sealed(student=1))
    for wrong, why in (
        (replace(correct, student=class_.bo), Outcome.UNKNOWN_GRADE),
        (replace(correct, replaces=class_.course), Outcome.UNKNOWN_GRADE),
        (replace(correct, student=class_.outsider), Outcome.NOT_A_STUDENT),
        (replace(correct, submission=grade), Outcome.UNKNOWN_SUBMISSION),
        (replace(correct, content=sealed()), Outcome.WRONG_KEY),
        (replace(correct, content=sealed(student=2)), Outcome.WRONG_KEY),
        (replace(correct, assignment=class_.course), Outcome.UNKNOWN_ASSIGNMENT),
    ):
        assert world.refusal(class_.teacher, wrong) is why


def test_a_new_draft_over_a_released_grade_leaves_the_student_with_the_old(class_: Class) -> None:
    world, number = class_.world, class_.assignment
    first = world.draft(class_.teacher, number, class_.ann)
    world.release(class_.teacher, number, first)
    second = world.draft(class_.teacher, number, class_.ann, replaces=first)
    assert [row.grade for row in work.student_grades(world.db, class_.ann)] == [first]
    assert work.assignment_standings(world.db, number)[0].draft
    world.release(class_.teacher, number, second)
    assert [row.grade for row in work.student_grades(world.db, class_.ann)] == [second]


def test_only_its_student_has_seen_a_released_grade(class_: Class) -> None:
    world = class_.world
    grade = world.draft(class_.teacher, class_.assignment, class_.ann)
    assert world.refusal(class_.ann, GradeSeen(grade)) is Outcome.NOT_RELEASED
    assert world.refusal(class_.bo, GradeSeen(grade)) is Outcome.NOT_YOURS
    assert world.refusal(class_.ann, GradeSeen(5)) is Outcome.UNKNOWN_GRADE
