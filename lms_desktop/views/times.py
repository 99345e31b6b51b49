"""Dates as people say them, in the school's time zone, from UTC milliseconds. No Qt."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def local(ms: int, zone: str) -> datetime:
    """Return the moment `ms` (UTC milliseconds) in `zone`, an IANA name such as Europe/Berlin."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo(zone))


def day(ms: int, zone: str, now_ms: int) -> str:
    """Return "today", "tomorrow" or "yesterday", else "Fri 27 Nov", with the year where it is another one."""
    moment, now = local(ms, zone), local(now_ms, zone)
    near = {0: "today", 1: "tomorrow", -1: "yesterday"}.get((moment.date() - now.date()).days)
    if near:
        return near
    year = f" {moment.year}" if moment.year != now.year else ""
    return f"{moment:%a} {moment.day} {moment:%b}{year}"


def when(ms: int, zone: str, now_ms: int) -> str:
    """Return "today, 17:05"."""
    return f"{day(ms, zone, now_ms)}, {local(ms, zone):%H:%M}"


def exact(ms: int, zone: str) -> str:
    """Return "Fri 27 Nov 2026, 17:05:09 Europe/Berlin", the zone unbroken."""
    moment = local(ms, zone)
    unbroken = zone.replace("/", "/\u2060").replace("_", "\u00a0")
    return f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M:%S} {unbroken}"


def ago(ms: int, zone: str, now_ms: int) -> str:
    """Return "just now", "5 minutes ago", else as `when`."""
    past = now_ms - ms
    if 0 <= past < MINUTE_MS:
        return "just now"
    if 0 <= past < HOUR_MS:
        minutes = past // MINUTE_MS
        return "1 minute ago" if minutes == 1 else f"{minutes} minutes ago"
    return when(ms, zone, now_ms)


def way(queued_ms: int, held_ms: int | None, accepted_ms: int, zone: str, now_ms: int) -> str:
    """Return the times of a late hand-in: when it was submitted, first held by a keeper, and accepted."""
    parts = [f"submitted {when(queued_ms, zone, now_ms)}"]
    if held_ms is not None:
        parts.append(f"held {when(held_ms, zone, now_ms)}")
    return ", ".join([*parts, f"accepted {when(accepted_ms, zone, now_ms)}"])
