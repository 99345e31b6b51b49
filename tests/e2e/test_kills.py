"""Kills at ten points of a submission's way: of the leader, a follower, the student's node, and the app.

After each, exactly one submission is there, its file is the one handed in, and its receipt is true.
"""

import asyncio
import hashlib
import json
import os
import random
import signal
from pathlib import Path

import pytest

from lms_desktop.children import child_command, child_environment
from lms_desktop.client import receipts, signin, submit
from lms_desktop.client.drafts import Drafts
from lms_desktop.client.errors import NodeRefused
from lms_desktop.client.protocol import ItemState, OutboxItem
from lms_desktop.client.session import Session
from lms_desktop.demo.cast import grow_pdf, sha256_of
from lms_desktop.demo.handing_in import verify_on
from lms_desktop.demo.school import STUDENTS, wait_for_voters
from lms_desktop.demo.seats import Seat
from tests.client import pdfs
from tests.e2e.lab import Classroom, eventually, new_assignment
from tests.e2e.node_that_kills import ORDER

pytestmark = pytest.mark.timeout(180)

SEED = 20_260_102
CHUNKS = 6

POINTS_OF_A_KEEPER = ("keep-before-ticket", "keep-after-ticket")
POINTS_ON_THE_WAY = (
    "chunk-stored",
    "all-chunks-stored",
    "outbox-before-fsync",
    "outbox-after-fsync",
    *POINTS_OF_A_KEEPER,
    "before-proposal",
    "after-proposal",
    "before-acknowledgement",
    "before-receipt",
)
VICTIMS = ("leader", "follower", "student", "app")


def _work(folder: Path, seed: int) -> Path:
    extra = random.Random(seed).randbytes((CHUNKS - 1) * 1024 * 1024 + 777)
    return grow_pdf(pdfs.sample(folder), folder / "work.pdf", extra)


async def _seat(lab: Classroom, role: str) -> Seat:
    """The machine of that role; the student's own never plays the leader or the follower here."""
    *others, own = lab.school.seats
    if role == "student":
        return own
    for seat in others:
        if ((await seat.status()).role == "leader") is (role == "leader"):
            return seat
    raise AssertionError(f"there is no {role}")


async def _let_another_machine_lead(lab: Classroom) -> None:
    """See to it that the student's machine does not lead, so that the leader can be another victim."""
    await wait_for_voters(lab.school.seats)
    own = lab.school.seats[-1]
    while (await own.status()).role == "leader":
        own.kill()

        async def led() -> bool:
            return any([(await seat.status()).role == "leader" for seat in lab.school.seats[:-1]])

        await eventually(led)
        await own.restart()
        await wait_for_voters(lab.school.seats)


class Order:
    """What the node on a seat is told: to kill a process when it passes a point."""

    def __init__(self, seat: Seat, point: str, times: int) -> None:
        self._file = seat.folder / ORDER
        self._when = f"{point} {times}"

    def give(self, victim: int) -> None:
        """Kill this process then."""
        self._file.write_text(f"{self._when} {victim}")

    @property
    def carried_out(self) -> bool:
        """The node came to the point; what died before died of something else."""
        return not self._file.exists()


async def _exactly_one(
    lab: Classroom, student: Session, assignment: int, item: OutboxItem, path: Path
) -> None:
    item = await submit.follow(student, item=item)
    assert item.state is ItemState.SAFE
    page = await submit.assignment_page(student, assignment=assignment)
    assert [version.number for version in page.versions] == [1]
    version = page.versions[0]
    opened, _ = await submit.open_version(student, version=version)
    assert hashlib.sha256(opened).digest() == sha256_of(path)
    receipt = await receipts.receipt(student, version=version, safe=True, timeout_s=30)
    assert receipt.sha256 == sha256_of(path)
    saved = await receipts.save_receipt(student, receipt=receipt, destination=path.with_name("receipt.pdf"))
    judge, *_, own = lab.school.seats
    accepted = (await own.status()).applied

    async def reached() -> bool:
        return (await judge.status()).applied >= accepted

    await eventually(reached)  # it may be the machine that was killed, and still be catching up
    status, said = await verify_on(saved, judge)
    assert status == 0, said


