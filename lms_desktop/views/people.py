"""The people of the school: add one by hand, many from a CSV; slips with their invitations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from lms_desktop.client import people as api
from lms_desktop.client.session import Role
from lms_desktop.school import limits
from lms_desktop.school.changes import Changes
from lms_desktop.views.dialogs import Dialog, confirm, field, open_file, save_as
from lms_desktop.views.page import Context, Page, Place
from lms_desktop.views.people_import import ImportDialog
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.widgets import Banner, button, column, label, named, relabel, row

ROLES = {Role.STUDENT: "Student", Role.INSTRUCTOR: "Instructor", Role.ADMINISTRATOR: "Administrator"}


def account(person: api.PersonRow) -> tuple[str, str]:
    """Return the state of an account: words and tone."""
    if not person.active:
        return "Closed", "danger"
    if person.signed_in_before:
        return ("New slip", "warning") if person.invited else ("Active", "success")
    return ("Has a slip", "warning") if person.invited else ("No slip", "danger")


class PeoplePage(Page):
    """Everyone, with what an administrator can do about them."""

    shows = Changes.PEOPLE | Changes.COURSES

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        self._everyone: tuple[api.PersonRow, ...] = ()
        self._facts = label("", "muted")
        self.search = named(QLineEdit(), "people.search", "Find by name or login")
        self.search.setPlaceholderText("Find by name or login")
        self.search.setClearButtonEnabled(True)
        self.search.setFixedWidth(280)
        self.search.textChanged.connect(lambda _: self._filter())
        self._add = button(
            "&Add a person", "people.add", kind="primary", symbol="plus", on_click=self._add_one
        )
        self._import = button("&Import CSV ...", "people.import", symbol="upload", on_click=self._ask_csv)
        self._invite = button(
            "New &slip ...", "people.invite", symbol="key", on_click=self._ask_invite, tip="A new invitation"
        )
        self._close = button("&Close account ...", "people.close", symbol="lock", on_click=self._ask_close)
        self.table: Table[api.PersonRow] = Table(
            "people.table",
            "People",
            [
                Column("Name", lambda person: person.name, strong=True),
                Column("Login", lambda person: person.login, 180, muted=True),
                Column("Role", lambda person: ROLES[person.role], 130),
                Column("Courses", lambda person: ", ".join(person.courses), muted=True),
                Column("Account", lambda person: account(person)[0], 120, tone=lambda item: account(item)[1]),
            ],
            identity=lambda person: person.person,
        )
        self.table.picked.connect(self._on_pick)
        content = QWidget()
        head = row(column(label("People", "display"), self._facts, gap=2), None, self._import, self._add)
        content.setLayout(
            column(
                head,
                row(self.search, None, self._invite, self._close),
                self.table,
                gap=12,
                margins=(24, 24, 24, 20),
                stretch=2,
            )
        )
        self.set_content(content)
        self._on_pick(None)

    async def load(self) -> None:
        """Ask and show."""
        self.show_people(await api.people(self.session))

    def show_people(self, everyone: tuple[api.PersonRow, ...]) -> None:
        """Show what the client found."""
        self._everyone = everyone
        awaited = sum(person.active and not person.signed_in_before for person in everyone)
        text = f"{len(everyone)} {'person' if len(everyone) == 1 else 'people'}"
        self._facts.setText(
            text + (f", {awaited} still have to sign in for the first time" if awaited else "")
        )
        self._filter()

    def _filter(self) -> None:
        wanted = self.search.text().casefold()
        self.table.show_rows(
            [item for item in self._everyone if wanted in f"{item.name} {item.login}".casefold()]
        )

    def _on_pick(self, person: api.PersonRow | None) -> None:
        self._invite.setEnabled(person is not None and person.active)
        self._close.setEnabled(person is not None and person.person != self.session.person.number)
        closed = person is not None and not person.active
        relabel(self._close, "Re&open account ..." if closed else "&Close account ...")

    def _add_one(self) -> None:
        AddDialog(self, self.context, self._show_slips).open()

    def _ask_csv(self) -> None:
        open_file(self, "Choose the list of people", "Tables (*.csv)", self.import_file)

    def import_file(self, path: Path) -> None:
        """Read a CSV and show what importing it would do."""
        self.tasks.start(self._preview(path), busy=self._import)

    async def _preview(self, path: Path) -> None:
        preview = await api.preview_roster(self.session, path=path)
        ImportDialog(self, self.context, preview, self._show_slips).open()

    def _show_slips(self, slips: tuple[api.Slip, ...]) -> None:
        self.refresh()
        SlipsDialog(self, self.context, slips).open()

    def _ask_invite(self) -> None:
        person = self.table.current()
        if person is None:
            return

        async def work() -> None:
            slip = await api.invite_again(self.session, person=person)
            self._show_slips((slip,))

        confirm(
            self,
            "people.invite_ask",
            f"New slip for {person.name}?",
            "For someone who lost slip or passphrase. It makes new keys at the next sign-in; an unused slip "
            "stops working.",
            "&Make the slip",
            self.messages,
            work,
        )

    def _ask_close(self) -> None:
        person = self.table.current()
        if person is None:
            return
        active = not person.active

        async def work() -> None:
            await api.set_active(self.session, person=person.person, active=active)
            self.refresh()

        confirm(
            self,
            "people.close_ask",
            f"{'Reopen' if active else 'Close'} {person.name}'s account?",
            "They can sign in again."
            if active
            else "They can no longer sign in. Their work and grades stay.",
            "&Reopen" if active else "&Close the account",
            self.messages,
            work,
            danger=not active,
        )


class AddDialog(Dialog):
    """Add one person by hand."""

    def __init__(
        self, parent: QWidget, context: Context, then: Callable[[tuple[api.Slip, ...]], None]
    ) -> None:
        super().__init__(parent, "add_person", "Add a person", "&Add and make the slip", context.messages)
        self._session = context.session
        self._then = then
        self.name = named(QLineEdit(), "add_person.name", "Name")
        self.name.setMaxLength(limits.NAME)
        self.login = named(QLineEdit(), "add_person.login", "Login")
        self.login.setMaxLength(limits.USERNAME)
        self.role = named(QComboBox(), "add_person.role", "Role")
        for role, text in ROLES.items():
            self.role.addItem(text, int(role))
        self.add(
            field("&Name", self.name),
            field(
                "&Login", self.login, "Lower-case letters, digits, dot, hyphen. It cannot be changed later."
            ),
            field("&Role", self.role),
        )
        self.work = self._add_person

    async def _add_person(self) -> None:
        person = api.NewPerson(
            self.login.text().strip(), self.name.text().strip(), Role(self.role.currentData())
        )
        slip = await api.add_person(self._session, person=person)
        self._then((slip,))


class SlipsDialog(Dialog):
    """The slips just made: they exist only here until they are saved."""

    def __init__(self, parent: QWidget, context: Context, slips: tuple[api.Slip, ...]) -> None:
        count = "The slip" if len(slips) == 1 else f"{len(slips)} slips"
        super().__init__(parent, "slips", count, "&Save as PDF ...", context.messages, width=760)
        self._context = context
        self._slips = slips
        relabel(self.cancel, "&Done")
        table: Table[api.Slip] = Table(
            "slips.table",
            "Slips",
            [
                Column("Name", lambda slip: slip.name, 180, strong=True),
                Column("Login", lambda slip: slip.login, 140, muted=True),
                Column("Six words", lambda slip: slip.words),
            ],
            identity=lambda slip: slip.login,
        )
        table.show_rows(slips)
        table.fit(8)
        self.per_page = named(QComboBox(), "slips.per_page", "Slips on a page")
        for number in (3, 2, 1):
            self.per_page.addItem(f"{number} on a page", number)
        self._warning = Banner(
            "The words are kept nowhere. Save and print them now; a lost slip is replaced by a new one.",
            "warning",
        )
        self.add(self._warning, table, row(label("PDF:", "muted"), self.per_page, None))
        self.main.clicked.disconnect()
        self.main.clicked.connect(self._ask_where)
        self._may_close = False

    def reject(self) -> None:
        """Close; words that were never saved are given up only when asked twice."""
        if self._may_close:
            super().reject()
            return
        self._may_close = True
        self._warning.say(
            "Not saved: once this closes, the words are gone. Press Done or Esc again to close all the same.",
            "danger",
        )

    def _ask_where(self) -> None:
        save_as(self, "Save the slips", "slips.pdf", self.save_to)

    def save_to(self, path: Path) -> None:
        """Write the slips to `path`."""
        self.tasks.start(self._save(path), busy=self.main, on_error=self.show_problem)

    async def _save(self, path: Path) -> None:
        written = await api.save_slips(
            self._context.session,
            slips=self._slips,
            destination=path,
            per_page=self.per_page.currentData(),
        )
        self._may_close = True
        self._warning.say(f"Saved: {written}. Print it, hand it out, then delete the file.", "success")
