"""A student's own grades: a list, the grade and feedback of the one chosen, its history, and progress."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QWidget

from lms_desktop.client import gradebook as api
from lms_desktop.client import grading as grading_api
from lms_desktop.client import submit as submit_api
from lms_desktop.client import today as today_api
from lms_desktop.client.points import points_text
from lms_desktop.school.changes import Changes
from lms_desktop.views.page import Context, Page, Place, now_ms
from lms_desktop.views.submit import grade_card
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.times import when
from lms_desktop.views.today import progress_card
from lms_desktop.views.widgets import (
    Card,
    EmptyState,
    Scroll,
    button,
    clear,
    column,
    label,
    line,
    named,
    row,
)


def standing(line: api.MyLine) -> tuple[str, str]:
    """Return how an assignment stands for its student: words and tone."""
    if line.unread:
        return "New", "accent"
    if line.released_ms is not None:
        return "Graded", "success"
    if line.submitted:
        return ("Handed in late", "warning") if line.late else ("Handed in", "")
    return ("Not handed in", "danger") if line.due_ms < now_ms() else ("Open", "")


class GradesPage(Page):
    """All assignments of the signed-in student, with what has been released."""

    shows = Changes.GRADES | Changes.SUBMISSIONS | Changes.ASSIGNMENTS | Changes.PROGRESS

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        self.table: Table[api.MyLine] = Table(
            "grades.list",
            "My grades",
            [
                Column("Assignment", lambda item: item.title, strong=True),
                Column("Course", lambda item: item.course_title, 170, muted=True),
                Column(
                    "Points",
                    lambda item: f"{points_text(item.points)} / {points_text(item.possible)}",
                    110,
                    right=True,
                    key=lambda item: -1 if item.points is None else item.points,
                ),
                Column("", lambda item: standing(item)[0], 140, tone=lambda item: standing(item)[1]),
            ],
            identity=lambda item: item.assignment,
        )
        self.table.picked.connect(self._on_pick)
        self.table.chosen.connect(self._open)
        self._detail = column(gap=14)
        self._progress_box = column()
        side = Scroll(padding=0, gap=14, width=420)
        side.setMinimumWidth(320)
        side.body.addLayout(self._detail)
        side.body.addLayout(self._progress_box)
        side.body.addStretch(1)
        split = named(QSplitter(Qt.Orientation.Horizontal), "grades.split", "Grades and details")
        split.addWidget(self.table)
        split.addWidget(side)
        split.setSizes([690, 330])
        split.setHandleWidth(16)
        split.setChildrenCollapsible(False)
        split.setStyleSheet("QSplitter::handle { background: transparent; }")
        content = QWidget()
        content.setLayout(
            column(label("Grades", "display"), split, gap=14, margins=(24, 24, 24, 20), stretch=1)
        )
        self.set_content(content)

    async def load(self) -> None:
        """Ask and show."""
        lines = await api.my_grades(self.session)
        today = await today_api.student_today(self.session)
        self.show_grades(lines, today.progress)

    def show_grades(
        self, lines: tuple[api.MyLine, ...], progress: tuple[today_api.CourseProgress, ...]
    ) -> None:
        """Show what the client found."""
        self.table.show_rows(lines)
        clear(self._progress_box)
        if progress:
            self._progress_box.addWidget(progress_card(progress))
        current = self.table.current()
        if current is not None:
            self._on_pick(current)
        elif lines:
            newest = [item for item in lines if item.unread] or list(lines)
            self.table.select(newest[0].assignment)
        else:
            clear(self._detail)
            self._detail.addWidget(
                Card(EmptyState("grades", "No assignments yet", "Grades appear here once released."))
            )

    def _on_pick(self, item: api.MyLine | None) -> None:
        if item is not None:
            self.tasks.start(self._show_detail(item), key="detail")

    def _open(self, item: api.MyLine) -> None:
        self.context.go(Place("assignment", item.assignment, item.course_title))

    async def _show_detail(self, item: api.MyLine) -> None:
        page = await submit_api.assignment_page(self.session, assignment=item.assignment)
        history: tuple[grading_api.HistoryEntry, ...] = ()
        if page.grade is not None:
            history = await grading_api.history(
                self.session, assignment=item.assignment, student=self.session.person.number
            )
        self.show_detail(page, history)
        if page.grade_unread:
            await submit_api.mark_grade_seen(self.session, assignment=item.assignment)

    def show_detail(
        self, page: submit_api.AssignmentPage, history: tuple[grading_api.HistoryEntry, ...]
    ) -> None:
        """Show one assignment's grade, feedback and history."""
        clear(self._detail)
        open_it = button(
            "&Open the assignment",
            "grades.open",
            symbol="assignment",
            on_click=lambda: self.context.go(Place("assignment", page.assignment, page.course_title)),
        )
        self._detail.addWidget(label(page.title, "section", wrap=True))
        if page.grade is not None:
            self._detail.addWidget(grade_card(page.grade, self.context.zone))
        else:
            text = "Handed in, not graded yet." if page.versions else f"Due {page.due_text}."
            self._detail.addWidget(Card(label("Not released", "strong"), label(text, "muted"), gap=4))
        if len(history) > 1:
            self._detail.addWidget(history_card(history, self.context.zone))
        self._detail.addLayout(row(open_it, None))


def history_card(history: tuple[grading_api.HistoryEntry, ...], zone: str) -> Card:
    """Return every value that a grade has had, the newest first."""
    card = Card(label("History", "section"), gap=8)
    for number, entry in enumerate(history):
        if number:
            card.body.addWidget(line())
        kind = "corrected" if entry.correction else "released" if entry.released_ms else "draft"
        if entry.beside:
            kind = "written at the same time, not counted"
        card.body.addLayout(
            column(
                row(
                    label(f"{points_text(entry.value.points)} points", "strong"),
                    None,
                    label(f"{when(entry.when_ms, zone, now_ms())}", "small"),
                ),
                label(f"{kind}, by {entry.by}", "small"),
                *([label(entry.value.feedback, wrap=True)] if entry.value.feedback else []),
                gap=3,
            )
        )
    return card
