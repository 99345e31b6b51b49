"""The one route from the app to the person: notes that pass, and errors that stay until they are closed.

A window has one `Messages`. Notes sit bottom right for a few seconds; an error stays, with what to do next
and with Details that can be copied, until it is closed (Esc closes the newest) or the same work succeeds.
Everything is also kept in `history`, which the inbox shows, the newest
last.
"""

from __future__ import annotations

import logging
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QVBoxLayout, QWidget

from lms_desktop.client.errors import ClientError
from lms_desktop.views.icons import IconLabel
from lms_desktop.views.widgets import TONE_ICONS, button, column, icon_button, label, named, row

SECONDS_SHOWN = 5
MAX_SHOWN = 4
TOAST_WIDTH = 400
MAX_KEPT = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Action:
    """A button on a message."""

    text: str
    run: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Message:
    """What a person is told. `details` is for whoever helps them: never shown unasked."""

    text: str
    tone: str = ""
    hint: str = ""
    details: str = ""
    action: Action | None = None
    at: datetime | None = None
    source: str = ""  # names the work that failed

    @property
    def stays(self) -> bool:
        """Errors do not go away by themselves."""
        return self.tone == "danger"


def explain(error: BaseException) -> Message:
    """Turn an error into words: a ClientError says its own.

    Any other is a fault of ours, with details to send.
    """
    if isinstance(error, ClientError):
        what = f"{error.what.removesuffix('.')} ({error.where})." if error.where else error.what
        return Message(what, "danger", error.next_step)
    details = "".join(traceback.format_exception(error))
    hint = "Nothing that was saved is lost. Try again; if it comes back, copy the details for your IT."
    return Message("Something went wrong in the app.", "danger", hint, details)


class Messages(QObject):
    """The route. Screens call `info`, `success`, `warning` and `error`.

    A window's `Toasts` shows what is posted.
    """

    posted = Signal(object)
    worked = Signal(str)  # the source that errors of the same work had

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.history: deque[Message] = deque(maxlen=MAX_KEPT)

    def info(self, text: str, *, action: Action | None = None) -> None:
        """Tell something that needs no answer."""
        self._post(Message(text, "accent", action=action))

    def success(self, text: str, *, hint: str = "", action: Action | None = None) -> None:
        """Tell that something worked."""
        self._post(Message(text, "success", hint, action=action))

    def warning(self, text: str, *, hint: str = "") -> None:
        """Tell something that may need care."""
        self._post(Message(text, "warning", hint))

    def error(self, error: BaseException, source: str = "") -> None:
        """Tell what failed and what to do next; `source` names the work, for `worked` to take it back."""
        message = replace(explain(error), source=source)
        if message.details:
            log.error("unexpected error in a view", exc_info=error)
        self._post(message)

    def _post(self, message: Message) -> None:
        message = replace(message, at=datetime.now().astimezone())
        self.history.append(message)
        self.posted.emit(message)


class Toast(QFrame):
    """One message on the screen."""

    def __init__(self, message: Message, close: Callable[[Toast], None], parent: Toasts) -> None:
        super().__init__(parent)
        self.message = message
        self.setProperty("role", "toast")
        self.setFixedWidth(TOAST_WIDTH)
        self._close = close
        self._toasts = parent
        text = label(message.text, "strong" if message.hint else "", wrap=True)
        lines: list[Any] = [text]
        if message.hint:
            lines.append(label(message.hint, "muted", wrap=True))
        buttons = []
        if message.action:
            action = message.action
            buttons.append(
                button(action.text, "toast.action", kind="link", on_click=lambda: self._act(action))
            )
        if message.details:
            self._details = named(QPlainTextEdit(message.details), "toast.details_text", "Details")
            self._details.setReadOnly(True)
            self._details.setFixedHeight(150)
            self._details.hide()
            lines.append(self._details)
            buttons.append(button("&Details", "toast.details", kind="link", on_click=self._toggle))
        if message.stays:
            buttons.append(button("&Copy", "toast.copy", kind="link", on_click=self._copy))
        if buttons:
            lines.append(row(*buttons, None, gap=4))
        tone = message.tone or "accent"
        head = row(
            column(IconLabel(TONE_ICONS.get(tone, "info"), tone, 20), None),
            column(*lines, gap=4),
            column(
                icon_button("close", "toast.close", "Close this message", lambda: self._close(self)), None
            ),
            gap=10,
            margins=(14, 12, 8, 12),
            stretch=1,
        )
        self.setLayout(head)
        if not message.stays:
            QTimer.singleShot(SECONDS_SHOWN * 1000, self, lambda: self._close(self))

    def _act(self, action: Action) -> None:
        self._close(self)
        action.run()

    def _toggle(self) -> None:
        self._details.setVisible(not self._details.isVisible())
        self._toasts.place()

    def _copy(self) -> None:
        message = self.message
        parts = (message.text, message.hint, message.details)
        QGuiApplication.clipboard().setText("\n".join(part for part in parts if part))


class Toasts(QWidget):
    """The bottom right corner of a window, over everything else in it."""

    def __init__(self, window: QWidget, messages: Messages) -> None:
        super().__init__(window)
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(8)
        self._shown: list[Toast] = []
        messages.posted.connect(self._show)
        messages.worked.connect(self._take_back)
        window.installEventFilter(self)
        self.hide()

    def shown(self) -> tuple[Toast, ...]:
        """What is on the screen now, the oldest first."""
        return tuple(self._shown)

    def _show(self, message: Message) -> None:
        passing = [toast for toast in self._shown if not toast.message.stays]
        if len(self._shown) >= MAX_SHOWN:
            self._close((passing or self._shown)[0])
        toast = Toast(message, self._close, self)
        self._shown.append(toast)
        self._box.addWidget(toast)
        toast.show()
        self.show()
        self.place()
        urgency = QAccessible.AnnouncementPoliteness
        event = QAccessibleAnnouncementEvent(self, f"{message.text} {message.hint}")
        event.setPoliteness(urgency.Assertive if message.stays else urgency.Polite)
        QAccessible.updateAccessibility(event)

    def _close(self, toast: Toast) -> None:
        if toast in self._shown:
            self._shown.remove(toast)
            self._box.removeWidget(toast)
            toast.hide()
            toast.deleteLater()
            self.place()
            self.setVisible(bool(self._shown))

    def _take_back(self, source: str) -> None:
        for toast in self.shown():
            if toast.message.source == source:
                self._close(toast)

    def clear(self) -> None:
        """Take everything off the screen; the inbox keeps it."""
        for toast in self.shown():
            self._close(toast)

    def place(self) -> None:
        """Sit in the corner, as large as what is shown."""
        height = 0
        for toast in self._shown:
            toast.ensurePolished()
            toast.setFixedHeight(toast.layout().totalHeightForWidth(TOAST_WIDTH))
            height += toast.height() + self._box.spacing()
        self.resize(TOAST_WIDTH, max(height - self._box.spacing(), 0))
        self._box.activate()
        window = self.parentWidget()
        self.move(window.width() - self.width() - 20, window.height() - self.height() - 20)
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.place()
        # What has the focus sees a key first: this is an Esc that nothing in the window had a use for.
        key = event.key() if isinstance(event, QKeyEvent) else None
        if event.type() == QEvent.Type.KeyPress and key == Qt.Key.Key_Escape and self._shown:
            self._close(self._shown[-1])
            return True
        return False
