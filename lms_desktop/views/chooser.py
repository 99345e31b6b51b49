"""The demo's seat chooser: three machines on one computer, each with its window and its power switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QProcess, QProcessEnvironment, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from lms_desktop.children import child_command, child_environment
from lms_desktop.client.errors import ClientError
from lms_desktop.views.icons import IconLabel
from lms_desktop.views.messages import Messages, Toasts
from lms_desktop.views.people import ROLES
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.tasks import Tasks
from lms_desktop.views.widgets import Banner, Card, button, column, label, pill, relabel, restyle, row

if TYPE_CHECKING:
    from lms_desktop.demo.school import DemoPerson, DemoSchool
    from lms_desktop.demo.seats import Seat

ASK_MS = 1000
WINDOW_END_MS = 3000
STATES = {
    "off": ("Off", "danger"),
    "starting": ("Starting", "warning"),
    "leader": ("On, in charge", "success"),
    "voter": ("On", "success"),
    "learner": ("On, catching up", "accent"),
    "joining": ("Joining", "warning"),
    "none": ("On, no school", "warning"),
}


class SeatCard(Card):
    """One machine: its state, its window, its power."""

    def __init__(self, chooser: ChooserWindow, seat: Seat) -> None:
        super().__init__(gap=12)
        self._chooser = chooser
        self.seat = seat
        self._state = pill("Starting", "warning")
        self._process = label("", "small")
        self.window_process = QProcess(self)
        self.window_process.finished.connect(self._on_window)
        name = f"seat.{seat.name}"
        self.open_button = button(
            f"Sit down at &{seat.name}",
            f"{name}.open",
            kind="primary",
            symbol="machine",
            accessible=f"Open a window at machine {seat.name}",
            on_click=self.open_window,
        )
        self.power = button(
            "Kill this machine",
            f"{name}.power",
            kind="danger",
            symbol="power",
            accessible=f"Kill or restart machine {seat.name}",
            on_click=self._switch,
        )
        self.body.addLayout(
            row(
                IconLabel("machine", "accent", 28),
                column(label(f"Machine {seat.name}", "section"), self._process, gap=0),
                None,
                self._state,
                gap=12,
            )
        )
        self.body.addWidget(self.open_button)
        self.body.addWidget(self.power)
        self._on = True

    def show_state(self, role: str) -> None:
        """Show what the machine is at present."""
        text, tone = STATES.get(role, (role, ""))
        self._state.setText(text)
        restyle(self._state, tone=tone)
        self._on = role != "off"
        pid = self.seat.pid
        self._process.setText(f"process {pid}" if pid else "no process")
        relabel(
            self.power,
            "Kill this machine" if self._on else "Restart this machine",
            f"{'Kill' if self._on else 'Restart'} machine {self.seat.name}",
        )
        restyle(self.power, kind="danger" if self._on else "")

    def open_window(self) -> None:
        """Open the app at this seat, as its own process; one window a seat."""
        if self.window_process.state() != QProcess.ProcessState.NotRunning:
            self._chooser.messages.info(f"Machine {self.seat.name} has its window already")
            return
        environment = QProcessEnvironment()
        for name, value in child_environment().items():
            environment.insert(name, value)
        environment.insert("LMS_DESKTOP_USER_DATA", str(self.seat.user_data))
        self.window_process.setProcessEnvironment(environment)
        self.window_process.setProcessChannelMode(QProcess.ProcessChannelMode.ForwardedChannels)
        program, *arguments = child_command("--data", str(self.seat.data), "--attach")
        self.window_process.start(program, arguments)
        relabel(self.open_button, "The window is open", f"Machine {self.seat.name} has its window")

    def _on_window(self) -> None:
        relabel(
            self.open_button, f"Sit down at &{self.seat.name}", f"Open a window at machine {self.seat.name}"
        )

    def _switch(self) -> None:
        self._chooser.tasks.start(self._kill() if self._on else self._restart(), busy=self.power)

    async def _kill(self) -> None:
        await self._chooser.school.kill(self.seat)
        self.show_state("off")

    async def _restart(self) -> None:
        self.show_state("starting")
        await self._chooser.school.restart(self.seat)

    def end_window(self) -> None:
        """Close the window's process."""
        if self.window_process.state() != QProcess.ProcessState.NotRunning:
            self.window_process.terminate()
            if not self.window_process.waitForFinished(WINDOW_END_MS):
                self.window_process.kill()
                self.window_process.waitForFinished(WINDOW_END_MS)


class ChooserWindow(QWidget):
    """The demo's first window; closing it ends the demo."""

    def __init__(self, school: DemoSchool) -> None:
        super().__init__()
        self.setObjectName("chooser")
        self.setWindowTitle("LMS Desktop: demo school")
        self.resize(1040, 720)
        self.school = school
        self.messages = Messages(self)
        self.tasks = Tasks(self.messages)
        self.seats = [SeatCard(self, seat) for seat in school.seats]
        self.copy = button("Copy the &passphrase", "chooser.copy", symbol="copy", on_click=self._copy)
        self.copy.setEnabled(False)
        self.people: Table[DemoPerson] = Table(
            "chooser.people",
            "People of the demo",
            [
                Column("Name", lambda person: person.name, 200, strong=True),
                Column("Role", lambda person: ROLES[person.role], 140),
                Column("Login", lambda person: person.login, 130),
                Column("Passphrase", lambda person: person.passphrase),
            ],
            identity=lambda person: person.login,
        )
        self.people.show_rows(school.people)
        self.people.fit(8)
        self.people.picked.connect(lambda person: self.copy.setEnabled(person is not None))
        self.people.chosen.connect(lambda _: self._copy())
        cards = row(*self.seats, gap=16)
        for place in range(len(self.seats)):
            cards.setStretch(place, 1)
        self.setLayout(
            column(
                row(
                    IconLabel("school", "accent", 32),
                    column(
                        label("A school on this computer", "display"),
                        label("Three machines, each with its own records; no server.", "muted"),
                        gap=0,
                    ),
                    None,
                    gap=14,
                ),
                Banner(
                    "Sit down at a machine and sign in as anybody below. Kill a machine while somebody hands "
                    "in: the class goes on, and nothing is lost.",
                    "accent",
                ),
                cards,
                8,
                row(label("Who can sign in, at any machine", "section"), None, self.copy),
                self.people,
                label("In a real school nobody but the person ever sees a passphrase.", "small"),
                None,
                gap=14,
                margins=(28, 24, 28, 20),
            )
        )
        self.toasts = Toasts(self, self.messages)
        self._timer = QTimer(self, interval=ASK_MS)
        self._timer.timeout.connect(self._ask)
        self._timer.start()
        self._ask()

    def _ask(self) -> None:
        for card in self.seats:
            self.tasks.start(self._ask_seat(card), key=f"seat {card.seat.name}")

    async def _ask_seat(self, card: SeatCard) -> None:
        try:
            card.show_state(await self.school.status(card.seat))
        except ClientError:
            card.show_state("starting" if card.seat.alive else "off")

    def _copy(self) -> None:
        person = self.people.current()
        if person is not None:
            QGuiApplication.clipboard().setText(person.passphrase)
            self.messages.info(f"{person.name}'s passphrase is copied")

    def finish(self) -> None:
        """Close the seats' windows and ask no more."""
        self._timer.stop()
        self.tasks.cancel()
        for card in self.seats:
            card.end_window()
