"""A course's grades in one table: a line a student, a column an assignment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lms_desktop.client import gradebook as api
from lms_desktop.client.grading import GradeState
from lms_desktop.client.points import points_text
from lms_desktop.school.changes import Changes
from lms_desktop.views.page import Context, Page, Place
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.widgets import Card, EmptyState, clear, column, label, row


def cell_text(cell: api.Cell) -> str:
    """Return what stands in a cell: points, or what is missing."""
    if cell.points is not None:
        return points_text(cell.points)
    return "handed in" if cell.submitted else "–"


def cell_tone(cell: api.Cell) -> str | None:
    """Return the pill's tone; None for a released grade, which is plain."""
    if cell.over_maximum:
        return "danger"
    if cell.state == GradeState.DRAFT:
        return "warning"
    if cell.state == GradeState.RELEASED:
        return None
    return "accent" if cell.submitted else None


class GradebookPage(Page):
    """The gradebook of one course."""

    shows = Changes.GRADES | Changes.SUBMISSIONS | Changes.ASSIGNMENTS | Changes.PEOPLE | Changes.PROGRESS

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        self._course = place.key
        self._book: api.Gradebook | None = None
        self.table: Table[api.Line] | None = None
        self._title = label("", "title")
        self._box: QVBoxLayout = column()
        legend = row(
            label("Amber: draft, not released.", "small"),
            label("Blue: handed in, to grade.", "small"),
            label("Totals count released grades.", "small"),
            None,
            gap=16,
        )
        content = QWidget()
        content.setLayout(column(self._title, legend, self._box, gap=10, margins=(24, 20, 24, 20), stretch=2))
        self.set_content(content)

    async def load(self) -> None:
        """Ask and show."""
        self.show_book(await api.gradebook(self.session, course=self._course))

    def show_book(self, book: api.Gradebook) -> None:
        """Show what the client found; other assignments make another table."""
        self._title.setText(f"Gradebook: {book.title}")
        if self._book is None or self._book.columns != book.columns or self.table is None:
            clear(self._box)
            self.table = self._make_table(book)
            self._box.addWidget(self.table)
        self._book = book
        self.table.show_rows(book.lines)
        if not book.lines:
            clear(self._box)
            self.table = None
            empty = EmptyState("people", "Nobody is enrolled", "Enrol students on the course's People tab.")
            self._box.addWidget(Card(empty))

    def _make_table(self, book: api.Gradebook) -> Table[api.Line]:
        columns: list[Column[api.Line]] = [
            Column("Student", lambda line: line.name, 190, strong=True),
            Column("Login", lambda line: line.login, 130, muted=True),
        ]
        for number, assignment in enumerate(book.columns):
            columns.append(
                Column(
                    f"{assignment.title} ({points_text(assignment.points)})",
                    _cell(number, cell_text),
                    150,
                    tone=_cell(number, cell_tone),
                    key=_cell(number, lambda cell: -1 if cell.points is None else cell.points),
                    tip=_cell(number, lambda cell: "Late" if cell.late else ""),
                )
            )
        columns += [
            Column(
                "Total",
                lambda line: f"{points_text(line.total)} / {points_text(line.possible)}",
                120,
                right=True,
                strong=True,
                key=lambda line: line.total,
            ),
            Column(
                "Read",
                lambda line: f"{line.materials_read} / {line.materials}",
                90,
                right=True,
                key=lambda line: line.materials_read,
            ),
        ]
        table: Table[api.Line] = Table(
            "gradebook.table", "Gradebook", columns, identity=lambda line: line.student
        )
        table.horizontalHeader().setStretchLastSection(True)
        table.doubleClicked.connect(self._open)
        return table

    def _open(self, index: QModelIndex) -> None:
        number = index.column() - 2
        if self._book is not None and 0 <= number < len(self._book.columns):
            assignment = self._book.columns[number]
            self.context.go(Place("grading", assignment.assignment, assignment.title))


def _cell(number: int, of: Callable[[api.Cell], Any]) -> Callable[[api.Line], Any]:
    return lambda line: of(line.cells[number])
