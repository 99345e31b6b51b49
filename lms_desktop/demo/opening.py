"""The story's first steps: a school is made, people come in, a course is filled."""

import asyncio
import json
import secrets

from lms_desktop.client import course, machines, people, setup, signin
from lms_desktop.client.errors import NodeRefused, SignInFailed
from lms_desktop.client.people import Slip
from lms_desktop.client.session import Role
from lms_desktop.config import Provisioning
from lms_desktop.demo.cast import Cast, StoryFailed, expect, pdf_text, sha256_of, until
from lms_desktop.demo.school import (
    ADMINISTRATOR,
    INSTRUCTOR,
    SCHOOL,
    STUDENTS,
    ZONE,
    due_in_days,
    wait_for_voters,
)
from lms_desktop.demo.seats import Seat
from lms_desktop.resources import resource

POINTS = 2000
REFUSAL_S = 2.0
MATERIAL = ("courses", "searching.pdf")
TASK = ("courses", "halving.pdf")

ROSTER = """\
name;login;role
Mia Larsen;mia;student
Yusuf Demir;yusuf;student
;nobody;student
Zofia Nowak;zofia;student
Mia Again;mia;student
Bad Login;has blanks;student
"""
ROSTER_BAD_LINES = (4, 6, 7)


async def create_school(cast: Cast) -> None:
    """Genesis, recovery kit, joining by a provisioning file, and the refusal of a stranger."""
    first, others, stranger = cast.seats["A"], (cast.seats["B"], cast.seats["C"]), cast.seats["D"]
    for seat in cast.seats.values():
        seat.start()
    await asyncio.gather(*(seat.ready() for seat in cast.seats.values()))
    kit = cast.folder / "recovery-kit.pdf"
    founded = await setup.create_school(
        first.link,
        school=SCHOOL,
        zone=ZONE,
        administrator_name=ADMINISTRATOR.name,
        administrator_login=ADMINISTRATOR.login,
        kit=kit,
        user_data=first.user_data,
    )
    admin = founded.session
    cast.enter(admin, founded.passphrase)
    expect(SCHOOL in pdf_text(kit), "The recovery kit does not name the school.")
    page = await machines.machines_page(admin)
    expect([row.role for row in page.machines] == ["leader"], "A is not the sole voter at the start.")

    file = await machines.make_provisioning(admin, destination=cast.folder / "provisioning.json")
    fields = set(json.loads(file.read_bytes()))
    expected = {"format", "version", "cluster_id", "seeds", "token"}
    expect(fields == expected, "The provisioning file holds more than it must.")
    await asyncio.gather(*(setup.join_school(seat.link, provisioning=file) for seat in others))
    await wait_for_voters((first, *others))

    true_file = Provisioning.from_json(file.read_bytes())
    forged = cast.folder / "forged.json"
    forged.write_bytes(Provisioning(true_file.cluster_id, true_file.seeds, secrets.token_bytes(32)).to_json())
    try:
        await setup.join_school(stranger.link, provisioning=forged, timeout_s=REFUSAL_S)
    except NodeRefused:
        pass
    else:
        raise StoryFailed("A machine without a valid token was let in.")

    async def shown() -> bool:
        return bool((await machines.machines_page(admin)).attempts)

    await until(shown, "The machines page does not show the machine that was refused.")
    listed = len((await machines.machines_page(admin)).machines)
    expect(listed == 3, f"The machines page lists {listed} machines of the school, not 3.")
    stranger.stop()


async def add_people(cast: Cast) -> None:
    """An instructor by hand, students from a CSV with bad rows, slips, and the first sign-in of each."""
    admin = cast.sessions[ADMINISTRATOR.login]
    slips = [await people.add_person(admin, person=INSTRUCTOR)]
    roster = cast.folder / "students.csv"
    roster.write_text(ROSTER, "utf-8-sig")
    preview = await people.preview_roster(admin, path=roster)
    expect(preview.add == STUDENTS, "The preview does not list the three students.")
    bad = tuple(error.line for error in preview.errors)
    expect(bad == ROSTER_BAD_LINES, f"The preview names lines {bad} as bad, not {ROSTER_BAD_LINES}.")
    imported = await people.import_roster(admin, preview=preview)
    expect(not imported.refused, "The class refused a student of the roster.")
    slips += imported.slips
    printed = await people.save_slips(admin, slips=tuple(slips), destination=cast.folder / "slips.pdf")
    text = pdf_text(printed)
    expect(all(slip.words in text for slip in slips), "A printed slip lacks its six words.")
    for seat, slip in zip("BCAC", slips, strict=True):
        await _first_sign_in(cast, cast.seats[seat], slip)
    try:
        seat_c = cast.seats["C"]
        await signin.open_invitation(seat_c.link, words=slips[1].words, user_data=seat_c.user_data)
    except SignInFailed:
        pass
    else:
        raise StoryFailed("A used invitation was taken a second time.")


async def _first_sign_in(cast: Cast, seat: Seat, slip: Slip) -> None:
    async def look() -> signin.FirstSignIn | None:
        try:
            return await signin.open_invitation(seat.link, words=slip.words, user_data=seat.user_data)
        except SignInFailed:
            return None  # it has not reached this machine yet

    first = await until(look, f"The invitation of {slip.name} does not work on machine {seat.name}.")
    words = 4 if slip.role is Role.STUDENT else 6
    expect(len(first.passphrase.split()) == words, "A generated passphrase has the wrong number of words.")
    cast.enter(await first.publish(), first.passphrase)


async def fill_course(cast: Cast) -> None:
    """The instructor signs in on B: course, enrolment, a material, an assignment with its PDF."""
    seat = cast.seats["B"]
    instructor = await cast.sign_in(INSTRUCTOR.login, seat)
    students = tuple(cast.accounts[student.login].number for student in STUDENTS)

    async def known() -> bool:
        listed = {row.person for row in await people.people(instructor) if row.signed_in_before}
        return set(students) <= listed

    await until(known, "The students do not appear on machine B.")
    made = await course.create_course(
        instructor,
        code="ALG-1",
        title="Introduction to Algorithms",
        description="Saying what a program does.",
    )
    cast.course = made.made
    await course.enrol(instructor, course=cast.course, students=students)
    material = await course.add_material(
        instructor, course=cast.course, title="Counting the Cost", path=resource(*MATERIAL)
    )
    cast.material = material.made
    assignment = await course.add_assignment(
        instructor,
        course=cast.course,
        title="Search by Halves",
        text="Trace binary search on a list of your own.",
        due_ms=due_in_days(3, "17:00"),
        points=POINTS,
        path=resource(*TASK),
    )
    cast.assignment = assignment.made
    for name in (MATERIAL, TASK):
        cast.report.inputs[name[-1]] = sha256_of(resource(*name)).hex()
    page = await course.course_page(instructor, course=cast.course)
    expect(page.staff and len(page.members) == 4, "The course page does not show its four members.")
    expect(len(page.materials) == len(page.assignments) == 1, "The course page lacks what was uploaded.")
