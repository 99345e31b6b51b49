"""The pages of a PDF, with passages marked on them.

QPdfView has no annotations: the mark is painted over its picture, at the place that its own layout gives.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent, QPen
from PySide6.QtPdfWidgets import QPdfView
from PySide6.QtWidgets import QWidget

MARK = QColor("#ffe27a")  # pages are white in both schemes, and so is their marker yellow
MARK_EDGE = QColor("#8a5a00")
ABOVE = 0.25  # of the view's height stays above a passage that is scrolled to


class PdfPages(QPdfView):
    """QPdfView in its page-under-page mode, with custom zoom, and a mark on one page."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._page = 0
        self._marks: list[QRectF] = []

    @property
    def marks(self) -> tuple[QRectF, ...]:
        """What is marked, in points from the top left of its page."""
        return tuple(self._marks)

    def mark(self, page: int, rectangles: Sequence[QRectF]) -> None:
        """Mark lines on a page (from 0), given in points; none takes the mark away."""
        self._page, self._marks = page, list(rectangles)
        self.viewport().update()

    def show_mark(self) -> None:
        """Scroll to the mark."""
        if self._marks:
            top = self._on_view(self._marks[0])
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + round(top.top() - self.viewport().height() * ABOVE))
            across = self.horizontalScrollBar()
            across.setValue(across.value() + round(top.left() - self.viewport().width() * ABOVE))

    def on_view(self) -> tuple[QRectF, ...]:
        """Where the marks are now, in pixels of the viewport."""
        return tuple(self._on_view(mark) for mark in self._marks)

    def _scale(self) -> float:
        return QGuiApplication.primaryScreen().logicalDotsPerInch() / 72 * self.zoomFactor()

    def _page_size(self, page: int) -> QSizeF:
        return QSizeF((self.document().pagePointSize(page) * self._scale()).toSize())

    def _on_view(self, mark: QRectF) -> QRectF:
        margins = self.documentMargins()
        widest = max(self._page_size(page).width() for page in range(self.document().pageCount()))
        room = max(widest + margins.left() + margins.right(), self.viewport().width())
        left = (room - self._page_size(self._page).width()) // 2
        top = margins.top() + sum(
            self._page_size(page).height() + self.pageSpacing() for page in range(self._page)
        )
        corner = QPointF(left - self.horizontalScrollBar().value(), top - self.verticalScrollBar().value())
        scale = self._scale()
        return QRectF(corner + mark.topLeft() * scale, mark.size() * scale)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._marks or not self.document().pageCount():
            return
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for mark in self.on_view():
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
            painter.fillRect(mark, MARK)
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
            painter.setPen(QPen(MARK_EDGE, 2))  # seen without colour too
            painter.drawLine(mark.bottomLeft(), mark.bottomRight())
        painter.end()
