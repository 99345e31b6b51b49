"""The story's middle: a hand-in with its receipt, and the two that are cut off by a kill."""

import asyncio
import hashlib
import json
import os
import subprocess
from pathlib import Path

from lms_desktop.children import child_command, child_environment
from lms_desktop.client import course, receipts, submit, today
from lms_desktop.client.documents import RECEIPT_ATTACHMENT
from lms_desktop.client.protocol import ItemState
from lms_desktop.client.session import Session
from lms_desktop.client.work import Version
from lms_desktop.demo.cast import Cast, StoryFailed, expect, grow_pdf, sha256_of, until
from lms_desktop.demo.opening import MATERIAL
from lms_desktop.demo.school import STUDENTS
from lms_desktop.demo.seats import Seat
from lms_desktop.resources import resource

MIA, YUSUF, ZOFIA = (student.login for student in STUDENTS)
BIG_BYTES = 24 * 1024 * 1024
VERIFY_S = 60.0


async def hand_in(cast: Cast) -> None:
    """Today, material, preflight, submission with true progress, receipt, and its verification offline."""
    mia = await cast.sign_in(MIA, cast.seats["C"])

    async def due() -> today.DueItem | None:
        items = (await today.student_today(mia)).due
        return items[0] if items else None

    item = await until(due, "The assignment does not appear on the student's Today.")
    expect(item.sentence == "3 days to submit", f"Today says “{item.sentence}”, not “3 days to submit”.")
    data = await course.open_material(mia, material=cast.material)
    original = resource(*MATERIAL).read_bytes()
    expect(data == original, "The material in the app is not the PDF that was uploaded.")
    copy = await course.save_material(mia, material=cast.material, destination=cast.folder / "copy.pdf")
    expect(copy.read_bytes() == original, "The saved copy of the material is not the same.")

    await _submit(cast, mia, cast.first_pdf)
    version = (await submit.assignment_page(mia, assignment=cast.assignment)).versions[0]
    opened, _ = await submit.open_version(mia, version=version)
    expect(opened == cast.first_pdf.read_bytes(), "What the class holds is not the file handed in.")
    again = await submit.check(mia, assignment=cast.assignment, path=cast.first_pdf)
    expect(again.identical, "The preflight does not notice the same file a second time.")
    await _receive_receipt(cast, mia, version)


async def _submit(cast: Cast, session: Session, path: Path) -> None:
    checked = await submit.check(session, assignment=cast.assignment, path=path)
    expect(checked.pages > 0 and not checked.identical, "The preflight is wrong about a new PDF.")
    _note_input(cast, session.person.login, path)
    steps: list[submit.Step] = []
    item = await submit.submit(session, assignment=cast.assignment, checked=checked, on_step=steps.append)
    sealed = [step.done for step in steps]
    expect(bool(sealed) and sealed[-1] == checked.size, "The progress does not reach the file's size.")
    item = await submit.follow(session, item=item, on_step=steps.append)
    expect(item.state is ItemState.SAFE, f"The submission is only {item.state}, not safe on other machines.")
    expect(sorted(sealed) == sealed, "The progress went backwards.")


def _note_input(cast: Cast, login: str, path: Path) -> None:
    cast.handed_in[login] = path
    cast.report.inputs[path.name] = sha256_of(path).hex()


async def _receive_receipt(cast: Cast, session: Session, version: Version) -> None:
    receipt = await receipts.receipt(session, version=version, safe=True)
    path = cast.handed_in[session.person.login]
    expect(receipt.sha256 == sha256_of(path), "The receipt states another SHA-256 than the file's.")
    expect(receipt.state is ItemState.SAFE, "The receipt does not say that the work is safe.")
    expect(len(receipt.holders) >= 2, "The receipt names fewer than two machines that hold the work.")
    name = f"receipt-{session.person.login}-{version.number}.pdf"
    saved = await receipts.save_receipt(session, receipt=receipt, destination=cast.folder / name)
    cast.receipts.append(saved)
    cast.report.receipts.append(
        {
            "student": session.person.login,
            "short_code": receipt.short_code,
            "sha256": receipt.sha256.hex(),
            "state": str(receipt.state),
            "accepted_ms": receipt.accepted_ms,
            "signed_by": receipt.signed_by,
            "holders": list(receipt.holders),
            "file": name,
        }
    )
    await verify(cast, saved, cast.seats["A"])


async def verify(cast: Cast, receipt: Path, seat: Seat) -> None:
    """`lms-desktop verify` on a machine: a true receipt passes, the same with one bit changed does not."""
    status, said = await verify_on(receipt, seat)
    expect(status == 0, f"A true receipt does not verify on machine {seat.name}: {said}")
    forged = cast.folder / f"forged-{receipt.name}"
    forged.write_bytes(_tampered(receipt))
    status, said = await verify_on(forged, seat)
    expect(status != 0, f"A tampered receipt verifies on machine {seat.name}: {said}")
    forged.unlink()


