"""Who may say what: every kind of command, said by everyone there is."""

from typing import NamedTuple

import pytest

from lms_desktop.school.commands import (
    COMMANDS,
    AssignmentArchive,
    AssignmentEdit,
    AssignmentPublish,
    ClassAnswer,
    Command,
    CourseArchive,
    CourseCreate,
    CourseEdit,
    CourseEnrol,
    CourseStaff,
    CourseUnenrol,
    Extension,
    GradeCorrect,
    GradeDraft,
    GradeRelease,
    GradeSeen,
    GradeSlot,
    InvitationAccept,
    MachineAddress,
    MachineJoin,
    MachineSet,
    MaterialArchive,
    MaterialEdit,
    MaterialPublish,
    MaterialRead,
    PersonAdd,
    PersonInvite,
    PersonSetActive,
    QuestionAsk,
    QuestionPost,
    QuestionSeen,
    QuestionSettle,
    Role,
    RulesRaise,
    Slot,
    Submission,
    TokenAdd,
    TokenRevoke,
    TutorExchange,
    TutorMode,
    TutorSet,
    Void,
    WrappedKeysSet,
)
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.queries import audit
from tests.school.world import (
    ADMIN,
    DAY,
    MACHINE_A,
    START,
    ZONE,
    Class,
    file,
    generation,
    sealed,
    seed,
    signing,
)

PEOPLE = ("administrator", "teacher", "other teacher", "student", "outsider")
STAFF = ("teacher",)
STAFF_AND_ADMINISTRATOR = ("teacher", "administrator")
STUDENT = ("student",)

ALLOWED: dict[type[Command], tuple[str, ...]] = {
    WrappedKeysSet: PEOPLE,
    PersonAdd: ("administrator",),
    PersonInvite: STAFF_AND_ADMINISTRATOR,
    InvitationAccept: ("invitation",),
    PersonSetActive: ("administrator",),
    TokenAdd: ("administrator",),
    TokenRevoke: ("administrator",),
    MachineJoin: ("token",),
    MachineSet: ("administrator",),
    MachineAddress: ("machine",),
    CourseCreate: ("administrator", "teacher"),
    CourseEdit: STAFF,
    CourseArchive: STAFF_AND_ADMINISTRATOR,
    CourseStaff: STAFF_AND_ADMINISTRATOR,
    CourseEnrol: STAFF_AND_ADMINISTRATOR,
    CourseUnenrol: STAFF_AND_ADMINISTRATOR,
    MaterialPublish: STAFF,
    MaterialEdit: STAFF,
    MaterialArchive: STAFF,
    MaterialRead: STUDENT,
    AssignmentPublish: STAFF,
    AssignmentEdit: STAFF,
    AssignmentArchive: STAFF,
    Extension: STAFF,
    Submission: STUDENT,
    GradeDraft: STAFF,
    GradeRelease: STAFF,
    GradeCorrect: STAFF,
    GradeSeen: STUDENT,
    Void: (*PEOPLE, "machine", "token", "invitation"),
    RulesRaise: ("administrator",),
    TutorSet: STAFF,
    TutorExchange: ("student", "teacher"),
    QuestionAsk: STUDENT,
    QuestionPost: ("student", "teacher"),
    QuestionSettle: STAFF,
    ClassAnswer: STAFF,
    QuestionSeen: STUDENT,
}


class Cast(NamedTuple):
    """Everyone who can sign, and one valid command of each kind."""

    class_: Class
    authors: dict[str, int]
    commands: dict[type[Command], Command]


