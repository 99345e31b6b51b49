"""Courses: keys for their staff, students, and materials with revisions."""

from dataclasses import replace

from lms_desktop.school.commands import (
    AssignmentArchive,
    AssignmentPublish,
    Command,
    CourseArchive,
    CourseCreate,
    CourseEdit,
    CourseEnrol,
    CourseStaff,
    CourseUnenrol,
    GradeDraft,
    MaterialArchive,
    MaterialEdit,
    MaterialPublish,
    MaterialRead,
    PersonInvite,
    PersonSetActive,
)
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.queries import courses
from tests.school.world import ADMIN, MACHINE_A, START, ZONE, Class, file, generation, sealed, seed


def test_a_course_belongs_to_who_holds_its_keys(class_: Class) -> None:
    db = class_.world.db
    (row,) = courses.course(db, class_.course, class_.teacher)
    assert (row.title, row.code, row.description) == ("History", "H1", "About the past.")
    assert (row.is_staff, row.is_student, row.students, row.assignments) == (True, False, 2, 1)
    assert [member.name for member in courses.members(db, class_.course)] == [
        "Tess Teacher",
        "Ann Lee",
        "Bo Chan",
    ]
    assert [course.course for course in courses.courses(db, class_.ann)] == [class_.course]
    assert [course.course for course in courses.courses(db, ADMIN)] == [class_.course]
    assert courses.courses(db, class_.outsider) == []
    assert courses.courses(db, class_.other_teacher) == []


def test_the_first_generation_is_one_without_a_predecessor(class_: Class) -> None:
    for wrong in (
        generation(class_.teacher, number=2),
        replace(generation(class_.teacher), predecessor=b"x"),
    ):
        refusal = class_.world.refusal(class_.teacher, CourseCreate("Art", "", "", wrong))
        assert refusal is Outcome.WRONG_GENERATION


def test_an_instructor_creates_courses_for_themselves_and_an_administrator_for_others(class_: Class) -> None:
    world = class_.world
    for_another = CourseCreate("Art", "", "", generation(class_.other_teacher))
    assert world.refusal(class_.teacher, for_another) is Outcome.STAFF_MISMATCH
    course = world.do(ADMIN, for_another)
    assert [row.staff for row in courses.members(world.db, course)] == [True]


def test_students_create_no_courses(class_: Class) -> None:
    mine = CourseCreate("Art", "", "", generation(class_.ann))
    assert class_.world.refusal(class_.ann, mine) is Outcome.NOT_STAFF


def test_the_staff_are_people_with_keys_who_may_teach(class_: Class) -> None:
    world, me = class_.world, class_.teacher
    assert world.refusal(me, CourseCreate("A", "", "", generation(me, class_.ann))) is Outcome.WRONG_ROLE
    assert world.refusal(me, CourseCreate("A", "", "", generation(me, 99))) is Outcome.UNKNOWN_PERSON
    assert world.refusal(me, CourseCreate("A", "", "", generation(me, MACHINE_A))) is Outcome.UNKNOWN_PERSON
    assert world.refusal(me, CourseCreate("A", "", "", generation(me, me))) is Outcome.DUPLICATE
    assert world.refusal(me, CourseCreate("A", "", "", generation(me, key=2))) is Outcome.WRONG_KEY
    world.do(ADMIN, PersonSetActive(class_.other_teacher, False))
    off = CourseCreate("A", "", "", generation(me, class_.other_teacher))
    assert world.refusal(me, off) is Outcome.PERSON_INACTIVE


def test_staff_change_with_a_new_generation_in_one_command(class_: Class) -> None:
    world, both = class_.world, (class_.teacher, class_.other_teacher)
    world.do(class_.teacher, CourseStaff(class_.course, generation(*both, number=2)))
    assert [row.generation for row in courses.generations(world.db, class_.course)] == [2, 1]
    slots = courses.staff_slots(world.db, class_.course, class_.other_teacher)
    assert [(slot.generation, slot.box) for slot in slots] == [(2, b"slot")]
    only_other = generation(class_.other_teacher, number=3)
    world.do(class_.other_teacher, CourseStaff(class_.course, only_other))
    again = CourseStaff(class_.course, generation(class_.teacher, number=4))
    assert world.refusal(class_.teacher, again) is Outcome.NOT_STAFF


