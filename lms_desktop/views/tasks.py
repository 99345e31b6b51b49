"""Owned asyncio work of one screen: every task has a parent, an end and a place for its error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from lms_desktop.client.errors import SignedOut
from lms_desktop.views.messages import Messages


class Tasks:
    """Runs what a screen awaits; `cancel` ends it all when the screen goes."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._running: dict[asyncio.Task[Any], str] = {}

    def start(
        self,
        work: Coroutine[Any, Any, Any],
        *,
        key: str = "",
        busy: QWidget | None = None,
        on_error: Callable[[Exception], bool] | None = None,
    ) -> asyncio.Task[Any]:
        """Run `work`. A second one of the same `key` replaces the first; `busy` is disabled meanwhile.

        An error goes to `on_error`; if that returns False, or there is none, it goes to the messages, until
        the same work has succeeded. That the seat was locked meanwhile is no error: its screen says so.
        """
        if key:
            for task in [task for task, other in self._running.items() if other == key]:
                task.cancel()
        task = asyncio.get_event_loop().create_task(self._guard(work, busy, on_error))
        self._running[task] = key
        task.add_done_callback(lambda done: self._end(done, work))
        return task

    def _end(self, task: asyncio.Task[Any], work: Coroutine[Any, Any, Any]) -> None:
        self._running.pop(task, None)
        work.close()  # one that was cancelled before it began would be warned about as never awaited

    async def _guard(
        self,
        work: Coroutine[Any, Any, Any],
        busy: QWidget | None,
        on_error: Callable[[Exception], bool] | None,
    ) -> Any:
        source = getattr(work, "__qualname__", repr(work))
        had_focus = busy is not None and busy.hasFocus()
        if busy is not None:
            busy.setEnabled(False)
        try:
            result = await work
            self._messages.worked.emit(source)
            return result
        except Exception as error:
            handled = on_error is not None and on_error(error)
            if not handled and not isinstance(error, SignedOut):
                self._messages.error(error, source)
            return None
        finally:
            if busy is not None and isValid(busy):
                busy.setEnabled(True)
                if had_focus:
                    busy.setFocus()

    @property
    def running(self) -> tuple[asyncio.Task[Any], ...]:
        """What has not ended yet."""
        return tuple(self._running)

    def cancel(self) -> None:
        """End everything that still runs."""
        for task in list(self._running):
            task.cancel()
