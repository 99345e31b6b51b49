"""Handing in work: preflight, sealed upload, true progress, and opening one's own versions."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lms_desktop.client.course import assignment_row
from lms_desktop.client.errors import BadFile, BadInput, EarlierKeys, NodeRefused, Refused
from lms_desktop.client.files import put_file
from lms_desktop.client.preflight import Preflight, inspect
from lms_desktop.client.protocol import ItemState, OutboxItem
from lms_desktop.client.sealed import EXTENSION, SUBMISSION, seal_item
from lms_desktop.client.session import Place, Session, refusal
from lms_desktop.client.work import Version as Version
from lms_desktop.client.work import details_of, open_file, own_grade, version_of
from lms_desktop.school import deadlines
from lms_desktop.school.commands import GradeSeen, Submission
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.queries.people import MachineRow
from lms_desktop.school.queries.work import ExtensionRow, GradeRow, StandingRow, SubmissionRow
from lms_desktop.trust.envelope import LANE_BYTES, Envelope
from lms_desktop.trust.primitives import random_bytes
from lms_desktop.trust.receipts import file_commitment, new_file_nonce
from lms_desktop.trust.sealing import SEALED_CHUNK_BYTES, FileKey, new_item_key

NOTE_LIMIT = 4_000
_UNFINISHED = "submit/"
_GRADE_REPLACED = (Outcome.UNKNOWN_GRADE, Outcome.NOT_RELEASED)


@dataclass(frozen=True, slots=True)
class MyGrade:
    """A released grade as its student sees it: points in hundredths, None where it does not open.

    `over_maximum` flags points that the author's app must have refused: ask the instructor.
    """

    points: int | None
    possible: int
    feedback: str
    released_ms: int
    graded_by: str
    corrected: bool
    over_maximum: bool


@dataclass(frozen=True, slots=True)
class AssignmentPage:
    """Everything a student's assignment page shows; versions and pending hand-ins newest first."""

    assignment: int
    course: int
    course_title: str
    title: str
    text: str
    has_pdf: bool
    points: int
    due_ms: int
    due_text: str
    sentence: str
    extended: bool
    extension_reason: str
    closed: bool  # archived: nothing can be handed in any more
    versions: tuple[Version, ...]
    pending: tuple[OutboxItem, ...]
    grade: MyGrade | None
    grade_unread: bool


