"""A course: its assignments, materials and, for its staff, its people."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QTabWidget, QVBoxLayout, QWidget

from lms_desktop.client import course as api
from lms_desktop.client.points import points_text
from lms_desktop.client.session import Role
from lms_desktop.school.changes import Changes
from lms_desktop.views.course_dialogs import (
    AssignmentDialog,
    CourseDialog,
    EnrolDialog,
    ExtendDialog,
    MaterialDialog,
)
from lms_desktop.views.dialogs import confirm
from lms_desktop.views.icons import IconLabel
from lms_desktop.views.page import Context, Page, Place, now_ms
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.times import day, when
from lms_desktop.views.widgets import (
    Card,
    EmptyState,
    Scroll,
    button,
    clear,
    column,
    icon_button,
    label,
    line,
    list_row,
    named,
    pill,
    relabel,
    row,
)

KILOBYTE, MEGABYTE = 1_000, 1_000_000


def size_text(size: int) -> str:
    """Return a file's size for people, rounded: "640 bytes", "2.8 kB", "340 kB", "1.2 MB"."""
    if size < KILOBYTE:
        return f"{size} bytes"
    if size < 9.95 * KILOBYTE:
        return f"{size / KILOBYTE:.1f} kB"
    if size < 999.5 * KILOBYTE:
        return f"{size / KILOBYTE:.0f} kB"
    return f"{size / MEGABYTE:.1f} MB"


