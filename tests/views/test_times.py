"""Dates in the school's zone, as people say them."""

from datetime import UTC, datetime

from lms_desktop.views.times import ago, day, exact, when


def ms(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)


def test_days_are_named_on_the_schools_calendar_not_in_utc() -> None:
    late_evening = ms(2026, 11, 22, 23, 30)
    assert day(late_evening, "UTC", ms(2026, 11, 22, 12)) == "today"
    assert day(late_evening, "Europe/Oslo", ms(2026, 11, 22, 12)) == "tomorrow"
    assert day(ms(2026, 11, 21, 12), "Europe/Oslo", ms(2026, 11, 22, 12)) == "yesterday"


def test_far_days_have_weekday_and_date_and_other_years_are_named() -> None:
    now = ms(2026, 11, 22, 12)
    assert when(ms(2026, 11, 27, 16), "Europe/Berlin", now) == "Fri 27 Nov, 17:00"
    assert when(ms(2027, 1, 4, 16), "Europe/Berlin", now) == "Mon 4 Jan 2027, 17:00"


def test_the_hour_follows_summer_time() -> None:
    assert exact(ms(2026, 7, 1, 15), "Europe/Berlin").startswith("Wed 1 Jul 2026, 17:00:00")
    assert exact(ms(2026, 12, 1, 15), "Europe/Berlin").startswith("Tue 1 Dec 2026, 16:00:00")


def test_the_recent_past_is_told_by_its_distance() -> None:
    now = ms(2026, 11, 22, 12)
    assert ago(now - 20_000, "UTC", now) == "just now"
    assert ago(now - 60_000, "UTC", now) == "1 minute ago"
    assert ago(now - 59 * 60_000, "UTC", now) == "59 minutes ago"
    assert ago(now - 3 * 3_600_000, "UTC", now) == "today, 09:00"
    assert ago(now + 3 * 3_600_000, "UTC", now) == "today, 15:00"
