"""The story's end: every machine loses its power at once; everything is there when they are switched on."""

import asyncio
import hashlib
from functools import partial

from lms_desktop.client import course, grading, questions, submit
from lms_desktop.client.protocol import NodeStatus
from lms_desktop.demo.cast import Cast, expect, sha256_of, until
from lms_desktop.demo.declining import TO_INSTRUCTOR
from lms_desktop.demo.handing_in import MIA, YUSUF, ZOFIA, verify, verify_on
from lms_desktop.demo.marking import CORRECTED, GRADES
from lms_desktop.demo.opening import MATERIAL, TASK
from lms_desktop.demo.replying import REPLY
from lms_desktop.demo.school import INSTRUCTOR
from lms_desktop.demo.seats import Seat
from lms_desktop.resources import resource
from lms_desktop.school.queries.courses import MaterialRow
from lms_desktop.school.queries.work import AssignmentRow

ORDER = ("C", "A", "B")
AGREE_S = 60.0


async def kill_all(cast: Cast) -> None:
    """SIGKILL to all nodes at once, a start in another order; nothing is lost and all agree."""
    before = (await (await cast.leader()).status()).leader
    for seat in cast.school_seats:
        cast.kill(seat)
    for name in ORDER:
        cast.seats[name].start()
    for name in ORDER:
        await cast.seats[name].ready()
    after = (await (await cast.leader()).status()).leader
    cast.report.leaders.append({"before": before, "after": after})
    await _records(cast)
    await _answers(cast)
    await _receipts(cast)
    await _agreement(cast)
    await _files(cast)


async def _records(cast: Cast) -> None:
    instructor = await cast.sign_in(INSTRUCTOR.login, cast.seats["A"])
    room = await grading.grading_room(instructor, assignment=cast.assignment)
    counts = {row.login: len(row.versions) for row in room.rows}
    expect(counts == {MIA: 2, YUSUF: 1, ZOFIA: 0}, f"The submissions are not what they were: {counts}.")
    expected = {**GRADES, YUSUF: CORRECTED}
    for row in room.rows:
        shown = None if row.shown is None else (row.shown.points, row.shown.feedback)
        expect(shown == expected[row.login], f"The grade of {row.name} is not what it was.")
    mia = await cast.sign_in(MIA, cast.seats["B"])
    page = await submit.assignment_page(mia, assignment=cast.assignment)
    opened, _ = await submit.open_version(mia, version=page.versions[0])
    same = hashlib.sha256(opened).digest() == sha256_of(cast.handed_in[MIA])
    expect(same, "A submission is not the file that was handed in.")


async def _answers(cast: Cast) -> None:
    """The question, its reply, and what was asked of the tutor before it."""
    thread = await questions.thread(cast.sessions[MIA], question=cast.question)
    texts = [post.text for post in thread.posts]
    expect(texts == [TO_INSTRUCTOR, REPLY], "The question and its reply are not what they were.")
    problems = [exchange.problem for exchange in thread.conversation if exchange.problem]
    expect(len(thread.conversation) == 4 and not problems, f"The conversation is not whole: {problems}.")


async def _receipts(cast: Cast) -> None:
    """Every receipt verifies on every machine; a tampered one on none."""
    for seat in cast.school_seats:
        await verify(cast, cast.receipts[0], seat)
        said = await asyncio.gather(*(verify_on(receipt, seat) for receipt in cast.receipts[1:]))
        for status, words in said:
            expect(status == 0, f"A true receipt no longer verifies on machine {seat.name}: {words}")


async def _agreement(cast: Cast) -> None:
    async def look() -> dict[str, NodeStatus] | None:
        found = {seat.name: await seat.status() for seat in cast.school_seats}
        return found if len({status.applied for status in found.values()}) == 1 else None

    statuses = await until(look, "The machines do not come to the same entry.", timeout_s=AGREE_S)
    cast.report.heads = {name: status.head.hex() for name, status in statuses.items()}
    cast.report.digests = {name: status.digest.hex() for name, status in statuses.items()}
    expect(len(set(cast.report.heads.values())) == 1, "The machines' ledgers differ.")
    expect(len(set(cast.report.digests.values())) == 1, "The machines' verdicts differ.")
    alarms = [status.alarm for status in statuses.values() if status.alarm]
    expect(not alarms, f"A machine raised an alarm: {alarms}")


async def _files(cast: Cast) -> None:
    """Every machine holds every clear file on its own disk, and gives it out with the right SHA-256."""
    instructor = cast.sessions[INSTRUCTOR.login]
    material = (await instructor.query(MaterialRow, "material", cast.material, 0))[0]
    task = (await instructor.query(AssignmentRow, "assignment", cast.assignment))[0]
    assert task.manifest is not None
    for seat in cast.school_seats:
        session = await cast.sign_in(INSTRUCTOR.login, seat)
        for manifest, original in ((material.manifest, MATERIAL), (task.manifest, TASK)):
            await until(partial(_holds, seat, manifest), f"Machine {seat.name} does not hold {original[-1]}.")
        data = await course.open_material(session, material=cast.material)
        expect(data == resource(*MATERIAL).read_bytes(), f"Machine {seat.name} has another material.")
        data = await course.open_assignment_pdf(session, assignment=cast.assignment)
        expect(data == resource(*TASK).read_bytes(), f"Machine {seat.name} has another assignment.")


async def _holds(seat: Seat, manifest: bytes) -> bool:
    done, total = await seat.link.call("held", manifest)
    return total is not None and bool(done == total)
