"""Dialogs: a title, a form, a place for what is wrong, two buttons.

Opened with `open()`, so that nothing blocks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QStandardPaths, Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QLabel, QWidget

from lms_desktop.client.errors import ClientError
from lms_desktop.views.messages import Messages, explain
from lms_desktop.views.tasks import Tasks
from lms_desktop.views.widgets import Banner, Item, button, column, fill, label, named, row


class Dialog(QDialog):
    """A dialog whose main button awaits `work` and closes when that succeeded; an error shows inside, nothing
    is lost.

    Enter presses the main button, Esc cancels.
    """

    def __init__(
        self,
        parent: QWidget,
        object_name: str,
        title: str,
        main: str,
        messages: Messages,
        *,
        danger: bool = False,
        width: int = 520,
    ) -> None:
        super().__init__(parent)
        named(self, object_name, title)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(width)
        self.messages = messages
        self.tasks = Tasks(messages)
        self.work: Callable[[], Awaitable[Any]] | None = None
        self.problem = Banner("", "danger")
        self.body = column(gap=12)
        self.main = button(
            main, f"{object_name}.ok", kind="danger" if danger else "primary", on_click=self.accept_work
        )
        self.main.setDefault(True)
        self.cancel = button("Cancel", f"{object_name}.cancel", on_click=self.reject)
        self.setLayout(
            column(
                label(title, "title"),
                self.body,
                self.problem,
                4,
                row(None, self.cancel, self.main),
                gap=12,
                margins=(24, 20, 24, 20),
            )
        )
        self.finished.connect(lambda _: self.tasks.cancel())

    def add(self, *items: Item) -> None:
        """Put more into the dialog."""
        fill(self.body, items)

    def open(self) -> None:
        """Show it, with the keyboard in the form's first field; the main button where there is none."""
        chosen = self.focusWidget()
        super().open()
        self.fit()
        if chosen is None:
            self._first_field().setFocus()

    def _first_field(self) -> QWidget:
        # The buttons were made first: from them the ring of the focus leads to the form.
        widget = self.main.nextInFocusChain()
        while widget is not self.cancel:
            if widget.isVisible() and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
                return widget
            widget = widget.nextInFocusChain()
        return self.main

    def accept_work(self) -> None:
        """Do what the main button promises."""
        if self.work is None:
            self.accept()
            return
        self.problem.say("")
        self.tasks.start(self._run(), key="work", busy=self.main, on_error=self.show_problem)

    async def _run(self) -> None:
        if self.work is not None:
            await self.work()
            self.accept()

    def show_problem(self, error: Exception) -> bool:
        """Show an error inside; False hands one that is no ClientError on to the messages."""
        if not isinstance(error, ClientError):
            return False
        message = explain(error)
        self.problem.say(f"{message.text} {message.hint}".strip(), "danger")
        self.fit()
        return True

    def fit(self) -> None:
        """Be as tall as what is shown needs at this width: wrapped lines count as many as they are."""
        self.layout().activate()
        layout = self.layout()
        wraps, width = layout.hasHeightForWidth(), self.width()
        self.resize(width, layout.totalHeightForWidth(width) if wraps else layout.totalSizeHint().height())


def field(title: str, widget: QWidget, hint: str = "") -> QWidget:
    """Return `widget` under its title, as one column.

    The title is its label for mnemonics and screen readers.
    """
    box = QWidget()
    caption = QLabel(title)
    caption.setProperty("role", "strong")
    caption.setBuddy(widget)
    items: list[Item] = [caption, widget]
    if hint:
        items.append(label(hint, "small", wrap=True))
    box.setLayout(column(*items, gap=4))
    return box


def confirm(
    parent: QWidget,
    object_name: str,
    title: str,
    sentence: str,
    main: str,
    messages: Messages,
    work: Callable[[], Awaitable[Any]],
    *,
    danger: bool = False,
) -> Dialog:
    """Ask before something that cannot be taken back lightly."""
    dialog = Dialog(parent, object_name, title, main, messages, danger=danger, width=440)
    dialog.add(label(sentence, wrap=True))
    dialog.work = work
    dialog.open()
    return dialog


def _start_in_a_known_folder(dialog: QFileDialog) -> None:
    """Begin in the folder that was used last, at first in the person's documents."""
    app = QCoreApplication.instance()
    places = (QStandardPaths.StandardLocation.DocumentsLocation, QStandardPaths.StandardLocation.HomeLocation)
    found = (QStandardPaths.writableLocation(place) for place in places)
    start = app.property("last_folder") or next((path for path in found if Path(path).is_dir()), "")
    dialog.setDirectory(start)
    dialog.fileSelected.connect(lambda path: app.setProperty("last_folder", str(Path(path).parent)))


def save_as(parent: QWidget, title: str, suggestion: str, then: Callable[[Path], Any]) -> QFileDialog:
    """Ask where to save and call `then` with the path."""
    dialog = QFileDialog(parent, title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    _start_in_a_known_folder(dialog)
    suffix = Path(suggestion).suffix
    dialog.setNameFilters([f"{suffix[1:].upper()} (*{suffix})", "All files (*)"])
    dialog.setDefaultSuffix(suffix[1:])
    dialog.selectFile(suggestion)
    dialog.fileSelected.connect(lambda path: then(Path(path)))
    dialog.open()
    return dialog


def open_file(parent: QWidget, title: str, files: str, then: Callable[[Path], Any]) -> QFileDialog:
    """Ask for one existing file and call `then` with its path."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    _start_in_a_known_folder(dialog)
    dialog.setNameFilters([files, "All files (*)"])
    dialog.fileSelected.connect(lambda path: then(Path(path)))
    dialog.open()
    return dialog
