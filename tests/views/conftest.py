"""What the tests of the views share: the dressed app, one asyncio loop on Qt's, and small helpers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest
import qasync
from PySide6.QtWidgets import QApplication

from lms_desktop.demo.school import DemoSchool
from lms_desktop.views.theme import prepare, theme
from tests.views.actor import Actor
from tests.views.runner import Runner
from tests.views.school import seeded_school

T = TypeVar("T")


@pytest.fixture(scope="session")
def qapp_cls() -> type[QApplication]:
    return QApplication


@pytest.fixture(scope="session")
def dressed(qapp: QApplication) -> QApplication:
    """The application as `app.py` prepares it."""
    prepare(qapp)
    theme.apply("light")
    qapp.setQuitOnLastWindowClosed(False)
    return qapp


class _Loop(qasync.QEventLoop):
    """qasync runs what is left in Qt's queue once more after the loop has stopped: inside of it still."""

    def run_forever(self) -> int:
        try:
            return super().run_forever()
        finally:
            asyncio._set_running_loop(self)

    def run_until_complete(self, future: Awaitable[T]) -> T:
        try:
            return super().run_until_complete(future)
        finally:
            asyncio._set_running_loop(None)


@pytest.fixture(scope="session")
def loop(dressed: QApplication) -> Iterator[asyncio.AbstractEventLoop]:
    """The asyncio loop on Qt's, as in the app."""
    loop = _Loop(dressed)
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def run(loop: asyncio.AbstractEventLoop) -> Runner:
    return Runner(loop)


@pytest.fixture(scope="session")
def school(loop: asyncio.AbstractEventLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoSchool]:
    """A real seeded school: three node processes, alive for all tests of the views."""
    with seeded_school(Runner(loop), tmp_path_factory.mktemp("school")) as school:
        yield school


@pytest.fixture
def seat(school: DemoSchool, run: Runner) -> Iterator[Callable[[str], Actor]]:
    """Sit down at a machine: `seat("B")`; the window is left at the end of the test."""
    actors: list[Actor] = []

    def sit(name: str) -> Actor:
        actors.append(Actor(school, run, name))
        return actors[-1]

    yield sit
    for actor in actors:
        if not actor.left:
            actor.leave()
