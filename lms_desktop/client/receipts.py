"""Receipts: what a voter signed about a hand-in, completed by the student's own app, saved as a PDF."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from lms_desktop.client import documents
from lms_desktop.client.errors import NodeRefused
from lms_desktop.client.protocol import ItemState
from lms_desktop.client.sealed import SUBMISSION
from lms_desktop.client.session import Session
from lms_desktop.client.work import Version, details_of
from lms_desktop.school import deadlines
from lms_desktop.school.queries.people import MachineRow
from lms_desktop.school.queries.work import StandingRow
from lms_desktop.trust import receipts as trust_receipts
from lms_desktop.trust.errors import TrustError

_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Receipt:
    """A signed statement by a voter of what the class holds; `raw` is what `lms-desktop verify` checks."""

    raw: bytes
    short_code: str
    sha256: bytes
    size: int
    accepted_ms: int
    state: ItemState  # accepted or safe
    holders: tuple[str, ...]
    signed_by: str
    student: str
    course_title: str
    assignment_title: str
    file_name: str
    version: int


async def receipt(
    session: Session, *, version: Version, safe: bool = False, timeout_s: float = 10.0
) -> Receipt:
    """The receipt of one of the signed-in student's versions, waiting up to `timeout_s` for it to be `safe`.

    Raises NodeRefused while the class has given none.
    """
    row = version.row
    deadline = time.monotonic() + timeout_s
    while True:
        state, part = await session.link.call("receipt", row.author, row.lane, row.seq, timeout_s=timeout_s)
        enough = isinstance(part, bytes) and (state == ItemState.SAFE or not safe)
        if enough or time.monotonic() > deadline:
            break
        await asyncio.sleep(_POLL_S)
    if not isinstance(part, bytes):
        raise NodeRefused(
            "no_receipt",
            "The class has not signed a receipt for this yet.",
            next_step="Your work is kept. The receipt comes as soon as enough machines are on.",
        )
    name, _, _, nonce, sha256 = details_of(session.opener.open_as_student(row, SUBMISSION))
    try:
        raw = trust_receipts.complete(part, nonce, sha256)
        parsed = trust_receipts.Receipt.parse(raw)
    except TrustError as error:
        raise NodeRefused(
            "bad_reply", str(error), next_step="Update LMS Desktop on this computer."
        ) from error
    names = {machine.machine: machine.name for machine in await session.query(MachineRow, "machines")}
    standing = await session.query(StandingRow, "student_standing", row.assignment, session.person.number)
    return Receipt(
        raw,
        parsed.code,
        sha256,
        version.size,
        parsed.stamp,
        ItemState.SAFE if state == ItemState.SAFE else ItemState.ACCEPTED,
        tuple(names.get(keeper, f"machine {keeper}") for keeper in sorted(_holders(parsed))),
        names.get(parsed.signer, f"machine {parsed.signer}"),
        session.person.name,
        standing[0].course_title if standing else "",
        standing[0].title if standing else "",
        name,
        version.number,
    )


async def save_receipt(session: Session, *, receipt: Receipt, destination: Path) -> Path:
    """Write the receipt as a PDF that carries the machine-readable receipt. Raises DocumentFailed."""
    safe = receipt.state is ItemState.SAFE
    text = documents.ReceiptText(
        heading=f"Receipt for “{receipt.assignment_title}”",
        short_code=receipt.short_code,
        lines=(
            ("School", session.school),
            ("Student", receipt.student),
            ("Course", receipt.course_title),
            ("File", f"{receipt.file_name} (version {receipt.version}, {receipt.size:,} bytes)"),
            ("SHA-256", receipt.sha256.hex()),
            ("Accepted", deadlines.clock_text(receipt.accepted_ms, session.zone)),
            ("State", "safe" if safe else "accepted"),
            ("Held by", ", ".join(receipt.holders) or receipt.signed_by),
            ("Signed by", receipt.signed_by),
        ),
        explanation=(
            "Safe: this work survives the loss of the student's machine and of another one besides."
            if safe
            else "Accepted: the class has this work. It becomes safe by itself once more machines hold it."
        ),
    )
    data = await asyncio.to_thread(documents.receipt, text, machine_readable=receipt.raw)
    return await asyncio.to_thread(documents.write_file, destination, data)


def _holders(receipt: trust_receipts.Receipt) -> set[int]:
    return {trust_receipts.Ticket.parse(ticket).keeper for ticket in receipt.tickets}
