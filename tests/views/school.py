"""A real, seeded school for the views: three node processes, two courses, people of each role."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lms_desktop.demo.school import DemoSchool
from lms_desktop.views.page import Page
from lms_desktop.views.preferences import Preferences
from lms_desktop.views.window import AppWindow

SEED_S = 120.0
SIZE = (1280, 800)


@contextmanager
def seeded_school(run: Callable[..., Any], folder: Path) -> Iterator[DemoSchool]:
    """The demo's school, alive until the block ends."""
    school = DemoSchool(folder)
    try:
        run(school.seed(lambda _: None), timeout_s=SEED_S)
        yield school
    finally:
        school.close()


def open_window(school: DemoSchool, seat_name: str) -> AppWindow:
    """The app's window at one seat, as `app.py` opens it."""
    seat = school.seat(seat_name)
    window = AppWindow(seat.user_data, Preferences(seat.user_data), known=True)
    window.resize(*SIZE)
    window.show()
    window.begin(seat.link)
    return window


def person(school: DemoSchool, login: str) -> Any:
    """Somebody of the school, with their passphrase."""
    return next(person for person in school.people if person.login == login)


def page_of(window: AppWindow) -> Page:
    """The screen that a signed-in window shows."""
    assert window.shell is not None
    assert window.shell.page is not None
    return window.shell.page


def settled(window: AppWindow) -> bool:
    """True once the screen is loaded and nothing more is under way in the window."""
    if window.tasks.running or window.shell is None:
        return False
    page = page_of(window)
    return page.loaded and not page.tasks.running and not window.shell.tasks.running


async def quiet(condition: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    """Wait until `condition()` holds at three looks in a row, so that late refreshes are in."""
    seen = 0
    async with asyncio.timeout(timeout_s):
        while seen < 3:
            seen = seen + 1 if condition() else 0
            await asyncio.sleep(0.05)
