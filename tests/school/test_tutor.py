"""The tutor's settings and what is kept of it: when it is on, for whom, and how much."""

from dataclasses import replace

import pytest

from lms_desktop.school import limits, rules
from lms_desktop.school.changes import Changes
from lms_desktop.school.commands import (
    AssignmentArchive,
    AssignmentEdit,
    CommandError,
    CourseArchive,
    CourseStaff,
    CourseUnenrol,
    MachineSet,
    MaterialArchive,
    MaterialEdit,
    TutorExchange,
    TutorMode,
    TutorSet,
)
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.queries import audit, tutor
from lms_desktop.trust import answers, asks, sealing, wire
from tests.school.world import (
    ADMIN,
    DAY,
    HOUR,
    MACHINE_A,
    START,
    ZONE,
    Class,
    World,
    file,
    generation,
    sealed,
)

NOW = START + DAY


def _set(
    class_: Class,
    mode: TutorMode = TutorMode.OFF,
    *,
    assignment: int | None = None,
    replaces: int | None = None,
    starts: int | None = None,
    ends: int | None = None,
    per_hour: int | None = None,
    reason: str = "",
) -> TutorSet:
    return TutorSet(class_.course, assignment, replaces, mode, starts, ends, per_hour, reason)


def _state(class_: Class, assignment: int = 0, now: int = NOW) -> tuple[int, str, int | None, int]:
    (row,) = tutor.tutor_setting(class_.world.db, class_.course, assignment, now)
    return row.mode, row.reason, row.ends, row.per_hour


# --- settings --------------------------------------------------------------------------------------------


def test_where_nothing_is_set_the_tutor_is_on(class_: Class) -> None:
    assert _state(class_) == (TutorMode.ON, "", None, limits.ASKS_PER_HOUR)
    assert tutor.tutor_settings(class_.world.db, class_.course) == []


def test_a_course_switched_off_is_off_for_its_assignments_and_says_why(class_: Class) -> None:
    said = class_.world.say(class_.teacher, _set(class_, reason="Think for yourselves this week."))
    assert said.verdict.changes == Changes.TUTOR | Changes.AUDIT
    off = (TutorMode.OFF, "Think for yourselves this week.", None, limits.ASKS_PER_HOUR)
    assert _state(class_) == _state(class_, class_.assignment) == off
    other = class_.world.course(class_.other_teacher, class_.ann, title="Art")
    (row,) = tutor.tutor_setting(class_.world.db, other, 0, NOW)
    assert (row.mode, row.revision) == (TutorMode.ON, None)


def test_an_assignment_switched_off_leaves_the_course_on(class_: Class) -> None:
    world = class_.world
    second = world.assignment(class_.teacher, class_.course, "Second")
    world.do(class_.teacher, _set(class_, assignment=class_.assignment, reason="An exam."))
    assert _state(class_, class_.assignment)[:2] == (TutorMode.OFF, "An exam.")
    assert _state(class_)[0] == _state(class_, second)[0] == TutorMode.ON
    assert tutor.closed_assignments(world.db, class_.course, NOW) == {class_.assignment}


@pytest.mark.parametrize(
    ("now", "closed"), [(NOW - 1, False), (NOW, True), (NOW + HOUR - 1, True), (NOW + HOUR, False)]
)
def test_an_assignment_is_closed_within_its_span_alone(class_: Class, now: int, closed: bool) -> None:
    world = class_.world
    world.do(class_.teacher, _set(class_))
    assert tutor.closed_assignments(world.db, class_.course, now) == set(), "the course is no assignment"
    world.do(class_.teacher, _set(class_, assignment=class_.assignment, starts=NOW, ends=NOW + HOUR))
    found = tutor.closed_assignments(world.db, class_.course, now)
    assert found == ({class_.assignment} if closed else set())
    assert tutor.closed_assignments(world.db, class_.course + 1, now) == set()


