"""The instructor's questions: who waits the longest first, the thread, and the answer."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QComboBox, QWidget

from lms_desktop.client import questions as api
from lms_desktop.client.documents import safe_file_name
from lms_desktop.client.questions import QuestionCard, QuestionState, Thread
from lms_desktop.client.sources import Source
from lms_desktop.school.changes import Changes
from lms_desktop.views.cited import Beside, CitedPanel
from lms_desktop.views.dialogs import save_as
from lms_desktop.views.page import Context, Page, Place, now_ms
from lms_desktop.views.reply import ReplyForm
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.thread import STATES, ThreadView, about
from lms_desktop.views.times import ago
from lms_desktop.views.widgets import EmptyState, column, icon_button, label, named, row, shortcut

LIST_WIDTH, THREAD_WIDTH = 420, 590
LEAST = (290, 390)  # so wide at least, list and thread
FILTERS: tuple[tuple[str, QuestionState | None], ...] = (
    ("Unanswered", QuestionState.UNANSWERED),
    ("Answered", QuestionState.ANSWERED),
    ("No reply needed", QuestionState.SETTLED),
    ("All", None),
)


def waiting(card: QuestionCard) -> tuple[str, str]:
    """Return how a question stands for those who teach: how long it waits, or its state, and the tone."""
    if card.state is QuestionState.UNANSWERED:
        return card.age or "new", "warning"
    return STATES[card.state]


class AnsweringPage(Page):
    """The questions of all courses that the person teaches; `place.key` 0, `place.item` may name one."""

    shows = Changes.QUESTIONS | Changes.COURSES
    keys = (("J / K", "Next or previous question"), ("R", "Reply"), ("Esc", "Close the cited page"))

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        self._wanted: int | None = place.item
        self._cards: tuple[QuestionCard, ...] = ()
        zone = context.zone
        self.state = named(QComboBox(), "answering.state", "Show questions that are")
        for text, state in FILTERS:
            self.state.addItem(text, state)
        self.course = named(QComboBox(), "answering.course", "Show questions of")
        self.course.addItem("All courses", None)
        self.course.setMinimumContentsLength(12)
        for box in (self.state, self.course):
            box.currentIndexChanged.connect(lambda _: self._filter())
        self._facts = label("", "muted")
        self.list: Table[QuestionCard] = Table(
            "answering.list",
            "Questions",
            [
                Column("Student", lambda card: card.name, 104, strong=True),
                Column(
                    "Question",
                    lambda card: " ".join((card.text or card.problem).split()),
                    tip=lambda card: about(card),
                ),
                Column(
                    "",
                    lambda card: waiting(card)[0],
                    104,
                    tone=lambda card: waiting(card)[1],
                    key=lambda card: card.asked_ms,
                    tip=lambda card: f"Asked {ago(card.asked_ms, zone, now_ms())}",
                ),
            ],
            identity=lambda card: card.question,
        )
        self.list.picked.connect(self._on_pick)
        self._none = EmptyState("check-circle", "Nobody waits", "Questions of your students appear here.")
        me = context.session.person.number
        self.cited = CitedPanel("answering", context.session, self.tasks)
        self.thread_view = ThreadView("answering.thread", zone, me, self._open_source, staff=True)
        self.reply = ReplyForm("answering", context, self.tasks, self.refresh, staff=True)
        self.list.chosen.connect(lambda _: self.reply.text.setFocus())
        self._save = icon_button("download", "answering.save", "Save this question", self._save_as)
        self._nothing = EmptyState(
            "question", "Choose a question", "It is shown here, with what belongs to it."
        )
        self._left = QWidget()
        self._left.setLayout(
            column(row(self.state, self.course, stretch=1), self.list, self._none, gap=10, stretch=1)
        )
        right = QWidget()
        right.setLayout(column(self._nothing, self.thread_view, self.reply, gap=6, stretch=1))
        self._split = Beside("answering.split", self._left, right, cited=self.cited, gives_way=self._left)
        self._split.setSizes([LIST_WIDTH, THREAD_WIDTH, 0])
        self._left.setMinimumWidth(LEAST[0])
        right.setMinimumWidth(LEAST[1])
        content = QWidget()
        head = row(column(label("Questions", "display"), self._facts, gap=2), None, self._save)
        content.setLayout(column(head, self._split, gap=12, margins=(24, 20, 24, 20), stretch=1))
        self.set_content(content)
        self._show_nothing()
        for key, act in {
            "J": lambda: self.step(1),
            "K": lambda: self.step(-1),
            "R": self.reply.text.setFocus,
        }.items():
            shortcut(self, key, act)

    async def load(self) -> None:
        """Ask and show."""
        self.show_questions(await api.course_questions(self.session))

    def show_questions(self, cards: tuple[QuestionCard, ...]) -> None:
        """Show what the client found."""
        self._cards = cards
        unanswered = sum(card.state is QuestionState.UNANSWERED for card in cards)
        self._facts.setText(f"{unanswered} unanswered of {len(cards)}")
        chosen = self.course.currentData()
        self.course.blockSignals(True)
        self.course.clear()
        self.course.addItem("All courses", None)
        for course, title in dict.fromkeys((card.course, card.course_title) for card in cards):
            self.course.addItem(title, course)
        self.course.setCurrentIndex(max(self.course.findData(chosen), 0))
        self.course.blockSignals(False)
        wanted = next((card for card in cards if card.question == self._wanted), None)
        if wanted is not None and wanted.state is not self.state.currentData():
            self.state.setCurrentIndex(self.state.findData(wanted.state))
        self._filter()
        if wanted is not None:
            self._wanted = None
            self.list.select(wanted.question)

    def _filter(self) -> None:
        state, course = self.state.currentData(), self.course.currentData()
        thread = self.thread_view.shown  # one that was just answered stays until another is chosen
        shown = thread.card.question if isinstance(thread, Thread) and self.thread_view.isVisible() else None
        rows = [
            card
            for card in self._cards
            if (state is None or card.state is state or card.question == shown)
            and (course is None or card.course == course)
        ]
        self.list.show_rows(rows)
        self.list.setVisible(bool(rows))
        self._none.setVisible(not rows)
        current = self.list.current()
        if current is not None:
            self._on_pick(current)
        elif rows:
            self.list.select(rows[0].question)
        else:
            self._show_nothing()

    def step(self, by: int) -> None:
        """Go `by` rows down the list."""
        rows = self.list.rows.rows
        current = self.list.current()
        if rows:
            at = next((n for n, card in enumerate(rows) if card == current), -by if by < 0 else -1)
            self.list.select(rows[min(max(at + by, 0), len(rows) - 1)].question)

    def _show_nothing(self) -> None:
        self.thread_view.hide()
        self.reply.put_away()
        self._save.hide()
        self._nothing.show()

    def _on_pick(self, card: QuestionCard | None) -> None:
        if card is None:
            self._show_nothing()
        else:
            self.tasks.start(self._open(card), key="open")

    async def _open(self, card: QuestionCard) -> None:
        self.show_thread(await api.thread(self.session, question=card.question))

    def show_thread(self, thread: Thread) -> None:
        """Show a question, and the form to answer it."""
        self._nothing.hide()
        self.thread_view.show()
        self._save.show()
        self.thread_view.show_thread(thread)
        self.reply.show_for(thread)

    def _open_source(self, source: Source) -> None:
        """Open a cited page beside what cites it."""
        self._split.open_source(source)

    def _save_as(self) -> None:
        shown = self.thread_view.shown
        if isinstance(shown, Thread):
            name = safe_file_name(f"Question of {shown.card.name}.pdf", fallback="question.pdf")
            question = shown.card.question
            save_as(
                self, "Save this question", name, lambda path: self.tasks.start(self._write(question, path))
            )

    async def _write(self, question: int, path: Path) -> None:
        written = await api.save_thread(self.session, question=question, destination=path)
        self.messages.success(f"Saved: {written.name}", hint=str(written.parent))

    def leave(self) -> None:
        """Keep what is typed."""
        self.reply.flush()

    def close_page(self) -> None:
        """End the screen's work."""
        super().close_page()
        self.cited.forget()
