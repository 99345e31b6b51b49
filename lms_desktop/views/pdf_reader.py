"""Reads a PDF from memory: pages one under the other, zoom, page by page, as plain text, a copy to keep.

The bytes stay in memory: opened work is sealed on disk and must not lie there in the clear. QPdfView draws in
a C++ thread of Qt's own, without Python's lock, so that a heavy page never stops the window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QBuffer, QByteArray, QEvent, QIODevice, QObject, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QColor,
    QIntValidator,
    QPalette,
    QResizeEvent,
    QTextCursor,
    QWheelEvent,
)
from PySide6.QtPdf import QPdfDocument
from PySide6.QtPdfWidgets import QPdfView
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lms_desktop.views.icons import IconLabel
from lms_desktop.views.passage import locate, rectangles, units
from lms_desktop.views.pdf_pages import PdfPages
from lms_desktop.views.theme import theme
from lms_desktop.views.widgets import (
    Elided,
    EmptyState,
    button,
    icon_button,
    label,
    named,
    row,
    shortcut,
)

ZOOMS = (0.5, 0.67, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)
MARGIN = 12

_PROBLEMS = {
    QPdfDocument.Error.IncorrectPassword: "This PDF is protected with a password.",
    QPdfDocument.Error.UnsupportedSecurityScheme: "This PDF is protected in an unknown way.",
    QPdfDocument.Error.InvalidFileFormat: "This file is damaged, or is no PDF.",
}


class PdfReader(QWidget):
    """One document with its tool bar. `page_changed(int)` counts from 1."""

    page_changed = Signal(int)

    def __init__(
        self, area: str, *, save: Callable[[], None] | None = None, tools: Sequence[QWidget] = ()
    ) -> None:
        """`save` asks where a copy goes; `tools` stand at the end of the bar."""
        super().__init__()
        self._area = area
        self._data = QByteArray()
        self._buffer = QBuffer(self)
        self._document = QPdfDocument(self)
        self._fit = True
        self._cited = (0, "")
        self.view = named(PdfPages(self), f"{area}.pages", "Pages of the document")
        self.view.setPageMode(QPdfView.PageMode.MultiPage)
        self.view.setZoomMode(QPdfView.ZoomMode.Custom)
        self.view.setPageSpacing(MARGIN)
        self.view.setDocument(self._document)
        self._dress()
        theme.changed.connect(self._dress)
        self.view.viewport().installEventFilter(self)
        self.text = named(QPlainTextEdit(), f"{area}.text", "Text of this page")
        self.text.setReadOnly(True)
        self.problem = EmptyState("file", "This PDF cannot be shown")
        self._stack = QStackedWidget()
        for widget in (self.view, self.text, self.problem):
            self._stack.addWidget(widget)
        self._bar = self._tool_bar(save, tools)
        self.passage = self._passage_bar()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        box.addWidget(self._bar)
        box.addWidget(self.passage)
        box.addWidget(self._stack, 1)
        self._navigator = self.view.pageNavigator()
        self._navigator.currentPageChanged.connect(self._on_page)
        self._document.statusChanged.connect(self._on_status)
        for keys, action in {
            "Ctrl++": lambda: self.zoom(1),
            "Ctrl+=": lambda: self.zoom(1),
            "Ctrl+-": lambda: self.zoom(-1),
            "Ctrl+0": self.fit_width,
            "Ctrl+T": self.toggle_text,
        }.items():
            shortcut(self, keys, action)
        for keys, step in (("PgDown", 1), ("PgUp", -1)):
            shortcut(self.view, keys, lambda step=step: self.go_to(self.page + step), inside=True)
        self._enable()

    def _tool_bar(self, save: Callable[[], None] | None, more: Sequence[QWidget]) -> QWidget:
        area = self._area
        self._previous = icon_button(
            "chevron-left", f"{area}.previous", "Previous page", lambda: self.go_to(self.page - 1)
        )
        self._next = icon_button(
            "chevron-right", f"{area}.next", "Next page", lambda: self.go_to(self.page + 1)
        )
        self._number = named(QLineEdit(), f"{area}.page", "Page number")
        self._number.setFixedWidth(48)
        self._number.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._number.returnPressed.connect(lambda: self.go_to(int(self._number.text() or self.page)))
        self._count = label("", "muted")
        self._out = icon_button("minus", f"{area}.zoom_out", "Zoom out (Ctrl+-)", lambda: self.zoom(-1))
        self._in = icon_button("plus", f"{area}.zoom_in", "Zoom in (Ctrl++)", lambda: self.zoom(1))
        self._percent = label("", "muted")
        self._percent.setFixedWidth(46)
        self._percent.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._width = icon_button(
            "fit-width", f"{area}.fit_width", "Fit to the width (Ctrl+0)", self.fit_width
        )
        self._as_text = icon_button("text", f"{area}.as_text", "Read as text (Ctrl+T)", self.toggle_text)
        self._as_text.setCheckable(True)
        tools: list[QWidget | int | None] = [self._previous, self._number, self._count, self._next, None]
        tools += [self._out, self._percent, self._in, self._width, 8, self._as_text]
        self._save: QPushButton | None = None
        if save is not None:
            self._save = icon_button("download", f"{area}.save", "Save a copy (Ctrl+S)", save)
            tools.append(self._save)
            shortcut(self, "Ctrl+S", save)
        bar = QWidget()
        bar.setLayout(row(*tools, *more, gap=4))
        return bar

    def _passage_bar(self) -> QWidget:
        """What is marked, in words: for screen readers, and where the page itself cannot show it."""
        area = self._area
        self._cited_text = Elided("", "")
        self._cited_text.setObjectName(f"{area}.passage")
        self._to_passage = button(
            "Show", f"{area}.to_passage", accessible="Show the passage", on_click=self.show_passage
        )
        bar = QFrame()
        bar.setProperty("role", "banner")
        bar.setProperty("tone", "warning")
        close = icon_button("close", f"{area}.unmark", "Take the mark away", self.unmark)
        bar.setLayout(
            row(
                IconLabel("quote", "warning", 18),
                self._cited_text,
                self._to_passage,
                close,
                margins=(12, 4, 4, 4),
                stretch=1,
            )
        )
        bar.hide()
        return bar

    def _dress(self) -> None:
        palette = self.view.palette()
        palette.setColor(QPalette.ColorRole.Dark, QColor(theme.palette.sidebar))  # around the pages
        self.view.setPalette(palette)

    @property
    def page(self) -> int:
        """The page in view, from 1."""
        return int(self._navigator.currentPage()) + 1

    @property
    def pages(self) -> int:
        """How many pages the document has; 0 while nothing is open."""
        return self._document.pageCount()

    def open_bytes(self, data: bytes, *, page: int = 1, quote: str = "") -> None:
        """Show a document at a page, with a passage of it marked; one that cannot be opened shows why."""
        self._close()
        self._data = QByteArray(data)
        self._buffer.setData(self._data)
        self._buffer.open(QIODevice.OpenModeFlag.ReadOnly)
        self._document.load(self._buffer)
        if self._as_text.isChecked():
            self._as_text.setChecked(False)
        if self.pages:
            self._stack.setCurrentWidget(self.view)
            self._count.setText(f"of {self.pages}")
            self._number.setValidator(QIntValidator(1, self.pages, self._number))
            QTimer.singleShot(0, self, lambda: self._after_open(page, quote))
        self._enable()

    def close_document(self) -> None:
        """Forget the document and its bytes."""
        self._close()
        self.problem.title.setText("Nothing is open")
        self.problem.sentence.hide()
        self._stack.setCurrentWidget(self.problem)
        self._enable()

    def _close(self) -> None:
        self.unmark()
        self._document.close()
        self._buffer.close()
        self._data = QByteArray()
        self._buffer.setData(self._data)
        self.text.clear()

    def _after_open(self, page: int, quote: str) -> None:
        if self._fit:
            self.fit_width()
        self.go_to(page)
        self._on_page(self.page - 1)
        if quote:
            self.mark(page, quote)

    def mark(self, page: int, quote: str) -> None:
        """Mark a passage on a page (from 1) and scroll to it; the bar above says what it is."""
        if not 1 <= page <= self.pages:
            return
        self._cited = (page, quote)
        lines = rectangles(self._document, page - 1, quote)
        self.view.mark(page - 1, lines)
        words = " ".join(quote.split())
        text = f"Marked on page {page}: “{words}”" if lines else f"Cited from page {page}: “{words}”"
        self._cited_text.set_full(text)
        self._cited_text.setAccessibleName(text)
        self._to_passage.setEnabled(True)
        self.passage.show()
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self._cited_text, text))
        self.show_passage()

    def show_passage(self) -> None:
        """Go back to the passage that is marked."""
        page, quote = self._cited
        if not page:
            return
        self.go_to(page)
        if self._stack.currentWidget() is self.text:
            self._select(quote)
        else:
            self.view.show_mark()

    def unmark(self) -> None:
        """Take the mark away."""
        self._cited = (0, "")
        self.view.mark(0, ())
        self.passage.hide()

    def _select(self, quote: str) -> None:
        text = self.text.toPlainText()
        found = locate(text, quote)
        if found is not None:
            cursor = self.text.textCursor()
            cursor.setPosition(units(text, found[0]))
            cursor.setPosition(units(text, found[1]), QTextCursor.MoveMode.KeepAnchor)
            self.text.setTextCursor(cursor)
            self.text.ensureCursorVisible()

    def go_to(self, page: int) -> None:
        """Show a page, counted from 1; beyond the ends shows the first or the last."""
        if self.pages:
            page = min(max(page, 1), self.pages)
            self._navigator.jump(page - 1, QPointF())
            if self._stack.currentWidget() is self.text:
                self._show_text(page)

    def zoom(self, step: int) -> None:
        """One step larger (1) or smaller (-1)."""
        now = self.view.zoomFactor()
        larger = [value for value in ZOOMS if value > now + 0.01]
        smaller = [value for value in ZOOMS if value < now - 0.01]
        self._fit = False
        self._set_zoom(larger[0] if step > 0 and larger else smaller[-1] if step < 0 and smaller else now)

    def fit_width(self) -> None:
        """Make the widest page as wide as the view, now and when the view changes."""
        self._fit = True
        if not self.pages:
            return
        # Zoom is custom always: in Qt's own FitToWidth mode zoomFactor() stays 1.0 and steps would jump.
        points = max(self._document.pagePointSize(number).width() for number in range(min(self.pages, 50)))
        margins = self.view.documentMargins()
        bar = self.view.verticalScrollBar()
        room = self.view.width() - margins.left() - margins.right() - bar.sizeHint().width() - 4
        inch = self.view.screen().logicalDotsPerInch()
        self._set_zoom(min(max(room / (points * inch / 72), ZOOMS[0] / 2), ZOOMS[-1]))

    def toggle_text(self) -> None:
        """Change between the picture of the page and its text, which screen readers can read."""
        to_text = self._stack.currentWidget() is not self.text and self.pages > 0
        self._as_text.setChecked(to_text)
        if to_text:
            self._show_text(self.page)
        self._stack.setCurrentWidget(self.text if to_text else self.view)
        self._stack.currentWidget().setFocus()

    def _show_text(self, page: int) -> None:
        text = self._document.getAllText(page - 1).text().strip()
        self.text.setPlainText(text or "This page holds no text: it is a picture, or empty.")
        self._number.setText(str(page))
        if page == self._cited[0]:
            self._select(self._cited[1])

    def _set_zoom(self, factor: float) -> None:
        self.view.setZoomFactor(factor)
        self._percent.setText(f"{factor * 100:.0f} %")

    def _on_page(self, page: int) -> None:
        self._number.setText(str(page + 1))
        self._previous.setEnabled(page > 0)
        self._next.setEnabled(page + 1 < self.pages)
        self.page_changed.emit(page + 1)

    def _on_status(self, status: QPdfDocument.Status) -> None:
        if status == QPdfDocument.Status.Error:
            self.problem.title.setText("This PDF cannot be shown")
            self.problem.sentence.setText(
                _PROBLEMS.get(self._document.error(), "This file cannot be opened here.")
                + " Save a copy to try another program."
            )
            self.problem.sentence.show()
            self._stack.setCurrentWidget(self.problem)

    def _enable(self) -> None:
        ready = self.pages > 0
        for widget in (self._number, self._out, self._in, self._width, self._as_text):
            widget.setEnabled(ready)
        if self._save is not None:
            self._save.setEnabled(not self._data.isEmpty())
        self._previous.setEnabled(ready and self.page > 1)
        self._next.setEnabled(ready and self.page < self.pages)
        if not ready:
            self._count.setText("")
            self._number.setText("")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fit and self.pages:
            QTimer.singleShot(0, self, self._refit)

    def _refit(self) -> None:
        in_view = any(mark.toRect().intersects(self.view.viewport().rect()) for mark in self.view.on_view())
        self.fit_width()
        if in_view:
            self.view.show_mark()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QWheelEvent) and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            delta = event.angleDelta()
            if delta.y():
                self.zoom(1 if delta.y() > 0 else -1)
            return True
        return False
