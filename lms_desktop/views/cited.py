"""The cited page beside what cites it: a material's or an assignment's PDF, or an assignment's own text."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QSplitter, QStackedWidget, QTextEdit, QWidget
from shiboken6 import isValid

from lms_desktop.client import course as courses_api
from lms_desktop.client import sources as api
from lms_desktop.client.session import Session
from lms_desktop.client.sources import DocumentKind, Source
from lms_desktop.views.passage import locate, units
from lms_desktop.views.pdf_reader import PdfReader
from lms_desktop.views.tasks import Tasks
from lms_desktop.views.theme import theme
from lms_desktop.views.widgets import (
    Elided,
    EmptyState,
    Margins,
    column,
    icon_button,
    named,
    row,
    shortcut,
)


class CitedPanel(QWidget):
    """Opens sources one after the other; hidden until the first and after `closed`."""

    closed = Signal()

    def __init__(self, area: str, session: Session, tasks: Tasks, *, margins: Margins = (0, 0, 0, 0)) -> None:
        super().__init__()
        self._session = session
        self._tasks = tasks
        self._open: tuple[int, bool] | None = None
        self._data = b""
        self._came_from: QWidget | None = None
        self.title = Elided("", "strong")
        self.reader = PdfReader(f"{area}.cited")
        self.text = named(QPlainTextEdit(), f"{area}.cited.own_text", "The assignment's text")
        self.text.setReadOnly(True)
        self._failed = EmptyState("alert", "This page cannot be opened now", " ")
        self._stack = QStackedWidget()
        for widget in (self.reader, self.text, self._failed):
            self._stack.addWidget(widget)
        close = icon_button("close", f"{area}.cited.close", "Close the cited page (Esc)", self.close_panel)
        self.setLayout(
            column(row(self.title, close, stretch=0), self._stack, gap=6, stretch=1, margins=margins)
        )
        shortcut(self, "Esc", self.close_panel, inside=True)
        self.hide()

    def show_source(self, source: Source) -> None:
        """Open the page that a source is from, with its passage marked."""
        if not self.isVisible():
            self._came_from = self.window().focusWidget()
        self.title.set_full(source.place)
        self.show()
        self._tasks.start(self._load(source), key="cited", on_error=self._on_error)

    async def _load(self, source: Source) -> None:
        if not source.page and source.kind is DocumentKind.MATERIAL:
            source = replace(source, page=1)  # a passage that is the document's title
        if not source.page:
            row = await courses_api.assignment_row(self._session, source.document)
            self._show_text(row.text, source.quote)
            return
        document = (source.document, source.page > 0)
        if document != self._open:
            self._data = await api.open_document(self._session, source=source)
            self._open = document
            self._stack.setCurrentWidget(self.reader)
            self.reader.open_bytes(self._data, page=source.page, quote=source.quote)
        else:
            self._stack.setCurrentWidget(self.reader)
            self.reader.mark(source.page, source.quote)
        self.reader.view.setFocus()

    def _show_text(self, text: str, quote: str) -> None:
        self.text.setPlainText(text)
        found = locate(text, quote)
        marks = []
        if found is not None:
            mark = QTextEdit.ExtraSelection()
            mark.cursor = QTextCursor(self.text.document())
            mark.cursor.setPosition(units(text, found[0]))
            mark.cursor.setPosition(units(text, found[1]), QTextCursor.MoveMode.KeepAnchor)
            mark.format.setBackground(QColor(theme.palette.warning_soft))
            mark.format.setForeground(QColor(theme.palette.text))
            mark.format.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
            marks.append(mark)
            start = QTextCursor(self.text.document())
            start.setPosition(units(text, found[0]))
            self.text.setTextCursor(start)
        self.text.setExtraSelections(marks)
        self._stack.setCurrentWidget(self.text)
        self.text.setFocus()

    def _on_error(self, error: Exception) -> bool:
        self._stack.setCurrentWidget(self._failed)
        return False

    def close_panel(self) -> None:
        """Close it, and give the focus back to where it came from."""
        inside = self.isAncestorOf(self.window().focusWidget() or self.window())
        self.hide()
        self.forget()
        came_from, self._came_from = self._came_from, None
        if inside and came_from is not None and isValid(came_from):
            came_from.setFocus()
        self.closed.emit()

    def forget(self) -> None:
        """Let go of the document's bytes."""
        self._open, self._data = None, b""
        self.reader.close_document()
        self.text.clear()


class Beside(QSplitter):
    """What stands side by side on a screen, with movable borders: the parts, and at the right the cited page.

    The part `gives_way`, if there is one, hides while a page is open.
    """

    def __init__(
        self, name: str, *parts: QWidget, cited: CitedPanel, gives_way: QWidget | None = None
    ) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        named(self, name, "Parts of this screen")
        for part in (*parts, cited):
            self.addWidget(part)
        self.setHandleWidth(12)
        self.setChildrenCollapsible(False)
        self.setStyleSheet("QSplitter::handle { background: transparent; }")
        self._cited = cited
        self._gives_way = gives_way
        if gives_way is not None:
            cited.closed.connect(gives_way.show)

    def open_source(self, source: Source) -> None:
        """Open a cited page beside what cites it; the first time, each has half of the room."""
        first = not self._cited.isVisible()
        if self._gives_way is not None:
            self._gives_way.hide()
        self._cited.show_source(source)
        if first:
            half = self.width() // 2
            self.setSizes([0] * (self.count() - 2) + [half, half])
