"""A machine without a school: join one with a provisioning file, create one here, or look around first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zoneinfo import available_timezones

from PySide6.QtCore import QProcess, QTimer, QTimeZone, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit, QStackedWidget, QWidget

from lms_desktop.children import child_command
from lms_desktop.views.dialogs import field, save_as
from lms_desktop.views.dropzone import DropZone
from lms_desktop.views.icons import IconLabel
from lms_desktop.views.messages import explain
from lms_desktop.views.signin import centred
from lms_desktop.views.widgets import Banner, Card, RowButton, button, column, label, named, row, shortcut

DEMO_AGAIN_MS = 20_000  # by then its window is open, and a second one may be wanted


class WelcomeView(QWidget):
    """Three pages: the choice, creating, joining. The third choice, the demo, opens windows of its own."""

    found = Signal(str, str, str, str, object)  # school, zone, name, login, path of the kit
    join = Signal(object)  # path of the provisioning file

    def __init__(self, machine: str) -> None:
        super().__init__()
        self._pages = QStackedWidget()
        self._pages.addWidget(centred(self._choice(machine), width=560))
        self._pages.addWidget(centred(self._creation(), width=520))
        self._pages.addWidget(centred(self._joining(machine), width=520))
        self.setLayout(column(self._pages))
        shortcut(self, "Esc", self.show_choice)

    def _choice(self, machine: str) -> QWidget:
        def tile(name: str, symbol: str, title: str, text: str, then: Callable[[], None]) -> RowButton:
            content = row(
                IconLabel(symbol, "accent", 28),
                column(label(title, "section"), label(text, "muted", wrap=True), gap=2),
                IconLabel("chevron-right", "muted", 18),
                gap=16,
                margins=(16, 16, 16, 16),
                stretch=1,
            )
            choice = RowButton(name, f"{title}. {text}", content, kind="tile")
            choice.clicked.connect(lambda: then())
            return choice

        self._demo = tile(
            "welcome.demo",
            "book",
            "Look around with demo data",
            "A made-up school with people, courses and work, on this computer only. Nothing of it stays.",
            self._start_demo,
        )
        self._demo_said = Banner()
        return Card(
            label("Welcome to LMS Desktop", "display"),
            label(f"This computer ({machine}) does not belong to a school yet.", "muted", wrap=True),
            8,
            tile(
                "welcome.join",
                "join",
                "Join a school",
                "With the provisioning file that your IT gives you. The usual way.",
                lambda: self.turn_to(2),
            ),
            tile(
                "welcome.create",
                "school",
                "Create a school",
                "Start a new school here. You become its administrator; this computer is its first.",
                lambda: self.turn_to(1),
            ),
            self._demo,
            self._demo_said,
            gap=12,
            padding=32,
        )

    def _creation(self) -> QWidget:
        self.school = named(QLineEdit(), "welcome.school", "Name of the school")
        self.zone = named(QComboBox(), "welcome.zone", "Time zone of the school")
        zones = sorted(available_timezones() - {"localtime", "Factory"})
        self.zone.addItems(zones)
        self.zone.setEditable(True)
        self.zone.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.zone.completer().setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        here = bytes(QTimeZone.systemTimeZoneId().data()).decode()
        self.zone.setCurrentText(here if here in zones else "UTC")
        self.name = named(QLineEdit(), "welcome.name", "Your name")
        self.login = named(QLineEdit(), "welcome.login", "Your login")
        self.create_problem = Banner("", "danger")
        self.create_button = button(
            "Create and save the &recovery kit ...",
            "welcome.create_now",
            kind="primary",
            on_click=self._ask_kit,
        )
        return Card(
            label("Create a school", "title"),
            label(
                "You will be asked where to save the recovery kit: a page to print and lock away. "
                "It opens the courses again when the passphrases of their staff are lost.",
                "muted",
                wrap=True,
            ),
            4,
            field("Name of the &school", self.school),
            field("&Time zone", self.zone, "All due times are in this zone, for everyone."),
            field("Your &name", self.name),
            field("Your &login", self.login, "Lower-case letters, digits, dot, hyphen."),
            self.create_problem,
            4,
            row(button("&Back", "welcome.create_back", on_click=self.show_choice), None, self.create_button),
            gap=12,
            padding=28,
        )

    def _joining(self, machine: str) -> QWidget:
        self.join_problem = Banner("", "danger")
        self.drop = DropZone(
            "welcome.file", "Drop the provisioning file here", files="Provisioning files (*.json)"
        )
        self.drop.dropped.connect(self._join)
        self._join_state = label("", "muted", wrap=True)
        return Card(
            label("Join a school", "title"),
            label(
                f"{machine} gets its own identity; the file only opens the door, for a limited time.",
                "muted",
                wrap=True,
            ),
            4,
            self.drop,
            self._join_state,
            self.join_problem,
            row(button("Bac&k", "welcome.join_back", on_click=self.show_choice), None),
            gap=12,
            padding=28,
        )

    def _start_demo(self) -> None:
        """Start the demo as a program of its own: it goes on when this window is closed."""
        program, *arguments = child_command("demo")
        demo = QProcess()
        demo.setProgram(program)
        demo.setArguments(arguments)
        demo.setStandardInputFile(QProcess.nullDevice())
        demo.setStandardOutputFile(QProcess.nullDevice())
        demo.setStandardErrorFile(QProcess.nullDevice())
        if not demo.startDetached():
            self._demo_said.say(f"The demo cannot be started: {demo.errorString()}.", "danger")
            return
        self._demo_said.say("The demo is starting: its own window opens in a few seconds.")
        self.setFocus()  # what is disabled would hand it on
        self._demo.setEnabled(False)
        QTimer.singleShot(DEMO_AGAIN_MS, self, self._offer_demo)

    def _offer_demo(self) -> None:
        self._demo_said.say("")
        self._demo.setEnabled(True)

    def show_choice(self) -> None:
        """Return to the first page."""
        self.turn_to(0)

    def turn_to(self, page: int) -> None:
        """Show the choice (0), creating (1) or joining (2)."""
        self._pages.setCurrentIndex(page)
        self.create_problem.say("")
        self.join_problem.say("")
        first = {1: self.school, 2: self.drop.choose}.get(page)
        if first is not None:
            first.setFocus()

    def _ask_kit(self) -> None:
        for edit, what in (
            (self.school, "the school's name"),
            (self.name, "your name"),
            (self.login, "a login"),
        ):
            if not edit.text().strip():
                self.create_problem.say(f"Fill in {what}.", "danger")
                edit.setFocus()
                return
        self.create_problem.say("")
        save_as(self, "Save the recovery kit", "recovery-kit.pdf", self._create)

    def _create(self, kit: Path) -> None:
        self.create_button.setEnabled(False)
        self.found.emit(
            self.school.text().strip(),
            self.zone.currentText(),
            self.name.text().strip(),
            self.login.text().strip(),
            kit,
        )

    def _join(self, path: Path) -> None:
        self.drop.setEnabled(False)
        self._join_state.setText("Joining: waiting for the school's records ...")
        self.join_problem.say("")
        self.join.emit(path)

    def fail(self, error: Exception) -> None:
        """Say why it did not work; what was filled in stays."""
        message = explain(error)
        text = f"{message.text} {message.hint}".strip()
        self.create_button.setEnabled(True)
        self.drop.setEnabled(True)
        self._join_state.setText("")
        (self.join_problem if self._pages.currentIndex() == 2 else self.create_problem).say(text, "danger")


class KitView(QWidget):
    """After founding: where the recovery kit is, and that it must be printed."""

    confirmed = Signal()

    def __init__(self, kit: Path) -> None:
        super().__init__()
        self._kit = kit
        card = Card(
            row(IconLabel("shield", "success", 32), label("The school exists", "title"), None, gap=12),
            label(
                "Print the recovery kit now, lock the paper away, and delete the file. It opens every "
                "course: whoever holds it can read all that was handed in.",
                wrap=True,
            ),
            Card(
                label("RECOVERY KIT", "eyebrow"),
                label(str(kit), "code", wrap=True, selectable=True),
                role="inset",
                gap=4,
                padding=12,
            ),
            row(
                button("&Open to print", "kit.open", symbol="print", on_click=self._open),
                None,
                button("&Continue", "kit.continue", kind="primary", on_click=self.confirmed.emit),
            ),
            gap=16,
            padding=28,
        )
        self.setLayout(column(centred(card, width=540)))

    def _open(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._kit)))