@pytest.mark.parametrize("mode", [TutorMode.ON, TutorMode.HINTS])
def test_an_assignment_with_another_setting_is_not_closed(class_: Class, mode: TutorMode) -> None:
    class_.world.do(class_.teacher, _set(class_, mode, assignment=class_.assignment))
    assert tutor.closed_assignments(class_.world.db, class_.course, NOW) == set()


@pytest.mark.parametrize(
    ("now", "mode"),
    [
        (NOW - 1, TutorMode.ON),
        (NOW, TutorMode.OFF),
        (NOW + HOUR - 1, TutorMode.OFF),
        (NOW + HOUR, TutorMode.ON),
    ],
)
def test_a_span_begins_with_its_start_and_ends_before_its_end(
    class_: Class, now: int, mode: TutorMode
) -> None:
    class_.world.do(class_.teacher, _set(class_, starts=NOW, ends=NOW + HOUR, reason="A test."))
    off = mode is TutorMode.OFF
    assert _state(class_, now=now)[:3] == (mode, "A test." if off else "", NOW + HOUR if off else None)


@pytest.mark.parametrize(
    ("of_course", "of_assignment", "decides"),
    [
        (TutorMode.ON, TutorMode.OFF, "assignment"),
        (TutorMode.OFF, TutorMode.ON, "course"),
        (TutorMode.HINTS, TutorMode.OFF, "assignment"),
        (TutorMode.OFF, TutorMode.HINTS, "course"),
        (TutorMode.HINTS, TutorMode.ON, "course"),
        (TutorMode.ON, TutorMode.HINTS, "assignment"),
    ],
)
def test_of_course_and_assignment_the_stricter_decides(
    class_: Class, of_course: TutorMode, of_assignment: TutorMode, decides: str
) -> None:
    world, number = class_.world, class_.assignment
    world.do(class_.teacher, _set(class_, of_course, reason="course", per_hour=30))
    world.do(class_.teacher, _set(class_, of_assignment, assignment=number, reason="assignment", per_hour=40))
    assert _state(class_, number)[1] == decides
    assert _state(class_, number)[3] == 30
    assert _state(class_)[:2] == (of_course, "course")


def test_a_setting_may_allow_more_questions_than_the_default(class_: Class) -> None:
    class_.world.do(class_.teacher, _set(class_, TutorMode.ON, per_hour=500))
    assert _state(class_)[3] == 500


def test_a_stale_setting_is_kept_beside_and_does_not_count(class_: Class) -> None:
    world = class_.world
    first = world.do(class_.teacher, _set(class_))
    stale = world.do(class_.teacher, _set(class_, TutorMode.ON))
    assert _state(class_)[0] == TutorMode.OFF
    second = world.do(class_.teacher, _set(class_, TutorMode.HINTS, replaces=first))
    later = world.do(class_.teacher, _set(class_, TutorMode.ON, replaces=first))
    rows = tutor.tutor_settings(world.db, class_.course)
    assert [(row.revision, row.beside, row.current) for row in rows] == [
        (later, True, False),
        (second, False, True),
        (stale, True, False),
        (first, False, False),
    ]
    assert _state(class_)[0] == TutorMode.HINTS
    assert {row.name for row in rows} == {"Tess Teacher"}


def test_a_setting_replaces_one_of_its_own_place(class_: Class) -> None:
    world = class_.world
    first = world.do(class_.teacher, _set(class_))
    second = world.assignment(class_.teacher, class_.course, "Second")
    for wrong in (
        _set(class_, assignment=second, replaces=first),
        _set(class_, replaces=class_.course),
        _set(class_, replaces=12_345),
    ):
        assert world.refusal(class_.teacher, wrong) is Outcome.UNKNOWN_REVISION


