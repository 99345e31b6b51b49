"""Importing a list of people: what would be added, and each row that cannot be used."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QTabWidget, QWidget

from lms_desktop.client import people as api
from lms_desktop.views.dialogs import Dialog
from lms_desktop.views.page import Context
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.widgets import Banner, column, named


class ImportDialog(Dialog):
    """The preview of a CSV. Nothing happens before the button is pressed; bad rows are left out by name."""

    def __init__(
        self,
        parent: QWidget,
        context: Context,
        preview: api.RosterPreview,
        then: Callable[[tuple[api.Slip, ...]], None],
    ) -> None:
        count = len(preview.add)
        main = f"&Add {count} {'person' if count == 1 else 'people'}"
        super().__init__(parent, "import", f"Import {preview.file_name}", main, context.messages, width=720)
        self._session = context.session
        self._preview = preview
        self._then = then
        bad = len(preview.errors)
        text = f"{count} to add, {bad} cannot be used."
        if preview.ignored:
            text += f" Columns not used: {', '.join(preview.ignored)}."
        tabs = named(QTabWidget(), "import.tabs", "Parts of the preview")
        tabs.tabBar().setObjectName("import.tab_bar")
        tabs.tabBar().setAccessibleName("Parts of the preview")
        adds: Table[api.NewPerson] = Table(
            "import.add",
            "People to add",
            [
                Column("Name", lambda person: person.name, strong=True),
                Column("Login", lambda person: person.login, muted=True),
            ],
            identity=lambda person: person.login,
        )
        adds.show_rows(preview.add)
        errors: Table[api.RowError] = Table(
            "import.errors",
            "Rows that cannot be used",
            [
                Column("Row", lambda row: str(row.line), 60, right=True, key=lambda row: row.line),
                Column("What is wrong", _sentence, strong=True, tip=_sentence),
                Column("Row's text", lambda row: row.text, 240, muted=True, tip=lambda row: row.text),
            ],
            identity=lambda row: row.line,
        )
        errors.show_rows(preview.errors)
        for table in (adds, errors):
            table.setMinimumHeight(260)
        tabs.addTab(_page(adds), f"To add ({count})")
        tabs.addTab(_page(errors), f"Cannot be used ({bad})")
        if bad:
            tabs.setCurrentIndex(1)
        self.add(Banner(text, "warning" if bad else "accent"), tabs)
        self.main.setEnabled(count > 0)
        self.main.setFocus()
        self.work = self._import

    async def _import(self) -> None:
        done = await api.import_roster(self._session, preview=self._preview)
        for person, why in done.refused:
            self.messages.warning(f"{person.name} ({person.login}) was not added", hint=why)
        if done.waiting:
            self.messages.warning(
                f"{done.waiting} of the slips wait for the class",
                hint="They work once enough machines are on.",
            )
        if done.slips:
            self._then(done.slips)


def _sentence(row: api.RowError) -> str:
    return row.message[:1].upper() + row.message[1:]


def _page(content: QWidget) -> QWidget:
    page = QWidget()
    page.setLayout(column(content, None, margins=(0, 10, 0, 0)))
    return page
