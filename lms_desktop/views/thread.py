"""A question with its replies, the pages they cite, and what was asked of the tutor before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QFrame, QWidget

from lms_desktop.client.questions import ClassAnswer, Post, QuestionCard, QuestionState, Thread
from lms_desktop.client.sources import Source
from lms_desktop.views.ask_state import of_exchange
from lms_desktop.views.exchange import Acts, ExchangeCard, source_card
from lms_desktop.views.page import now_ms
from lms_desktop.views.times import when
from lms_desktop.views.widgets import (
    Banner,
    Elided,
    Scroll,
    button,
    clear,
    column,
    label,
    pill,
    relabel,
    restyle,
    row,
)

STATES = {
    QuestionState.UNANSWERED: ("Unanswered", "warning"),
    QuestionState.ANSWERED: ("Answered", "success"),
    QuestionState.SETTLED: ("No reply needed", ""),
}


def about(card: QuestionCard | ClassAnswer) -> str:
    """Return what a question is about: its course, and its assignment if it is on one."""
    return f"{card.course_title}  ·  {card.assignment_title}" if card.assignment_title else card.course_title


def pages_box(name: str, pages: tuple[Source, ...], open_source: Callable[[Source], Any]) -> list[QWidget]:
    """Return the cited pages as cards that open them."""
    return [
        source_card(f"{name}.page.{number}", page, 0, lambda page=page: open_source(page))
        for number, page in enumerate(pages, 1)
    ]


def post_card(
    name: str, post: Post, zone: str, me: int, open_source: Callable[[Source], Any], *, staff: bool
) -> QFrame:
    """Return one contribution as those who teach read it (`staff`), or its asker."""
    mine = post.author == me
    pills = [pill("Instructor", "accent")] if post.staff and not mine else []
    pills += [pill("To the whole class", "success")] if post.to_class else []
    if post.unread:
        pills.append(pill("Not read yet") if staff else pill("New", "accent"))
    frame = QFrame()
    frame.setProperty("role", "asked" if not post.staff else "card")
    frame.setLayout(
        column(
            row(
                Elided("You" if mine else post.name, "strong"),
                *pills,
                label(when(post.when_ms, zone, now_ms()), "small"),
                stretch=0,
            ),
            *([Banner(post.problem, "danger")] if post.problem else []),
            *([label(post.text, wrap=True, selectable=True)] if post.text else []),
            *pages_box(name, post.pages, open_source),
            gap=6,
            margins=(14, 10, 14, 12),
        )
    )
    return frame


class ThreadView(Scroll):
    """Reads a thread, or a class answer; what is written under it is not part of it."""

    def __init__(
        self, area: str, zone: str, me: int, open_source: Callable[[Source], Any], *, staff: bool
    ) -> None:
        super().__init__(gap=12, padding=4, width=720)
        self._area = area
        self._zone = zone
        self._me = me
        self._staff = staff
        self._open_source = open_source
        self.shown: Thread | ClassAnswer | None = None
        self._title = label("", "section", wrap=True)
        self._title.setMinimumWidth(1)  # a name may be one long word
        self._state = pill()
        self._facts = label("", "small", wrap=True)
        self._posts = column(gap=10)
        self._toggle = button("", f"{area}.conversation", symbol="tutor", on_click=self._toggle_talk)
        self._talk = column(gap=20)
        self._talk_box = QWidget()
        self._talk_box.setLayout(self._talk)
        self._talk_box.hide()
        for item in (row(self._title, self._state, gap=10, stretch=0),):
            self.body.addLayout(item)
        self.body.addWidget(self._facts)
        self.body.addLayout(row(self._toggle, None))
        self.body.addWidget(self._talk_box)
        self.body.addLayout(self._posts)
        self.body.addStretch(1)

    def show_thread(self, thread: Thread) -> None:
        """Show a question."""
        card = thread.card
        if thread == self.shown:
            return
        before = self.shown.posts if isinstance(self.shown, Thread) else ()
        same = isinstance(self.shown, Thread) and self.shown.card.question == card.question
        self.shown = thread
        self._title.setText(f"{card.name} asks" if self._staff else "Your question")
        text, tone = STATES[card.state]
        self._state.setText(text)
        restyle(self._state, tone=tone)
        self._state.show()
        waited = f"  ·  waiting for {card.age}" if card.state is QuestionState.UNANSWERED and card.age else ""
        self._facts.setText(f"{about(card)}{waited}")
        cards = self._fill_posts(thread.posts)
        clear(self._talk)
        for number, exchange in enumerate(thread.conversation, 1):
            talk = ExchangeCard(
                f"{self._area}.exchange.{number}", Acts(self._open_source), self._zone, by=self._staff
            )
            talk.show_state(of_exchange(exchange))
            self._talk.addWidget(talk)
        self._talk_box.setVisible(same and self._talk_box.isVisible())
        self._toggle.setVisible(bool(thread.conversation))
        self._name_toggle()
        if not same:
            self.verticalScrollBar().setValue(0)
        if not same or self.holds or len(cards) > len(before):
            self.hold(cards[-1] if len(cards) > 1 else None)  # the newest reply: what one came for

    def _fill_posts(self, posts: tuple[Post, ...]) -> list[QFrame]:
        clear(self._posts)
        cards = []
        for number, post in enumerate(posts, 1):
            name = f"{self._area}.post.{number}"
            card = post_card(name, post, self._zone, self._me, self._open_source, staff=self._staff)
            cards.append(card)
            self._posts.addWidget(card)
        return cards

    def show_answer(self, answer: ClassAnswer) -> None:
        """Show an answer to the class."""
        self.shown = answer
        self._title.setText(answer.title)
        self._state.hide()
        self._facts.setText(f"{about(answer)}  ·  answered for the class")
        self._toggle.hide()
        self._talk_box.hide()
        clear(self._talk)
        post = Post(
            None, 0, answer.name, True, answer.when_ms, answer.text, answer.pages, unread=answer.unread
        )
        self._fill_posts((post,))
        self.hold(None)
        self.verticalScrollBar().setValue(0)

    def _toggle_talk(self) -> None:
        self.hold(None)
        self._talk_box.setVisible(not self._talk_box.isVisible())
        self._name_toggle()

    def _name_toggle(self) -> None:
        count = self._talk.count()
        verb = "Hide" if not self._talk_box.isHidden() else "Show"
        relabel(self._toggle, f"{verb} the conversation with the tutor ({count})")
