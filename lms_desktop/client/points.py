"""Points as people type and read them; kept in hundredths."""

import re

from lms_desktop.client.errors import BadInput


def parse_points(text: str, *, maximum: int) -> int | None:
    """Points as typed ("7", "7.5", "7,25") in hundredths; None for blank.

    Raises BadInput, also above the maximum.
    """
    typed = text.strip().replace(",", ".")
    if not typed:
        return None
    match = re.fullmatch(r"(\d{1,7})(?:\.(\d{0,2}))?", typed, re.ASCII)
    if match is None:
        raise BadInput(
            f"“{text.strip()}” is not a number of points.",
            where="points",
            next_step="Type a number such as 7 or 7.5; at most two digits after the point.",
        )
    points = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    check_points(points, maximum)
    return points


def check_points(points: int | None, maximum: int) -> None:
    """Refuse points that no assignment of this maximum can give. Raises BadInput."""
    if points is not None and not 0 <= points <= maximum:
        raise BadInput(
            f"{points_text(points)} points are more than the {points_text(maximum)} possible."
            if points > maximum
            else "Points cannot be below zero.",
            where="points",
            next_step=f"Type a number from 0 to {points_text(maximum)}.",
        )


def points_text(points: int | None) -> str:
    """Hundredths for people: 750 is "7.5"; None is "–"."""
    if points is None:
        return "–"
    sign, rest = ("-", -points) if points < 0 else ("", points)
    whole, part = divmod(rest, 100)
    return f"{sign}{whole}" + (f".{part:02}".rstrip("0") if part else "")
