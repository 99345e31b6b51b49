"""Ten kills at named points of a submission's way: leader, follower, the student's node and app.

After each, exactly one submission is there, its file is the one handed in, and its receipt is true.
"""

import asyncio
import hashlib
import json
import os
import random
from pathlib import Path

import pytest

from lms_desktop.client import receipts, signin, submit
from lms_desktop.client.children import child_command, child_environment
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

pytestmark = pytest.mark.timeout(180)

SEED = 20_260_102
CHUNKS = 6

NODE_POINTS = [
    ("student", "chunk-stored"),
    ("student", "all-chunks-stored"),
    ("student", "outbox-before-fsync"),
    ("student", "outbox-after-fsync"),
    ("student", "after-proposal"),
    ("student", "before-acknowledgement"),
    ("leader", "keep-before-ticket"),
    ("follower", "keep-after-ticket"),
]
APP_POINTS = [0.0, 0.5]


def _work(folder: Path, seed: int) -> Path:
    extra = random.Random(seed).randbytes((CHUNKS - 1) * 1024 * 1024 + 777)
    return grow_pdf(pdfs.sample(folder), folder / "work.pdf", extra)


async def _victim(lab: Classroom, role: str) -> Seat:
    """The machine of that role; the student's own never plays the leader or the follower here."""
    *others, own = lab.school.seats
    if role == "student":
        return own
    statuses = [await seat.status() for seat in others]
    leads = [status.role == "leader" for status in statuses]
    if role == "leader":
        return others[leads.index(True)]
    return others[leads.index(False)]


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


async def _reborn(seat: Seat) -> None:
    """Wait until the seat's node died as it was told, and start it again."""

    async def dead() -> bool:
        return not seat.alive

    await eventually(dead)
    assert not (seat.folder / "die-at").exists(), "the node died of something else"
    await seat.restart()


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
    status, said = await verify_on(saved, lab.school.seats[0])
    assert status == 0, said


@pytest.mark.parametrize(("role", "point"), NODE_POINTS)
def test_a_node_killed_at_a_point_loses_and_doubles_nothing(
    lab: Classroom, tmp_path: Path, role: str, point: str
) -> None:
    seed = SEED + NODE_POINTS.index((role, point))
    times = random.Random(seed).randrange(CHUNKS) if point == "chunk-stored" else 0
    print(f"seed {seed}: {role} dies at {point} after passing it {times} times")

    async def run() -> None:
        student = lab.students[0]
        await _let_another_machine_lead(lab)
        assignment = await new_assignment(lab)
        victim = await _victim(lab, role)
        path = _work(tmp_path, seed)
        checked = await submit.check(student, assignment=assignment, path=path)
        (victim.folder / "die-at").write_text(f"{point} {times}")
        handing_in = asyncio.create_task(submit.submit(student, assignment=assignment, checked=checked))
        await _reborn(victim)
        await _exactly_one(lab, student, assignment, await handing_in, path)

    asyncio.run(run())


@pytest.mark.parametrize("share", APP_POINTS)
def test_an_app_killed_while_it_hands_in_goes_on_at_the_next_sign_in(
    lab: Classroom, tmp_path: Path, share: float
) -> None:
    seed = SEED + 100 + APP_POINTS.index(share)
    print(f"seed {seed}: the app dies once {share:.0%} of the file is in")
    own = lab.school.seats[-1]
    login = STUDENTS[0].login

    async def run() -> None:
        assignment = await new_assignment(lab)
        path = _work(tmp_path, seed)
        task = {
            "data": str(own.data),
            "user_data": str(own.user_data),
            "login": login,
            "passphrase": lab.passphrase(login),
            "assignment": assignment,
            "path": str(path),
        }
        await _app_killed(task, share)
        session = await signin.sign_in(
            own.link, login=login, passphrase=lab.passphrase(login), user_data=own.user_data
        )
        (left,) = await submit.unfinished(session)
        assert left.file_there
        item = await submit.resume(session, unfinished=left)
        await _exactly_one(lab, session, assignment, item, path)
        assert not await submit.unfinished(session)

    asyncio.run(run())


async def _app_killed(task: dict[str, object], share: float) -> None:
    app = await asyncio.create_subprocess_exec(
        *child_command("pupil"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=child_environment() | {"PYTHONUNBUFFERED": "1"},
    )
    assert app.stdin is not None
    assert app.stdout is not None
    app.stdin.write(json.dumps(task).encode() + os.linesep.encode())
    async with asyncio.timeout(60):
        while True:
            step = json.loads(await app.stdout.readline())
            assert step["state"] is None, "the file was in before the app could be killed"
            if step["done"] >= share * step["total"]:
                break
    app.kill()
    await app.wait()


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