def test_a_setting_is_for_an_open_course_and_an_assignment_of_it(class_: Class) -> None:
    world = class_.world
    other = world.course(class_.other_teacher, title="Art")
    drawing = world.assignment(class_.other_teacher, other, "Drawing")
    for wrong, why in (
        (_set(class_, assignment=drawing), Outcome.UNKNOWN_ASSIGNMENT),
        (_set(class_, assignment=class_.course), Outcome.UNKNOWN_ASSIGNMENT),
        (replace(_set(class_), course=other), Outcome.NOT_STAFF),
        (replace(_set(class_), course=class_.assignment), Outcome.UNKNOWN_COURSE),
        (_set(class_, starts=NOW, ends=NOW), Outcome.EMPTY_SPAN),
        (_set(class_, starts=NOW, ends=NOW - 1), Outcome.EMPTY_SPAN),
    ):
        assert world.refusal(class_.teacher, wrong) is why
    world.do(class_.teacher, CourseArchive(class_.course, True))
    assert world.refusal(class_.teacher, _set(class_)) is Outcome.COURSE_ARCHIVED


def test_who_is_no_longer_staff_sets_nothing(class_: Class) -> None:
    world = class_.world
    world.do(ADMIN, CourseStaff(class_.course, generation(class_.other_teacher, number=2)))
    assert world.refusal(class_.teacher, _set(class_)) is Outcome.NOT_STAFF
    world.do(class_.other_teacher, _set(class_))


@pytest.mark.parametrize(
    "change",
    [
        {"mode": 3},
        {"mode": -1},
        {"mode": True},
        {"per_hour": 0},
        {"per_hour": limits.ASKS_PER_HOUR_MAX + 1},
        {"reason": "x" * (limits.REASON + 1)},
        {"reason": "two\nlines"},
        {"starts": -1},
        {"ends": limits.STAMP + 1},
    ],
    ids=str,
)
def test_a_setting_out_of_range_is_never_signed(class_: Class, change: dict[str, object]) -> None:
    with pytest.raises(CommandError):
        replace(_set(class_), **change).body()  # type: ignore[arg-type]


def test_the_audit_tells_what_was_set_and_where(class_: Class) -> None:
    world = class_.world
    told = []
    for command in (
        _set(class_),
        _set(class_, TutorMode.HINTS, assignment=class_.assignment),
        _set(class_, TutorMode.ON, assignment=class_.assignment),
    ):
        world.do(class_.teacher, command)
        told.append(audit.audit(world.db, world.index + 1, 1)[0].sentence)
    assert told == [
        "Tess Teacher switched the tutor off in “History”.",
        "Tess Teacher set the tutor to hints only for the assignment “Essay” in “History”.",
        "Tess Teacher switched the tutor on for the assignment “Essay” in “History”.",
    ]


# --- exchanges -------------------------------------------------------------------------------------------


def test_an_exchange_is_kept_for_its_author_and_the_staff_and_not_told_of(class_: Class) -> None:
    world = class_.world
    said = world.say(class_.ann, world.exchange(class_.course, class_.assignment, b"c" * 16))
    assert (said.verdict.code, said.verdict.changes) == (Outcome.ACCEPTED, Changes.TUTOR)
    (row,) = tutor.my_exchanges(world.db, class_.ann, class_.course, 0)
    assert (row.exchange, row.course, row.assignment) == (
        said.context.reference,
        class_.course,
        class_.assignment,
    )
    assert (row.author, row.lane, row.seq) == (class_.ann, said.context.lane, 0)
    assert (row.name, row.conversation, row.machine, row.verdict) == ("Ann Lee", b"c" * 16, MACHINE_A, 1)
    assert (row.staff_key, row.student_key, row.student_box) == (1, 1, b"student")
    assert tutor.exchanges(world.db, class_.course, 0) == [row]
    assert tutor.my_exchanges(world.db, class_.bo, class_.course, 0) == []
    assert audit.audit(world.db, world.index + 1, 1)[0].kind != TutorExchange.KIND