class CoursePage(Page):
    """One course, as its student, its staff or an administrator sees it."""

    shows = Changes.COURSES | Changes.MATERIALS | Changes.ASSIGNMENTS | Changes.SUBMISSIONS | Changes.PROGRESS

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        self._course = place.key
        self._page: api.CoursePage | None = None
        self._title = label("", "display", wrap=True)
        self._code = label("", "muted")
        self._about = label("", "muted", wrap=True)
        self._archived = pill("Archived", "warning")
        self._gradebook = button(
            "&Gradebook", "course.gradebook", symbol="table", on_click=self._to_gradebook
        )
        self._ask = button("&Ask the tutor", "course.ask", symbol="tutor", on_click=self._to_ask)
        self._tutor = button("&Tutor", "course.tutor", symbol="tutor", on_click=self._to_tutor)
        self._edit = button("&Edit", "course.edit", symbol="edit", on_click=self._edit_course)
        self._archive = button("Archive", "course.archive", symbol="archive", on_click=self._archive_course)
        self._tabs = named(QTabWidget(), "course.tabs", "Parts of the course")
        self._tabs.tabBar().setObjectName("course.tab_bar")
        self._tabs.tabBar().setAccessibleName("Parts of the course")
        self._assignments = column(gap=0)
        self._materials = column(gap=0)
        self._add_assignment = button(
            "&New assignment",
            "course.add_assignment",
            kind="primary",
            symbol="plus",
            on_click=self._new_assignment,
        )
        self._add_material = button(
            "Add &material", "course.add_material", kind="primary", symbol="plus", on_click=self._new_material
        )
        self._people = self._people_table()
        self._enrol = button(
            "En&rol students", "course.enrol", kind="primary", symbol="plus", on_click=self._enrol_students
        )
        self._unenrol = button("End enrolment", "course.unenrol", on_click=self._end_enrolment)
        self._unenrol.setEnabled(False)
        self._people.picked.connect(self._on_pick)
        self._people_tab = self._tab(self._people, self._enrol, self._unenrol)
        self._tabs.addTab(self._tab(_card(self._assignments), self._add_assignment), "Assignments")
        self._tabs.addTab(self._tab(_card(self._materials), self._add_material), "Materials")
        self._tabs.addTab(self._people_tab, "People")
        head = row(
            column(row(self._title, self._archived, gap=12), self._code, gap=2),
            None,
            column(row(self._ask, self._tutor, self._gradebook, self._edit, self._archive), None),
        )
        self.set_content(Scroll(head, self._about, self._tabs, None, gap=12))

    def _tab(self, content: QWidget, *actions: QPushButton) -> QWidget:
        page = QWidget()
        page.setLayout(column(row(None, *actions), content, None, gap=10, margins=(0, 12, 0, 0)))
        return page

    def _people_table(self) -> Table[api.Member]:
        return Table(
            "course.people",
            "People of the course",
            [
                Column("Name", lambda member: member.name, strong=True),
                Column("Login", lambda member: member.login, 170, muted=True),
                Column(
                    "",
                    lambda member: (
                        "Staff" if member.staff else "" if member.signed_in_before else "Has a slip"
                    ),
                    130,
                    tone=lambda member: "accent" if member.staff else "",
                ),
                Column(
                    "Handed in", _count("submitted"), 100, right=True, key=lambda member: member.submitted
                ),
                Column("Graded", _count("graded"), 90, right=True, key=lambda member: member.graded),
                Column("Read", _count("read"), 80, right=True, key=lambda member: member.read),
            ],
            identity=lambda member: member.person,
        )

    async def load(self) -> None:
        """Ask and show."""
        self.show_course(await api.course_page(self.session, course=self._course))

    def show_course(self, page: api.CoursePage) -> None:
        """Show what the client found."""
        self._page = page
        self._title.setText(page.title)
        self._code.setText(page.code)
        self._about.setText(page.description)
        self._about.setVisible(bool(page.description))
        self._archived.setVisible(page.archived)
        relabel(self._archive, "Take out of archive" if page.archived else "Archive")
        for widget in (self._tutor, self._gradebook, self._edit, self._archive, self._enrol, self._unenrol):
            widget.setVisible(page.staff)
        self._ask.setVisible(self.session.person.role == Role.STUDENT and not page.archived)
        for widget in (self._add_assignment, self._add_material):
            widget.setVisible(page.staff and not page.archived)
        self._show_assignments(page)
        self._show_materials(page)
        self._tabs.setTabVisible(2, bool(page.members) or page.staff)
        self._people.show_rows(page.members)
        self._people.fit(14)

    def _show_assignments(self, page: api.CoursePage) -> None:
        rows: list[QWidget | QHBoxLayout] = []
        for item in page.assignments:
            if item.archived and not page.staff:
                continue
            due = f"due {when(item.due_ms, self.context.zone, now_ms())}"
            due += " (extended)" if item.extended else ""
            main = list_row(
                f"course.assignment.{item.assignment}",
                item.title,
                f"{due}  ·  {points_text(item.points)} points",
                lead=IconLabel("assignment", "accent", 22),
                trailing=(self._state(page, item),),
                spoken=f"{item.title}, {due}, {item.sentence}",
                on_click=lambda item=item: self._open_assignment(item),
            )
            menu = None
            if page.staff:
                menu = self._menu(
                    f"course.assignment.{item.assignment}.more",
                    f"More about {item.title}",
                    {
                        "Edit ...": lambda item=item: self._edit_assignment(item),
                        "Give an extension ...": lambda item=item: self._extend(item),
                        "Take out of archive" if item.archived else "Archive": lambda item=item: self._do(
                            api.archive_assignment(
                                self.session, assignment=item.assignment, archived=not item.archived
                            ),
                            f"“{item.title}” {'is back' if item.archived else 'is archived'}",
                        ),
                    },
                )
            rows.append(_with_menu(main, menu) if menu else main)
        empty = EmptyState("assignment", "No assignments yet", "They appear here as soon as they are set.")
        _fill(self._assignments, rows, empty)

    def _state(self, page: api.CoursePage, item: api.AssignmentCard) -> QWidget:
        if item.archived:
            return pill("Archived")
        if page.staff:
            return pill(item.sentence)
        tone = "success" if item.graded or item.submitted else "accent"
        return pill(item.sentence.capitalize(), "danger" if "overdue" in item.sentence else tone)

    def _show_materials(self, page: api.CoursePage) -> None:
        students = sum(not member.staff for member in page.members)
        rows: list[QWidget | QHBoxLayout] = []
        for item in page.materials:
            if item.archived and not page.staff:
                continue
            pages = f"{item.pages} {'page' if item.pages == 1 else 'pages'}"
            facts = [pages, size_text(item.size), f"added {day(item.added_ms, self.context.zone, now_ms())}"]
            state = pill("Archived") if item.archived else pill("New", "accent")
            shown = (
                (state,)
                if item.archived or not (item.read or self.session.person.role != Role.STUDENT)
                else ()
            )
            if page.staff and not item.archived:
                shown = (pill(f"{item.readers} of {students} read"),)
            main = list_row(
                f"course.material.{item.material}",
                item.title,
                "  ·  ".join(facts),
                lead=IconLabel("file", "accent", 22),
                trailing=shown,
                on_click=lambda item=item: self.context.go(
                    Place("material", item.material, item.title, self._course)
                ),
            )
            menu = None
            if page.staff:
                menu = self._menu(
                    f"course.material.{item.material}.more",
                    f"More about {item.title}",
                    {
                        "Change ...": lambda item=item: self._edit_material(item),
                        "Take out of archive" if item.archived else "Archive": lambda item=item: self._do(
                            api.archive_material(
                                self.session, material=item.material, archived=not item.archived
                            ),
                            f"“{item.title}” {'is back' if item.archived else 'is archived'}",
                        ),
                    },
                )
            rows.append(_with_menu(main, menu) if menu else main)
        empty = EmptyState("file", "No materials yet", "PDFs for everyone in the course appear here.")
        _fill(self._materials, rows, empty)

    def _menu(self, object_name: str, accessible: str, items: dict[str, Callable[[], Any]]) -> QPushButton:
        opener = icon_button("more", object_name, accessible)
        menu = named(QMenu(opener), f"{object_name}.menu", accessible)
        for text, action in items.items():
            menu.addAction(text).triggered.connect(lambda _=False, action=action: action())
        opener.setMenu(menu)
        return opener

    def _do(self, work: Coroutine[Any, Any, Any], done: str) -> None:
        async def run() -> None:
            await work
            self.messages.success(done)
            self.refresh()

        self.tasks.start(run())

    def _open_assignment(self, item: api.AssignmentCard) -> None:
        screen = "grading" if self._page is not None and self._page.staff else "assignment"
        if screen == "assignment" and self.session.person.role != Role.STUDENT:
            return
        self.context.go(Place(screen, item.assignment, self._page.title if self._page else ""))

    def _to_gradebook(self) -> None:
        self.context.go(Place("gradebook", self._course, self._page.title if self._page else ""))

    def _to_ask(self) -> None:
        self.context.go(Place("ask", self._course, self._page.title if self._page else ""))

    def _to_tutor(self) -> None:
        self.context.go(Place("tutor", self._course, self._page.title if self._page else ""))

    def _on_pick(self, member: api.Member | None) -> None:
        self._unenrol.setEnabled(member is not None and not member.staff)

    # Dialogs

    def _edit_course(self) -> None:
        CourseDialog(self, self.context, self._page, self.refresh).open()

    def _archive_course(self) -> None:
        page = self._page
        if page is None:
            return
        if page.archived:
            self._do(
                api.archive_course(self.session, course=page.course, archived=False), "The course is back"
            )
            return

        async def work() -> None:
            await api.archive_course(self.session, course=page.course)
            self.refresh()

        confirm(
            self,
            "course.archive_ask",
            f"Archive “{page.title}”?",
            "It leaves everyone's list and takes nothing new. Nothing is deleted.",
            "&Archive",
            self.messages,
            work,
        )

    def _new_assignment(self) -> None:
        AssignmentDialog(self, self.context, self._course, None, self.refresh).open()

    def _edit_assignment(self, item: api.AssignmentCard) -> None:
        AssignmentDialog(self, self.context, self._course, item, self.refresh).open()

    def _extend(self, item: api.AssignmentCard) -> None:
        if self._page is not None:
            students = tuple(member for member in self._page.members if not member.staff)
            ExtendDialog(self, self.context, item, students, self.refresh).open()

    def _new_material(self) -> None:
        MaterialDialog(self, self.context, self._course, None, self.refresh).open()

    def _edit_material(self, item: api.Material) -> None:
        MaterialDialog(self, self.context, self._course, item, self.refresh).open()

    def _enrol_students(self) -> None:
        EnrolDialog(self, self.context, self._course, self.refresh).open()

    def _end_enrolment(self) -> None:
        member = self._people.current()
        if member is None:
            return

        async def work() -> None:
            await api.unenrol(self.session, course=self._course, student=member.person)
            self.refresh()

        confirm(
            self,
            "course.unenrol_ask",
            f"End {member.name}'s enrolment?",
            "The course leaves their list. What they handed in, and their grades, stay.",
            "&End enrolment",
            self.messages,
            work,
            danger=True,
        )


def _count(name: str) -> Callable[[api.Member], str]:
    return lambda member: "" if member.staff else str(getattr(member, name))


def _with_menu(main: QWidget, menu: QPushButton) -> QHBoxLayout:
    box = row(main, menu, gap=0, margins=(0, 0, 6, 0), stretch=0)
    box.setAlignment(menu, Qt.AlignmentFlag.AlignVCenter)  # else its fixed height would be the row's
    return box


def _card(content: QVBoxLayout) -> Card:
    card = Card(gap=0, padding=6)
    card.body.addLayout(content)
    return card


def _fill(box: QVBoxLayout, rows: list[QWidget | QHBoxLayout], empty: EmptyState) -> None:
    clear(box)
    if not rows:
        box.addWidget(empty)
        return
    for number, item in enumerate(rows):
        if number:
            box.addLayout(row(line(), margins=(12, 0, 12, 0)))
        if isinstance(item, QWidget):
            box.addWidget(item)
        else:
            box.addLayout(item)
