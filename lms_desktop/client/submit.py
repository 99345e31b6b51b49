"""Handing in work: preflight, sealed upload, true progress, receipt."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lms_desktop.client.preflight import Preflight
from lms_desktop.client.protocol import ItemState, OutboxItem
from lms_desktop.client.session import Session

Key = tuple[int, bytes, int]


@dataclass(frozen=True, slots=True)
class Version:
    """One version that a student handed in. Times in UTC ms."""

    submission: int
    number: int
    author: int
    lane: bytes
    seq: int
    size: int
    submitted_ms: int  # when the class accepted it
    queued_ms: int  # when the student pressed submit
    late: bool
    holders: int  # machines known to hold it, from its tickets
    manifest: bytes


@dataclass(frozen=True, slots=True)
class MyGrade:
    """A released grade as its student sees it: points in hundredths."""

    points: int
    possible: int
    feedback: str
    released_ms: int
    graded_by: str
    corrected: bool
    over_maximum: bool  # flagged: the author's app must have refused this


@dataclass(frozen=True, slots=True)
class AssignmentPage:
    """Everything a student's assignment page shows."""

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
    versions: tuple[Version, ...]  # newest first
    pending: tuple[OutboxItem, ...]  # hand-ins on this computer that the class has not accepted yet
    grade: MyGrade | None
    grade_unread: bool


@dataclass(frozen=True, slots=True)
class Step:
    """Where a hand-in stands: sealing on this computer (bytes), then copies on other machines (bytes by machine)."""

    state: ItemState | None  # None while it is being sealed and saved here
    done: int
    total: int
    holders: tuple[str, ...]  # names of machines that hold all of it
    item: OutboxItem | None


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
    version: int


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A hand-in that was still being saved on this computer when the app stopped."""

    assignment: int
    title: str
    path: Path
    file_there: bool


async def assignment_page(session: Session, *, assignment: int) -> AssignmentPage:
    """One assignment, as the signed-in student sees it."""


async def check(session: Session, *, assignment: int, path: Path) -> Preflight:
    """Look at a file before it is handed in: opens, pages, size, identical to the last version. Raises BadFile."""


async def submit(
    session: Session,
    *,
    assignment: int,
    path: Path,
    note: str = "",
    on_step: Callable[[Step], None] | None = None,
) -> OutboxItem:
    """Seal a PDF and save it in this machine's outbox; from then on nothing is lost. Raises BadFile, NodeUnreachable."""


async def follow(
    session: Session,
    *,
    item: OutboxItem,
    until: ItemState = ItemState.SAFE,
    timeout_s: float = 60.0,
    on_step: Callable[[Step], None] | None = None,
) -> OutboxItem:
    """Wait until the item is as far as `until`, refused, or the deadline; returns it as it then stands."""


async def receipt(session: Session, *, version: Version, timeout_s: float = 10.0) -> Receipt:
    """The receipt of one of the signed-in student's versions. Raises NodeRefused while there is none yet."""


async def save_receipt(session: Session, *, receipt: Receipt, destination: Path) -> Path:
    """Write the receipt as a PDF that carries the machine-readable receipt as an attachment."""


async def open_version(session: Session, *, version: Version) -> tuple[bytes, str]:
    """The PDF and the note of one of the signed-in student's own versions."""


async def mark_grade_seen(session: Session, *, assignment: int) -> None:
    """Tell the class that the student has seen the grade: the badge goes."""


async def drop(session: Session, *, item: OutboxItem) -> None:
    """Take back a hand-in that the class has not accepted yet: signs a void in its place."""


async def unfinished(session: Session) -> tuple[Unfinished, ...]:
    """Hand-ins that were cut off before they were saved; shown at sign-in."""


async def resume(
    session: Session, *, unfinished: Unfinished, on_step: Callable[[Step], None] | None = None
) -> OutboxItem:
    """Go on with a cut-off hand-in: the same lane, so that it counts once."""
