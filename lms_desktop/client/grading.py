"""The grading room: open work, points and feedback, drafts, release, correction."""

from dataclasses import dataclass
from enum import StrEnum

from lms_desktop.client.session import Sent, Session
from lms_desktop.client.submit import Version


class GradeState(StrEnum):
    """How far grading one student has come."""

    NONE = "none"
    DRAFT = "draft"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class GradeValue:
    """Points in hundredths (None: not given yet) and feedback; `over_maximum` flags what a reader must not trust."""

    points: int | None
    feedback: str
    over_maximum: bool = False


@dataclass(frozen=True, slots=True)
class StudentRow:
    """One student of an assignment in the grading list."""

    student: int
    login: str
    name: str
    versions: tuple[Version, ...]  # newest first; empty: nothing handed in
    late: bool
    due_ms: int
    extended: bool
    state: GradeState
    value: GradeValue | None  # what staff last wrote: the draft, else the released value
    unsaved: bool  # a newer draft lies only on this computer
    seen: bool  # the student has opened the released grade


@dataclass(frozen=True, slots=True)
class GradingRoom:
    """An assignment as its staff grade it."""

    assignment: int
    course: int
    course_title: str
    title: str
    points: int
    due_ms: int
    rows: tuple[StudentRow, ...]


@dataclass(frozen=True, slots=True)
class OpenedWork:
    """A submission opened by staff."""

    pdf: bytes
    note: str
    version: Version


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """One student in the preview of a release."""

    student: int
    name: str
    points: int | None
    will_see: bool
    reason: str  # why not, or "handed in nothing"


@dataclass(frozen=True, slots=True)
class ReleasePreview:
    """Who will see what when the grades are released."""

    assignment: int
    lines: tuple[ReleaseLine, ...]

    @property
    def will_see(self) -> int:
        """How many students will see a grade."""
        return sum(line.will_see for line in self.lines)

    @property
    def held(self) -> int:
        """How many will not."""
        return len(self.lines) - self.will_see


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One value of a grade's history, newest first."""

    when_ms: int
    by: str
    value: GradeValue
    released: bool
    correction: bool
    reason: str


async def grading_room(session: Session, *, assignment: int) -> GradingRoom:
    """Everyone enrolled, what they handed in, and how far their grades are."""


async def open_work(session: Session, *, version: Version) -> OpenedWork:
    """Fetch and open a submission with the course staff's key. Raises CannotOpen."""


async def keep_draft(
    session: Session, *, assignment: int, student: int, points: int | None, feedback: str
) -> None:
    """Keep a draft sealed on this computer: called at each keystroke, returns when it is on disk."""


async def save_draft(
    session: Session, *, assignment: int, student: int, points: int | None, feedback: str
) -> Sent | None:
    """Put a draft into the ledger, sealed to the course staff: called on leaving the item; None when nothing changed.

    Raises BadInput for points below zero or above the maximum.
    """


async def release_preview(session: Session, *, assignment: int) -> ReleasePreview:
    """Who will see what."""


async def release(session: Session, *, assignment: int, students: tuple[int, ...]) -> tuple[Sent, ...]:
    """Publish the students' slots of their drafts."""


async def correct(
    session: Session, *, assignment: int, student: int, points: int, feedback: str, reason: str = ""
) -> Sent:
    """Replace a released grade; the old value stays in its history and the student sees the new one."""


async def history(session: Session, *, assignment: int, student: int) -> tuple[HistoryEntry, ...]:
    """Every value that the grade has had, newest first."""


def parse_points(text: str, *, maximum: int) -> int | None:
    """Points as typed ("7", "7.5", "7,25") in hundredths; None for blank. Raises BadInput, also above `maximum`."""


def points_text(points: int | None) -> str:
    """Hundredths for people: 750 is "7.5"; None is "–"."""
