"""Deadlines: one effective time, lateness by the class's stamp, days by the calendar of the zone."""

from datetime import UTC, datetime

import pytest

from lms_desktop.school import deadlines
from lms_desktop.school.deadlines import DAY, HOUR, MINUTE, Deadline, Group, Reason, Timing

OSLO = "Europe/Oslo"


def utc(*clock: int) -> int:
    """The milliseconds of a UTC clock time."""
    return int(datetime(*clock, tzinfo=UTC).timestamp()) * 1000  # type: ignore[misc, arg-type]


def oslo(*clock: int) -> int:
    """The milliseconds of a clock time in Oslo."""
    return deadlines.from_local(datetime(*clock), OSLO)  # type: ignore[arg-type]


def test_an_extension_lengthens_and_never_shortens() -> None:
    assert deadlines.effective(100, None) == Deadline(100, Reason.ASSIGNMENT)
    assert deadlines.effective(100, 200) == Deadline(200, Reason.EXTENSION)
    assert deadlines.effective(300, 200) == Deadline(300, Reason.ASSIGNMENT)
    assert deadlines.effective(200, 200) == Deadline(200, Reason.ASSIGNMENT)


@pytest.mark.parametrize(
    ("accepted", "queued_at", "timing"),
    [
        (100, 50, Timing.IN_TIME),
        (100, 500, Timing.IN_TIME),
        (101, 100, Timing.QUEUED_IN_TIME),
        (101, 101, Timing.LATE),
    ],
)
def test_the_class_judges_and_the_own_clock_only_raises_the_question(
    accepted: int, queued_at: int, timing: Timing
) -> None:
    assert deadlines.timing(Deadline(100, Reason.ASSIGNMENT), accepted, queued_at) is timing


def test_local_times_become_utc_on_both_sides_of_a_change_of_clocks() -> None:
    assert oslo(2026, 3, 28, 23, 59) == utc(2026, 3, 28, 22, 59)
    assert oslo(2026, 3, 29, 23, 59) == utc(2026, 3, 29, 21, 59)
    assert oslo(2025, 10, 25, 23, 59) == utc(2025, 10, 25, 21, 59)
    assert oslo(2025, 10, 26, 23, 59) == utc(2025, 10, 26, 22, 59)


def test_a_clock_time_that_never_comes_is_refused_with_one_that_does() -> None:
    with pytest.raises(deadlines.TimeSkipped, match=r"02:30 does not exist on 2026-03-29.*Choose 03:30"):
        oslo(2026, 3, 29, 2, 30)


def test_of_an_hour_that_comes_twice_the_first_is_meant() -> None:
    assert oslo(2025, 10, 26, 2, 30) == utc(2025, 10, 26, 0, 30)


def test_an_unknown_zone_says_so() -> None:
    for name in ("Mars/Olympus", "", "../etc/passwd"):
        with pytest.raises(deadlines.UnknownZone, match="Europe/Oslo"):
            deadlines.local(0, name)


@pytest.mark.parametrize(
    ("now", "due", "sentence"),
    [
        (oslo(2025, 10, 1, 12), oslo(2025, 10, 4, 23, 59), "3 days to submit"),
        (oslo(2025, 10, 1, 23, 59), oslo(2025, 10, 4, 0, 1), "3 days to submit"),
        (oslo(2025, 10, 1, 12), oslo(2025, 10, 2, 12), "1 day to submit"),
        (oslo(2025, 10, 1, 23), oslo(2025, 10, 2, 8), "9 hours to submit"),
        (oslo(2025, 10, 1, 12), oslo(2025, 10, 1, 13), "1 hour to submit"),
        (oslo(2025, 10, 1, 12), oslo(2025, 10, 1, 12, 59), "59 minutes to submit"),
        (oslo(2025, 10, 1, 12), oslo(2025, 10, 1, 12), "less than a minute to submit"),
        (oslo(2025, 10, 25, 23, 59), oslo(2025, 10, 28, 23, 59), "3 days to submit"),
        (oslo(2026, 3, 28, 23, 59), oslo(2026, 3, 29, 23, 59), "1 day to submit"),
        (oslo(2026, 3, 27, 23, 59), oslo(2026, 3, 30, 23, 59), "3 days to submit"),
        (oslo(2025, 10, 2, 0, 10), oslo(2025, 10, 1, 23, 59), "11 minutes overdue"),
        (oslo(2025, 10, 5, 12), oslo(2025, 10, 1, 23, 59), "4 days overdue"),
    ],
)
def test_the_sentence_of_a_deadline(now: int, due: int, sentence: str) -> None:
    assert deadlines.sentence(due, now, OSLO) == sentence


def test_the_same_for_those_who_wait_for_it() -> None:
    now = oslo(2025, 10, 1, 12)
    assert deadlines.until(oslo(2025, 10, 4, 12), now, OSLO) == "due in 3 days"
    assert deadlines.until(oslo(2025, 10, 1, 10), now, OSLO) == "was due 2 hours ago"


@pytest.mark.parametrize(
    ("due", "group"),
    [
        (oslo(2025, 10, 1, 11, 59), Group.OVERDUE),
        (oslo(2025, 10, 1, 12), Group.TODAY),
        (oslo(2025, 10, 1, 23, 59), Group.TODAY),
        (oslo(2025, 10, 2, 0, 0), Group.THIS_WEEK),
        (oslo(2025, 10, 7, 23, 59), Group.THIS_WEEK),
        (oslo(2025, 10, 8, 0, 0), Group.LATER),
    ],
)
def test_the_groups_of_the_home_list(due: int, group: Group) -> None:
    assert deadlines.group(due, oslo(2025, 10, 1, 12), OSLO) is group


def test_today_is_the_schools_day_and_not_utcs() -> None:
    now = utc(2025, 10, 1, 22, 30)  # 00:30 on the 2nd in Oslo
    assert deadlines.group(utc(2025, 10, 2, 21, 0), now, OSLO) is Group.TODAY
    assert deadlines.group(utc(2025, 10, 2, 21, 0), now, "UTC") is Group.THIS_WEEK


def test_how_late_it_was() -> None:
    deadline = Deadline(10 * DAY, Reason.ASSIGNMENT)
    late = {
        late: deadlines.late_by(deadline, 10 * DAY + late) for late in (0, 5 * MINUTE, 26 * HOUR, 3 * DAY)
    }
    assert late == {0: "", 5 * MINUTE: "5 minutes late", 26 * HOUR: "26 hours late", 3 * DAY: "3 days late"}


def test_a_time_is_shown_with_its_zone() -> None:
    assert deadlines.clock_text(oslo(2025, 10, 3, 23, 59), OSLO) == (
        "Fri 3 Oct 2025, 23:59 (Europe/Oslo, UTC+02:00)"
    )
    assert deadlines.clock_text(oslo(2025, 12, 3, 8, 5), OSLO).endswith("08:05 (Europe/Oslo, UTC+01:00)")
    assert deadlines.clock_text(utc(2025, 1, 1), "Asia/Kathmandu").endswith(
        "05:45 (Asia/Kathmandu, UTC+05:45)"
    )


def test_how_long_something_waited() -> None:
    assert deadlines.span(0, 3 * DAY, "Europe/Oslo") == "3 days"
    assert deadlines.span(0, 2 * HOUR, "Europe/Oslo") == "2 hours"
    assert deadlines.span(MINUTE, 0, "Europe/Oslo") == "less than a minute"