@dataclass(frozen=True, slots=True)
class Copy:
    """How much of a hand-in one machine holds, in bytes."""

    name: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Step:
    """Where a hand-in stands, in bytes: being sealed and saved here (`item` None), then copied to others."""

    item: OutboxItem | None
    done: int
    total: int
    holders: tuple[str, ...]  # names of the machines that hold all of it
    copies: tuple[Copy, ...] = ()

    @property
    def state(self) -> ItemState | None:
        """The item's state; None while it is being saved on this computer."""
        return None if self.item is None else self.item.state


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A hand-in that was still being saved on this computer when the app stopped."""

    assignment: int
    title: str
    note: str
    path: Path
    sha256: bytes
    lane: bytes
    file_there: bool


async def assignment_page(session: Session, *, assignment: int) -> AssignmentPage:
    """One assignment, as the signed-in student sees it. Raises BadInput for one that is not theirs."""
    row = await assignment_row(session, assignment)
    me = session.person.number
    standings = await session.query(StandingRow, "student_standing", assignment, me)
    if not standings:
        raise BadInput("You are not enrolled in this assignment's course.", where=row.title)
    standing = standings[0]
    grade = await my_grade(session, standing)
    versions = await session.query(SubmissionRow, "submissions", assignment, me)
    listed = {(version.author, version.lane, version.seq) for version in versions}
    return AssignmentPage(
        assignment,
        row.course,
        standing.course_title,
        row.title,
        row.text,
        row.manifest is not None,
        row.points,
        standing.due,
        deadlines.clock_text(standing.due, session.zone),
        _sentence(standing, await session.now_ms(), session.zone),
        standing.reason == deadlines.Reason.EXTENSION,
        await _extension_reason(session, standing),
        row.archived,
        tuple(version_of(version) for version in versions),
        await _pending(session, assignment, listed),
        grade,
        standing.unread,
    )


async def check(session: Session, *, assignment: int, path: Path) -> Preflight:
    """Look at a file before it is handed in: opens, pages, size, identical to the last version.

    Raises BadFile.
    """
    last = await _last_version(session, assignment)
    sha256 = None
    if last is not None:
        with contextlib.suppress(EarlierKeys):
            sha256 = details_of(session.opener.open_as_student(last, SUBMISSION))[4]
    return await inspect(path, last_sha256=sha256)


async def submit(
    session: Session,
    *,
    assignment: int,
    checked: Preflight,
    note: str = "",
    on_step: Callable[[Step], None] | None = None,
) -> OutboxItem:
    """Seal a checked PDF and save it in this machine's outbox; when this returns, nothing of it can be lost.

    Raises BadFile when the file changed meanwhile, BadInput for a note that is too long, NodeUnreachable,
    NodeRefused.
    """
    if len(note) > NOTE_LIMIT:
        raise BadInput(
            f"The note is longer than {NOTE_LIMIT} characters.", where="note", next_step="Shorten it."
        )
    row = await assignment_row(session, assignment)
    lane = random_bytes(LANE_BYTES)
    path = await asyncio.to_thread(checked.path.absolute)
    await asyncio.to_thread(
        session.drafts.keep,
        _UNFINISHED + lane.hex(),
        (assignment, row.title, note, str(path), checked.sha256, lane),
    )
    return await _save(session, assignment, checked, note, lane, on_step)


async def unfinished(session: Session) -> tuple[Unfinished, ...]:
    """Hand-ins that were cut off before they were saved; asked at sign-in, so that the work goes on."""
    saved = {item.lane for item in await session.outbox()}
    found = []
    for name in await asyncio.to_thread(lambda: list(session.drafts.names(_UNFINISHED))):
        match await asyncio.to_thread(session.drafts.load, name):
            case (int(assignment), str(title), str(note), str(path), bytes(sha256), bytes(lane)):
                if lane in saved or await _in_ledger(session, assignment, lane):
                    await asyncio.to_thread(session.drafts.forget, name)
                    continue
                there = await asyncio.to_thread(Path(path).is_file)
                found.append(Unfinished(assignment, title, note, Path(path), sha256, lane, there))
    return tuple(found)


async def resume(
    session: Session, *, unfinished: Unfinished, on_step: Callable[[Step], None] | None = None
) -> OutboxItem:
    """Go on with a cut-off hand-in, in the lane that it had, so that it counts once. Raises BadFile."""
    checked = await inspect(unfinished.path)
    if checked.sha256 != unfinished.sha256:
        raise BadFile(
            "The file is no longer the one that you were handing in.",
            where=unfinished.path.name,
            next_step="Open the assignment and hand in the file that you mean.",
        )
    return await _save(session, unfinished.assignment, checked, unfinished.note, unfinished.lane, on_step)


async def give_up(session: Session, *, unfinished: Unfinished) -> None:
    """Forget a cut-off hand-in."""
    await asyncio.to_thread(session.drafts.forget, _UNFINISHED + unfinished.lane.hex())


async def follow(
    session: Session,
    *,
    item: OutboxItem,
    until: ItemState = ItemState.SAFE,
    timeout_s: float = 60.0,
    on_step: Callable[[Step], None] | None = None,
) -> OutboxItem:
    """Wait until the item is as far as `until` or the deadline; returns it as it then stands.

    Raises Refused.
    """
    names = {row.machine: row.name for row in await session.query(MachineRow, "machines")}

    def changed(now: OutboxItem) -> None:
        if on_step is not None:
            on_step(_step(now, names))

    item = await session.follow(item, until=until, timeout_s=timeout_s, on_change=changed)
    if item.state is ItemState.REFUSED:
        raise refusal(item, item.label)
    return item


async def open_version(session: Session, *, version: Version) -> tuple[bytes, str]:
    """The PDF and the note of one of the signed-in student's own versions. Raises CannotOpen."""
    item_key = session.opener.item_key_as_student(version.row, SUBMISSION)
    details = details_of(session.opener.open_as_student(version.row, SUBMISSION))
    return await open_file(session, version.row, item_key, details), details[2]


async def mark_grade_seen(session: Session, *, assignment: int) -> None:
    """Tell the class that the student has seen the grade: the badge goes."""
    standings = await session.query(StandingRow, "student_standing", assignment, session.person.number)
    if standings and standings[0].unread and standings[0].released is not None:
        command = GradeSeen(standings[0].released)
        try:
            await session.send(command, label=f"Seen: grade of “{standings[0].title}”")
        except Refused as error:  # replaced by a correction at the same moment: that one is unread
            if error.code not in _GRADE_REPLACED:
                raise


