"""Icons from `resources/icons`, drawn sharp at any size and tinted by the theme at the moment of painting."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QLabel, QWidget

from lms_desktop.resources import resource
from lms_desktop.views.theme import theme


@cache
def _source(name: str) -> str:
    return resource("icons", f"{name}.svg").read_text("utf-8")


@cache
def _renderer(name: str, colour: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode()))


class _Tinted(QIconEngine):
    """Paints one icon in one role of the palette; disabled in the muted one."""

    def __init__(self, name: str, role: str) -> None:
        super().__init__()
        self._name = name
        self._role = role

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        role = "muted" if mode == QIcon.Mode.Disabled else self._role
        if state == QIcon.State.On and role in ("text", "muted"):
            role = "accent"
        _renderer(self._name, getattr(theme.palette, role)).render(painter, QRectF(rect))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        return _Tinted(self._name, self._role)


def icon(name: str, role: str = "text") -> QIcon:
    """Return the icon `name` in the palette's `role`; it follows the theme.

    FileNotFoundError for an unknown name.
    """
    _source(name)
    return QIcon(_Tinted(name, role))


class IconLabel(QLabel):
    """An icon as a picture beside text. Screen readers skip it: the text says the same."""

    def __init__(self, name: str, role: str = "muted", size: int = 20, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._size = size
        self.setFixedSize(size, size)
        self.show_icon(name, role)
        theme.changed.connect(self._redraw)

    def show_icon(self, name: str, role: str = "muted") -> None:
        """Show another icon or tone."""
        self._name, self._role = name, role
        self._redraw()

    def _redraw(self) -> None:
        self.setPixmap(
            icon(self._name, self._role).pixmap(QSize(self._size, self._size), self.devicePixelRatio())
        )
