"""A text that a language model wrote: streamed, plain, with the sentences marked that no page supports."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QResizeEvent, QTextCharFormat, QTextCursor, QTextOption
from PySide6.QtWidgets import QFrame, QTextEdit, QToolTip

from lms_desktop.views.passage import units
from lms_desktop.views.theme import theme
from lms_desktop.views.widgets import named

NOT_FOUND = "Not found in the course's pages: check it, or ask your instructor."


class GeneratedText(QTextEdit):
    """As tall as its text. Only what is new is laid out when text is added at the end."""

    def __init__(self, object_name: str) -> None:
        super().__init__()
        named(self, object_name, "Generated answer")
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setProperty("kind", "generated")
        self.document().setDocumentMargin(0)
        self._text = ""
        self._spans: tuple[tuple[int, int], ...] = ()
        theme.changed.connect(self._mark)

    def text(self) -> str:
        """What it shows."""
        return self._text

    def show_text(self, text: str, unsupported: tuple[tuple[int, int], ...] = ()) -> None:
        """Show a text; one that goes on from the last is added to, not set anew."""
        if text.startswith(self._text):
            cursor = QTextCursor(self.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(text[len(self._text) :])
        else:
            self.setPlainText(text)
        self._text = text
        if unsupported != self._spans:
            self._spans = unsupported
            self._mark()
        self._fit()

    def _mark(self) -> None:
        marks = []
        for start, end in self._spans:
            mark = QTextEdit.ExtraSelection()
            mark.cursor = QTextCursor(self.document())
            mark.cursor.setPosition(units(self._text, start))
            mark.cursor.setPosition(units(self._text, end), QTextCursor.MoveMode.KeepAnchor)
            mark.format.setBackground(QColor(theme.palette.warning_soft))
            mark.format.setForeground(QColor(theme.palette.text))
            mark.format.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DashUnderline)
            mark.format.setUnderlineColor(QColor(theme.palette.warning))
            marks.append(mark)
        self.setExtraSelections(marks)

    def unsupported_at(self, place: int) -> bool:
        """True for a place, as Qt counts, inside a marked sentence."""
        return any(units(self._text, start) <= place < units(self._text, end) for start, end in self._spans)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            place = self.cursorForPosition(event.pos()).position()
            QToolTip.showText(event.globalPos(), NOT_FOUND if self.unsupported_at(place) else "", self)
            return True
        return super().viewportEvent(event)

    def _fit(self) -> None:
        height = round(self.document().size().height()) + 4
        if height != self.height():
            self.setFixedHeight(height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 0)
