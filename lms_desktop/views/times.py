"""Dates as people say them, in the school's time zone, from UTC milliseconds. No Qt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def local(ms: int, zone: str) -> datetime:
    """Return the moment `ms` (UTC milliseconds) in `zone`, an IANA name such as Europe/Berlin."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo(zone))


def clock(ms: int, zone: str) -> str:
    """17:05"""
    return f"{local(ms, zone):%H:%M}"


def day(ms: int, zone: str, now_ms: int) -> str:
    """today, tomorrow, yesterday, else Fri 27 Nov, with the year where it is another one."""
    moment, now = local(ms, zone), local(now_ms, zone)
    near = {0: "today", 1: "tomorrow", -1: "yesterday"}.get((moment.date() - now.date()).days)
    if near:
        return near
    year = f" {moment.year}" if moment.year != now.year else ""
    return f"{moment:%a} {moment.day} {moment:%b}{year}"


def when(ms: int, zone: str, now_ms: int) -> str:
    """today, 17:05"""
    return f"{day(ms, zone, now_ms)}, {clock(ms, zone)}"


def exact(ms: int, zone: str) -> str:
    """Fri 27 Nov 2026, 17:05:09 (Europe/Berlin)"""
    moment = local(ms, zone)
    return f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M:%S} ({zone})"


def due(ms: int, zone: str, now_ms: int) -> str:
    """Return "due tomorrow, 17:05", with the zone where the reader's clock shows another."""

    With the zone if the reader's is another.
    """
    return f"due {when(ms, zone, now_ms)}{zone_note(ms, zone)}"


def zone_note(ms: int, zone: str) -> str:
    """Return " (Europe/Berlin time)" where this computer's clock shows another time than the school's, else nothing."""
    here = datetime.fromtimestamp(ms / 1000, UTC).astimezone().utcoffset()
    return "" if here == local(ms, zone).utcoffset() else f" ({zone.replace('_', ' ')} time)"


def remaining(ms: int, zone: str, now_ms: int) -> str:
    """Return how long until `ms`, as a person counts.

    "3 days", "5 hours", "20 minutes", "less than a minute".
    """
    left = timedelta(milliseconds=abs(ms - now_ms))
    days = abs((local(ms, zone).date() - local(now_ms, zone).date()).days)
    if left >= DAY or (days and left >= 18 * HOUR):
        return _plural(max(days, 1), "day")
    if left >= HOUR:
        return _plural(left // HOUR, "hour")
    if left >= MINUTE:
        return _plural(left // MINUTE, "minute")
    return "less than a minute"


def to_submit(due_ms: int, zone: str, now_ms: int) -> str:
    """3 days to submit; 2 hours overdue"""
    span = remaining(due_ms, zone, now_ms)
    return f"{span} to submit" if due_ms > now_ms else f"{span} overdue"


def ago(ms: int, zone: str, now_ms: int) -> str:
    """just now; 5 minutes ago; today, 09:12; Mon 2 Nov, 17:00"""
    past = now_ms - ms
    if 0 <= past < 60_000:
        return "just now"
    if 0 <= past < 3_600_000:
        return f"{remaining(ms, zone, now_ms)} ago"
    return when(ms, zone, now_ms)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
