"""The demo's school: founded on the first seat, joined by the others, seeded with two courses and people."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from lms_desktop.client import course, grading, machines, people, setup, signin, submit
from lms_desktop.client.errors import SignInFailed
from lms_desktop.client.people import NewPerson, Slip
from lms_desktop.client.protocol import ItemState
from lms_desktop.client.session import Role, Session
from lms_desktop.demo.seats import Seat, close_seats, make_seats
from lms_desktop.demo.talk import talk
from lms_desktop.resources import resource
from lms_desktop.school import deadlines

SCHOOL = "Harbour School"
ZONE = "Europe/Oslo"
SEATS = ("A", "B", "C")
VOTERS_S = 30.0
ARRIVAL_S = 10.0
_POLL_S = 0.1

ADMINISTRATOR = NewPerson("ines", "Ines Dahl", Role.ADMINISTRATOR)
INSTRUCTOR = NewPerson("omar", "Omar Haddad", Role.INSTRUCTOR)
STUDENTS = (
    NewPerson("mia", "Mia Larsen"),
    NewPerson("yusuf", "Yusuf Demir"),
    NewPerson("zofia", "Zofia Nowak"),
)


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody of the demo, with the passphrase that only they would know."""

    name: str
    login: str
    role: Role
    passphrase: str = field(repr=False)


class DemoSchool:
    """Three machines and a school on them; what the seat chooser shows and does."""

    def __init__(
        self, folder: Path, names: tuple[str, ...] = SEATS, *, command: tuple[str, ...] | None = None
    ) -> None:
        self.folder = folder
        self.seats: tuple[Seat, ...] = make_seats(folder, names, command=command)
        self.people: list[DemoPerson] = []

    def seat(self, name: str) -> Seat:
        """The seat of that name."""
        return next(seat for seat in self.seats if seat.name == name)

    async def kill(self, seat: Seat) -> int | None:
        """Cut the power of a machine; returns the process id."""
        return await asyncio.to_thread(seat.kill)

    async def restart(self, seat: Seat) -> None:
        """Switch a machine on again and wait until it answers."""
        await seat.restart()

    async def status(self, seat: Seat) -> str:
        """What the machine is at present: off, starting, learner, voter, leader, ..."""
        if not seat.alive:
            return "off"
        if not seat.link.connected:
            return "starting"
        return (await seat.status(timeout_s=2.0)).role

    def close(self) -> None:
        """Stop every machine."""
        close_seats(self.seats)

    async def found(self) -> Session:
        """Found the school on the first seat, let the others join, and wait until all vote."""
        first, *others = self.seats
        for seat in self.seats:
            seat.start()
        await asyncio.gather(*(seat.ready() for seat in self.seats))
        founded = await setup.create_school(
            first.link,
            school=SCHOOL,
            zone=ZONE,
            administrator_name=ADMINISTRATOR.name,
            administrator_login=ADMINISTRATOR.login,
            kit=self.folder / "recovery-kit.pdf",
            user_data=first.user_data,
        )
        self._add(ADMINISTRATOR, founded.passphrase)
        file = await machines.make_provisioning(
            founded.session, destination=self.folder / "provisioning.json"
        )
        await asyncio.gather(*(setup.join_school(seat.link, provisioning=file) for seat in others))
        await wait_for_voters(self.seats)
        return founded.session

    async def seed(self, say: Callable[[str], None]) -> None:
        """Fill the school: people of each role, two courses with their PDFs, work handed in and graded."""
        say("Founding the school on machine A; B and C join")
        administrator = await self.found()
        say("Adding people")
        slips = [await people.add_person(administrator, person=person) for person in (INSTRUCTOR, *STUDENTS)]
        instructor, *students = [
            await self.first_sign_in(self.seats[place % len(self.seats)], slip)
            for place, slip in enumerate(slips, start=1)
        ]
        everyone = tuple(student.person.number for student in students)
        talked_of: list[tuple[int, int]] = []
        for number, text in enumerate(_courses(), start=1):
            say(f"Filling the course {text['title']}")
            talked_of.append(await self._seed_course(instructor, students, everyone, text, number))
        say("The tutor reads the pages; questions are asked and answered")
        await talk(instructor, students, *talked_of[0])
        for session in (administrator, instructor, *students):
            session.sign_out()

    async def first_sign_in(self, seat: Seat, slip: Slip) -> Session:
        """Use a slip at a seat, once it has reached that machine; the person is then one of `people`.

        Raises SignInFailed when it does not work there.
        """
        give_up = time.monotonic() + ARRIVAL_S
        while True:
            try:
                return await self._use_slip(seat, slip)
            except SignInFailed:
                if time.monotonic() > give_up:
                    raise
            await asyncio.sleep(_POLL_S)

    async def _use_slip(self, seat: Seat, slip: Slip) -> Session:
        first = await signin.open_invitation(seat.link, words=slip.words, user_data=seat.user_data)
        session = await first.publish()
        self._add(NewPerson(slip.login, slip.name, slip.role), first.passphrase)
        return session

    async def _seed_course(
        self,
        instructor: Session,
        students: list[Session],
        everyone: tuple[int, ...],
        text: dict[str, Any],
        number: int,
    ) -> tuple[int, int]:
        """Fill one course; returns its reference, and that of its first assignment."""
        code = f"{''.join(word[0] for word in text['title'].split()).upper()}-{number}"
        made = (
            await course.create_course(instructor, code=code, title=text["title"], description=text["text"])
        ).made
        await course.enrol(instructor, course=made, students=everyone)
        for material in text["materials"]:
            await course.add_material(
                instructor, course=made, title=material["title"], path=resource("courses", material["file"])
            )
        assignments = []
        for place, assignment in enumerate(text["assignments"]):
            sent = await course.add_assignment(
                instructor,
                course=made,
                title=assignment["title"],
                text=assignment["text"],
                due_ms=due_in_days(assignment["due_in_days"], assignment["due_at"]),
                points=assignment["points"] * 100,
                path=resource("courses", assignment["file"]),
            )
            assignments.append(sent.made)
            for student, sample in zip(students, assignment["samples"], strict=False):
                await hand_in(student, sent.made, resource("courses", sample))
            if number == 1 and place == 0:
                await self._grade_one(instructor, sent.made, students[0])
        return made, assignments[0]

    async def _grade_one(self, instructor: Session, assignment: int, student: Session) -> None:
        room = await grading.grading_room(instructor, assignment=assignment)
        row = next(row for row in room.rows if row.student == student.person.number)
        await grading.save_draft(
            instructor,
            assignment=assignment,
            row=row,
            points=room.points * 9 // 10,
            feedback="A clear trace. In question 2 say why the loop ends.",
        )
        preview = await grading.release_preview(instructor, assignment=assignment)
        await grading.release(instructor, preview=preview)

    def _add(self, person: NewPerson, passphrase: str) -> None:
        self.people.append(DemoPerson(person.name, person.login, person.role, passphrase))


