"""Queries over a school in use: what each screen is told."""

import pytest

from lms_desktop.school.commands import (
    AssignmentArchive,
    Citation,
    ClassAnswer,
    CourseArchive,
    Extension,
    GradeCorrect,
    GradeSeen,
    MaterialEdit,
    MaterialRead,
    PersonInvite,
    QuestionAsk,
    QuestionPost,
    Role,
    TutorMode,
    TutorSet,
)
from lms_desktop.school.deadlines import Group, Reason, Timing
from lms_desktop.school.queries import QUERIES, audit, courses, files, people, today, work
from tests.school.world import ADMIN, DAY, HOUR, MACHINE_A, START, Class, World, file, sealed, seed

CONVERSATION = b"a conversation 1"


class InUse(Class):
    """The class after a week: a second course, materials, work and questions in each state."""

    def __post_init__(self) -> None:
        super().__post_init__()
        world, teacher = self.world, self.teacher
        self.notes = world.material(teacher, self.course, "Notes")
        self.map = world.material(teacher, self.course, "Map")
        self.soon = world.assignment(teacher, self.course, "Quiz", START + 8 * HOUR)
        self.later = world.assignment(teacher, self.course, "Project", START + 20 * DAY)
        self.art = world.course(self.other_teacher, self.ann, title="Art")
        self.drawing = world.assignment(self.other_teacher, self.art, "Drawing", START + DAY)
        self.old = world.assignment(teacher, self.course, "Old", START - DAY)
        world.do(self.ann, MaterialRead(self.notes, self.notes))
        self.hers = world.do(self.ann, world.submission(self.assignment))
        self.graded = world.draft(teacher, self.assignment, self.ann, submission=self.hers)
        world.release(teacher, self.assignment, self.graded)
        self.drafted = world.draft(teacher, self.old, self.ann)
        self.setting = world.do(
            teacher,
            TutorSet(
                self.course, self.assignment, None, TutorMode.HINTS, None, START + DAY, 20, "Think first."
            ),
        )
        self.exchange = world.do(self.ann, world.exchange(self.course, self.assignment, CONVERSATION))
        self.asked = world.do(
            self.ann, QuestionAsk(self.course, self.assignment, CONVERSATION, sealed(student=1))
        )
        self.open = world.question(self.bo, self.course)
        self.reply = world.do(teacher, QuestionPost(self.asked, sealed(student=1)))
        page = Citation(self.notes, 2, "The harvest failed twice.")
        self.answer = world.do(
            teacher, ClassAnswer(self.course, None, None, "Why did it fail?", "Rain.", (page,))
        )
        world.do(self.bo, world.submission(self.soon))


@pytest.fixture
def school() -> InUse:
    return InUse()


def test_the_students_list_is_grouped_by_due_time_and_leaves_out_what_was_handed_in(school: InUse) -> None:
    rows = today.due(school.world.db, school.ann, START)
    assert [(row.title, row.course_title, row.group, row.sentence) for row in rows] == [
        ("Old", "History", Group.OVERDUE, "1 day overdue"),
        ("Quiz", "History", Group.TODAY, "8 hours to submit"),
        ("Drawing", "Art", Group.THIS_WEEK, "1 day to submit"),
        ("Project", "History", Group.LATER, "20 days to submit"),
    ]
    assert "Essay" in [row.title for row in today.due(school.world.db, school.bo, START)]
    assert today.due(school.world.db, school.outsider, START) == []


def test_the_students_list_has_the_extended_time_and_nothing_archived(school: InUse) -> None:
    world = school.world
    world.do(school.teacher, Extension(school.old, school.ann, None, START + 2 * DAY, sealed()))
    world.do(school.teacher, AssignmentArchive(school.soon, True))
    world.do(school.other_teacher, CourseArchive(school.art, True))
    rows = today.due(world.db, school.ann, START)
    assert [(row.title, row.reason, row.sentence) for row in rows] == [
        ("Old", Reason.EXTENSION, "2 days to submit"),
        ("Project", Reason.ASSIGNMENT, "20 days to submit"),
    ]
    assert today.due(world.db, school.bo, START)[0].reason == Reason.ASSIGNMENT


