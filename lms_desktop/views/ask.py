"""Asking the tutor about a course or one of its assignments.

The question, the check, the quoted pages, the answer; the instructor is one click away.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QMenu, QWidget

from lms_desktop.client import conversations as conversations_api
from lms_desktop.client import course as courses_api
from lms_desktop.client import questions as questions_api
from lms_desktop.client import tutor as api
from lms_desktop.client import tutor_settings as settings_api
from lms_desktop.client.conversations import ConversationCard
from lms_desktop.client.documents import safe_file_name
from lms_desktop.client.exchanges import Verdict
from lms_desktop.client.questions import ClassAnswer
from lms_desktop.client.session import Role
from lms_desktop.client.sources import Source
from lms_desktop.client.tutor_settings import InForce, TutorMode
from lms_desktop.school.changes import Changes
from lms_desktop.views.ask_instructor import AskInstructorDialog
from lms_desktop.views.ask_state import LOOK_MS, READY_LOOK_MS, AskState, where_text
from lms_desktop.views.cited import Beside, CitedPanel
from lms_desktop.views.composer import Composer
from lms_desktop.views.conversations import ConversationsDialog
from lms_desktop.views.dialogs import save_as
from lms_desktop.views.exchange import Acts, ExchangeCard
from lms_desktop.views.icons import IconLabel
from lms_desktop.views.kept import KeptText
from lms_desktop.views.page import Context, Page, Place
from lms_desktop.views.similar import similar
from lms_desktop.views.talk import Talk
from lms_desktop.views.widgets import (
    Banner,
    Elided,
    EmptyState,
    Scroll,
    button,
    clear,
    column,
    icon_button,
    label,
    list_row,
    named,
    restyle,
    row,
    shortcut,
)

READ_WIDTH = 940


class AskPage(Page):
    """A conversation with the tutor; `place.key` is the course, `place.item` the assignment or None."""

    shows = Changes.TUTOR | Changes.QUESTIONS | Changes.MATERIALS | Changes.ASSIGNMENTS
    keys = (
        ("Enter", "Ask"),
        ("Shift+Enter", "New line"),
        ("Ctrl+N", "New conversation"),
        ("Ctrl+H", "Earlier conversations"),
        ("Ctrl+I", "Ask the instructor"),
        ("Esc", "Close the cited page"),
    )

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        self._course = place.key
        self._assignment: int | None = place.item
        self._subject = "course" if place.item is None else "assignment"
        self._course_title = ""
        self._state: api.TutorState | None = None
        self._force: InForce | None = None
        self._cards: dict[int, ExchangeCard] = {}
        self._answers: tuple[ClassAnswer, ...] = ()
        self._earlier: tuple[ConversationCard, ...] = ()
        self._student = context.session.person.role == Role.STUDENT
        self._about = Elided("", "muted")
        self._where = label("", "small")
        self._where_icon = IconLabel("tutor", "muted", 16)
        self._notice = Banner("", "warning")
        self._make_head()
        self._make_middle()
        self._make_foot()
        talk = QWidget()
        talk.setMaximumWidth(READ_WIDTH)
        talk.setLayout(
            column(
                self._head,
                self._notice,
                self._scroll,
                self._foot,
                gap=10,
                margins=(24, 16, 12, 16),
                stretch=2,
            )
        )
        left = QWidget()
        left.setMinimumWidth(370)
        left.setLayout(row(talk, gap=0))
        left.layout().setAlignment(talk, Qt.AlignmentFlag(0))
        self.cited = CitedPanel("ask", context.session, self.tasks, margins=(0, 12, 16, 12))
        self._split = Beside("ask.split", left, cited=self.cited)
        self._split.setStretchFactor(0, 1)
        self.set_content(self._split)
        self._look = QTimer(self, interval=LOOK_MS)
        self._look.timeout.connect(lambda: self.tasks.start(self._load_state(), key="state"))
        self._look.start()
        self._kept = KeptText(self.composer, context)
        key = (self._course, self._assignment)
        self._talk = context.talks.get(key) or Talk(context.session, *key)
        self._use(self._talk)

    # Building

    def _make_head(self) -> None:
        self._new = icon_button("plus", "ask.new", "New conversation (Ctrl+N)", self.new_conversation)
        self._list = icon_button(
            "history", "ask.earlier", "Earlier conversations (Ctrl+H)", self.show_earlier
        )
        self._more = icon_button("more", "ask.more", "Save or print this conversation")
        menu = named(QMenu(self._more), "ask.more.menu", "Save or print this conversation")
        menu.addAction("Save as PDF, to print ...").triggered.connect(lambda: self._save_as(".pdf"))
        menu.addAction("Save as text ...").triggered.connect(lambda: self._save_as(".txt"))
        self._more.setMenu(menu)
        where = row(self._where_icon, self._where, None, gap=6)
        self._head = QWidget()
        self._head.setLayout(
            row(
                column(label("Ask the tutor", "title"), self._about, where, gap=2),
                column(row(self._new, self._list, self._more, gap=2), None),
                stretch=0,
            )
        )

    def _make_middle(self) -> None:
        self._exchanges = column(gap=24)
        self._empty = EmptyState(
            "tutor",
            f"Ask about this {self._subject}",
            "The tutor answers from the course's own pages and shows where it found it. It says so when it "
            f"does not know; then {'ask your instructor' if self._student else 'students can ask you'}.",
        )
        self._scroll = Scroll(self._empty, self._exchanges, None, gap=16, padding=4, width=READ_WIDTH)

    def _make_foot(self) -> None:
        self._similar = column(gap=0)
        self._similar_box = QWidget()
        self._similar_box.setLayout(
            column(label("Answered for the class already", "small"), self._similar, gap=2)
        )
        self._similar_box.hide()
        self.composer = Composer(
            "ask.question", f"Your question about this {self._subject}", api.QUESTION_LENGTH
        )
        self.composer.sent.connect(self.ask)
        self.composer.edited.connect(self._on_edit)
        self._count = label("", "small")
        self._ask = button("&Ask", "ask.send", kind="primary", symbol="send", on_click=self.ask)
        self._instructor = button(
            "Ask the &instructor", "ask.instructor", on_click=lambda: self.ask_instructor(None)
        )
        self._instructor.setVisible(self._student)
        self._foot = QWidget()
        self._foot.setLayout(
            column(
                self._similar_box,
                self.composer,
                row(self._count, None, self._instructor, self._ask),
                gap=6,
            )
        )
        for keys, act in {
            "Ctrl+N": self.new_conversation,
            "Ctrl+H": self.show_earlier,
            "Ctrl+I": lambda: self.ask_instructor(None),
        }.items():
            shortcut(self, keys, act)

    # Loading

    async def load(self) -> None:
        """Ask and show."""
        page = await courses_api.course_row(self.session, self._course)
        about = page.title
        if self._assignment is not None:
            row = await courses_api.assignment_row(self.session, self._assignment)
            about = f"{about}  ·  {row.title}"
        self._course_title = page.title
        self._about.set_full(about)
        self._earlier = await conversations_api.conversations(
            self.session, course=self._course, assignment=self._assignment
        )
        self._answers = await questions_api.class_answers(self.session, course=self._course)
        force = await settings_api.in_force(self.session, course=self._course, assignment=self._assignment)
        self.show_force(force)
        await self._load_state()
        if not self.loaded:
            # One that is being asked is kept too, but not shown to be asked twice.
            name = f"ask/{self._course}/{self._assignment or 0}"
            self._kept.open(name, show=not self._talk.running)
            self.composer.setFocus()

    async def _load_state(self) -> None:
        self.show_tutor(await api.state(self.session, course=self._course))

    def show_tutor(self, state: api.TutorState) -> None:
        """Show where the tutor runs and whether it can be asked."""
        self._state = state
        text, tone = where_text(state)
        if state.queued and state.state == "ready":
            text += f"; {state.queued} {'question waits' if state.queued == 1 else 'questions wait'}"
        self._where.setText(text)
        restyle(self._where, tone="" if tone == "success" else tone)
        self._where_icon.show_icon("tutor", tone)
        self._look.setInterval(READY_LOOK_MS if state.state == "ready" else LOOK_MS)
        self._enable()

    def show_force(self, force: InForce) -> None:
        """Show what the instructor has set."""
        self._force = force
        off = force.mode is TutorMode.OFF
        self._notice.say(
            force.sentence if force.mode is not TutorMode.ON else "", "warning" if off else "accent"
        )
        self._enable()

    def _enable(self) -> None:
        off = self._force is not None and self._force.mode is TutorMode.OFF
        there = self._state is None or self._state.can_ask
        self._ask.setEnabled(self.composer.ready and not self._talk.running and not off and there)
        length = self.composer.most - self.composer.left
        self._count.setText(f"{length:,} of {self.composer.most:,}")
        restyle(self._count, tone="danger" if self.composer.left < 0 else "")
        self._more.setEnabled(any(state.exchange for state in self._talk.states))
        self._new.setEnabled(bool(self._talk.states))

    # The conversation

    def _use(self, talk: Talk) -> None:
        self.context.talks[self._course, self._assignment] = talk
        if talk is not self._talk:
            self._talk.changed.disconnect(self._on_change)
        self._talk = talk
        self._scroll.hold(None)
        talk.changed.connect(self._on_change)
        self._cards.clear()
        clear(self._exchanges)
        for number in range(len(talk.states)):
            self._on_change(number)
        self._empty.setVisible(not talk.states)
        self._enable()

    def _on_change(self, number: int) -> None:
        state = self._talk.states[number]
        card = self._cards.get(number)
        if card is None:
            card = self._add(number)
            card.show_state(state)
        else:
            self._announce(card.state, state)
            if not state.running and card.stop.hasFocus():
                self.composer.setFocus()  # it hides now
            card.show_soon(state)
        if not state.running and number == len(self._talk.states) - 1:
            self._ended(state)

    def _add(self, number: int) -> ExchangeCard:
        acts = Acts(
            self.open_source,
            cancel=self._cancel,
            again=self._again,
            confirm=self._confirm,
            instructor=self.ask_instructor if self._student else None,
        )
        card = ExchangeCard(f"ask.exchange.{number + 1}", acts, self.context.zone)
        self._cards[number] = card
        self._exchanges.addWidget(card)
        self._empty.hide()
        self._scroll.hold(card)
        return card

    def _announce(self, before: AskState | None, now: AskState) -> None:
        said = ""
        if now.sources and (before is None or not before.sources):
            said = f"{len(now.sources)} passages found in the course's pages"
        elif before is not None and before.running and not now.running:
            declined = now.verdict in (Verdict.DECLINED, Verdict.BORDERLINE)
            said = now.failure_words or (now.reason if declined else "The answer is complete")
        if said:
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, said))

    def _ended(self, state: AskState) -> None:
        self._enable()
        self.tasks.start(self._load_state(), key="state")  # it waits no longer
        if state.exchange is not None:
            self._kept.forget()

    def ask(self) -> None:
        """Ask what is typed."""
        if self._ask.isEnabled() and self.composer.ready:
            text = self.composer.typed
            self._kept.hand_over()
            self._start(text)

    def _start(self, text: str, *, confirmed: bool = False) -> None:
        if not self._talk.running:
            talk = self._talk
            last = len(talk.states) - 1
            if last >= 0 and talk.states[last].failure and talk.states[last].exchange is None:
                self._scroll.hold(None)
                card = self._cards.pop(last)  # an ask that was not taken makes room for the next
                self._exchanges.removeWidget(card)
                card.deleteLater()
            # Not the screen's own task: the answer goes on when the person looks at another screen.
            self.context.later(talk.ask(text, confirmed=confirmed))
            self._enable()

    def _again(self, state: AskState) -> None:
        self._start(state.question, confirmed=state.confirmed)
        self.composer.setFocus()

    def _confirm(self, state: AskState) -> None:
        self._start(state.question, confirmed=True)
        self.composer.setFocus()

    def _cancel(self) -> None:
        self.tasks.start(self._talk.cancel())

    def new_conversation(self) -> None:
        """Begin anew; the last one stays among the earlier ones."""
        if self._talk.states:
            if self._talk.running:
                self.context.later(self._talk.cancel())
            self._use(Talk(self.session, self._course, self._assignment))
            self.refresh()
        self.composer.setFocus()

    def show_earlier(self) -> None:
        """Choose an earlier conversation."""
        ConversationsDialog(self, self.context, self._earlier, self._open_earlier).open()

    def _open_earlier(self, card: ConversationCard) -> None:
        if card.conversation != self._talk.conversation:
            self.tasks.start(self._go_on_with(card), key="earlier")

    async def _go_on_with(self, card: ConversationCard) -> None:
        found = await conversations_api.open_conversation(self.session, conversation=card.conversation)
        if self._talk.running:
            self.context.later(self._talk.cancel())
        self._use(Talk.of(self.session, found))
        self.composer.setFocus()

    # What is beside it

    def open_source(self, source: Source) -> None:
        """Open a cited page beside what cites it."""
        self._split.open_source(source)

    def ask_instructor(self, state: AskState | None) -> None:
        """Hand a question over: the one of an exchange, or what is typed."""
        if not self._student:
            return
        question = state.question if state is not None else self.composer.typed
        if not question and self._talk.states:
            question = self._talk.states[-1].question
        near = (state.nearest,) if state is not None and state.nearest is not None else ()
        dialog = AskInstructorDialog(
            self,
            self.context,
            course=self._course,
            course_title=self._course_title,
            assignment=self._assignment,
            question=question,
            conversation=self._talk.as_conversation(),
            pages=near,
            then=self._handed_over,
        )
        dialog.open()

    def _handed_over(self) -> None:
        self.composer.clear()
        self._kept.forget()

    def _on_edit(self) -> None:
        self._enable()
        found = similar(self.composer.typed, self._answers)
        clear(self._similar)
        for answer in found:
            self._similar.addWidget(
                list_row(
                    f"ask.similar.{answer.answer}",
                    answer.title,
                    " ".join(answer.text.split()),
                    lead=IconLabel("check-circle", "success", 18),
                    spoken=f"Answered for the class: {answer.title}",
                    on_click=lambda answer=answer: self.context.go(
                        Place("questions", 0, "Questions", answer.answer)
                    ),
                )
            )
        self._similar_box.setVisible(bool(found))

    def _save_as(self, suffix: str) -> None:
        talk = self._talk.as_conversation()
        if talk is not None:
            name = safe_file_name(f"Tutor - {self._course_title}{suffix}", fallback=f"conversation{suffix}")
            save_as(self, "Save this conversation", name, lambda path: self.tasks.start(self._save(path)))

    async def _save(self, path: Path) -> None:
        written = await conversations_api.save_conversation(
            self.session, conversation=self._talk.conversation, destination=path
        )
        self.messages.success(f"Saved: {written.name}", hint=str(written.parent))

    def leave(self) -> None:
        """Keep what is typed; the answer under way goes on."""
        self._kept.flush()

    def close_page(self) -> None:
        """End the screen's work."""
        self._look.stop()
        self._talk.changed.disconnect(self._on_change)
        super().close_page()
        self.cited.forget()
