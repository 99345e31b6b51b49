"""A student's questions to the instructor and their replies, and what was answered for the class."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QTabWidget, QWidget

from lms_desktop.client import questions as api
from lms_desktop.client.documents import safe_file_name
from lms_desktop.client.questions import ClassAnswer, QuestionCard, QuestionState, Thread
from lms_desktop.client.sources import Source
from lms_desktop.school.changes import Changes
from lms_desktop.views.cited import Beside, CitedPanel
from lms_desktop.views.dialogs import save_as
from lms_desktop.views.page import Context, Page, Place, now_ms
from lms_desktop.views.reply import ReplyForm
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.thread import STATES, ThreadView, about
from lms_desktop.views.times import ago
from lms_desktop.views.widgets import EmptyState, column, icon_button, label, named, row

LIST_WIDTH, THREAD_WIDTH = 430, 580
LEAST = (260, 400)  # so wide at least, list and thread


def standing(card: QuestionCard) -> tuple[str, str]:
    """Return how a question stands for who asked it: words and tone."""
    if card.unread:
        return "New reply", "accent"
    if card.state is QuestionState.UNANSWERED:
        return "Waiting", "warning"
    return STATES[card.state]


class QuestionsPage(Page):
    """All own questions, and the class answers of all own courses; `place.item` may name one of either."""

    shows = Changes.QUESTIONS | Changes.COURSES
    keys = (("Enter", "Read the question"), ("Esc", "Close the cited page"))

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        self._wanted: int | None = place.item
        zone = context.zone
        self.mine: Table[QuestionCard] = Table(
            "questions.mine",
            "My questions",
            [
                Column(
                    "Question",
                    lambda card: " ".join((card.text or card.problem).split()),
                    strong=True,
                    tip=lambda card: f"{about(card)}  ·  {ago(card.last_ms, zone, now_ms())}",
                ),
                Column("", lambda card: standing(card)[0], 110, tone=lambda card: standing(card)[1]),
            ],
            identity=lambda card: card.question,
        )
        self.answers: Table[ClassAnswer] = Table(
            "questions.class",
            "Answers for the class",
            [
                Column("Question", lambda answer: answer.title, strong=True, tip=about),
                Column("", lambda answer: "New" if answer.unread else "", 64, tone=lambda _: "accent"),
                Column("Answered", lambda answer: ago(answer.when_ms, zone, now_ms()), 132, muted=True),
            ],
            identity=lambda answer: answer.answer,
        )
        self.mine.picked.connect(self._on_question)
        self.answers.picked.connect(self._on_answer)
        self._no_questions = EmptyState(
            "question",
            "No questions yet",
            "Ask the tutor about a course or an assignment; what it cannot answer goes to your instructor.",
        )
        self._no_answers = EmptyState(
            "people", "Nothing yet", "What an instructor answers for the whole class appears here."
        )
        self.tabs = named(QTabWidget(), "questions.tabs", "Questions")
        self.tabs.tabBar().setObjectName("questions.tab_bar")
        self.tabs.tabBar().setAccessibleName("Questions")
        for title, table, empty in (
            ("My questions", self.mine, self._no_questions),
            ("Answered for the class", self.answers, self._no_answers),
        ):
            tab = QWidget()
            tab.setLayout(column(table, empty, gap=0, margins=(0, 10, 0, 0), stretch=0))
            self.tabs.addTab(tab, title)
        self.tabs.currentChanged.connect(lambda _: self._on_tab())
        me = context.session.person.number
        self.cited = CitedPanel("questions", context.session, self.tasks)
        self.thread_view = ThreadView("questions.thread", zone, me, self._open_source, staff=False)
        self.reply = ReplyForm("questions", context, self.tasks, self.refresh, staff=False)
        self._save = icon_button("download", "questions.save", "Save this question", self._save_as)
        self._nothing = EmptyState("question", "Choose a question", "Its replies are shown here.")
        self._right = QWidget()
        self._right.setLayout(
            column(
                self._nothing,
                self.thread_view,
                self.reply,
                gap=6,
                stretch=1,
            )
        )
        self._split = Beside("questions.split", self.tabs, self._right, cited=self.cited, gives_way=self.tabs)
        self._split.setSizes([LIST_WIDTH, THREAD_WIDTH, 0])
        self.tabs.setMinimumWidth(LEAST[0])
        self._right.setMinimumWidth(LEAST[1])
        content = QWidget()
        head = row(label("Questions", "display"), None, self._save)
        content.setLayout(column(head, self._split, gap=12, margins=(24, 20, 24, 20), stretch=1))
        self.set_content(content)
        self._show_nothing()

    async def load(self) -> None:
        """Ask and show."""
        cards = await api.my_questions(self.session)
        answers = await api.class_answers(self.session)
        self.show_questions(cards, answers)

    def show_questions(self, cards: tuple[QuestionCard, ...], answers: tuple[ClassAnswer, ...]) -> None:
        """Show what the client found."""
        self.mine.show_rows(cards)
        self.answers.show_rows(answers)
        for table, empty, rows in (
            (self.mine, self._no_questions, cards),
            (self.answers, self._no_answers, answers),
        ):
            table.setVisible(bool(rows))
            empty.setVisible(not rows)
        unread = sum(card.unread for card in cards)
        new = sum(answer.unread for answer in answers)
        self.tabs.setTabText(0, f"My questions ({unread} new)" if unread else "My questions")
        self.tabs.setTabText(1, f"Answered for the class ({new} new)" if new else "Answered for the class")
        if self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            in_class = any(answer.answer == wanted for answer in answers)
            self.tabs.setCurrentIndex(int(in_class))
            (self.answers if in_class else self.mine).select(wanted)
            return
        current = self.mine.current() if self.tabs.currentIndex() == 0 else None
        if current is not None:
            self._on_question(current)

    def _show_nothing(self) -> None:
        self.thread_view.hide()
        self.reply.put_away()
        self._save.hide()
        self._nothing.show()

    def _on_tab(self) -> None:
        if self.tabs.currentIndex() == 0:
            self._on_question(self.mine.current())
        else:
            self._on_answer(self.answers.current())

    def _on_question(self, card: QuestionCard | None) -> None:
        if card is None:
            self._show_nothing()
        elif self.tabs.currentIndex() == 0:
            self.tasks.start(self._open(card), key="open")

    async def _open(self, card: QuestionCard) -> None:
        self.show_thread(await api.thread(self.session, question=card.question))

    def show_thread(self, thread: Thread) -> None:
        """Show a question; what is seen here is no longer new."""
        self._nothing.hide()
        self.thread_view.show()
        self._save.show()
        self.thread_view.show_thread(thread)
        self.reply.show_for(thread)
        for post in thread.posts:
            if post.unread and post.post is not None:
                self.context.later(api.mark_seen(self.session, item=post.post))

    def _on_answer(self, answer: ClassAnswer | None) -> None:
        if answer is None:
            self._show_nothing()
        elif self.tabs.currentIndex() == 1:
            self._nothing.hide()
            self.reply.put_away()
            self._save.hide()
            self.thread_view.show()
            self.thread_view.show_answer(answer)
            if answer.unread:
                self.context.later(api.mark_seen(self.session, item=answer.answer))

    def _open_source(self, source: Source) -> None:
        """Open a cited page beside what cites it."""
        self._split.open_source(source)

    def _save_as(self) -> None:
        shown = self.thread_view.shown
        if isinstance(shown, Thread):
            name = safe_file_name(f"Question on {about(shown.card)}.pdf", fallback="question.pdf")
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
