"""A course's tutor, for those who teach it: what students ask, and what the tutor may do."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QCheckBox, QComboBox, QTabWidget, QVBoxLayout, QWidget

from lms_desktop.client import conversations as conversations_api
from lms_desktop.client import course as courses_api
from lms_desktop.client import tutor as api
from lms_desktop.client import tutor_settings as settings_api
from lms_desktop.client.conversations import Conversation, ConversationCard
from lms_desktop.client.documents import safe_file_name
from lms_desktop.client.sources import Source
from lms_desktop.client.tutor_settings import Setting, TutorMode
from lms_desktop.school import limits
from lms_desktop.school.changes import Changes
from lms_desktop.views.ask_state import LOOK_MS, READY_LOOK_MS, of_exchange, where_text
from lms_desktop.views.cited import Beside, CitedPanel
from lms_desktop.views.dialogs import save_as
from lms_desktop.views.exchange import Acts, ExchangeCard
from lms_desktop.views.page import Context, Page, Place, now_ms
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.times import ago
from lms_desktop.views.tutor_settings import TutorSettingDialog, mode_text, span_text
from lms_desktop.views.widgets import (
    EmptyState,
    Scroll,
    button,
    clear,
    column,
    icon_button,
    label,
    named,
    restyle,
    row,
)

LIST_WIDTH, TALK_WIDTH = 470, 540
LEAST = (350, 330)  # so wide at least, list and conversation
MODE_TONES = {TutorMode.ON: "success", TutorMode.HINTS: "accent", TutorMode.OFF: "warning"}


class TutorPage(Page):
    """`place.key` is the course."""

    shows = Changes.TUTOR | Changes.COURSES | Changes.ASSIGNMENTS
    keys = (("Enter", "Change the setting"), ("Esc", "Close the cited page"))

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        self._course = place.key
        self._title = label("", "muted")
        self._where = label("", "small")
        self._try = button("&Try it", "tutor.try", symbol="tutor", on_click=self._ask)
        self.tabs = named(QTabWidget(), "tutor.tabs", "The tutor of this course")
        self.tabs.tabBar().setObjectName("tutor.tab_bar")
        self.tabs.tabBar().setAccessibleName("The tutor of this course")
        self.asked = _Asked(context, self)
        self.tabs.addTab(self.asked, "What students ask")
        self.settings = self._settings_table()
        self._change = button("&Change ...", "tutor.change", symbol="edit", on_click=self._on_change)
        self._change.setEnabled(False)
        tab = QWidget()
        explain = label(
            "Of the course's setting and that of an assignment, the stricter one holds.",
            "small",
            wrap=True,
        )
        tab.setLayout(
            column(row(explain, self._change, stretch=0), self.settings, None, gap=10, margins=(0, 10, 0, 0))
        )
        self.tabs.addTab(tab, "Settings")
        head = row(column(label("Tutor", "display"), self._title, self._where, gap=2), None, self._try)
        self._look = QTimer(self, interval=LOOK_MS)
        self._look.timeout.connect(lambda: self.tasks.start(self._load_state(), key="state"))
        self._look.start()
        content = QWidget()
        content.setLayout(column(head, self.tabs, gap=12, margins=(24, 20, 24, 20), stretch=1))
        self.set_content(content)

    def _settings_table(self) -> Table[Setting]:
        zone = self.context.zone
        table: Table[Setting] = Table(
            "tutor.settings",
            "Settings of the tutor",
            [
                Column("For", lambda item: item.assignment_title or "The whole course", strong=True),
                Column("Tutor", lambda item: _mode(item)[0], 130, tone=lambda item: _mode(item)[1]),
                Column("When", lambda item: _when(item, zone), 240, muted=True),
                Column(
                    "Per hour",
                    lambda item: str(item.per_hour or limits.ASKS_PER_HOUR),
                    90,
                    right=True,
                    key=lambda item: item.per_hour or limits.ASKS_PER_HOUR,
                ),
                Column("Reason", lambda item: item.reason, muted=True, tip=lambda item: item.reason),
            ],
            identity=lambda item: item.assignment,
            sortable=False,
        )
        table.picked.connect(lambda item: self._change.setEnabled(item is not None))
        table.chosen.connect(lambda _: self._on_change())
        return table

    async def load(self) -> None:
        """Ask and show."""
        course = await courses_api.course_row(self.session, self._course)
        self._title.setText(course.title)
        self.show_settings(await settings_api.settings(self.session, course=self._course))
        self.asked.show_cards(
            course.title, await conversations_api.course_conversations(self.session, course=self._course)
        )
        await self._load_state()

    async def _load_state(self) -> None:
        state = await api.state(self.session, course=self._course)
        text, tone = where_text(state)
        self._where.setText(text)
        restyle(self._where, tone="" if tone == "success" else tone)
        self._look.setInterval(READY_LOOK_MS if state.state == "ready" else LOOK_MS)

    def show_settings(self, settings: tuple[Setting, ...]) -> None:
        """Show what is set."""
        self.settings.show_rows(settings)
        self.settings.fit(14)

    def _on_change(self) -> None:
        setting = self.settings.current()
        if setting is not None:
            TutorSettingDialog(self, self.context, setting, self.refresh).open()

    def _ask(self) -> None:
        self.context.go(Place("ask", self._course, self._title.text()))

    def close_page(self) -> None:
        """End the screen's work."""
        self._look.stop()
        super().close_page()
        self.asked.cited.forget()


