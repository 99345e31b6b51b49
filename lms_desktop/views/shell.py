"""The frame around every screen of a signed-in person.

Where to go, who is here, and whether all work is safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QLabel, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from lms_desktop.client import course as courses_api
from lms_desktop.client import questions as questions_api
from lms_desktop.client import today as today_api
from lms_desktop.client.protocol import Changed, Event, ItemChanged, LinkChanged, NodeStatus, StatusChanged
from lms_desktop.client.session import Role, Session
from lms_desktop.school.changes import Changes
from lms_desktop.views.icons import IconLabel, icon
from lms_desktop.views.inbox import InboxDialog
from lms_desktop.views.messages import Messages
from lms_desktop.views.page import Context, Page, Place
from lms_desktop.views.preferences import Preferences
from lms_desktop.views.shortcuts import ShortcutsDialog
from lms_desktop.views.tasks import Tasks
from lms_desktop.views.waiting import WaitingDialog, all_waiting
from lms_desktop.views.widgets import (
    Elided,
    as_given,
    badge,
    button,
    clear,
    column,
    icon_button,
    label,
    named,
    plain_tip,
    relabel,
    restore_focus,
    restyle,
    row,
    shortcut,
    tab_order,
)

SIDEBAR_WIDTH = 220
MAX_TRAIL = 50

# Each screen's module is imported when a person first goes there: the window is up before QtPdf is.
SCREENS = {
    "student": ("today", "StudentToday"),
    "instructor": ("today", "InstructorToday"),
    "administrator": ("today", "AdministratorToday"),
    "courses": ("courses", "CoursesPage"),
    "course": ("course", "CoursePage"),
    "material": ("reader", "MaterialPage"),
    "brief": ("reader", "BriefPage"),
    "version": ("reader", "VersionPage"),
    "assignment": ("submit", "AssignmentPage"),
    "grades": ("grades", "GradesPage"),
    "grading": ("grading", "GradingPage"),
    "gradebook": ("gradebook", "GradebookPage"),
    "ask": ("ask", "AskPage"),
    "questions": ("questions", "QuestionsPage"),
    "answering": ("answering", "AnsweringPage"),
    "tutor": ("tutor", "TutorPage"),
    "people": ("people", "PeoplePage"),
    "machines": ("machines", "MachinesPage"),
    "settings": ("settings", "SettingsPage"),
}
HOMES = {
    Role.STUDENT: (
        ("student", "Today", "today"),
        ("grades", "Grades", "grades"),
        ("questions", "Questions", "question"),
    ),
    Role.INSTRUCTOR: (("instructor", "Today", "today"), ("answering", "Questions", "question")),
    Role.ADMINISTRATOR: (
        ("administrator", "Today", "today"),
        ("people", "People", "people"),
        ("machines", "Machines", "machine"),
    ),
}


class _Bridge(QObject):
    """Carries the session's events from the link's thread to Qt's."""

    arrived = Signal(object)


