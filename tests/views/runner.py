"""Runs a test's awaits on the app's loop, with deadlines; finds widgets by name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from PySide6.QtWidgets import QWidget

T = TypeVar("T")
DEADLINE_S = 20.0


class Runner:
    """Runs a test's awaits on the app's loop, with deadlines."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __call__(self, work: Awaitable[T], *, timeout_s: float = DEADLINE_S) -> T:
        """Await `work`."""
        return self._loop.run_until_complete(asyncio.wait_for(work, timeout_s))

    def until(self, condition: Callable[[], object], *, timeout_s: float = DEADLINE_S) -> None:
        """Let the app run until `condition()` is true."""

        async def poll() -> None:
            deadline = time.monotonic() + timeout_s
            while not condition():
                assert time.monotonic() < deadline, "the condition did not come true in time"
                await asyncio.sleep(0.01)

        self._loop.run_until_complete(poll())


def find(root: QWidget, object_name: str) -> QWidget:
    """Return the one visible widget of that name under `root`, its dialogs included."""
    found = [widget for widget in root.findChildren(QWidget, object_name) if widget.isVisible()]
    assert len(found) == 1, f"{object_name}: {len(found)} visible"
    return found[0]