def test_a_conversation_is_listed_in_order_and_all_else_the_newest_first(class_: Class) -> None:
    world = class_.world
    first = world.do(class_.ann, world.exchange(class_.course, None, b"a" * 16))
    other = world.do(class_.bo, world.exchange(class_.course, None, b"b" * 16))
    second = world.do(class_.ann, world.exchange(class_.course, class_.assignment, b"a" * 16))
    assert [row.exchange for row in tutor.conversation(world.db, b"a" * 16)] == [first, second]
    rows = tutor.exchanges(world.db, class_.course, 0)
    assert [row.exchange for row in rows] == [second, other, first]
    assert tutor.exchanges(world.db, class_.course, rows[0].position) == rows[1:]
    mine = tutor.my_exchanges(world.db, class_.ann, class_.course, rows[0].position)
    assert [row.exchange for row in mine] == [first]


def test_an_exchange_is_kept_under_an_answer_that_never_came(class_: Class) -> None:
    world = class_.world
    world.do(class_.ann, replace(world.exchange(class_.course), verdict=0))
    with pytest.raises(CommandError):
        replace(world.exchange(class_.course), verdict=4).body()


def test_an_exchange_is_of_someone_in_the_course_and_on_something_in_it(class_: Class) -> None:
    world = class_.world
    drawing = world.assignment(
        class_.other_teacher, world.course(class_.other_teacher, title="Art"), "Drawing"
    )
    good = world.exchange(class_.course, class_.assignment)
    for wrong, why in (
        (replace(good, assignment=drawing), Outcome.UNKNOWN_ASSIGNMENT),
        (replace(good, course=class_.assignment), Outcome.UNKNOWN_COURSE),
        (replace(good, machine=class_.ann), Outcome.UNKNOWN_MACHINE),
        (replace(good, content=sealed()), Outcome.WRONG_KEY),
        (replace(good, content=sealed(student=2)), Outcome.WRONG_KEY),
        (replace(good, content=sealed(student=1, generation=2)), Outcome.WRONG_GENERATION),
    ):
        assert world.refusal(class_.ann, wrong) is why
    assert world.refusal(class_.outsider, good) is Outcome.NOT_IN_COURSE
    world.do(class_.teacher, CourseUnenrol(class_.course, (class_.bo,)))
    assert world.refusal(class_.bo, good) is Outcome.NOT_IN_COURSE
    world.do(class_.ann, good)
    world.do(class_.teacher, CourseArchive(class_.course, True))
    assert world.refusal(class_.ann, good) is Outcome.COURSE_ARCHIVED


def test_staff_that_tries_the_tutor_keeps_it_too_until_they_leave(class_: Class) -> None:
    world = class_.world
    world.do(class_.teacher, world.exchange(class_.course))
    world.do(ADMIN, CourseStaff(class_.course, generation(class_.other_teacher, number=2)))
    late = world.exchange(class_.course)
    assert world.refusal(class_.teacher, late) is Outcome.NOT_IN_COURSE
    assert world.refusal(class_.other_teacher, late) is Outcome.NOT_YOURS, "the conversation is another's"
    world.do(class_.other_teacher, replace(late, conversation=b"o" * 16))


def test_nobody_writes_into_anothers_conversation(class_: Class) -> None:
    world = class_.world
    art = world.course(class_.other_teacher, class_.ann, title="Art")
    world.do(class_.ann, world.exchange(class_.course, None, b"a" * 16))
    assert world.refusal(class_.bo, world.exchange(class_.course, None, b"a" * 16)) is Outcome.NOT_YOURS
    assert world.refusal(class_.ann, world.exchange(art, None, b"a" * 16)) is Outcome.NOT_YOURS


