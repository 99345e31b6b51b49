"""All courses of a person, the archived ones too, and where a new one begins."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from lms_desktop.client import course as api
from lms_desktop.client.session import Role
from lms_desktop.school.changes import Changes
from lms_desktop.views.course_dialogs import CourseDialog
from lms_desktop.views.icons import IconLabel
from lms_desktop.views.page import Context, Page, Place
from lms_desktop.views.widgets import (
    Card,
    EmptyState,
    ListCard,
    Scroll,
    button,
    clear,
    column,
    label,
    list_row,
    pill,
    row,
)


class CoursesPage(Page):
    """Courses that are taught, and those that were put away."""

    shows = Changes.COURSES | Changes.MATERIALS | Changes.ASSIGNMENTS | Changes.PEOPLE

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        self._new = button(
            "&New course", "courses.new", kind="primary", symbol="plus", on_click=self._new_course
        )
        self._new.setVisible(context.session.person.role == Role.INSTRUCTOR)
        self._lists = column(gap=16)
        head = row(label("Courses", "display"), None, self._new)
        self.set_content(Scroll(head, self._lists, None, gap=16))

    async def load(self) -> None:
        """Ask and show."""
        self.show_courses(await api.courses(self.session, archived=True))

    def show_courses(self, cards: tuple[api.CourseCard, ...]) -> None:
        """Show what the client found."""
        clear(self._lists)
        for heading, archived in (("Now", False), ("Archived", True)):
            rows: list[QWidget] = [self._row(card) for card in cards if card.archived == archived]
            if rows:
                self._lists.addWidget(ListCard(heading, rows, count=len(rows)))
        if not cards:
            sentence = "Begin with a title and a code; then add a PDF and an assignment, and enrol students."
            self._lists.addWidget(Card(EmptyState("book", "No courses yet", sentence)))

    def _row(self, card: api.CourseCard) -> QWidget:
        facts = (
            f"{card.code}  ·  {card.students} students, {card.materials} materials, "
            f"{card.assignments} assignments"
        )
        return list_row(
            f"courses.{card.course}",
            card.title,
            facts,
            lead=IconLabel("book", "muted" if card.archived else "accent", 22),
            trailing=(pill("Archived", "warning"),) if card.archived else (),
            on_click=lambda: self.context.go(Place("course", card.course)),
        )

    def _new_course(self) -> None:
        dialog = CourseDialog(self, self.context, None, lambda: None)
        dialog.accepted.connect(lambda: self.context.go(Place("course", dialog.course)))
        dialog.open()
