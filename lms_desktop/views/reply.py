"""Writing an answer: to the one who asked, or to the whole class without their name."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QRadioButton, QWidget

from lms_desktop.client import questions as api
from lms_desktop.client.errors import BadInput
from lms_desktop.client.questions import QuestionCard, QuestionState, Thread
from lms_desktop.client.sources import Source
from lms_desktop.school import limits
from lms_desktop.views.kept import KeptText
from lms_desktop.views.messages import explain
from lms_desktop.views.page import Context
from lms_desktop.views.page_picker import PagePickerDialog
from lms_desktop.views.tasks import Tasks
from lms_desktop.views.widgets import (
    Banner,
    Card,
    Elided,
    as_given,
    button,
    clear,
    column,
    icon_button,
    label,
    named,
    relabel,
    row,
)

NAME_WIDTH = 130


class ReplyForm(Card):
    """The form under a thread. For its asker it adds to the question; for staff it answers it.

    `changed` is called once something was handed in.
    """

    def __init__(
        self, area: str, context: Context, tasks: Tasks, changed: Callable[[], None], *, staff: bool
    ) -> None:
        super().__init__(gap=8, padding=12)
        self._area = area
        self._context = context
        self._session = context.session
        self._tasks = tasks
        self._changed = changed
        self._staff = staff
        self._card: QuestionCard | None = None
        self._pages: list[Source] = []
        self.problem = Banner("", "danger")
        heading = "Your reply" if staff else "Add to your question"
        self.text = named(QPlainTextEdit(), f"{area}.reply", heading)
        self.text.setPlaceholderText(heading)
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(80)
        self.text.textChanged.connect(self._on_edit)
        self._kept = KeptText(self.text, context)
        self.to_one = named(QRadioButton(), f"{area}.to_one", "To the student alone")
        self.to_class = named(QRadioButton("To the whole class"), f"{area}.to_class", "To the whole class")
        self.to_class.toggled.connect(lambda _: self._on_audience())
        self.wording = named(QLineEdit(), f"{area}.wording", "The question as the class will read it")
        self.wording.setMaxLength(limits.TITLE)
        self._wording_label = label("The question as the class will read it, without a name", "small")
        self._audience = label("", "small", wrap=True)
        self._references = column(gap=4)
        self._add = button("Add a &page ...", f"{area}.add_page", symbol="plus", on_click=self._pick)
        self._settle = button("No reply needed", f"{area}.settle", on_click=self._on_settle)
        self._count = label("", "small")
        self.send = button(
            "&Send",
            f"{area}.send",
            kind="primary",
            symbol="send",
            accessible="Send the reply",
            on_click=self._on_send,
        )
        audience = QWidget()
        audience.setLayout(row(self.to_one, self.to_class, None, gap=16))
        for item in (self.problem, audience, self._wording_label, self.wording, self.text):
            self.body.addWidget(item)
        self.body.addLayout(self._references)
        self.body.addWidget(self._audience)
        self.body.addLayout(row(self._add, self._settle, None, self._count, self.send))
        audience.setVisible(staff)
        self._settle.setVisible(staff)
        self.hide()

    def show_for(self, thread: Thread) -> None:
        """Write to this thread; what is typed for another is kept for when it is chosen again."""
        other = self._card is None or self._card.question != thread.card.question
        self._card = thread.card
        relabel(
            self._settle,
            "Open it again" if thread.card.state is QuestionState.SETTLED else "No reply needed",
        )
        self._settle.setVisible(self._staff and thread.card.state is not QuestionState.ANSWERED)
        self.show()
        if other:
            name = self.fontMetrics().elidedText(thread.card.name, Qt.TextElideMode.ElideRight, NAME_WIDTH)
            self.to_one.setText(f"To {as_given(name)} alone")
            self.to_one.setAccessibleName(f"To {thread.card.name} alone")
            self.to_one.setChecked(True)
            first = thread.posts[0].text if thread.posts else thread.card.text
            self.wording.setText(" ".join(first.split())[: limits.TITLE])
            self.problem.say("")
            self._pages.clear()
            self._show_pages()
            self._on_audience()
            self._kept.open(f"reply/{thread.card.question}")
        self._on_edit()

    def put_away(self) -> None:
        """Nothing is chosen."""
        self._kept.flush()
        self._card = None
        self.hide()

    def flush(self) -> None:
        """Keep what is typed."""
        self._kept.flush()

    def _on_edit(self) -> None:
        length = len(self.text.toPlainText().strip())
        self._count.setText(f"{length:,} of {limits.POST:,}" if length > limits.POST // 2 else "")
        self.send.setEnabled(0 < length <= limits.POST)

    def _on_audience(self) -> None:
        public = self.to_class.isChecked()
        self.wording.setVisible(public)
        self._wording_label.setVisible(public)
        card = self._card
        if card is None or not self._staff:
            self._audience.hide()
            return
        self._audience.setText(
            f"Everyone in “{card.course_title}” reads the question as worded above, and your answer. "
            "Who asked is not shown: look that the wording does not tell it."
            if public
            else f"Only {card.name} and those who teach “{card.course_title}” read it."
        )
        self._audience.show()

    # Pages

    def _pick(self) -> None:
        if self._card is not None:
            PagePickerDialog(self, self._context, self._card.course, self.add_page).open()

    def add_page(self, page: Source) -> None:
        """Refer to a page."""
        if page not in self._pages and len(self._pages) < limits.CITATIONS:
            self._pages.append(page)
            self._show_pages()

    def _show_pages(self) -> None:
        clear(self._references)
        for number, page in enumerate(self._pages, 1):
            quote = f": “{page.quote}”" if page.quote else ""
            remove = icon_button(
                "close",
                f"{self._area}.remove_page.{number}",
                f"Remove {page.place}",
                lambda page=page: self._remove(page),
            )
            self._references.addLayout(row(Elided(f"{page.place}{quote}"), remove, stretch=0))
        self._add.setEnabled(len(self._pages) < limits.CITATIONS)

    def _remove(self, page: Source) -> None:
        self._pages.remove(page)
        self._show_pages()

    # Sending

    def _on_send(self) -> None:
        self.problem.say("")
        self._tasks.start(self._send(), key="reply", busy=self.send, on_error=self._on_error)

    async def _send(self) -> None:
        card, text, pages = self._card, self.text.toPlainText().strip(), tuple(self._pages)
        if card is None:
            return
        if self._staff and self.to_class.isChecked():
            title = " ".join(self.wording.text().split())
            if not title:
                self.wording.setFocus()
                raise BadInput("Word the question for the class.")
            sent = await api.answer_class(
                self._session,
                course=card.course,
                assignment=card.assignment,
                question=card.question,
                title=title,
                text=text,
                pages=pages,
            )
        else:
            sent = await api.reply(self._session, question=card.question, text=text, pages=pages)
        to_one = f"Sent to {card.name}" if self._staff else "Sent to your instructor"
        done = "Answered for the class" if self.to_class.isChecked() else to_one
        self._context.messages.success("Kept here; it is sent by itself" if sent.waiting else done)
        self.to_one.setChecked(True)
        self._pages.clear()
        self._show_pages()
        self.text.clear()
        self._kept.forget()
        self._changed()

    def _on_settle(self) -> None:
        card = self._card
        if card is None:
            return

        async def work() -> None:
            settled = card.state is not QuestionState.SETTLED
            await api.settle(self._session, question=card.question, settled=settled)
            self._changed()

        self._tasks.start(work(), key="settle", busy=self._settle)

    def _on_error(self, error: Exception) -> bool:
        message = explain(error)
        self.problem.say(f"{message.text} {message.hint}".strip(), "danger")
        return not message.details