def _as_course(setting: Setting) -> bool:
    return setting.assignment is not None and setting.revision is None


def _mode(setting: Setting) -> tuple[str, str]:
    if _as_course(setting):
        return "As the course", ""
    return mode_text(setting.mode), MODE_TONES[setting.mode]


def _when(setting: Setting, zone: str) -> str:
    span = span_text(setting, zone)
    if _as_course(setting):
        return ""
    if setting.mode is not TutorMode.ON and not setting.holds:
        return f"{span}  ·  on now" if span else "on now"
    return span or "until changed"


class _Asked(QWidget):
    """Conversations of a course's students, those with declined questions first, and the one chosen."""

    def __init__(self, context: Context, page: Page) -> None:
        super().__init__()
        self._context = context
        self._page = page
        self._course_title = ""
        self._cards: tuple[ConversationCard, ...] = ()
        self._shown: Conversation | None = None
        zone = context.zone
        self.student = named(QComboBox(), "tutor.student", "Show conversations of")
        self.assignment = named(QComboBox(), "tutor.assignment", "Show conversations about")
        self.declined = named(QCheckBox("&Declined"), "tutor.declined", "Only with declined questions")
        for box, everything in ((self.student, "All students"), (self.assignment, "Everything")):
            box.addItem(everything, None)
            box.setMinimumContentsLength(10)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.currentIndexChanged.connect(lambda _: self._filter())
        self.declined.toggled.connect(lambda _: self._filter())
        self._facts = label("", "muted", wrap=True)
        self.table: Table[ConversationCard] = Table(
            "tutor.conversations",
            "Conversations",
            [
                Column("Student", lambda card: card.name, 116, strong=True),
                Column(
                    "Began with",
                    lambda card: " ".join(card.first.split()),
                    tip=lambda card: "  ·  ".join(
                        (card.assignment_title or "The course", ago(card.last_ms, zone, now_ms()))
                    ),
                ),
                Column("Asked", lambda card: str(card.exchanges), 62, right=True, key=lambda c: c.exchanges),
                Column(
                    "Declined",
                    lambda card: str(card.declined) if card.declined else "",
                    84,
                    tone=lambda _: "warning",
                    key=lambda card: card.declined,
                ),
            ],
            identity=lambda card: card.conversation,
        )
        self.table.picked.connect(self._on_pick)
        self._none = EmptyState(
            "tutor", "Nothing to show", "What students ask the tutor in this course appears here."
        )
        self.cited = CitedPanel("tutor", context.session, page.tasks)
        self._talk: QVBoxLayout = column(gap=24)
        self._save = icon_button("download", "tutor.save", "Save this conversation", self._save_as)
        self._about = label("", "strong", wrap=True)
        scroll = Scroll(self._talk, None, padding=4, width=700)
        right = QWidget()
        right.setLayout(column(row(self._about, self._save, stretch=0), scroll, gap=6, stretch=1))
        self._left = QWidget()
        self._left.setLayout(
            column(
                row(self.student, self.assignment, self.declined, gap=8, stretch=0),
                self._facts,
                self.table,
                self._none,
                gap=8,
                stretch=2,
            )
        )
        self._split = Beside("tutor.split", self._left, right, cited=self.cited, gives_way=self._left)
        self._split.setSizes([LIST_WIDTH, TALK_WIDTH, 0])
        self._left.setMinimumWidth(LEAST[0])
        right.setMinimumWidth(LEAST[1])
        self.setLayout(column(self._split, margins=(0, 10, 0, 0)))
        self._save.hide()

    def show_cards(self, course_title: str, cards: tuple[ConversationCard, ...]) -> None:
        """Show what the client found: conversations with declined questions first, then the newest."""
        self._course_title = course_title
        self._cards = tuple(sorted(cards, key=lambda card: (not card.declined, -card.last_ms)))
        students = sorted({(card.name, card.author) for card in cards})
        assignments = sorted(
            {(card.assignment_title or "The course", card.assignment or 0) for card in cards}
        )
        for box, entries in ((self.student, students), (self.assignment, assignments)):
            chosen = box.currentData()
            box.blockSignals(True)
            while box.count() > 1:
                box.removeItem(1)
            for text, number in entries:
                box.addItem(text, number)
            box.setCurrentIndex(max(box.findData(chosen), 0))
            box.blockSignals(False)
        self._filter()

    def _filter(self) -> None:
        student, assignment = self.student.currentData(), self.assignment.currentData()
        rows = [
            card
            for card in self._cards
            if (student is None or card.author == student)
            and (assignment is None or (card.assignment or 0) == assignment)
            and (card.declined or not self.declined.isChecked())
        ]
        asked = sum(card.exchanges for card in rows)
        declined = sum(card.declined for card in rows)
        people = len({card.author for card in rows})
        self._facts.setText(
            f"{asked} {'question' if asked == 1 else 'questions'} of {people} "
            f"{'student' if people == 1 else 'students'}, {declined} declined"
        )
        self.table.show_rows(rows)
        self.table.setVisible(bool(rows))
        self._none.setVisible(not rows)
        if self.table.current() is None and rows:
            self.table.select(rows[0].conversation)

    def _on_pick(self, card: ConversationCard | None) -> None:
        if card is not None:
            self._page.tasks.start(self._open(card), key="conversation")

    async def _open(self, card: ConversationCard) -> None:
        self.show_conversation(
            await conversations_api.open_conversation(self._context.session, conversation=card.conversation)
        )

    def show_conversation(self, talk: Conversation) -> None:
        """Show one conversation."""
        if talk == self._shown:
            return
        self._shown = talk
        self._save.show()
        self._about.setText(f"{talk.name}  ·  {talk.assignment_title or 'the course'}")
        clear(self._talk)
        for number, exchange in enumerate(talk.exchanges, 1):
            card = ExchangeCard(
                f"tutor.exchange.{number}", Acts(self._open_source), self._context.zone, by=True
            )
            card.show_state(of_exchange(exchange))
            self._talk.addWidget(card)

    def _open_source(self, source: Source) -> None:
        """Open a cited page beside what cites it."""
        self._split.open_source(source)

    def _save_as(self) -> None:
        talk = self._shown
        if talk is not None:
            name = safe_file_name(f"Tutor - {talk.name}.pdf", fallback="conversation.pdf")
            save_as(
                self,
                "Save this conversation",
                name,
                lambda path: self._page.tasks.start(self._write(talk, path)),
            )

    async def _write(self, talk: Conversation, path: Path) -> None:
        written = await conversations_api.save_conversation(
            self._context.session, conversation=talk.conversation, destination=path
        )
        self._context.messages.success(f"Saved: {written.name}", hint=str(written.parent))