class Shell(QWidget):
    """The signed-in window's content. `leaving(str)` asks for "lock", "switch" or "sign_out"."""

    leaving = Signal(str)

    def __init__(self, session: Session, messages: Messages, preferences: Preferences, *, seat: str) -> None:
        super().__init__()
        self.session = session
        self.messages = messages
        self.tasks = Tasks(messages)
        self.context = Context(
            session,
            messages,
            go=self.go,
            back=self.back,
            refresh_status=self.refresh_status,
            preferences=preferences,
            later=self.tasks.start,
            talks={},
        )
        self.page: Page | None = None
        self._place = Place("")
        self._trail: list[Place] = []
        self._connected = True
        self._quorum = True
        self._navigation: dict[tuple[str, int], QPushButton] = {}
        self._pages = QStackedWidget()
        self.badges = {name: badge(0) for name, *_ in HOMES[session.person.role]}
        self._course_box = column(gap=2)
        self._courses = QWidget()
        self._courses.setLayout(self._course_box)
        self._sidebar = self._make_sidebar()
        self._header = self._make_header(seat)
        body = QVBoxLayout()
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addWidget(self._header)
        body.addWidget(self._pages, 1)
        self.setLayout(row(self._sidebar, body, gap=0, stretch=1))
        self._bridge = _Bridge(self)
        self._bridge.arrived.connect(self._on_event)
        self._unsubscribe = session.subscribe(self._bridge.arrived.emit)
        shortcut(self, "Alt+Left", self.back)
        shortcut(self, "Ctrl+L", lambda: self.leaving.emit("lock"))
        shortcut(self, "Ctrl+Shift+Q", lambda: self.leaving.emit("sign_out"))
        shortcut(self, "F5", self.refresh)
        shortcut(self, "F6", self._next_pane)
        shortcut(self, "?", self.show_keys)
        for number in range(1, 10):
            shortcut(self, f"Ctrl+{number}", lambda number=number: self._go_number(number))
        self.refresh_frame()
        self.go(Place(HOMES[session.person.role][0][0]))

    # Building

    def _make_sidebar(self) -> QFrame:
        frame = QFrame()
        frame.setObjectName("sidebar")
        frame.setFixedWidth(SIDEBAR_WIDTH)
        school = label(self.session.school, "strong", wrap=True)
        items = [
            self._nav_button(Place(name), text, symbol)
            for name, text, symbol in HOMES[self.session.person.role]
        ]
        for item, mark in zip(items, self.badges.values(), strict=True):
            item.setLayout(row(None, mark, margins=(0, 0, 4, 0)))
        settings = self._nav_button(Place("settings"), "Settings", "settings")
        for part in (*items, self._courses, settings):
            part.setParent(frame)  # in the order of Tab
        frame.setLayout(
            column(
                row(IconLabel("school", "accent", 22), school, gap=10, margins=(6, 4, 4, 12)),
                column(*items, gap=2),
                self._courses,
                None,
                settings,
                gap=2,
                margins=(12, 14, 12, 12),
            )
        )
        return frame

    def _nav_button(self, place: Place, text: str, symbol: str) -> QPushButton:
        name = f"nav.{place.name}" + (f".{place.key}" if place.key else "")
        item = button(text, name, kind="nav", symbol=symbol, on_click=lambda: self.go(place))
        item.setCheckable(True)
        item.setToolTip(plain_tip(text.replace("&", "")))
        self._navigation[place.name, place.key] = item
        return item

    def _make_header(self, seat: str) -> QFrame:
        frame = QFrame()
        frame.setObjectName("header")
        frame.setFixedHeight(56)
        self._back = icon_button("back", "header.back", "Back (Alt+Left)", self.back)
        self._title = Elided("", "muted")
        self.status = button("...", "header.status", kind="pill", on_click=self.show_waiting)
        person = self.session.person
        self.person = button(
            as_given(person.name),
            "header.person",
            kind="quiet",
            symbol="person",
            accessible=f"{person.name}: lock, switch, sign out",
        )
        menu = named(QMenu(self.person), "header.person_menu", "Person menu")
        inbox = QAction(icon("inbox"), "&Messages", menu)
        inbox.setObjectName("header.inbox")
        inbox.triggered.connect(self.show_inbox)
        menu.addAction(inbox)
        menu.addSeparator()
        for text, symbol, keys, what in (
            ("&Lock", "lock", "Ctrl+L", "lock"),
            ("S&witch person", "switch", "", "switch"),
            ("Sign &out", "sign-out", "Ctrl+Shift+Q", "sign_out"),
        ):
            action = QAction(icon(symbol), f"{text}\t{keys}" if keys else text, menu)
            action.setObjectName(f"header.{what}")
            action.triggered.connect(lambda _=False, what=what: self.leaving.emit(what))
            menu.addAction(action)
        self.person.setMenu(menu)
        self._seat = label(seat, "muted")
        self._seat.setToolTip("This computer")
        line = row(
            self._back,
            self._title,
            self.status,
            8,
            IconLabel("machine", "muted", 16),
            self._seat,
            8,
            self.person,
            margins=(20, 0, 12, 0),
            stretch=1,
        )
        frame.setLayout(line)
        return frame

    # Going somewhere

    def go(self, place: Place) -> None:
        """Show a screen, and remember where the person came from."""
        if place == self._place:
            self.refresh()
            return
        if self._place.name:
            self._trail = [*self._trail, self._place][-MAX_TRAIL:]
        if (place.name, place.key) in self._navigation:
            self._trail = []
        self._show(place)

    def back(self) -> None:
        """Return to the screen before this one."""
        if self._trail:
            self._show(self._trail.pop())

    def _show(self, place: Place) -> None:
        module, kind = SCREENS[place.name]
        make: Callable[[Context, Place], Page] = getattr(import_module(f"lms_desktop.views.{module}"), kind)
        old, self.page = self.page, make(self.context, place)
        named(self.page, f"page.{place.name}", place.title or self._spoken(place))
        self._place = place
        self._pages.addWidget(self.page)
        self._pages.setCurrentWidget(self.page)
        if old is None or old.isAncestorOf(self.focusWidget() or self):
            self.page.setFocus()
        if old is not None:
            old.close_page()
            self._pages.removeWidget(old)
            old.deleteLater()
        self._title.set_full(place.title)
        self._back.setVisible(bool(self._trail))
        self._mark()
        self.page.refresh()

    def _spoken(self, place: Place) -> str:
        item = self._navigation.get((place.name, place.key))
        return item.accessibleName() if item is not None else place.name.capitalize()

    def _mark(self) -> None:
        for (name, key), item in self._navigation.items():
            item.setChecked((name, key) == (self._place.name, self._place.key))

    def _go_number(self, number: int) -> None:
        # As they stand on the screen: the settings come last, though they were made first.
        items = sorted(self._navigation.values(), key=lambda item: item.objectName() == "nav.settings")
        if number <= len(items):
            items[number - 1].click()

    def _next_pane(self) -> None:
        inside = self._sidebar.isAncestorOf(self.focusWidget() or self)
        if inside and self.page is not None:
            self.page.setFocus()
            self.page.focusNextChild()
        else:
            next(iter(self._navigation.values())).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def focusNextPrevChild(self, forward: bool) -> bool:
        here = self.window().focusWidget()
        order = list(tab_order(self, here))
        if not order:
            return False
        at = order.index(here) if here in order else -1 if forward else 0
        reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
        order[(at + (1 if forward else -1)) % len(order)].setFocus(reason)
        return True

    # Keeping true

    def refresh(self) -> None:
        """Load the frame and the screen again."""
        self.refresh_frame()
        if self.page is not None:
            self.page.refresh()

    def refresh_frame(self) -> None:
        """Load what stands around the screen: courses, badge, pill."""
        self.tasks.start(self._load_frame(), key="frame")

    def refresh_status(self) -> None:
        """Load the pill again."""
        self.tasks.start(self._load_status(), key="status")

    async def _load_frame(self) -> None:
        self._show_courses(await courses_api.courses(self.session))
        if self.session.person.role == Role.STUDENT:
            today = await today_api.student_today(self.session)
            self._show_badge("grades", today.unread, "unread")
            counts = await questions_api.counts(self.session)
            self._show_badge("questions", counts.unread, "unread")
        elif self.session.person.role == Role.INSTRUCTOR:
            counts = await questions_api.counts(self.session)
            self._show_badge("answering", counts.unanswered, "unanswered")
        await self._load_status()

    def _show_badge(self, name: str, count: int, what: str) -> None:
        mark, item = self.badges[name], self._navigation[name, 0]
        mark.setText(str(count))
        mark.setVisible(count > 0)
        item.setAccessibleName(f"{item.text().strip()}, {count} {what}")

    async def _load_status(self) -> None:
        self._on_status(await self.session.status())
        self._show_status(len(await all_waiting(self.session)))

    def _show_courses(self, cards: tuple[courses_api.CourseCard, ...]) -> None:
        for key in [key for key in self._navigation if key[0] in ("course", "courses")]:
            del self._navigation[key]
        clear(self._course_box)
        if cards or self.session.person.role != Role.STUDENT:
            heading: QLabel = label("COURSES", "eyebrow")
            heading.setContentsMargins(8, 16, 0, 4)
            self._course_box.addWidget(heading)
        for card in cards:
            title = self.fontMetrics().elidedText(card.title, Qt.TextElideMode.ElideRight, SIDEBAR_WIDTH - 78)
            item = self._nav_button(Place("course", card.course), as_given(title), "book")
            item.setAccessibleName(f"Course {card.title}")
            item.setToolTip(plain_tip(card.title))
            self._course_box.addWidget(item)
        if self.session.person.role != Role.STUDENT:
            self._course_box.addWidget(self._nav_button(Place("courses"), "All courses", "archive"))
        self._mark()
        restore_focus(self._sidebar)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, LinkChanged):
            self._connected = event.connected
        if self.session.locked:
            return  # nothing can be opened now; all is loaded again when the person is back
        match event:
            case Changed(flags=flags):
                if flags & (Changes.COURSES | Changes.GRADES | Changes.PEOPLE | Changes.QUESTIONS):
                    self.refresh_frame()
                if self.page is not None:
                    self.page.on_changes(flags)
            case ItemChanged():
                self.refresh_status()
                if self.page is not None:
                    self.page.on_item(event.item)
            case StatusChanged(status=status):
                self._on_status(status)
                self.refresh_status()
            case LinkChanged(connected=connected):
                if connected:
                    self.refresh()
                else:
                    self._show_status(0)

    def _on_status(self, status: NodeStatus) -> None:
        self._quorum = status.quorum

    def _show_status(self, waiting: int) -> None:
        if not self._connected:
            text, tone = "Reconnecting ...", "warning"
        elif waiting:
            text, tone = f"{waiting} {'item' if waiting == 1 else 'items'} waiting", "warning"
        elif not self._quorum:
            text, tone = "Waiting for other machines", "warning"
        else:
            text, tone = "All work safe", "success"
        self.status.setIcon(icon("check-circle" if tone == "success" else "clock", tone))
        relabel(self.status, text, f"Status: {text}")
        restyle(self.status, tone=tone)

    def show_inbox(self) -> None:
        """Show what the app has said since the person came in."""
        InboxDialog(self, self.messages, self.session.zone).open()

    def show_waiting(self) -> None:
        """Show what is not safe yet, item by item."""
        WaitingDialog(self, self.session, self.messages).open()

    def show_keys(self) -> None:
        """Show the keys of this screen and of all screens."""
        ShortcutsDialog(self, self.messages, self.page.keys if self.page is not None else ()).open()

    async def put_away(self, timeout_s: float = 2.0) -> None:
        """Leave the screen and let what it still saves finish; call before the keys are wiped."""
        if self.page is not None:
            self.page.close_page()
            self._pages.removeWidget(self.page)
            self.page.deleteLater()
            self.page = None
        for talk in self.context.talks.values():
            self.tasks.start(talk.cancel())
        self.context.talks.clear()
        if self.tasks.running:
            await asyncio.wait(self.tasks.running, timeout=timeout_s)

    def bring_back(self) -> None:
        """Show the screen again that was left by `put_away`."""
        self._show(self._place)
        self.refresh_frame()

    def close_shell(self) -> None:
        """End everything that runs here; call before the session is signed out."""
        self._unsubscribe()
        if self.page is not None:
            self.page.close_page()
        self.tasks.cancel()
