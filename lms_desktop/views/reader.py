"""Reading in the app: a material, an assignment's own PDF, a version that was handed in."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtWidgets import QWidget

from lms_desktop.client import course as courses_api
from lms_desktop.client import submit as submit_api
from lms_desktop.client.documents import safe_file_name, write_file
from lms_desktop.client.session import Role
from lms_desktop.views.dialogs import save_as
from lms_desktop.views.page import Context, Page, Place
from lms_desktop.views.pdf_reader import PdfReader
from lms_desktop.views.widgets import button, column, label


class ReaderPage(Page):
    """A page that is one document. Subclasses say where it comes from."""

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        self.place = place
        self._data = b""
        self.note = label("", "muted", wrap=True)
        self.note.hide()
        ask = button("&Ask about this", "reader.ask", symbol="tutor", on_click=self._to_ask)
        ask.setVisible(self.ask_place() is not None and context.session.person.role == Role.STUDENT)
        self.reader = PdfReader("reader", save=self._ask_where, tools=(ask,))
        content = QWidget()
        content.setLayout(column(self.note, self.reader, gap=8, margins=(20, 12, 20, 16), stretch=1))
        self.set_content(content)

    async def fetch(self) -> bytes:
        """The document's bytes."""
        raise NotImplementedError

    def ask_place(self) -> Place | None:
        """Where the tutor is asked about this document; None where it is not of a course."""
        return None

    def _to_ask(self) -> None:
        place = self.ask_place()
        if place is not None:
            self.context.go(place)

    async def load(self) -> None:
        """Fetch once: an open document does not change under the reader's eyes."""
        if not self._data:
            self._data = await self.fetch()
            self.reader.open_bytes(self._data)
            self.reader.view.setFocus()

    def _ask_where(self) -> None:
        name = safe_file_name(f"{self.place.title}.pdf", fallback="document.pdf")
        save_as(self, "Save a copy", name, lambda path: self.tasks.start(self._save(path)))

    async def save_to(self, path: Path) -> Path:
        """Write the copy; returns where it is."""
        return await asyncio.to_thread(write_file, path, self._data)

    async def _save(self, path: Path) -> None:
        written = await self.save_to(path)
        self.messages.success(f"Saved a copy: {written.name}", hint=str(written.parent))

    def close_page(self) -> None:
        """Forget the document's bytes."""
        super().close_page()
        self.reader.close_document()
        self._data = b""


class MaterialPage(ReaderPage):
    """A material; opening it marks it read. `place.item` is its course."""

    def ask_place(self) -> Place | None:
        """The course's tutor."""
        return Place("ask", self.place.item, self.place.title) if self.place.item else None

    async def fetch(self) -> bytes:
        """The material's PDF, checked against the ledger."""
        return await courses_api.open_material(self.session, material=self.place.key)

    async def save_to(self, path: Path) -> Path:
        """Write the copy from this machine's own store."""
        return await courses_api.save_material(self.session, material=self.place.key, destination=path)


class BriefPage(ReaderPage):
    """The PDF that came with an assignment. `place.item` is its course."""

    def ask_place(self) -> Place | None:
        """The course's tutor, on this assignment."""
        if not self.place.item:
            return None
        return Place("ask", self.place.item, self.place.title, self.place.key)

    async def fetch(self) -> bytes:
        """The assignment's PDF."""
        return await courses_api.open_assignment_pdf(self.session, assignment=self.place.key)


class VersionPage(ReaderPage):
    """One of the student's own hand-ins, as the class holds it; `place.item` is the version."""

    async def fetch(self) -> bytes:
        """Open the sealed version, and show the note that went with it."""
        data, note = await submit_api.open_version(self.session, version=self.place.item)
        self.note.setText(f"Your note: {note}")
        self.note.setVisible(bool(note))
        return data
