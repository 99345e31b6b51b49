"""Points are typed as people write them, kept in hundredths, and never above what is possible."""

import pytest

from lms_desktop.client.errors import BadInput
from lms_desktop.client.points import parse_points, points_text


@pytest.mark.parametrize(
    ("typed", "points"),
    [
        ("7", 700),
        (" 7.5 ", 750),
        ("7,25", 725),
        ("7.", 700),
        ("0", 0),
        ("", None),
        ("  ", None),
        ("20", 2000),
    ],
)
def test_points_as_typed(typed: str, points: int | None) -> None:
    assert parse_points(typed, maximum=2000) == points


@pytest.mark.parametrize("typed", ["20.01", "21", "-1", "seven", "7.555", "1e3", "٣", "1 000", "99999999"])
def test_other_points_are_refused(typed: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_points(typed, maximum=2000)
    assert caught.value.where == "points"
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("points", "text"), [(750, "7.5"), (725, "7.25"), (700, "7"), (5, "0.05"), (None, "–")]
)
def test_points_for_people(points: int | None, text: str) -> None:
    assert points_text(points) == text