async def verify_on(receipt: Path, seat: Seat) -> tuple[int, str]:
    """The exit status of `lms-desktop verify` on a machine, and what it said."""
    command = child_command("verify", "--data", str(seat.data), str(receipt))
    done = await asyncio.to_thread(
        subprocess.run, command, env=child_environment(), capture_output=True, text=True, timeout=VERIFY_S
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def _tampered(receipt: Path) -> bytes:
    """The machine-readable receipt of a PDF with one bit of the file's SHA-256 (its last field) changed."""
    from pypdf import PdfReader

    raw = bytearray(PdfReader(receipt).attachments[RECEIPT_ATTACHMENT][0])
    raw[-1] ^= 1
    return bytes(raw)


async def kill_leader(cast: Cast) -> None:
    """Another student submits; the leader is killed in mid-upload: nothing is lost or doubled."""
    leader = await cast.leader()
    before = (await leader.status()).leader
    seat = next(seat for seat in reversed(cast.school_seats) if seat is not leader)
    session = await cast.sign_in(YUSUF, seat)
    path = _big_pdf(cast, "sample-halving-2.pdf", "yusuf.pdf")
    checked = await submit.check(session, assignment=cast.assignment, path=path)
    _note_input(cast, YUSUF, path)
    item = await submit.submit(session, assignment=cast.assignment, checked=checked)

    def kill_in_mid_upload(step: submit.Step) -> None:
        if leader.alive and step.item is not None and not step.item.state.settled:
            cast.kill(leader)

    item = await submit.follow(session, item=item, until=ItemState.ACCEPTED, on_step=kill_in_mid_upload)
    expect(not leader.alive, "The upload was over before the leader could be killed.")
    expect(item.state in (ItemState.ACCEPTED, ItemState.SAFE), f"The submission is only {item.state}.")
    after = (await (await cast.leader(besides=before)).status()).leader
    cast.report.leaders.append({"before": before, "after": after})
    await leader.restart()
    item = await submit.follow(session, item=item)
    expect(item.state is ItemState.SAFE, "With the third machine back the submission does not become safe.")
    await _one_version(cast, session, 1)


async def kill_student(cast: Cast) -> None:
    """A student's app and node are killed in mid-upload; at the next start the work is there and goes on."""
    seat = cast.seats["C"]
    account = cast.accounts[MIA]
    cast.sessions.pop(MIA).sign_out()
    before = (await (await cast.leader()).status()).leader
    path = _big_pdf(cast, "sample-halving-1.pdf", "mia-2.pdf")
    _note_input(cast, MIA, path)
    task = {
        "data": str(seat.data),
        "user_data": str(seat.user_data),
        "login": account.login,
        "passphrase": account.passphrase,
        "assignment": cast.assignment,
        "path": str(path),
    }
    pid = await _kill_app_in_mid_upload(task)
    cast.report.killed.append(pid)
    cast.kill(seat)
    await cast.leader()  # the class goes on without this machine
    await seat.restart()
    session = await cast.sign_in(MIA, seat)
    unfinished = await submit.unfinished(session)
    if unfinished:
        expect(len(unfinished) == 1 and unfinished[0].file_there, "The cut-off hand-in is not offered again.")
        item = await submit.resume(session, unfinished=unfinished[0])
    else:
        waiting = [item for item in await session.outbox() if item.manifest is not None]
        expect(bool(waiting), "The work is not there after the kill.")
        item = waiting[-1]
    item = await submit.follow(session, item=item)
    expect(item.state is ItemState.SAFE, "The cut-off submission does not become safe.")
    expect(not await submit.unfinished(session), "The finished hand-in is still called unfinished.")
    after = (await (await cast.leader()).status()).leader
    cast.report.leaders.append({"before": before, "after": after})
    await _one_version(cast, session, 2)


async def _kill_app_in_mid_upload(task: dict[str, object]) -> int:
    """Start a student's app in its own process and kill it when half of the file is in; returns its pid."""
    app = await asyncio.create_subprocess_exec(
        *child_command("pupil"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=child_environment(),
    )
    assert app.stdin is not None
    assert app.stdout is not None
    app.stdin.write(json.dumps(task).encode() + b"\n")
    await app.stdin.drain()
    try:
        while line := await app.stdout.readline():
            step = json.loads(line)
            if step["state"] is None and 2 * step["done"] >= step["total"]:
                app.kill()
                await app.wait()
                return app.pid
    finally:
        if app.returncode is None:
            app.kill()
        await app.wait()
    raise StoryFailed("The student's app ended before it could be killed.")


async def _one_version(cast: Cast, session: Session, number: int) -> None:
    """Exactly `number` versions, the newest of them the file handed in last, with a true receipt."""
    page = await submit.assignment_page(session, assignment=cast.assignment)
    expect(len(page.versions) == number, f"There are {len(page.versions)} versions, not {number}.")
    newest = page.versions[0]
    expect(newest.number == number, "The versions are not counted one by one.")
    opened, _ = await submit.open_version(session, version=newest)
    same = hashlib.sha256(opened).digest() == sha256_of(cast.handed_in[session.person.login])
    expect(same, "What the class holds is not the file handed in.")
    await _receive_receipt(cast, session, newest)


def _big_pdf(cast: Cast, sample: str, name: str) -> Path:
    return grow_pdf(resource("courses", sample), cast.folder / name, os.urandom(BIG_BYTES))