def test_a_generation_that_does_not_follow_is_refused(class_: Class) -> None:
    world, me = class_.world, class_.teacher
    for wrong in (
        generation(me, number=1),
        generation(me, number=3),
        replace(generation(me, number=2), predecessor=None),
    ):
        assert world.refusal(me, CourseStaff(class_.course, wrong)) is Outcome.WRONG_GENERATION


def test_an_administrator_appoints_a_substitute(class_: Class) -> None:
    substitute = CourseStaff(class_.course, generation(class_.other_teacher, number=2))
    class_.world.do(ADMIN, substitute)
    (row,) = courses.course(class_.world.db, class_.course, class_.other_teacher)
    assert row.is_staff


def test_a_staff_member_with_new_keys_gets_a_slot_by_a_new_generation(class_: Class) -> None:
    world = class_.world
    (invitation, _) = world.say(ADMIN, PersonInvite(class_.teacher, seed("slip"))).verdict.effects
    assert isinstance(invitation, int)
    world.do(invitation, world.acceptance(class_.teacher, "tess again"))
    stale = CourseStaff(class_.course, generation(class_.teacher, number=2, key=1))
    assert world.refusal(ADMIN, stale) is Outcome.WRONG_KEY
    world.do(ADMIN, CourseStaff(class_.course, generation(class_.teacher, number=2, key=2)))


def test_an_edit_of_what_was_seen_replaces_it_and_a_stale_one_is_kept_beside(class_: Class) -> None:
    world = class_.world
    first = world.do(class_.teacher, CourseEdit(class_.course, class_.course, "History I", "H1", ""))
    stale = world.do(class_.teacher, CourseEdit(class_.course, class_.course, "Geschichte", "H1", ""))
    (row,) = courses.course(world.db, class_.course, class_.teacher)
    assert (row.title, row.revision) == ("History I", first)
    revisions = courses.course_revisions(world.db, class_.course)
    assert [(revision.title, revision.beside) for revision in revisions] == [
        ("History", False),
        ("History I", False),
        ("Geschichte", True),
    ]
    world.do(class_.teacher, CourseEdit(class_.course, first, "Geschichte", "H1", ""))
    assert courses.course(world.db, class_.course, class_.teacher)[0].title == "Geschichte"
    assert stale == revisions[2].revision


def test_an_edit_of_what_never_was_is_refused(class_: Class) -> None:
    edit = CourseEdit(class_.course, class_.assignment, "History I", "", "")
    assert class_.world.refusal(class_.teacher, edit) is Outcome.UNKNOWN_REVISION


def test_enrolling_twice_changes_nothing_and_leaving_keeps_the_rest(class_: Class) -> None:
    world = class_.world
    again = world.say(class_.teacher, CourseEnrol(class_.course, (class_.ann, class_.outsider)))
    assert again.verdict.effects == (class_.course, (class_.outsider,))
    twice = CourseUnenrol(class_.course, (class_.ann, class_.ann))
    assert world.refusal(class_.teacher, twice) is Outcome.DUPLICATE
    gone = world.say(class_.teacher, CourseUnenrol(class_.course, (class_.ann, ADMIN)))
    assert gone.verdict.effects == (class_.course, (class_.ann,))
    members = [row.person for row in courses.members(world.db, class_.course) if not row.staff]
    assert members == [class_.bo, class_.outsider]
    world.do(class_.teacher, CourseEnrol(class_.course, (class_.ann,)))
    assert class_.ann in [row.person for row in courses.members(world.db, class_.course)]


def test_only_students_of_the_school_are_enrolled(class_: Class) -> None:
    world = class_.world

    def refusal(*students: int) -> Outcome:
        return world.refusal(class_.teacher, CourseEnrol(class_.course, students))

    assert refusal(class_.outsider, class_.other_teacher) is Outcome.WRONG_ROLE
    assert refusal(class_.outsider, 99) is Outcome.UNKNOWN_PERSON
    assert refusal(class_.outsider, class_.outsider) is Outcome.DUPLICATE
    world.do(ADMIN, PersonSetActive(class_.outsider, False))
    assert refusal(class_.outsider) is Outcome.PERSON_INACTIVE


