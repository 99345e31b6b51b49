"""Lists: a model over plain rows, and the one kind of table that shows them.

Rows are frozen dataclasses. A `Column` says how one of them is shown. Sorting happens here, in Python, on
keys made once per row: Qt's own proxy asks a Python model millions of times for the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from lms_desktop.views.theme import theme
from lms_desktop.views.widgets import named, plain_tip

ROW_HEIGHT = 40
PADDING = 11  # at either side of a cell: Qt's own 3 and the style sheet's 8; the headings have it too
TONE = Qt.ItemDataRole.UserRole + 1

Row = TypeVar("Row")
Index = QModelIndex | QPersistentModelIndex
NOWHERE = QModelIndex()


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column. `text` is what is shown and spoken; `tone`, where given, makes it a pill in that colour.

    `key` sorts (the text, without case, unless given); `width` is in pixels, 0 takes an equal part of the
    rest.
    """

    title: str
    text: Callable[[Row], str]
    width: int = 0
    right: bool = False
    strong: bool = False
    muted: bool = False
    tone: Callable[[Row], str] | None = None
    key: Callable[[Row], Any] | None = None
    tip: Callable[[Row], str] | None = None


class RowsModel(QAbstractTableModel, Generic[Row]):
    """Rows behind columns, sorted by the header that was pressed last."""

    def __init__(self, columns: Sequence[Column[Row]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self._given: list[Row] = []
        self._rows: list[Row] = []
        self._sorted_by: tuple[int, Qt.SortOrder] | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows, as shown."""
        return tuple(self._rows)

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show other rows, in the order given unless the person chose one."""
        self.beginResetModel()
        self._given = list(rows)
        self._sort()
        self.endResetModel()

    def row_at(self, number: int) -> Row:
        """Return the row shown at `number`; IndexError beyond the last."""
        return self._rows[number]

    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section].title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(_alignment(self.columns[section]))
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], self.columns[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return column.text(row)
        if role == TONE and column.tone is not None:
            return column.tone(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(column.tip(row)) if column.tip else None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(_alignment(column))
        if role == Qt.ItemDataRole.ForegroundRole and column.muted:
            return QColor(theme.palette.muted)
        if role == Qt.ItemDataRole.FontRole and column.strong:
            font = QFont()
            font.setWeight(QFont.Weight.DemiBold)
            return font
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self.layoutAboutToBeChanged.emit()
        before = list(self._rows)
        self._sorted_by = (column, order) if 0 <= column < len(self.columns) else None
        self._sort()
        places = {id(row): place for place, row in enumerate(self._rows)}
        old = self.persistentIndexList()
        self.changePersistentIndexList(
            old, [self.index(places[id(before[index.row()])], index.column()) for index in old]
        )
        self.layoutChanged.emit()

    def _sort(self) -> None:
        self._rows = list(self._given)
        if self._sorted_by is None:
            return
        number, order = self._sorted_by
        column = self.columns[number]
        key = column.key or (lambda row: column.text(row).casefold())
        self._rows.sort(key=key, reverse=order == Qt.SortOrder.DescendingOrder)


def _alignment(column: Column[Any]) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


class PillDelegate(QStyledItemDelegate):
    """Paints a state word as a pill."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        text, tone = index.data(), index.data(TONE)
        if tone is None or not text:
            super().paint(painter, option, index)
            return
        self.initStyleOption(option, index)
        option.text = ""
        style = option.widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        palette = theme.palette
        ink, ground = (
            (getattr(palette, tone), getattr(palette, f"{tone}_soft"))
            if tone
            else (
                palette.muted,
                palette.window,
            )
        )
        font = QFont(option.font)
        font.setPointSizeF(font.pointSizeF() * 0.9)
        font.setWeight(QFont.Weight.Medium)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        room = option.rect.width() - 2 * PADDING
        width = min(metrics.horizontalAdvance(text) + 20, room)
        left = option.rect.left() + PADDING
        box = QRectF(left, option.rect.center().y() - 10 + 0.5, width, 21)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(ground))
        painter.drawRoundedRect(box, 10, 10)
        painter.setPen(QColor(ink))
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(width - 18))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(super().sizeHint(option, index).width() + 24, ROW_HEIGHT)


class Table(QTableView, Generic[Row]):
    """A quiet table: whole rows, no grid. Enter or a double click emits `chosen(row)`; `picked` follows the
    selection.

    `identity` names a row across refreshes, so that the selection stays on the person and not on a line.
    """

    chosen = Signal(object)
    picked = Signal(object)

    def __init__(
        self,
        object_name: str,
        accessible: str,
        columns: Sequence[Column[Row]],
        *,
        identity: Callable[[Row], Any],
        sortable: bool = True,
        many: bool = False,
    ) -> None:
        super().__init__()
        named(self, object_name, accessible)
        self._identity = identity
        self.rows = RowsModel(columns, self)
        self.setModel(self.rows)
        self.setItemDelegate(PillDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        modes = QAbstractItemView.SelectionMode
        self.setSelectionMode(modes.ExtendedSelection if many else modes.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for number, column in enumerate(self.rows.columns):
            if column.width:
                header.setSectionResizeMode(number, QHeaderView.ResizeMode.Interactive)
                header.resizeSection(number, column.width)
            else:
                header.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
        if sortable:
            header.setSortIndicatorClearable(True)
            header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)  # as given, until a header is pressed
            self.setSortingEnabled(True)
        self.doubleClicked.connect(lambda index: self.chosen.emit(self.rows.row_at(index.row())))
        self.selectionModel().selectionChanged.connect(lambda *_: self.picked.emit(self.current()))
        theme.changed.connect(self.viewport().update)

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show other rows and keep the selection on those that are still there."""
        kept = {self._identity(row) for row in self.selection()}
        self.rows.set_rows(rows)
        for number, row in enumerate(self.rows.rows):
            if self._identity(row) in kept:
                self.selectRow(number)
        if kept and not self.selection():
            self.picked.emit(None)

    def fit(self, most: int = 12) -> None:
        """Be as tall as the rows, up to `most` of them, so that the page scrolls and not the table."""
        lines = min(max(self.rows.rowCount(), 1), most)
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + lines * ROW_HEIGHT + 4)

    def selection(self) -> list[Row]:
        """The selected rows, from the top."""
        numbers = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self.rows.row_at(number) for number in numbers]

    def current(self) -> Row | None:
        """The one selected row, or None."""
        chosen = self.selection()
        return chosen[0] if chosen else None

    def select(self, wanted: Any) -> None:
        """Select the row of this identity, if it is there."""
        for number, row in enumerate(self.rows.rows):
            if self._identity(row) == wanted:
                self.selectRow(number)
                self.scrollTo(self.rows.index(number, 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.current()
        if row is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(row)
            return
        super().keyPressEvent(event)
