"""Handing a question over to the instructor: what it says, what goes with it, and who can read it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QCheckBox, QPlainTextEdit, QWidget

from lms_desktop.client import questions as api
from lms_desktop.client.conversations import Conversation
from lms_desktop.client.errors import BadInput
from lms_desktop.client.sources import Source
from lms_desktop.school import limits
from lms_desktop.views.dialogs import Dialog, field
from lms_desktop.views.messages import Action
from lms_desktop.views.page import Context, Place
from lms_desktop.views.widgets import Banner, label, named

MOST = api.POST_LENGTH


def cited(conversation: Conversation | None, also: tuple[Source, ...] = ()) -> tuple[Source, ...]:
    """Return the pages that a conversation quoted, each passage once, the newest first."""
    exchanges = reversed(conversation.exchanges) if conversation is not None else ()
    found = dict.fromkeys([*also, *(source for exchange in exchanges for source in exchange.sources)])
    return tuple(found)[: limits.CITATIONS]


class AskInstructorDialog(Dialog):
    """Sends a question to the staff of a course."""

    def __init__(
        self,
        parent: QWidget,
        context: Context,
        *,
        course: int,
        course_title: str,
        assignment: int | None,
        question: str = "",
        conversation: Conversation | None = None,
        pages: tuple[Source, ...] = (),
        then: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(parent, "ask_instructor", "Ask the instructor", "&Send", context.messages, width=600)
        self._context = context
        self._about = (course, assignment)
        self._conversation = conversation
        self._pages = cited(conversation, pages)
        self._then = then
        name = "ask_instructor"
        self.text = named(QPlainTextEdit(question), f"{name}.text", "Your question")
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(130)
        self._left = label("", "small")
        self.text.textChanged.connect(self._count)
        asked = len(conversation.exchanges) if conversation is not None else 0
        noun = "question" if asked == 1 else "questions"
        self.along = named(
            QCheckBox(f"Send the &conversation with the tutor along ({asked} {noun})"),
            f"{name}.conversation",
            f"Send the conversation with the tutor along, {asked} {noun}",
        )
        self.along.setChecked(asked > 0)
        self.along.setVisible(asked > 0)
        places = "; ".join(dict.fromkeys(source.place for source in self._pages))
        self.with_pages = named(
            QCheckBox("Send the cited &pages along"), f"{name}.pages", f"Send the cited pages along: {places}"
        )
        self.with_pages.setChecked(bool(self._pages))
        self.with_pages.setVisible(bool(self._pages))
        self._places = label(places, "small", wrap=True)
        self._places.setVisible(bool(self._pages))
        who = Banner(
            f"Only you and those who teach “{course_title}” can read it: it is sealed to you and them. "
            "An answer to the whole class never shows your name.",
            "accent",
        )
        self.add(field("&Question", self.text), self._left, self.along, self.with_pages, self._places, who)
        self.work = self._send
        self._count()

    def _count(self) -> None:
        length = len(self.text.toPlainText().strip())
        self._left.setText(f"{length:,} of {MOST:,} characters")
        self.main.setEnabled(0 < length <= MOST)

    async def _send(self) -> None:
        text = self.text.toPlainText().strip()
        if not text:
            raise BadInput("Write your question first.")
        course, assignment = self._about
        along = self._conversation is not None and self.along.isChecked()
        sent = await api.ask_instructor(
            self._context.session,
            course=course,
            assignment=assignment,
            text=text,
            conversation=self._conversation.conversation if along else None,
            pages=self._pages if self.with_pages.isChecked() else (),
        )
        told = (
            "Your question is kept here and goes to your instructor by itself"
            if sent.waiting
            else "Your question is with your instructor"
        )
        action = Action("Show my questions", lambda: self._context.go(Place("questions", 0, "Questions")))
        self.messages.success(told, action=action)
        self._then()