def test_a_course_keeps_so_many_exchanges_of_a_person_and_no_more(class_: Class) -> None:
    world = class_.world
    for number in range(limits.EXCHANGES):
        command = world.exchange(class_.course, None, number.to_bytes(16, "big"))
        assert world.say(class_.ann, command).verdict.code == Outcome.ACCEPTED
    more = world.exchange(class_.course, None, b"more" * 4)
    assert world.refusal(class_.ann, more) is Outcome.TOO_MANY_EXCHANGES
    assert "2,000" in Outcome.TOO_MANY_EXCHANGES.sentence
    world.do(class_.bo, more)
    art = world.course(class_.other_teacher, class_.ann, title="Art")
    world.do(class_.ann, world.exchange(art, None, b"arts" * 4))
    assert len(tutor.exchanges(world.db, class_.course, 0)) == limits.EXCHANGES_AT_ONCE


def test_an_exchange_applied_again_is_refused(class_: Class) -> None:
    world = class_.world
    said = world.say(class_.ann, world.exchange(class_.course))
    again = replace(said.context, index=world.index + 1)
    verdict = rules.apply(world.db, TutorExchange.KIND, said.command.body(), again)
    assert verdict.code == Outcome.ALREADY_EXISTS
    assert len(tutor.exchanges(world.db, class_.course, 0)) == 1


def test_the_largest_exchange_fits_an_envelope() -> None:
    fields = wire.pack((bytes(asks.MAX_ASK), bytes(answers.MAX_ANSWER), "", ""))
    box = sealing.seal(bytes(32), fields, sealing.Context("exchange", 1, 0, 3, bytes(16), 0))
    assert len(box) <= limits.BOX_BYTES
    exchange = TutorExchange(
        limits.NUMBER, limits.NUMBER, bytes(16), START, limits.NUMBER, 1, replace(sealed(student=1), box=box)
    )
    assert len(wire.pack(exchange.body())) < 64 * 1024 - 400
    with pytest.raises(CommandError):
        replace(exchange, content=replace(exchange.content, box=bytes(limits.BOX_BYTES + 1))).body()
    with pytest.raises(CommandError):
        replace(exchange, conversation=bytes(15)).body()


# --- what the tutor works with ---------------------------------------------------------------------------


def test_a_course_consists_of_what_is_in_force(class_: Class) -> None:
    world, teacher = class_.world, class_.teacher
    notes = world.material(teacher, class_.course, "Notes")
    gone = world.material(teacher, class_.course, "Gone")
    old = world.assignment(teacher, class_.course, "Old")
    world.material(class_.other_teacher, world.course(class_.other_teacher, title="Art"), "Colours")
    world.do(teacher, MaterialArchive(gone, True))
    world.do(teacher, AssignmentArchive(old, True))
    world.do(teacher, MaterialEdit(notes, notes, "Notes 2", file("Notes 2.pdf", 5)))
    world.do(
        teacher,
        AssignmentEdit(
            class_.assignment, class_.assignment, "Essay 2", "Write more.", file("Task.pdf"), NOW, ZONE, 100
        ),
    )
    essay, material = tutor.course_documents(world.db, class_.course)
    task, whole = file("Task.pdf"), file("Notes 2.pdf", 5)
    assert essay == tutor.DocumentRow(
        class_.assignment,
        "assignment",
        "Essay 2",
        "Write more.",
        "Task.pdf",
        task.manifest,
        task.sha256,
        task.size,
        task.pages,
    )
    assert material == tutor.DocumentRow(
        notes, "material", "Notes 2", "", "Notes 2.pdf", whole.manifest, whole.sha256, whole.size, 5
    )


def test_gpu_hosts_are_the_tagged_machines_that_are_not_retired(world: World) -> None:
    token = world.token()
    machines = [world.machine(token, name) for name in ("B", "C")]
    assert tutor.gpu_hosts(world.db) == []
    for machine in machines:
        world.do(ADMIN, MachineSet(machine, None, None, True, False))
    assert [row.machine for row in tutor.gpu_hosts(world.db)] == machines
    world.do(ADMIN, MachineSet(machines[0], None, None, False, False))
    world.do(ADMIN, MachineSet(machines[1], None, None, None, True))
    assert tutor.gpu_hosts(world.db) == []
