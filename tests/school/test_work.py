"""Assignments, extensions and submissions."""

from dataclasses import replace

import pytest

from lms_desktop.school import limits, rules
from lms_desktop.school.commands import (
    AssignmentArchive,
    AssignmentEdit,
    AssignmentPublish,
    CourseStaff,
    CourseUnenrol,
    Extension,
    MachineSet,
    MaterialPublish,
    Submission,
)
from lms_desktop.school.deadlines import Reason, Timing
from lms_desktop.school.outcomes import NOT_CONSUMED, Outcome
from lms_desktop.school.queries import work
from tests.school.world import ADMIN, DAY, HOUR, MACHINE_A, START, ZONE, Class, file, generation, sealed


def test_an_edit_moves_the_due_time_and_a_stale_one_is_kept_beside(class_: Class) -> None:
    world, me, number = class_.world, class_.teacher, class_.assignment
    later = AssignmentEdit(number, number, "Essay", "Write more.", file(), START + 5 * DAY, ZONE, 5_000)
    revision = world.do(me, later)
    world.do(me, replace(later, title="Essay B"))
    (row,) = work.assignment(world.db, number)
    assert (row.revision, row.due, row.points, row.file_name) == (
        revision,
        START + 5 * DAY,
        5_000,
        "Notes.pdf",
    )
    revisions = work.assignment_revisions(world.db, number)
    assert [(each.title, each.beside) for each in revisions] == [
        ("Essay", False),
        ("Essay", False),
        ("Essay B", True),
    ]
    assert world.refusal(me, replace(later, replaces=class_.course)) is Outcome.UNKNOWN_REVISION
    assert world.refusal(me, replace(later, assignment=class_.course)) is Outcome.UNKNOWN_ASSIGNMENT


def test_a_submission_is_the_students_own_version(class_: Class) -> None:
    world = class_.world
    first = world.do(class_.ann, world.submission(class_.assignment))
    second = world.do(class_.ann, world.submission(class_.assignment, first))
    versions = work.submissions(world.db, class_.assignment, class_.ann)
    assert [(row.submission, row.version, row.replaces) for row in versions] == [
        (second, 2, first),
        (first, 1, None),
    ]
    assert {row.author for row in versions} == {class_.ann}
    (standing,) = work.student_standing(world.db, class_.assignment, class_.ann)
    assert (standing.submission, standing.versions) == (second, 2)


def test_a_version_made_from_a_stale_one_is_kept_beside(class_: Class) -> None:
    world = class_.world
    first = world.do(class_.ann, world.submission(class_.assignment))
    second = world.do(class_.ann, world.submission(class_.assignment, first))
    for stale in (first, None):
        world.do(class_.ann, world.submission(class_.assignment, stale))
    versions = work.submissions(world.db, class_.assignment, class_.ann)
    assert [row.beside for row in versions] == [True, True, False, False]
    (standing,) = work.student_standing(world.db, class_.assignment, class_.ann)
    assert (standing.submission, standing.versions) == (second, 4)


def test_a_quick_upload_that_replaces_a_slow_one_counts(class_: Class) -> None:
    world = class_.world
    world.index += 1  # the slow one's envelope is made first and committed last
    slow = world.submission(class_.assignment)
    slow_reference = rules.Context(0, 0, class_.ann, b"slow" * 4, 0, b"").reference
    quick = world.do(class_.ann, world.submission(class_.assignment, slow_reference))
    context = rules.Context(99, world.now, class_.ann, b"slow" * 4, 0, world.genesis.cluster_id)
    verdict = rules.apply(world.db, Submission.KIND, slow.body(), context)
    assert verdict.effects == (slow_reference, 2, True)
    assert work.student_standing(world.db, class_.assignment, class_.ann)[0].submission == quick


def test_a_version_of_someone_else_is_not_replaced(class_: Class) -> None:
    world = class_.world
    hers = world.do(class_.ann, world.submission(class_.assignment))
    mine = world.submission(class_.assignment, hers)
    assert world.refusal(class_.bo, mine) is Outcome.UNKNOWN_SUBMISSION
    other = world.assignment(class_.teacher, class_.course, "Second")
    assert world.refusal(class_.ann, world.submission(other, hers)) is Outcome.UNKNOWN_SUBMISSION


def test_only_students_of_the_course_hand_in(class_: Class) -> None:
    world = class_.world
    for author in (class_.outsider, class_.teacher, ADMIN):
        hand_in = world.submission(class_.assignment)
        assert world.refusal(author, hand_in) is Outcome.NOT_ENROLLED
        assert world.foreseen(author, hand_in) is Outcome.NOT_ENROLLED
    world.do(class_.teacher, CourseUnenrol(class_.course, (class_.ann,)))
    assert world.refusal(class_.ann, world.submission(class_.assignment)) is Outcome.NOT_ENROLLED