def test_new_materials_are_those_not_read_as_they_are(school: InUse) -> None:
    db = school.world.db
    assert [row.title for row in today.new_materials(db, school.ann)] == ["Map"]
    school.world.do(school.teacher, MaterialEdit(school.notes, school.notes, "Notes 2", file()))
    assert [(row.title, row.changed) for row in today.new_materials(db, school.ann)] == [
        ("Notes 2", True),
        ("Map", False),
    ]


def test_progress_is_read_submitted_graded_and_seen(school: InUse) -> None:
    db = school.world.db
    (row, other) = today.course_progress(db, school.course)
    assert (row.name, row.materials, row.read, row.assignments, row.submitted, row.graded, row.seen) == (
        "Ann Lee",
        2,
        1,
        4,
        1,
        1,
        0,
    )
    assert (other.name, other.read, other.submitted, other.graded) == ("Bo Chan", 0, 1, 0)
    school.world.do(school.ann, GradeSeen(school.graded))
    mine = today.my_progress(db, school.ann)
    assert [(each.title, each.seen) for each in mine] == [("Art", 0), ("History", 1)]


def test_the_instructors_list_counts_students(school: InUse) -> None:
    rows = {row.title: row for row in today.to_grade(school.world.db, school.teacher, START)}
    essay = rows["Essay"]
    assert (essay.enrolled, essay.submitted, essay.missing, essay.to_grade, essay.drafts, essay.released) == (
        2,
        1,
        1,
        0,
        0,
        1,
    )
    assert (rows["Quiz"].to_grade, rows["Old"].drafts, rows["Old"].sentence) == (1, 1, "was due 1 day ago")
    assert list(rows) == ["Old", "Quiz", "Essay", "Project"]
    assert today.to_grade(school.world.db, school.ann, START) == []


def test_a_new_version_is_to_be_graded_again(school: InUse) -> None:
    world = school.world
    world.do(school.ann, world.submission(school.assignment, school.hers))
    rows = {row.title: row for row in today.to_grade(world.db, school.teacher, START)}
    assert rows["Essay"].to_grade == 1


def test_who_is_missing(school: InUse) -> None:
    rows = today.missing(school.world.db, school.teacher, START)
    assert [(row.title, row.name, row.overdue) for row in rows] == [
        ("Old", "Bo Chan", True),
        ("Quiz", "Ann Lee", False),
        ("Essay", "Bo Chan", False),
    ]


def test_who_has_and_who_has_not_handed_in(school: InUse) -> None:
    rows = work.assignment_standings(school.world.db, school.assignment)
    assert [(row.name, row.submission, row.versions, row.timing, row.released) for row in rows] == [
        ("Ann Lee", school.hers, 1, Timing.IN_TIME, school.graded),
        ("Bo Chan", None, 0, None, None),
    ]


def test_the_gradebook_has_each_student_and_assignment_and_what_to_open(school: InUse) -> None:
    db = school.world.db
    cells = {(row.title, row.name): row for row in work.course_standings(db, school.course)}
    assert len(cells) == 8
    assert cells["Old", "Ann Lee"].draft
    assert not cells["Essay", "Ann Lee"].draft
    grades = {row.grade: row for row in work.course_grades(db, school.course)}
    assert set(grades) == {school.graded, school.drafted}
    assert work.assignment_grades(db, school.old)[0].author_name == "Tess Teacher"
    correction = GradeCorrect(school.assignment, school.ann, school.graded, None, sealed(student=1))
    corrected = school.world.do(school.teacher, correction)
    assert {row.grade for row in work.course_grades(db, school.course)} == {corrected, school.drafted}


