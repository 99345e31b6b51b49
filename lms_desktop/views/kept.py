"""What a person types is kept, sealed on this computer, until it has arrived: a crash loses none."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QPlainTextEdit
from shiboken6 import isValid

from lms_desktop.views.page import Context

KEEP_MS = 400  # after the last key


class KeptText(QObject):
    """Keeps one field's text under a name; another name is another text in the same field."""

    def __init__(self, field: QPlainTextEdit, context: Context) -> None:
        super().__init__(field)
        self._field = field
        self._context = context
        self._name = ""
        self._quiet = False
        self._timer = QTimer(self, singleShot=True, interval=KEEP_MS)
        self._timer.timeout.connect(self.keep)
        field.textChanged.connect(self._on_change)

    def open(self, name: str, *, show: bool = True) -> None:
        """Put down the text of the last name; take up what is kept under this one, if it is to be shown."""
        if name == self._name:
            return
        self.flush()
        self._name = name
        self._show("")
        if show:
            self._context.later(self._load(name))

    async def _load(self, name: str) -> None:
        kept = await asyncio.to_thread(self._context.session.drafts.load, name)
        if kept and isValid(self._field) and name == self._name and not self._field.toPlainText():
            self._show(str(kept[0]))
            self._field.moveCursor(QTextCursor.MoveOperation.End)

    def _show(self, text: str) -> None:
        self._quiet = True
        self._field.setPlainText(text)
        self._quiet = False

    def _on_change(self) -> None:
        if not self._quiet and self._name:
            self._timer.start()

    def keep(self) -> None:
        """Keep the text as it is now."""
        self._timer.stop()
        if self._name:
            self._context.later(self._write(self._name, self._field.toPlainText()))

    def flush(self) -> None:
        """Keep what has been typed since the last time."""
        if self._timer.isActive():
            self.keep()

    def hand_over(self) -> None:
        """Empty the field; the text stays kept until `forget` says that it has arrived."""
        self.keep()
        self._show("")

    def forget(self) -> None:
        """What was handed over has arrived, unless something else was typed meanwhile."""
        if self._name and not self._field.toPlainText().strip():
            self._timer.stop()
            self._context.later(self._write(self._name, ""))

    async def _write(self, name: str, text: str) -> None:
        drafts = self._context.session.drafts
        if text.strip():
            await asyncio.to_thread(drafts.keep, name, (text,))
        else:
            await asyncio.to_thread(drafts.forget, name)