@pytest.fixture
def cast() -> Cast:
    class_ = Class()
    world, teacher, course, assignment = class_.world, class_.teacher, class_.course, class_.assignment
    person, invitation = world.invite("New Person", "new", Role.STUDENT)
    token = world.token()
    authors = {
        "administrator": ADMIN,
        "teacher": teacher,
        "other teacher": class_.other_teacher,
        "student": class_.ann,
        "outsider": class_.outsider,
        "machine": MACHINE_A,
        "token": token,
        "invitation": invitation,
    }
    material = world.material(teacher, course)
    draft = world.draft(teacher, assignment, class_.bo)
    released = world.draft(teacher, assignment, class_.ann)
    world.release(teacher, assignment, released)
    question = world.question(class_.ann, course)
    reply = world.do(teacher, QuestionPost(question, sealed(student=1)))
    valid: tuple[Command, ...] = (
        WrappedKeysSet(b"wrapped"),
        PersonAdd("Some One", "someone", Role.INSTRUCTOR, seed("slip")),
        PersonInvite(class_.ann, seed("slip")),
        world.acceptance(person, "new"),
        PersonSetActive(class_.bo, False),
        TokenAdd("Lab 2", signing("Lab 2").public, seed("Lab 2 curve"), 3, world.now + DAY),
        TokenRevoke(token),
        world.joining(token, "B"),
        MachineSet(MACHINE_A, "Front desk", None, None, False),
        MachineAddress("10.0.0.1", 5501, 5502, bytes(16)),
        CourseCreate("Art", "A1", "", generation(teacher)),
        CourseEdit(course, course, "History I", "H1", ""),
        CourseArchive(course, True),
        CourseStaff(course, generation(teacher, class_.other_teacher, number=2)),
        CourseEnrol(course, (class_.outsider,)),
        CourseUnenrol(course, (class_.bo,)),
        MaterialPublish(course, "Map", file()),
        MaterialEdit(material, material, "Notes 2", file()),
        MaterialArchive(material, True),
        MaterialRead(material, material),
        AssignmentPublish(course, "Essay 2", "", None, START + DAY, ZONE, 1_000),
        AssignmentEdit(assignment, assignment, "Essay", "", None, START, ZONE, 1_000),
        AssignmentArchive(assignment, True),
        Extension(assignment, class_.ann, None, START + 9 * DAY, sealed()),
        world.submission(assignment),
        GradeDraft(assignment, class_.ann, released, None, sealed()),
        GradeRelease(assignment, (GradeSlot(draft, Slot(1, b"student")),)),
        GradeCorrect(assignment, class_.ann, released, None, sealed(student=1)),
        GradeSeen(released),
        Void(),
        RulesRaise(2),
        TutorSet(course, assignment, None, TutorMode.OFF, None, None, None, "An exam."),
        world.exchange(course, assignment),
        QuestionAsk(course, assignment, None, sealed(student=1)),
        QuestionPost(question, sealed(student=1)),
        QuestionSettle(question, True),
        ClassAnswer(course, assignment, question, "When is it due?", "On Friday.", ()),
        QuestionSeen(reply),
    )
    return Cast(class_, authors, {type(command): command for command in valid})


PAIRS = [
    (command, who) for command in COMMANDS.values() for who in (*PEOPLE, "machine", "token", "invitation")
]


def test_the_matrix_covers_every_kind() -> None:
    assert set(ALLOWED) == set(COMMANDS.values())


@pytest.mark.parametrize(("kind", "who"), PAIRS, ids=lambda value: getattr(value, "__name__", value))
def test_each_kind_is_accepted_from_its_authors_and_refused_from_all_others(
    cast: Cast, kind: type[Command], who: str
) -> None:
    world, command = cast.class_.world, cast.commands[kind]
    if who in ALLOWED[kind]:
        world.do(cast.authors[who], command)
        return
    refusal = world.refusal(cast.authors[who], command)
    assert refusal in {
        Outcome.WRONG_AUTHOR,
        Outcome.NOT_ADMINISTRATOR,
        Outcome.NOT_STAFF,
        Outcome.NOT_ENROLLED,
        Outcome.NOT_IN_COURSE,
        Outcome.NOT_YOURS,
        Outcome.STAFF_MISMATCH,
    }
    assert audit.audit(world.db, world.index + 1, 1)[0].code == refusal


def test_a_student_who_grades_is_refused_and_told_of_in_the_audit(cast: Cast) -> None:
    world = cast.class_.world
    world.refusal(cast.class_.ann, cast.commands[GradeCorrect])
    (row,) = audit.audit(world.db, world.index + 1, 1)
    assert row.sentence == (
        "Ann Lee tried to correct a grade. Refused: Only an instructor of this course may do this."
    )


def test_someone_unknown_is_refused(cast: Cast) -> None:
    world = cast.class_.world
    assert world.refusal(999, WrappedKeysSet(b"x")) is Outcome.UNKNOWN_AUTHOR
    (row,) = audit.audit(world.db, world.index + 1, 1)
    assert row.sentence.startswith("Someone unknown (number 999) tried to store keys.")


def test_a_switched_off_teacher_does_nothing(cast: Cast) -> None:
    world = cast.class_.world
    world.do(ADMIN, PersonSetActive(cast.class_.teacher, False))
    for kind in (GradeDraft, CourseEdit, AssignmentPublish, Void):
        assert world.refusal(cast.class_.teacher, cast.commands[kind]) is Outcome.AUTHOR_INACTIVE