def test_every_submission_of_an_assignment_by_student(school: InUse) -> None:
    rows = work.assignment_submissions(school.world.db, school.assignment)
    assert [(row.student, row.submission) for row in rows] == [(school.ann, school.hers)]
    (row,) = work.submission(school.world.db, school.hers)
    assert (row.course, row.assignment, row.author, row.seq) == (
        school.course,
        school.assignment,
        school.ann,
        0,
    )


def test_people_by_name_with_their_open_invitations(school: InUse) -> None:
    world = school.world
    new, invitation = world.invite("Ben New", "ben", Role.STUDENT)
    rows = people.people(world.db)
    assert [row.name for row in rows] == sorted(row.name for row in rows)
    row = next(row for row in rows if row.person == new)
    assert (row.key, row.invitation) == (0, invitation)
    world.do(ADMIN, PersonInvite(new, seed("again")))
    assert people.invitations(world.db)[0].person == new
    assert people.invitations(world.db)[1].state == 2


def test_machines_hold_materials_and_keepers_hold_submissions(school: InUse) -> None:
    world = school.world
    materials = [row.manifest for row in files.material_manifests(world.db)]
    assert materials == [file("Notes.pdf").manifest, file("Map.pdf").manifest]
    submissions = files.submission_manifests(world.db)
    assert [row.machine for row in submissions] == [MACHINE_A, MACHINE_A]
    assert files.submission_manifests(world.db, submissions[0].position) == submissions[1:]
    assert [row.machine for row in files.keepers(world.db)] == [MACHINE_A]


def test_the_audit_tells_it_in_sentences_the_newest_first(school: InUse) -> None:
    rows = audit.audit(school.world.db, school.world.index + 1, 1_000)
    told = [row.sentence for row in rows]
    assert told[0] == "Bo Chan handed in version 1 of “Quiz” in “History”."
    assert "Tess Teacher released 1 grade of “Essay” in “History”." in told
    assert "Ada Admin added Ann Lee with the login ann." in told
    assert "The invitation of Ann Lee was used by Ann Lee, who made their keys." in told
    assert "Tess Teacher drafted a grade of Ann Lee for “Old” in “History”." in told
    assert "Tess Teacher enrolled 2 students in “History”." in told
    assert not any("read" in sentence for sentence in told)
    assert [row.position for row in rows] == sorted((row.position for row in rows), reverse=True)
    older = audit.audit(school.world.db, rows[2].position, 2)
    assert older == rows[3:5]


def test_the_audit_is_told_with_names_as_they_are_written(world: World) -> None:
    world.invite("<b>Bobby</b> {0}", "bobby", Role.STUDENT)
    (row,) = audit.audit(world.db, world.index + 1, 1)
    assert row.sentence == "Ada Admin added <b>Bobby</b> {0} with the login bobby."


_EXAMPLES = {int: 1, str: "ann", bytes: bytes(32)}


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_each_query_answers_rows_of_its_type_that_survive_the_wire(school: InUse, name: str) -> None:
    query = QUERIES[name]
    things = (
        school.assignment,
        school.course,
        school.notes,
        school.hers,
        school.ann,
        school.bo,
        school.teacher,
        school.asked,
        CONVERSATION,
    )
    answers = [
        row
        for thing in things
        for row in query.run(
            school.world.db,
            *[
                thing if place == 0 and kind is type(thing) else _EXAMPLES[kind]
                for place, kind in enumerate(query.arguments)
            ],
        )
    ]
    for row in answers:
        assert type(row) is query.row
        assert query.row(*row.wire()) == row
        assert all(type(value) in (int, str, bytes, bool, tuple, type(None)) for value in row.wire())


def test_a_course_of_many_is_listed_by_due_time_then_name(school: InUse) -> None:
    titles = [row.title for row in work.assignments(school.world.db, school.course)]
    assert titles == ["Old", "Quiz", "Essay", "Project"]
    assert [row.title for row in courses.courses(school.world.db, school.ann)] == ["Art", "History"]
