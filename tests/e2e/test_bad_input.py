"""What people and modified apps get wrong, on a real node: a clear message, and nothing lost."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lms_desktop.client import course, gradebook, grading, people, signin, submit, today
from lms_desktop.client.errors import BadFile, BadInput, Refused, SignedOut, SignInFailed
from lms_desktop.client.link import Link
from lms_desktop.client.people import NewPerson
from lms_desktop.client.protocol import ItemState
from lms_desktop.client.sealed import GRADE, seal_item
from lms_desktop.demo.school import INSTRUCTOR, STUDENTS, DemoSchool
from lms_desktop.school.commands import GradeDraft, PersonAdd, Sealed, Slot
from lms_desktop.school.outcomes import Outcome
from tests.client import pdfs
from tests.e2e.lab import HOUR_MS, POINTS, Classroom, eventually, hand_in, new_assignment, open_classroom

MIA = STUDENTS[0].login


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    """One machine with a class of two, for all tests here."""
    school = DemoSchool(tmp_path_factory.mktemp("school"), ("A",))
    try:
        yield asyncio.run(open_classroom(school, students=2))
    finally:
        school.close()


def _link(room: Classroom) -> tuple[Link, Path]:
    seat = room.school.seats[0]
    return seat.link, seat.user_data


def test_a_wrong_passphrase_and_an_unknown_login_are_refused(room: Classroom) -> None:
    link, user_data = _link(room)
    right = room.passphrase(MIA)
    with pytest.raises(SignInFailed, match="passphrase is not right") as caught:
        asyncio.run(signin.sign_in(link, login=MIA, passphrase=right + " more", user_data=user_data))
    assert "invite you anew" in caught.value.next_step
    with pytest.raises(SignInFailed, match="no such login"):
        asyncio.run(signin.sign_in(link, login="nobody", passphrase=right, user_data=user_data))
    typed = f"  {right.upper().replace(' ', '-')} "
    assert (
        asyncio.run(
            signin.sign_in(link, login=f" {MIA.upper()} ", passphrase=typed, user_data=user_data)
        ).person.login
        == MIA
    )


def test_an_invitation_works_once_and_a_new_one_replaces_it(room: Classroom) -> None:
    link, user_data = _link(room)

    async def run() -> None:
        first = await people.add_person(room.admin, person=NewPerson("late", "Late Comer"))
        with pytest.raises(SignInFailed, match="not been used yet"):
            await signin.sign_in(link, login="late", passphrase="anything", user_data=user_data)
        (row,) = [row for row in await people.people(room.admin) if row.login == "late"]
        second = await people.invite_again(room.admin, person=row)
        with pytest.raises(SignInFailed, match="replaced"):
            await signin.open_invitation(link, words=first.words, user_data=user_data)
        opened = await signin.open_invitation(link, words=second.words.upper(), user_data=user_data)
        session = await opened.publish()
        assert session.person.login == "late"
        with pytest.raises(SignInFailed, match="has been used"):
            await signin.open_invitation(link, words=second.words, user_data=user_data)
        again = await signin.sign_in(link, login="late", passphrase=opened.passphrase, user_data=user_data)
        assert again.keys.signing.public == session.keys.signing.public

    asyncio.run(run())


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("abacus abdomen abide ablaze able abnormal", "not known"),
        ("abacus abdomen", "six|6"),
        ("abacuss abdomen abide ablaze able abnormal", "abacus"),
        ("", "six|6"),
    ],
)
def test_words_that_are_no_invitation_are_said_so(room: Classroom, words: str, what: str) -> None:
    link, user_data = _link(room)
    with pytest.raises(SignInFailed, match=what):
        asyncio.run(signin.open_invitation(link, words=words, user_data=user_data))


def test_a_locked_session_has_no_keys_until_the_passphrase_comes(room: Classroom) -> None:
    link, user_data = _link(room)

    async def run() -> None:
        passphrase = room.passphrase(MIA)
        session = await signin.sign_in(link, login=MIA, passphrase=passphrase, user_data=user_data)
        session.lock()
        assert session.locked
        with pytest.raises(SignedOut, match="locked"):
            await course.open_material(session, material=1) if session.keys else None
        with pytest.raises(SignInFailed):
            await session.unlock(passphrase="wrong")
        assert session.locked
        await session.unlock(passphrase=passphrase)
        assert await course.courses(session)
        session.sign_out()
        with pytest.raises(SignedOut, match="signed out"):
            await session.unlock(passphrase=passphrase)

    asyncio.run(run())


def test_two_apps_of_one_person_do_not_collide(room: Classroom) -> None:
    async def run() -> None:
        seat = room.school.seats[0]
        second = Link(seat.data)
        second.start()
        try:
            passphrase = room.passphrase(INSTRUCTOR.login)
            other = await signin.sign_in(
                second, login=INSTRUCTOR.login, passphrase=passphrase, user_data=seat.user_data
            )
            made = await asyncio.gather(
                *(
                    course.create_course(session, code=f"X-{number}", title=f"Course {number}")
                    for number, session in enumerate((room.instructor, other, room.instructor, other))
                )
            )
            assert len({sent.made for sent in made}) == 4
            assert not any(sent.waiting for sent in made)
            titles = {card.title for card in await course.courses(other)}
            assert {f"Course {number}" for number in range(4)} <= titles
        finally:
            second.close()

    asyncio.run(run())


def test_a_students_session_cannot_act_as_staff(room: Classroom) -> None:
    student = room.students[0]
    command = PersonAdd("Friend", "friend", 3, bytes(range(32)))
    with pytest.raises(Refused) as caught:
        asyncio.run(student.send(command, label="A friend"))
    assert caught.value.code == Outcome.NOT_ADMINISTRATOR
    assert "administrator" in caught.value.what


def test_a_login_that_is_taken_is_refused(room: Classroom) -> None:
    with pytest.raises(Refused, match="already has this login"):
        asyncio.run(people.add_person(room.admin, person=NewPerson(MIA, "Another Mia")))


def test_a_field_that_no_replica_would_take_never_leaves_the_app(room: Classroom) -> None:
    with pytest.raises(BadInput) as caught:
        asyncio.run(people.add_person(room.admin, person=NewPerson("has blanks", "Name")))
    assert caught.value.where == "username"
    with pytest.raises(BadInput):
        asyncio.run(course.create_course(room.instructor, code="X", title="  "))


def test_a_roster_with_bad_rows_is_previewed_line_by_line(room: Classroom, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(f"login;name\n{MIA};Mia Again\nnew1;New One\nnew1;Twice\n;Nobody\n", "utf-8-sig")
    preview = asyncio.run(people.preview_roster(room.admin, path=path))
    assert [person.login for person in preview.add] == ["new1"]
    assert [error.line for error in preview.errors] == [2, 4, 5]
    path.write_text("who,where\nmia,here\n")
    with pytest.raises(BadFile, match="missing") as caught:
        asyncio.run(people.preview_roster(room.admin, path=path))
    assert caught.value.where == "roster.csv"


def test_a_submission_after_the_due_time_is_taken_and_never_silently_late(
    room: Classroom, tmp_path: Path
) -> None:
    async def run() -> None:
        assignment = await new_assignment(room, due_in_ms=-2 * HOUR_MS)
        student = room.students[0]
        await hand_in(student, assignment, pdfs.sample(tmp_path))
        page = await submit.assignment_page(student, assignment=assignment)
        assert page.versions[0].late
        assert page.versions[0].late_text == "2 hours late"
        rows = (await grading.grading_room(room.instructor, assignment=assignment)).rows
        assert next(row for row in rows if row.login == MIA).late
        await course.extend(
            room.instructor,
            assignment=assignment,
            student=student.person.number,
            due_ms=int(time.time() * 1000) + HOUR_MS,
            reason="The bus was late.",
        )
        page = await submit.assignment_page(student, assignment=assignment)
        assert page.extended
        assert page.extension_reason == "The bus was late."
        assert not page.versions[0].late

    asyncio.run(run())


def test_a_file_that_changed_after_the_check_is_not_handed_in(room: Classroom, tmp_path: Path) -> None:
    async def run() -> None:
        student = room.students[1]
        path = pdfs.sample(tmp_path)
        checked = await submit.check(student, assignment=room.assignment, path=path)
        path.write_bytes(path.read_bytes() + b"\n% more")
        with pytest.raises(BadFile, match="changed"):
            await submit.submit(student, assignment=room.assignment, checked=checked)
        page = await submit.assignment_page(student, assignment=room.assignment)
        assert not page.versions
        assert not page.pending

    asyncio.run(run())


def test_points_above_the_maximum_of_a_modified_app_are_flagged_and_held(room: Classroom) -> None:
    async def run() -> None:
        staff = room.instructor
        assignment, student = room.assignment, room.students[0].person
        reader = await staff.opener.staff_reader(room.course)
        await staff.send(
            lambda place: GradeDraft(
                assignment,
                student.number,
                None,
                None,
                seal_item(
                    (POINTS * 5, "Best ever"),
                    place.context(GRADE, room.course, assignment),
                    staff=reader,
                    student=None,
                ),
            ),
            label="Too much",
        )

        async def written() -> grading.StudentRow | None:
            rows = (await grading.grading_room(staff, assignment=assignment)).rows
            row = next(row for row in rows if row.student == student.number)
            return row if row.written else None

        row = await eventually(written)
        assert row.written is not None
        assert row.written.over_maximum
        preview = await grading.release_preview(staff, assignment=assignment)
        line = next(line for line in preview.lines if line.student == student.number)
        assert not line.will_see
        assert line.reason == "points above the maximum"
        with pytest.raises(BadInput):
            await grading.release(staff, preview=preview)
        with pytest.raises(BadInput, match="more than the 20 possible"):
            await grading.save_draft(
                staff, assignment=assignment, row=row, points=POINTS + 1, feedback="Still too much"
            )

    asyncio.run(run())


def test_a_grade_of_garbage_hides_no_other_and_can_be_replaced(room: Classroom) -> None:
    async def run() -> None:
        staff, student = room.instructor, room.students[0].person
        assignment = await new_assignment(room)
        garbage = Sealed(b"garbage", bytes(32), Slot(1, bytes(112)), None)
        await staff.send(GradeDraft(assignment, student.number, None, None, garbage), label="Garbage")
        row = await _row(room, assignment)
        assert row.written is not None
        assert row.written.problem
        assert (row.written.points, row.written.feedback) == (None, "")
        book = await gradebook.gradebook(staff, course=room.course)
        assert {line.login for line in book.lines} >= {MIA}
        (line,) = [
            line
            for line in (await grading.release_preview(staff, assignment=assignment)).lines
            if line.student == student.number
        ]
        assert (line.will_see, line.reason) == (False, "cannot be opened")
        await grading.save_draft(staff, assignment=assignment, row=row, points=500, feedback="Sound")
        written = (await _row(room, assignment)).written
        assert written == grading.GradeValue(500, "Sound")

    asyncio.run(run())


def test_a_version_made_on_two_seats_at_once_is_kept_beside_and_the_first_counts(
    room: Classroom, tmp_path: Path
) -> None:
    async def run() -> None:
        link, user_data = _link(room)
        assignment, mia = await new_assignment(room), room.students[0]
        other = await signin.sign_in(link, login=MIA, passphrase=room.passphrase(MIA), user_data=user_data)
        checked = await asyncio.gather(
            *(
                submit.check(
                    session, assignment=assignment, path=pdfs.unlike_any_other(tmp_path, f"{seed}.pdf", seed)
                )
                for seed, session in enumerate((mia, other))
            )
        )
        items = await asyncio.gather(
            *(
                submit.submit(session, assignment=assignment, checked=one)
                for session, one in zip((mia, other), checked, strict=True)
            )
        )
        for item in items:
            await submit.follow(mia, item=item, until=ItemState.ACCEPTED)
        row = await _row(room, assignment)
        assert len(row.versions) == 2
        (beside,) = [version for version in row.versions if version.row.beside]
        assert row.counting is not None
        assert row.counting != beside
        await grading.save_draft(room.instructor, assignment=assignment, row=row, points=1, feedback="")
        to_grade = (await today.instructor_today(room.instructor)).to_grade
        assert next(line for line in to_grade if line.assignment == assignment).to_grade == 0

    asyncio.run(run())


async def _row(room: Classroom, assignment: int) -> grading.StudentRow:
    """What the grading room says of the first student."""
    rows = (await grading.grading_room(room.instructor, assignment=assignment)).rows
    return next(row for row in rows if row.login == MIA)
