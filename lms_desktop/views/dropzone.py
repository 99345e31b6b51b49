"""Where a file is dropped, or chosen with the keyboard."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFrame

from lms_desktop.views.dialogs import open_file
from lms_desktop.views.icons import IconLabel
from lms_desktop.views.widgets import button, column, label, named, restyle, row


class DropZone(QFrame):
    """A dashed frame that takes one file. `dropped(Path)` comes from a drop and from the button alike."""

    dropped = Signal(object)

    def __init__(self, object_name: str, sentence: str, *, files: str = "PDF documents (*.pdf)") -> None:
        super().__init__()
        named(self, object_name, sentence)
        self.setProperty("role", "drop")
        self.setAcceptDrops(True)
        self._files = files
        self._sentence = label(sentence, "strong")
        self.choose = button(
            "&Choose a file...", f"{object_name}.choose", symbol="file", on_click=self._choose
        )
        hint = label("or", "muted")
        self.setLayout(
            column(
                None,
                row(None, IconLabel("upload", "accent", 32), None),
                row(None, self._sentence, None),
                row(None, hint, self.choose, None),
                None,
                gap=10,
                margins=(24, 20, 24, 20),
            )
        )
        self.setMinimumHeight(150)

    def _choose(self) -> None:
        open_file(self, "Choose a file", self._files, self.dropped.emit)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        urls = event.mimeData().urls()
        if len(urls) == 1 and urls[0].isLocalFile():
            event.acceptProposedAction()
            restyle(self, over=True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        restyle(self, over=False)

    def dropEvent(self, event: QDropEvent) -> None:
        restyle(self, over=False)
        event.acceptProposedAction()
        self.dropped.emit(Path(event.mimeData().urls()[0].toLocalFile()))
