"""Choosing a page of the course to refer to, with the passage that matters, if any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QComboBox, QPlainTextEdit, QSpinBox, QWidget

from lms_desktop.client import sources as api
from lms_desktop.client.errors import BadInput
from lms_desktop.client.sources import Document, Source
from lms_desktop.school import limits
from lms_desktop.views.dialogs import Dialog, field
from lms_desktop.views.page import Context
from lms_desktop.views.widgets import named, row


@dataclass(frozen=True, slots=True)
class _Choice:
    """One entry of the list: a document's PDF, or an assignment's own text (`pages` 0)."""

    document: Document
    pages: int

    @property
    def text(self) -> str:
        pages = "1 page" if self.pages == 1 else f"{self.pages} pages"
        return f"{self.document.title} ({pages if self.pages else 'its text'})"


class PagePickerDialog(Dialog):
    """Gives the chosen place to `then`."""

    def __init__(
        self, parent: QWidget, context: Context, course: int, then: Callable[[Source], None]
    ) -> None:
        super().__init__(
            parent, "page_picker", "Refer to a page", "&Add the page", context.messages, width=600
        )
        self._session = context.session
        self._course = course
        self._then = then
        self._choices: list[_Choice] = []
        self.document = named(QComboBox(), "page_picker.document", "Document")
        self.document.currentIndexChanged.connect(lambda _: self._on_document())
        self.page = named(QSpinBox(), "page_picker.page", "Page")
        self.page.setMinimumWidth(90)
        self.page.lineEdit().setTextMargins(10, 0, 8, 0)
        self.quote = named(QPlainTextEdit(), "page_picker.quote", "Passage to mark, optional")
        self.quote.setTabChangesFocus(True)
        self.quote.setFixedHeight(84)
        self._page_field = field("&Page", self.page)
        self.add(
            row(field("&Document", self.document), self._page_field, gap=16, stretch=0),
            field(
                "Pa&ssage (optional)",
                self.quote,
                "Word for word from that page: it is marked when it is opened.",
            ),
        )
        self.main.setEnabled(False)
        self.work = self._choose
        self.tasks.start(self._load(), on_error=self.show_problem)

    async def _load(self) -> None:
        for document in await api.documents(self._session, course=self._course):
            if document.pages:
                self._choices.append(_Choice(document, document.pages))
            if document.text.strip():
                self._choices.append(_Choice(document, 0))
        for choice in self._choices:
            self.document.addItem(choice.text)
        self.main.setEnabled(bool(self._choices))

    def _on_document(self) -> None:
        pages = self._choices[self.document.currentIndex()].pages
        self.page.setRange(min(pages, 1), pages)
        self.page.setEnabled(pages > 0)

    async def _choose(self) -> None:
        quote = " ".join(self.quote.toPlainText().split())
        if len(quote) > limits.QUOTE:
            raise BadInput(f"A passage has at most {limits.QUOTE} characters.", where="passage")
        chosen = self._choices[self.document.currentIndex()].document
        self._then(Source(chosen.document, self.page.value(), quote, None, chosen.kind, chosen.title))