def test_an_archived_course_takes_nothing_until_it_is_restored(class_: Class) -> None:
    world, me, course = class_.world, class_.teacher, class_.course
    material = world.material(me, course)
    world.do(me, CourseArchive(course, True))
    for author, command in (
        (me, CourseEdit(course, course, "X", "", "")),
        (me, CourseEnrol(course, (class_.outsider,))),
        (me, CourseUnenrol(course, (class_.ann,))),
        (me, MaterialPublish(course, "X", file())),
        (me, MaterialEdit(material, material, "X", file())),
        (me, MaterialArchive(material, True)),
        (me, AssignmentPublish(course, "X", "", None, START, ZONE, 1_000)),
        (me, AssignmentArchive(class_.assignment, True)),
        (me, GradeDraft(class_.assignment, class_.ann, None, None, sealed())),
        (class_.ann, world.submission(class_.assignment)),
    ):
        assert world.refusal(author, command) is Outcome.COURSE_ARCHIVED
    world.do(class_.ann, MaterialRead(material, material))
    world.do(me, CourseArchive(course, False))
    world.do(me, CourseEdit(course, course, "X", "", ""))


def test_a_material_is_replaced_by_a_revision_and_both_stay(class_: Class) -> None:
    world, me = class_.world, class_.teacher
    material = world.material(me, class_.course)
    world.do(class_.ann, MaterialRead(material, material))
    new = world.do(me, MaterialEdit(material, material, "Notes 2", file("Notes v2.pdf")))
    world.do(me, MaterialEdit(material, material, "Notes other", file("Notes v3.pdf")))
    (row,) = courses.materials(world.db, class_.course, class_.ann)
    assert (row.title, row.file_name, row.revision, row.read) == ("Notes 2", "Notes v2.pdf", new, material)
    revisions = courses.material_revisions(world.db, material)
    assert [(revision.file_name, revision.beside) for revision in revisions] == [
        ("Notes.pdf", False),
        ("Notes v2.pdf", False),
        ("Notes v3.pdf", True),
    ]


def test_an_archived_material_is_marked(class_: Class) -> None:
    world, me = class_.world, class_.teacher
    material = world.material(me, class_.course)
    world.do(me, MaterialArchive(material, True))
    (row,) = courses.material(world.db, material, class_.ann)
    assert row.archived
    assert courses.course(world.db, class_.course, me)[0].materials == 0
    world.do(me, MaterialArchive(material, False))
    assert not courses.material(world.db, material, class_.ann)[0].archived


def test_a_read_mark_is_the_students_own_and_of_a_revision_that_is(class_: Class) -> None:
    world = class_.world
    material = world.material(class_.teacher, class_.course)
    other = world.material(class_.teacher, class_.course, "Map")
    assert world.refusal(class_.outsider, MaterialRead(material, material)) is Outcome.NOT_ENROLLED
    assert world.refusal(class_.ann, MaterialRead(material, other)) is Outcome.UNKNOWN_REVISION
    assert world.refusal(class_.ann, MaterialRead(class_.course, material)) is Outcome.UNKNOWN_MATERIAL
    world.do(class_.ann, MaterialRead(material, material))
    world.do(class_.ann, MaterialRead(material, material))
    assert courses.material(world.db, material, class_.ann)[0].readers == 1


def test_what_does_not_exist_is_refused(class_: Class) -> None:
    world, me = class_.world, class_.teacher
    commands: dict[Command, Outcome] = {
        CourseEdit(5, 5, "X", "", ""): Outcome.UNKNOWN_COURSE,
        CourseArchive(5, True): Outcome.UNKNOWN_COURSE,
        CourseEnrol(5, (class_.ann,)): Outcome.UNKNOWN_COURSE,
        CourseUnenrol(5, (class_.ann,)): Outcome.UNKNOWN_COURSE,
        CourseStaff(5, generation(me, number=2)): Outcome.UNKNOWN_COURSE,
        MaterialPublish(5, "X", file()): Outcome.UNKNOWN_COURSE,
        MaterialEdit(5, 5, "X", file()): Outcome.UNKNOWN_MATERIAL,
        MaterialArchive(5, True): Outcome.UNKNOWN_MATERIAL,
    }
    assert {command: world.refusal(me, command) for command in commands} == commands
