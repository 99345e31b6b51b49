"""The ? overlay: the keys of the screen, and those of every screen."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QWidget

from lms_desktop.views.dialogs import Dialog
from lms_desktop.views.messages import Messages
from lms_desktop.views.widgets import column, label, pill

EVERYWHERE = (
    ("Ctrl+1 ... 9", "The places in the sidebar"),
    ("Alt+Left", "Back"),
    ("F5", "Load again"),
    ("F6", "Between sidebar and screen"),
    ("Esc", "Close the newest message"),
    ("Ctrl+L", "Lock"),
    ("Ctrl+Shift+Q", "Sign out"),
    ("?", "These keys"),
)
IN_DOCUMENTS = (
    ("Page Up / Down", "Previous or next page"),
    ("Ctrl++ / Ctrl+-", "Zoom"),
    ("Ctrl+0", "Fit to the width"),
    ("Ctrl+T", "Read as text"),
    ("Ctrl+S", "Save a copy"),
)


class ShortcutsDialog(Dialog):
    """Shown by ?; Esc or Enter closes it."""

    def __init__(self, parent: QWidget, messages: Messages, here: tuple[tuple[str, str], ...]) -> None:
        super().__init__(parent, "shortcuts", "Keyboard", "&Close", messages, width=460)
        self.cancel.hide()
        for title, keys in (
            ("On this screen", here),
            ("Everywhere", EVERYWHERE),
            ("In documents", IN_DOCUMENTS),
        ):
            if keys:
                grid = QGridLayout()
                grid.setColumnMinimumWidth(0, 150)
                grid.setColumnStretch(1, 1)
                grid.setVerticalSpacing(4)
                for line, (key, text) in enumerate(keys):
                    grid.addWidget(pill(key), line, 0)
                    grid.addWidget(label(text), line, 1)
                self.add(column(label(title, "section"), grid))
