"""A class on real node processes: a school, an instructor, students, a course with one assignment."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lms_desktop.client import course, people, submit
from lms_desktop.client.protocol import ItemState, OutboxItem
from lms_desktop.client.session import Session
from lms_desktop.demo.school import INSTRUCTOR, STUDENTS, DemoSchool
from lms_desktop.school.queries.work import AssignmentRow

HOUR_MS = 60 * 60 * 1000
DAY_MS = 24 * HOUR_MS
POINTS = 2000
WAIT_S = 60.0

T = TypeVar("T")


@dataclass
class Classroom:
    """Everyone is signed in: the administrator on the first seat, the students on the last one."""

    school: DemoSchool
    admin: Session
    instructor: Session
    students: list[Session]
    course: int
    assignment: int

    def passphrase(self, login: str) -> str:
        """The passphrase that a person was shown at the first sign-in."""
        return next(person.passphrase for person in self.school.people if person.login == login)


async def open_classroom(school: DemoSchool, *, students: int = 1, due_ms: int | None = None) -> Classroom:
    """Found the school on the seats of `school` and fill it."""
    admin = await school.found()
    slips = [await people.add_person(admin, person=person) for person in (INSTRUCTOR, *STUDENTS[:students])]
    first, last = school.seats[0], school.seats[-1]
    instructor = await school.first_sign_in(first, slips[0])
    pupils = [await school.first_sign_in(last, slip) for slip in slips[1:]]
    made = await course.create_course(instructor, code="T-1", title="Testing")
    await course.enrol(instructor, course=made.made, students=tuple(one.person.number for one in pupils))
    room = Classroom(school, admin, instructor, pupils, made.made, 0)
    room.assignment = await new_assignment(room)
    return room


@asynccontextmanager
async def classroom(
    folder: Path, seats: tuple[str, ...] = ("A",), *, students: int = 1
) -> AsyncIterator[Classroom]:
    """A classroom whose machines are stopped at the end."""
    school = DemoSchool(folder, seats)
    try:
        yield await open_classroom(school, students=students)
    finally:
        school.close()


async def new_assignment(room: Classroom, *, due_in_ms: int = DAY_MS) -> int:
    """Set an assignment and wait until it has come to the students' machine."""
    sent = await course.add_assignment(
        room.instructor,
        course=room.course,
        title=f"Work {time.monotonic_ns()}",
        text="Hand in a PDF.",
        due_ms=int(time.time() * 1000) + due_in_ms,
        points=POINTS,
    )

    async def arrived() -> bool:
        return bool(await room.students[0].query(AssignmentRow, "assignment", sent.made))

    await eventually(arrived)
    return sent.made


async def eventually(look: Callable[[], Awaitable[T | None]], *, timeout_s: float = WAIT_S) -> T:
    """Look again until there is something (not None, not False), with a deadline."""
    async with asyncio.timeout(timeout_s):
        while True:
            if found := await look():
                return found
            await asyncio.sleep(0.05)


async def hand_in(
    session: Session, assignment: int, path: Path, *, until: ItemState = ItemState.ACCEPTED
) -> OutboxItem:
    """Hand in a file and wait until it is as far as `until`."""
    checked = await submit.check(session, assignment=assignment, path=path)
    item = await submit.submit(session, assignment=assignment, checked=checked)
    return await submit.follow(session, item=item, until=until)