@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("point", POINTS_ON_THE_WAY)
def test_a_kill_at_a_point_loses_and_doubles_nothing(
    lab: Classroom, tmp_path: Path, victim: str, point: str
) -> None:
    seed = SEED + 10 * VICTIMS.index(victim) + POINTS_ON_THE_WAY.index(point)
    times = random.Random(seed).randrange(CHUNKS) if point == "chunk-stored" else 0
    print(f"seed {seed}: the {victim} is killed at {point} after that was passed {times} times")

    async def run() -> None:
        await _let_another_machine_lead(lab)
        assignment = await new_assignment(lab)
        path = _work(tmp_path, seed)
        watched = victim if victim in ("leader", "follower") else "follower"
        passes = await _seat(lab, watched if point in POINTS_OF_A_KEEPER else "student")
        order = Order(passes, point, times)
        if victim == "app":
            await _killed_app(lab, assignment, path, order)
            return
        student = lab.students[0]
        machine = await _seat(lab, victim)
        checked = await submit.check(student, assignment=assignment, path=path)
        assert machine.pid is not None
        order.give(machine.pid)
        handing_in = asyncio.create_task(submit.submit(student, assignment=assignment, checked=checked))

        async def dead() -> bool:
            return not machine.alive

        await eventually(dead)
        assert order.carried_out
        await machine.restart()
        await _exactly_one(lab, student, assignment, await handing_in, path)

    asyncio.run(run())


async def _killed_app(lab: Classroom, assignment: int, path: Path, order: Order) -> None:
    """Hand in with an app of its own, which is killed; the next sign-in goes on with what it left."""
    own, login = lab.school.seats[-1], STUDENTS[0].login
    passphrase = lab.passphrase(login)
    app = await asyncio.create_subprocess_exec(
        *child_command("pupil"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        env=child_environment(),
    )
    order.give(app.pid)
    task = {
        "data": str(own.data),
        "user_data": str(own.user_data),
        "login": login,
        "passphrase": passphrase,
        "assignment": assignment,
        "path": str(path),
    }
    await app.communicate(json.dumps(task).encode() + os.linesep.encode())
    assert app.returncode == -signal.SIGKILL, "the app ended before it was killed"
    assert order.carried_out
    session = await signin.sign_in(own.link, login=login, passphrase=passphrase, user_data=own.user_data)
    left = await submit.unfinished(session)
    if left:
        item = await submit.resume(session, unfinished=left[0])
    else:
        handed_in = [item for item in await session.outbox() if item.manifest is not None]
        item = max(handed_in, key=lambda item: item.queued_ms)
    await _exactly_one(lab, session, assignment, item, path)
    assert not await submit.unfinished(session)
    session.sign_out()


def test_an_app_that_dies_right_after_the_hand_in_was_saved_does_not_hand_in_twice(
    lab: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        student = lab.students[0]
        assignment = await new_assignment(lab)
        path = pdfs.sample(tmp_path)
        checked = await submit.check(student, assignment=assignment, path=path)
        with monkeypatch.context() as dying:
            dying.setattr(Drafts, "forget", lambda drafts, name: None)
            item = await submit.submit(student, assignment=assignment, checked=checked)
        assert list(student.drafts.names("submit/"))
        assert not await submit.unfinished(student), "it is in the outbox: nothing to go on with"
        twice = submit.Unfinished(assignment, "", "", path, checked.sha256, item.lane, file_there=True)
        with pytest.raises(NodeRefused):
            await submit.resume(student, unfinished=twice)
        await _exactly_one(lab, student, assignment, item, path)

    asyncio.run(run())