async def drop(session: Session, *, item: OutboxItem) -> OutboxItem:
    """Take back a hand-in that the class has not accepted yet: signs a void in its place."""
    return await session.drop(item)


async def my_grade(session: Session, standing: StandingRow) -> MyGrade | None:
    """The released grade of a standing of the signed-in student, opened with their slot.

    Raises CannotOpen.
    """
    if standing.released is None:
        return None
    for row in await session.query(GradeRow, "released_history", standing.assignment, session.person.number):
        if row.grade == standing.released:
            points, feedback = own_grade(session, row)
            return MyGrade(
                points,
                standing.points,
                feedback,
                row.released or row.stamp,
                row.author_name,
                row.correction,
                (points or 0) > standing.points,
            )
    return None


async def _save(
    session: Session,
    assignment: int,
    checked: Preflight,
    note: str,
    lane: bytes,
    on_step: Callable[[Step], None] | None,
) -> OutboxItem:
    keys, opener = session.keys, session.opener
    row = await assignment_row(session, assignment)
    place = Place(session.person.number, lane, 0)
    context = place.context(SUBMISSION, row.course, assignment)
    item_key, nonce = new_item_key(), new_file_nonce()
    file_key = FileKey(item_key, context)
    staff = await opener.staff_reader(row.course)
    last = await _last_version(session, assignment)
    machine = (await session.link.hello()).machine
    if machine is None:
        raise NodeRefused("not_ready", "This computer belongs to no school yet.")
    queued = int(time.time() * 1000)

    def progress(done: int, total: int) -> None:
        if on_step is not None:
            on_step(Step(None, done, total, ()))

    put = await put_file(
        session.link,
        checked,
        make=lambda number, plain, last: file_key.seal_chunk(number, plain, last=last),
        chunk_size=SEALED_CHUNK_BYTES,
        on_progress=progress,
    )
    command = Submission(
        assignment,
        None if last is None else last.submission,
        machine,
        queued,
        put.manifest,
        put.size,
        file_commitment(nonce, put.sha256),
        seal_item(
            (checked.path.name[:200], checked.pages, note, nonce, put.sha256),
            context,
            staff=staff,
            student=opener.own_reader(),
            item_key=item_key,
        ),
    )
    item = await session.hand_over(session.sign(keys, place, command), put.manifest, _label(row.title))
    await asyncio.to_thread(session.drafts.forget, _UNFINISHED + lane.hex())
    return item


async def _pending(
    session: Session, assignment: int, listed: set[tuple[int, bytes, int]]
) -> tuple[OutboxItem, ...]:
    """The hand-ins for an assignment that wait on this computer; their envelopes say what they are for."""
    waiting = []
    for item in reversed(await session.pending()):
        if item.kind == Submission.KIND and item.key not in listed:
            raw = await session.link.call("envelope", *item.key)
            if raw and Submission.from_body(Envelope.parse(raw).decode_body()).assignment == assignment:
                waiting.append(item)
    return tuple(waiting)


def _label(title: str) -> str:
    return f"Hand-in of “{title}”"


async def _last_version(session: Session, assignment: int) -> SubmissionRow | None:
    rows = await session.query(SubmissionRow, "submissions", assignment, session.person.number)
    return next((row for row in rows if not row.beside), None)


async def _in_ledger(session: Session, assignment: int, lane: bytes) -> bool:
    rows = await session.query(SubmissionRow, "submissions", assignment, session.person.number)
    return any(row.lane == lane for row in rows)


async def _extension_reason(session: Session, standing: StandingRow) -> str:
    if standing.extension is None:
        return ""
    for row in await session.query(ExtensionRow, "extensions", standing.assignment):
        if row.extension == standing.extension and row.student_box is not None:
            with contextlib.suppress(EarlierKeys):
                match session.opener.open_as_student(row, EXTENSION):
                    case (str(reason),):
                        return reason
    return ""


def _sentence(standing: StandingRow, now: int, zone: str) -> str:
    if standing.submission is not None:
        return "handed in"
    return deadlines.sentence(standing.due, now, zone)


def _step(item: OutboxItem, names: dict[int, str]) -> Step:
    copies = tuple(
        Copy(names.get(keeper.keeper, f"machine {keeper.keeper}"), keeper.done, keeper.total)
        for keeper in item.progress
    )
    best = max(copies, key=lambda copy: copy.done, default=None)
    done, total = (best.done, best.total) if best is not None else (0, 0)
    return Step(
        item, done, total, tuple(names.get(holder, f"machine {holder}") for holder in item.holders), copies
    )
