"""Where a question is typed: grows with it, counts it, Enter sends and Shift+Enter breaks the line."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QPlainTextEdit

from lms_desktop.views.widgets import named, restyle

LINES = (2, 7)  # at least and at most this tall


class Composer(QPlainTextEdit):
    """Emits `sent` on Enter when there is something to send; `edited` at each change."""

    sent = Signal()
    edited = Signal()

    def __init__(self, object_name: str, accessible: str, most: int) -> None:
        super().__init__()
        named(self, object_name, accessible)
        self.most = most
        self.setPlaceholderText(accessible)
        self.setTabChangesFocus(True)
        self.textChanged.connect(self._on_change)
        self._fit()

    @property
    def typed(self) -> str:
        """What was typed, without the space around it."""
        return self.toPlainText().strip()

    @property
    def left(self) -> int:
        """How many characters may still be typed; below 0 it is too long."""
        return self.most - len(self.typed)

    @property
    def ready(self) -> bool:
        """True when there is something to send, and not too much."""
        return bool(self.typed) and self.left >= 0

    def _on_change(self) -> None:
        restyle(self, invalid="true" if self.left < 0 else "false")
        self._fit()
        self.edited.emit()

    def _fit(self) -> None:
        line = self.fontMetrics().lineSpacing()
        lines = min(max(round(self.document().size().height()), LINES[0]), LINES[1])
        self.setFixedHeight(lines * line + 24)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            if self.ready:
                self.sent.emit()
            return
        super().keyPressEvent(event)
