"""What an instructor sets for the tutor, of a course or of one assignment, now or for a time."""

from dataclasses import dataclass
from enum import IntEnum


class TutorMode(IntEnum):
    """Off; on; or hints only: passages of the course, and no generated answer."""

    OFF = 0
    ON = 1
    HINTS_ONLY = 2


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as it was written: of the whole course where `assignment` is None. Times in UTC ms.

    It holds from `starts_ms` to `ends_ms` (None: open), and is as if on outside. `revision` is for the next
    change (None: never set). `holds` now. `per_hour` asks of one student; `reason` is what students read.
    """

    course: int
    assignment: int | None
    assignment_title: str
    revision: int | None
    mode: TutorMode
    starts_ms: int | None
    ends_ms: int | None
    per_hour: int
    reason: str
    holds: bool
    set_by: str
    set_ms: int | None


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds now for a course or an assignment: `ends_ms` None is open; `sentence` says it for people."""

    mode: TutorMode
    reason: str
    ends_ms: int | None
    per_hour: int
    sentence: str
