"""When work is due, whether it is late, and how that is said.

`effective` is the one place that decides a student's deadline: every screen and export asks it.
Lateness is computed from stamps here and never stored. Times are milliseconds since 1970, UTC.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class UnknownZone(ValueError):
    """The time zone is not in the zone data of this computer."""


class TimeSkipped(ValueError):
    """The clock time does not exist on that day: the clocks go forward over it."""


class Reason(IntEnum):
    """Why a deadline is what it is."""

    ASSIGNMENT = 0
    EXTENSION = 1


@dataclass(frozen=True, slots=True)
class Deadline:
    """A student's effective due time and its reason."""

    due: int
    reason: Reason


def effective(assignment_due: int, extension_due: int | None) -> Deadline:
    """The due time that counts for a student: an extension never shortens the time of the others."""
    if extension_due is not None and extension_due > assignment_due:
        return Deadline(extension_due, Reason.EXTENSION)
    return Deadline(assignment_due, Reason.ASSIGNMENT)


class Timing(IntEnum):
    """How a submission stands to its deadline."""

    IN_TIME = 0
    QUEUED_IN_TIME = 1
    """Queued before the deadline by its machine's clock, accepted after: both times are shown."""
    LATE = 2


def timing(deadline: Deadline, accepted: int, queued_at: int) -> Timing:
    """Judges by the class's stamp; the student's own clock can only raise the question."""
    if accepted <= deadline.due:
        return Timing.IN_TIME
    return Timing.QUEUED_IN_TIME if queued_at <= deadline.due else Timing.LATE


def zone(name: str) -> ZoneInfo:
    """The zone by its name. Raises `UnknownZone`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(f"There is no time zone {name!r}. Use a name such as Europe/Oslo.") from error


def local(time: int, zone_name: str) -> datetime:
    """The clock time in a zone. Raises `UnknownZone`."""
    return datetime.fromtimestamp(time // 1000, UTC).astimezone(zone(zone_name))


def from_local(clock: datetime, zone_name: str) -> int:
    """The UTC time of a naive clock time in a zone.

    Of an hour that comes twice the first is meant. Raises `TimeSkipped` for one that never comes,
    and `UnknownZone`.
    """
    meant = clock.replace(tzinfo=zone(zone_name), fold=0)
    back = meant.astimezone(UTC).astimezone(meant.tzinfo)
    if back.replace(tzinfo=None) != clock:
        raise TimeSkipped(
            f"{clock:%H:%M} does not exist on {clock:%Y-%m-%d} in {zone_name}: the clocks go forward. "
            f"Choose {back:%H:%M}."
        )
    return int(meant.timestamp()) * 1000


class Group(IntEnum):
    """The parts of the home list, in its order."""

    OVERDUE = 0
    TODAY = 1
    THIS_WEEK = 2
    LATER = 3


def group(due: int, now: int, zone_name: str) -> Group:
    """Where an open deadline stands: this week is the seven days that begin today."""
    if due < now:
        return Group.OVERDUE
    days = _days_between(now, due, zone_name)
    if days == 0:
        return Group.TODAY
    return Group.THIS_WEEK if days < 7 else Group.LATER


def sentence(due: int, now: int, zone_name: str) -> str:
    """The action sentence of an open deadline: "3 days to submit", "2 hours to submit", "1 day overdue"."""
    if due < now:
        return f"{span(due, now, zone_name)} overdue"
    return f"{span(now, due, zone_name)} to submit"


def until(due: int, now: int, zone_name: str) -> str:
    """The same for those who do not hand in: "due in 3 days", "was due 2 hours ago"."""
    if due < now:
        return f"was due {span(due, now, zone_name)} ago"
    return f"due in {span(now, due, zone_name)}"


def span(first: int, second: int, zone_name: str) -> str:
    """How long from one time to another, roughly: "3 days", "2 hours", "less than a minute"."""
    days = _days_between(first, second, zone_name)
    elapsed = second - first
    if days >= 2 or (days == 1 and elapsed >= 23 * HOUR):
        return _count(days, "day")
    return _short_span(elapsed)


def late_by(deadline: Deadline, accepted: int) -> str:
    """How late: "2 hours late"; empty in time."""
    if accepted <= deadline.due:
        return ""
    elapsed = accepted - deadline.due
    if elapsed >= 2 * DAY:
        return f"{_count(elapsed // DAY, 'day')} late"
    return f"{_short_span(elapsed)} late"


def clock_text(time: int, zone_name: str) -> str:
    """A time for people, with its zone: "Fri 3 Oct 2025, 23:59 (Europe/Oslo, UTC+02:00)"."""
    at = local(time, zone_name)
    offset = at.strftime("%z")
    return (
        f"{_WEEKDAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M} "
        f"({zone_name}, UTC{offset[:3]}:{offset[3:5]})"
    )


_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _days_between(first: int, second: int, zone_name: str) -> int:
    """Calendar days, so that a day with 23 or 25 hours counts as one."""
    return (local(second, zone_name).date() - local(first, zone_name).date()) // timedelta(days=1)


def _short_span(elapsed: int) -> str:
    if elapsed >= HOUR:
        return _count(elapsed // HOUR, "hour")
    if elapsed >= MINUTE:
        return _count(elapsed // MINUTE, "minute")
    return "less than a minute"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
