"""Faults of the program itself: one dialog for each kind, with details to copy; never a bare traceback."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from types import TracebackType

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget

from lms_desktop import __version__
from lms_desktop.views.dialogs import Dialog
from lms_desktop.views.messages import Messages
from lms_desktop.views.widgets import button, label, named, row

log = logging.getLogger(__name__)


def group_of(error: BaseException) -> tuple[str, ...]:
    """Name the fault by its type and the places that it came through; its text may differ each time."""
    frames = traceback.extract_tb(error.__traceback__)
    return (type(error).__qualname__, *(f"{frame.filename}:{frame.lineno}" for frame in frames))


class CrashDialog(Dialog):
    """What happened, for the person; what exactly, for whoever helps them."""

    def __init__(self, parent: QWidget | None, error: BaseException) -> None:
        super().__init__(
            parent, "crash", "Something went wrong in the app", "&Close", Messages(parent), width=560
        )
        self.cancel.hide()
        details = f"LMS Desktop {__version__}\n" + "".join(traceback.format_exception(error))
        text = named(QPlainTextEdit(details), "crash.details", "Details")
        text.setReadOnly(True)
        text.setMinimumHeight(180)
        copy = button(
            "C&opy the details",
            "crash.copy",
            symbol="copy",
            on_click=lambda: QGuiApplication.clipboard().setText(details),
        )
        self.add(
            label(
                "Nothing that was saved is lost, and you can go on. If it comes back, give these details to "
                "your IT.",
                wrap=True,
            ),
            text,
            row(copy, None),
        )


class CrashReports(QObject):
    """Takes what nobody caught, from any thread, and shows each kind once."""

    _arrived = Signal(object)

    def __init__(self, show: Callable[[BaseException], None] | None = None) -> None:
        super().__init__()
        self._seen: set[tuple[str, ...]] = set()
        self._show = show or self._open_dialog
        self._arrived.connect(self._on_error)

    def take(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """`sys.excepthook` and its kin."""
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        log.critical("uncaught", exc_info=(kind, error, trace))
        self._arrived.emit(error)

    def _on_error(self, error: BaseException) -> None:
        group = group_of(error)
        if group not in self._seen:
            self._seen.add(group)
            self._show(error)

    def _open_dialog(self, error: BaseException) -> None:
        CrashDialog(QApplication.activeWindow(), error).open()