async def hand_in(session: Session, assignment: int, path: Path) -> None:
    """Hand in a file as a student and wait until it is accepted."""
    checked = await submit.check(session, assignment=assignment, path=path)
    item = await submit.submit(session, assignment=assignment, checked=checked)
    await submit.follow(session, item=item, until=ItemState.ACCEPTED)


async def wait_for_voters(seats: tuple[Seat, ...], *, timeout_s: float = VOTERS_S) -> None:
    """Wait until all machines vote, one of them leads, and all know which. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while True:
            roles = [await seat.status() for seat in seats]
            leading = [status for status in roles if status.role == "leader"]
            if len(leading) == 1 and all(
                status.role in ("leader", "voter") and status.leader == leading[0].leader for status in roles
            ):
                return
            await asyncio.sleep(_POLL_S)


def due_in_days(days: int, clock: str) -> int:
    """A due time in UTC ms: so many days from today at a clock time of the school."""
    today = datetime.now(deadlines.zone(ZONE)).date()
    hour, minute = map(int, clock.split(":"))
    at = datetime.combine(today + timedelta(days=days), datetime.min.time()).replace(hour=hour, minute=minute)
    return deadlines.from_local(at, ZONE)


def _courses() -> list[dict[str, Any]]:
    document = json.loads(resource("courses", "courses.json").read_text("utf-8"))
    courses: list[dict[str, Any]] = document["courses"]
    return courses
