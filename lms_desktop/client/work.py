"""Work as sealed records: what a student's app and the grading room both do with submissions and grades."""

import asyncio
import hashlib
from dataclasses import dataclass

from lms_desktop.client.errors import CannotOpen, EarlierKeys
from lms_desktop.client.files import get_chunks
from lms_desktop.client.sealed import GRADE, SUBMISSION, context_of
from lms_desktop.client.session import Session
from lms_desktop.school import deadlines
from lms_desktop.school.queries.work import GradeRow, SubmissionRow
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.receipts import file_commitment
from lms_desktop.trust.sealing import FileKey


@dataclass(frozen=True, slots=True)
class Version:
    """One version that a student handed in. Times in UTC ms; `row` is its sealed record."""

    submission: int
    number: int
    size: int
    submitted_ms: int  # when the class accepted it
    queued_ms: int  # when the student pressed submit, by that machine's clock
    late: bool
    late_text: str  # "2 hours late"; "handed in before, accepted after the due time"; empty in time
    held_ms: int | None  # when the first keeper signed that it holds the file
    holders: int  # keepers that signed for it
    row: SubmissionRow


Details = tuple[str, int, str, bytes, bytes]
"""File name, pages, note, nonce of the commitment, SHA-256 of the file."""


async def open_file(session: Session, row: SubmissionRow, item_key: bytes, details: Details) -> bytes:
    """Fetch and open the sealed file of a submission, checked against its author's commitment.

    Raises CannotOpen, NodeRefused.
    """
    boxes = [box async for box in get_chunks(session.link, row.manifest)]
    key = FileKey(item_key, context_of(row, SUBMISSION))
    try:
        data = await asyncio.to_thread(lambda: b"".join(key.open_stream(boxes)))
    except TrustError as error:
        raise CannotOpen(str(error), next_step="Tell your instructor or administrator.") from error
    sha256 = hashlib.sha256(data).digest()
    if sha256 != details[4] or file_commitment(details[3], sha256) != row.file_commitment:
        raise CannotOpen(
            "This file is not the one that its author signed for.", next_step="Tell an administrator."
        )
    return data


def version_of(row: SubmissionRow) -> Version:
    """A submission's row as the screens show it."""
    late = row.timing != deadlines.Timing.IN_TIME
    text = ""
    if row.timing == deadlines.Timing.QUEUED_IN_TIME:
        text = "handed in before, accepted after the due time"
    elif late:
        text = deadlines.late_by(deadlines.Deadline(row.due, deadlines.Reason(row.reason)), row.stamp)
    return Version(
        row.submission,
        row.version,
        row.size,
        row.stamp,
        row.queued_at,
        late,
        text,
        row.earliest_ticket,
        len(row.keepers),
        row,
    )


def details_of(fields: tuple[object, ...]) -> Details:
    match fields:
        case (str(name), int(pages), str(note), bytes(nonce), bytes(sha256)) if (
            len(nonce) == len(sha256) == 32
        ):
            return name, pages, note, nonce, sha256
    raise CannotOpen("This submission is not written as it must be.", next_step="Tell an administrator.")


def grade_fields(fields: tuple[object, ...]) -> tuple[int | None, str]:
    """Points (hundredths, None: not given yet) and feedback of an opened grade. Raises CannotOpen."""
    match fields:
        case (None, str(feedback)):
            return None, feedback
        case (int(points), str(feedback)) if points >= 0:
            return points, feedback
    raise CannotOpen("This grade is not written as it must be.", next_step="Tell an administrator.")


def own_grade(session: Session, row: GradeRow) -> tuple[int | None, str]:
    """Points and feedback of a grade released to the signed-in student; no points, and why, where it was
    sealed to the student's earlier keys. Raises CannotOpen.
    """
    try:
        return grade_fields(session.opener.open_as_student(row, GRADE))
    except EarlierKeys as error:
        return None, str(error)