def test_an_archived_assignment_takes_no_submissions(class_: Class) -> None:
    world = class_.world
    world.do(class_.teacher, AssignmentArchive(class_.assignment, True))
    hand_in = world.submission(class_.assignment)
    assert world.refusal(class_.ann, hand_in) is Outcome.ASSIGNMENT_ARCHIVED
    world.do(class_.teacher, AssignmentArchive(class_.assignment, False))
    world.do(class_.ann, world.submission(class_.assignment))


def test_a_submission_names_a_machine_and_keys_that_are(class_: Class) -> None:
    world = class_.world
    hand_in = world.submission(class_.assignment)
    for wrong, why in (
        (replace(hand_in, machine=99), Outcome.UNKNOWN_MACHINE),
        (replace(hand_in, machine=class_.ann), Outcome.UNKNOWN_MACHINE),
        (replace(hand_in, assignment=class_.course), Outcome.UNKNOWN_ASSIGNMENT),
        (replace(hand_in, details=sealed(student=1, generation=2)), Outcome.WRONG_GENERATION),
        (replace(hand_in, details=sealed(student=2)), Outcome.WRONG_KEY),
        (replace(hand_in, details=sealed()), Outcome.WRONG_KEY),
    ):
        assert world.refusal(class_.ann, wrong) is why
        assert world.foreseen(class_.ann, wrong) is why
    assert world.foreseen(class_.ann, hand_in) is Outcome.ACCEPTED


def test_foresight_leaves_no_trace(class_: Class) -> None:
    world = class_.world
    before = world.tables()
    assert world.foreseen(class_.ann, world.submission(class_.assignment)) is Outcome.ACCEPTED
    material = MaterialPublish(class_.course, "Notes", file())
    assert world.foreseen(class_.teacher, material) is Outcome.ACCEPTED
    assert world.foreseen(class_.ann, material) is Outcome.NOT_STAFF
    assert world.tables() == before


def test_one_student_cannot_fill_the_keepers_disks(class_: Class) -> None:
    world = class_.world
    large = replace(world.submission(class_.assignment), size=limits.FILE_BYTES_MAX)
    for _ in range(limits.SUBMISSIONS_BYTES // limits.FILE_BYTES_MAX):
        world.do(class_.ann, large)
    assert world.refusal(class_.ann, large) is Outcome.TOO_MUCH_WORK
    world.do(class_.ann, world.submission(class_.assignment))
    world.do(class_.bo, large)


def test_an_older_generation_is_accepted_because_its_author_may_not_know(class_: Class) -> None:
    world = class_.world
    world.do(class_.teacher, CourseStaff(class_.course, generation(class_.teacher, number=2)))
    world.do(class_.ann, world.submission(class_.assignment))
    (row,) = work.submissions(world.db, class_.assignment, class_.ann)
    assert row.staff_key == 1


@pytest.mark.parametrize(
    ("voters", "needed"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2)], ids=lambda value: str(value)
)
def test_keepers_other_than_the_machine_hold_the_file(class_: Class, voters: int, needed: int) -> None:
    world = class_.world
    token = world.token()
    keepers = [world.machine(token, name) for name in "BC"]
    learner = world.machine(token, "D")
    if needed:
        short = (MACHINE_A, learner, class_.ann, 99, *keepers[: needed - 1])
        hand_in = world.submission(class_.assignment)
        refusal = world.refusal(class_.ann, hand_in, tickets=short, voters=voters)
        assert refusal is Outcome.TOO_FEW_TICKETS
        assert refusal in NOT_CONSUMED
    enough = (*keepers[:needed],)
    world.do(class_.ann, world.submission(class_.assignment), tickets=enough, voters=voters)
    assert work.submissions(world.db, class_.assignment, class_.ann)[0].keepers == enough


def test_the_ticket_of_a_machine_that_is_no_keeper_any_more_does_not_count(class_: Class) -> None:
    world = class_.world
    b = world.machine(world.token(), "B")
    world.do(ADMIN, MachineSet(b, None, False, None, False))
    refusal = world.refusal(class_.ann, world.submission(class_.assignment), tickets=(b,), voters=3)
    assert refusal is Outcome.TOO_FEW_TICKETS


