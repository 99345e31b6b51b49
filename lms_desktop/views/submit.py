"""An assignment as its student sees it: what to do, the hand-in, its versions and the grade."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from lms_desktop.client import submit as api
from lms_desktop.client.points import points_text
from lms_desktop.school.changes import Changes
from lms_desktop.views.course import size_text
from lms_desktop.views.handin import HandIn
from lms_desktop.views.icons import IconLabel
from lms_desktop.views.page import Context, Page, Place, now_ms
from lms_desktop.views.times import way, when
from lms_desktop.views.widgets import (
    Banner,
    Card,
    ListCard,
    Scroll,
    button,
    clear,
    column,
    label,
    list_row,
    pill,
    restyle,
    row,
)

PANEL_WIDTH = 430


class AssignmentPage(Page):
    """One assignment of the signed-in student."""

    shows = Changes.ASSIGNMENTS | Changes.SUBMISSIONS | Changes.GRADES

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        self._assignment = place.key
        self._page: api.AssignmentPage | None = None
        self._title = label("", "display", wrap=True)
        self._facts = label("", "muted", wrap=True)
        self._state = pill()
        self._extension = Banner("", "accent")
        self._text = label("", wrap=True, selectable=True)
        self._pdf = button("&Read the assignment's PDF", "assignment.pdf", symbol="file", on_click=self._read)
        self._ask = button("As&k about this", "assignment.ask", symbol="tutor", on_click=self._to_ask)
        self._task = Card(label("What to do", "section"), self._text, row(self._pdf, None), gap=10)
        self._grade_box = column(gap=16)
        self._versions_box = column()
        self.hand_in = HandIn(context, self.tasks, self._assignment, self.refresh)
        panel = QWidget()
        panel.setFixedWidth(PANEL_WIDTH)
        panel.setLayout(column(self.hand_in, self.hand_in.receipt_box, None, gap=16))
        left = column(self._extension, self._grade_box, self._task, self._versions_box, None, gap=16)
        columns = row(left, panel, gap=24, stretch=0)
        head = column(row(self._title, self._state, self._ask, gap=12, stretch=0), self._facts, gap=4)
        self.set_content(Scroll(head, columns, None, gap=16, width=1120))

    async def load(self) -> None:
        """Ask and show; a grade that is seen here is no longer new."""
        page = await api.assignment_page(self.session, assignment=self._assignment)
        self.show_assignment(page)
        if page.grade_unread:
            await api.mark_grade_seen(self.session, assignment=self._assignment)

    def show_assignment(self, page: api.AssignmentPage) -> None:
        """Show what the client found."""
        self._page = page
        self._title.setText(page.title)
        self._facts.setText(
            f"{page.course_title}  ·  due {page.due_text}  ·  {points_text(page.points)} points"
        )
        self._state.setText(page.sentence.capitalize())
        tone = (
            "success" if page.versions or page.grade else "danger" if "overdue" in page.sentence else "accent"
        )
        restyle(self._state, tone=tone)
        reason = f" Reason: {page.extension_reason}" if page.extension_reason else ""
        self._extension.say(f"You have an extension.{reason}" if page.extended else "", "accent")
        self._text.setText(page.text or "See the assignment's PDF.")
        self._pdf.setVisible(page.has_pdf)
        clear(self._grade_box)
        if page.grade is not None:
            self._grade_box.addWidget(grade_card(page.grade, self.context.zone))
        clear(self._versions_box)
        if page.versions:
            rows: list[QWidget] = [self._version(page, version) for version in page.versions]
            self._versions_box.addWidget(ListCard("What you handed in", rows, count=len(rows)))
        self.hand_in.show_page(page)

    def _version(self, page: api.AssignmentPage, version: api.Version) -> QWidget:
        sent = when(version.submitted_ms, self.context.zone, now_ms())
        text = f"{sent}  ·  {size_text(version.size)}"
        if version.late:
            zone = self.context.zone
            times = way(version.queued_ms, version.held_ms, version.submitted_ms, zone, now_ms())
            text = f"{version.late_text}: {times}"
        return list_row(
            f"assignment.version.{version.number}",
            f"Version {version.number}",
            text,
            lead=IconLabel("file", "accent", 22),
            trailing=(pill("Late", "warning") if version.late else pill("In time", "success"),),
            spoken=f"Open version {version.number}, {text}",
            on_click=lambda: self.context.go(
                Place("version", version.submission, f"{page.title}, version {version.number}", version)
            ),
        )

    def _read(self) -> None:
        if self._page is not None:
            self.context.go(Place("brief", self._assignment, self._page.title, self._page.course))

    def _to_ask(self) -> None:
        if self._page is not None:
            self.context.go(Place("ask", self._page.course, self._page.title, self._assignment))

    def close_page(self) -> None:
        """End the screen's work."""
        self.hand_in.close_panel()
        super().close_page()


def grade_card(grade: api.MyGrade, zone: str) -> Card:
    """Return a released grade: points, feedback, by whom."""
    share = f"{points_text(grade.points)} of {points_text(grade.possible)}"
    by = f"{grade.graded_by}, {when(grade.released_ms, zone, now_ms())}"
    head = row(
        column(label("GRADE", "eyebrow"), label(share, "display"), gap=0),
        None,
        *([pill("Corrected", "accent")] if grade.corrected else []),
    )
    feedback = label(grade.feedback or "No written feedback.", wrap=True, selectable=True)
    card = Card(head, feedback, label(by, "small"), gap=8)
    if grade.over_maximum:
        card.body.addWidget(
            Banner("These points are above what is possible. Ask your instructor about it.", "warning")
        )
    return card