def test_only_a_keepers_word_says_who_holds_it_and_since_when(class_: Class) -> None:
    world = class_.world
    token = world.token()
    b, c = world.machine(token, "B"), world.machine(token, "C")
    learner = world.machine(token, "D")
    liars = tuple((machine, 1) for machine in (MACHINE_A, learner, class_.ann))
    command = world.submission(class_.assignment)
    assert command.machine == MACHINE_A
    tickets = (*liars, (b, START + 9), (c, START + 7))
    context = rules.Context(99, world.now, class_.ann, bytes(16), 0, world.genesis.cluster_id, tickets, 3)
    assert rules.apply(world.db, command.KIND, command.body(), context).code == Outcome.ACCEPTED
    (row,) = work.submissions(world.db, class_.assignment, class_.ann)
    assert (row.keepers, row.earliest_ticket) == ((b, c), START + 7)


def test_late_work_is_accepted_and_both_times_are_shown(class_: Class) -> None:
    world, due = class_.world, START + 3 * DAY
    world.now = due - 2 * 60_000
    world.say(class_.ann, world.submission(class_.assignment))
    world.now = due + HOUR
    queued = world.submission(class_.assignment, queued_at=due - 1)
    world.say(class_.bo, queued, tickets=(world.machine(world.token(), "B"),), ticket_time=due + 5)
    world.do(class_.bo, world.submission(class_.assignment, queued_at=due + 1))
    (ann,) = work.submissions(world.db, class_.assignment, class_.ann)
    bo_late, bo_queued = work.submissions(world.db, class_.assignment, class_.bo)
    assert (ann.timing, bo_queued.timing, bo_late.timing) == (
        Timing.IN_TIME,
        Timing.QUEUED_IN_TIME,
        Timing.LATE,
    )
    assert (bo_queued.queued_at, bo_queued.stamp, bo_queued.earliest_ticket) == (
        due - 1,
        world.said[-2].context.stamp,
        due + 5,
    )


def test_an_extension_makes_late_work_be_in_time_and_can_be_taken_back(class_: Class) -> None:
    world, me, due = class_.world, class_.teacher, START + 3 * DAY
    world.now = due + HOUR
    world.do(class_.ann, world.submission(class_.assignment))
    given = world.do(me, Extension(class_.assignment, class_.ann, None, due + DAY, sealed(student=1)))
    (row,) = work.submissions(world.db, class_.assignment, class_.ann)
    assert (row.due, row.reason, row.timing) == (due + DAY, Reason.EXTENSION, Timing.IN_TIME)
    (standing,) = work.student_standing(world.db, class_.assignment, class_.ann)
    assert (standing.due, standing.reason, standing.timing) == (row.due, row.reason, row.timing)
    world.do(me, Extension(class_.assignment, class_.ann, given, None, sealed()))
    assert work.submissions(world.db, class_.assignment, class_.ann)[0].timing == Timing.LATE


def test_extensions_are_for_students_of_the_course_and_end_later(class_: Class) -> None:
    world, me = class_.world, class_.teacher
    extension = Extension(class_.assignment, class_.ann, None, START + 4 * DAY, sealed())
    for wrong, why in (
        (replace(extension, student=class_.outsider), Outcome.NOT_A_STUDENT),
        (replace(extension, due=START + 3 * DAY), Outcome.EXTENSION_TOO_EARLY),
        (replace(extension, replaces=class_.course), Outcome.UNKNOWN_REVISION),
        (replace(extension, assignment=class_.course), Outcome.UNKNOWN_ASSIGNMENT),
        (replace(extension, reason=sealed(generation=2)), Outcome.WRONG_GENERATION),
        (replace(extension, reason=sealed(student=2)), Outcome.WRONG_KEY),
    ):
        assert world.refusal(me, wrong) is why


def test_a_stale_extension_is_kept_beside(class_: Class) -> None:
    world, me = class_.world, class_.teacher
    first = Extension(class_.assignment, class_.ann, None, START + 4 * DAY, sealed())
    world.do(me, first)
    world.do(me, replace(first, due=START + 9 * DAY))
    rows = work.extensions(world.db, class_.assignment)
    assert [(row.until, row.beside, row.current) for row in rows] == [
        (START + 9 * DAY, True, False),
        (START + 4 * DAY, False, True),
    ]


def test_one_reference_names_one_thing(class_: Class) -> None:
    world = class_.world
    command = AssignmentPublish(class_.course, "Twin", "", None, START, ZONE, 0)
    said = world.say(class_.teacher, command)
    verdict = rules.apply(world.db, command.KIND, command.body(), replace(said.context, index=999))
    assert verdict.code == Outcome.ALREADY_EXISTS
