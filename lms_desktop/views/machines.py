"""The machines of the school.

Which are on, what each does, whether it may be switched off, who was refused.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QSpinBox, QWidget

from lms_desktop.client import machines as api
from lms_desktop.client.session import Role
from lms_desktop.school.changes import Changes
from lms_desktop.views.dialogs import Dialog, confirm, field, save_as
from lms_desktop.views.page import Context, Page, Place, now_ms
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.times import ago
from lms_desktop.views.widgets import Banner, Scroll, button, column, label, named, row

REFRESH_MS = 2000
VOTERS = ("leader", "voter")
TUTORS = {
    "ready": ("Runs the tutor", "success"),
    "starting": ("Tutor starts", "accent"),
    "indexing": ("Tutor reads", "accent"),
    "down": ("Tutor is down", "danger"),
    "unreachable": ("Unreachable", "danger"),
}


def duty(machine: api.MachineRow) -> str:
    """Return what a machine does, in plain words."""
    if machine.role == "leader":
        return "Keeper, in charge now"
    if machine.role == "voter":
        return "Keeper"
    if machine.keeper:
        return "Keeper, catching up"
    return "Removed" if machine.role == "removed" else "Workstation"


def tutoring(machine: api.MachineRow) -> tuple[str, str]:
    """Return what a machine does for the tutor: words and tone; nothing unless it is tagged a GPU host."""
    if not machine.gpu_host:
        return "", ""
    if not machine.online:
        return "GPU host, off", "warning"
    words, tone = TUTORS.get(machine.tutor_state, ("GPU host", "accent"))
    return words, "warning" if machine.tutor_words and tone == "success" else tone


def may_switch_off(machine: api.MachineRow, page: api.MachinesPage) -> tuple[str, str]:
    """Return whether the class goes on without this machine: words and tone."""
    if machine.role not in VOTERS or not machine.online:
        return ("Yes", "success") if machine.online else ("", "")
    voters = [other for other in page.machines if other.role in VOTERS]
    left = sum(other.online for other in voters) - 1
    return ("Yes", "success") if left >= len(voters) // 2 + 1 else ("No: work would wait", "warning")


class MachinesPage(Page):
    """Live: asked again every two seconds while it is on the screen."""

    shows = Changes.MACHINES

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        self._page: api.MachinesPage | None = None
        zone = context.zone
        self._facts = label("", "muted")
        self._alarm = Banner("", "danger")
        self._quorum = Banner("", "warning")
        self._tutor = Banner("", "warning")
        self._make = button(
            "Make a &provisioning file ...",
            "machines.provision",
            kind="primary",
            symbol="plus",
            on_click=self._provision,
        )
        self._keeper = button("Make &keeper", "machines.keeper", symbol="shield", on_click=self._ask_keeper)
        self._gpu = button("Make &GPU host", "machines.gpu", symbol="tutor", on_click=self._ask_gpu)
        self._remove = button("&Remove ...", "machines.remove", symbol="close", on_click=self._ask_remove)
        self._stop = button(
            "S&top this computer's service ...", "machines.stop", symbol="power", on_click=self._ask_stop
        )
        self.table: Table[api.MachineRow] = Table(
            "machines.table",
            "Machines",
            [
                Column("Machine", lambda item: item.name + (" (here)" if item.here else ""), strong=True),
                Column(
                    "",
                    lambda item: "On" if item.online else "Off",
                    80,
                    tone=lambda item: "success" if item.online else "",
                ),
                Column("What it does", duty, 160),
                Column(
                    "Tutor",
                    lambda item: tutoring(item)[0],
                    140,
                    tone=lambda item: tutoring(item)[1],
                    tip=lambda item: item.tutor_words or item.tutor,
                ),
                Column("Records", self._behind, 90, muted=True, key=lambda item: item.applied),
                Column(
                    "Safe to switch off?",
                    lambda item: may_switch_off(item, self._page)[0] if self._page else "",
                    140,
                    tone=lambda item: may_switch_off(item, self._page)[1] if self._page else "",
                ),
                Column(
                    "Seen",
                    lambda item: "" if item.last_seen_ms is None else ago(item.last_seen_ms, zone, now_ms()),
                    110,
                    muted=True,
                ),
                Column("Address", lambda item: item.address, 160, muted=True),
            ],
            identity=lambda item: item.machine,
        )
        self.table.picked.connect(self._on_pick)
        self.attempts: Table[api.Attempt] = Table(
            "machines.attempts",
            "Refused attempts to join",
            [
                Column("Address", lambda item: item.address, 180, strong=True),
                Column("Why it was refused", lambda item: item.reason),
                Column(
                    "Key", lambda item: item.key[:16] + " ...", 180, muted=True, tip=lambda item: item.key
                ),
                Column("Times", lambda item: str(item.count), 70, right=True, key=lambda item: item.count),
                Column("Last", lambda item: ago(item.last_ms, zone, now_ms()), 150, muted=True),
            ],
            identity=lambda item: (item.key, item.address),
        )
        self._none_refused = label("None since this computer was started.", "muted")
        head = row(column(label("Machines", "display"), self._facts, gap=2), None, self._make)
        self.set_content(
            Scroll(
                head,
                self._alarm,
                self._quorum,
                self._tutor,
                row(None, self._keeper, self._gpu, self._remove, self._stop),
                self.table,
                8,
                label("Refused attempts to join", "section"),
                self._none_refused,
                self.attempts,
                None,
                gap=12,
                width=1160,
            )
        )
        administrator = context.session.person.role == Role.ADMINISTRATOR
        for widget in (self._make, self._keeper, self._gpu, self._remove, self._stop):
            widget.setVisible(administrator)
        self._on_pick(None)
        self._timer = QTimer(self, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()

    async def load(self) -> None:
        """Ask and show."""
        self.show_machines(await api.machines_page(self.session))

    def show_machines(self, page: api.MachinesPage) -> None:
        """Show what the client found."""
        self._page = page
        on = sum(machine.online for machine in page.machines)
        keepers = sum(machine.keeper for machine in page.machines)
        self._facts.setText(
            f"{on} of {len(page.machines)} on, {keepers} {'keeper' if keepers == 1 else 'keepers'}"
        )
        self._alarm.say(page.alarm or "", "danger")
        names = ", ".join(page.switch_on)
        self._quorum.say(
            ""
            if page.quorum
            else "The school cannot take changes now. Everything stays readable; what is done waits. "
            + (f"Switch on: {names}." if names else ""),
            "warning",
        )
        unwell = [f"{item.name}: {item.tutor_words}" for item in page.machines if item.tutor_words]
        self._tutor.say(" ".join(unwell), "warning")
        self.table.show_rows(sorted(page.machines, key=lambda item: item.name.casefold()))
        self.table.fit(12)
        self.attempts.show_rows(page.attempts)
        self.attempts.fit(6)
        self.attempts.setVisible(bool(page.attempts))
        self._none_refused.setVisible(not page.attempts)
        self._on_pick(self.table.current())

    def _behind(self, machine: api.MachineRow) -> str:
        newest = max((item.applied for item in self._page.machines), default=0) if self._page else 0
        behind = newest - machine.applied
        return "complete" if behind <= 0 else f"{behind} behind"

    def _on_pick(self, machine: api.MachineRow | None) -> None:
        there = machine is not None and machine.role != "removed"
        self._keeper.setEnabled(there)
        self._gpu.setEnabled(there)
        tagged = machine is not None and machine.gpu_host
        self._gpu.setText("No longer &GPU host" if tagged else "Make &GPU host")
        self._gpu.setAccessibleName("No longer GPU host" if tagged else "Make GPU host")
        self._remove.setEnabled(there and not machine.here)
        self._keeper.setText(
            "No longer &keeper" if machine is not None and machine.keeper else "Make &keeper"
        )

    def _provision(self) -> None:
        ProvisioningDialog(self, self.context).open()

    def _ask_keeper(self) -> None:
        machine = self.table.current()
        if machine is None:
            return
        keeper = not machine.keeper

        async def work() -> None:
            await api.set_keeper(self.session, machine=machine.machine, keeper=keeper)
            self.refresh()

        text = (
            "A keeper stays on and keeps its disk. It holds every submission; the class needs most keepers."
            if keeper
            else "It stays a workstation. With fewer keepers less may fail."
        )
        title = f"Make {machine.name} a keeper?" if keeper else f"{machine.name}: no longer a keeper?"
        confirm(self, "machines.keeper_ask", title, text, "&Yes", self.messages, work)

    def _ask_gpu(self) -> None:
        machine = self.table.current()
        if machine is None:
            return
        on = not machine.gpu_host

        async def work() -> None:
            await api.set_gpu_host(self.session, machine=machine.machine, on=on)
            self.refresh()

        text = (
            "It runs the tutor for the whole school: it checks what students ask, quotes the courses' pages "
            "and, where a language model was added, writes answers. Choose a machine that stays on, best one "
            "with a graphics card."
            if on
            else "Its tutor stops. Students' own machines then quote the course's pages, without a model."
        )
        title = f"Make {machine.name} a GPU host?" if on else f"{machine.name}: no longer a GPU host?"
        confirm(self, "machines.gpu_ask", title, text, "&Yes", self.messages, work)

    def _ask_remove(self) -> None:
        machine = self.table.current()
        if machine is None:
            return

        async def work() -> None:
            await api.remove_machine(self.session, machine=machine.machine)
            self.refresh()

        confirm(
            self,
            "machines.remove_ask",
            f"Remove {machine.name} from the school?",
            "It can no longer talk to the others. To come back it joins anew, with a provisioning file.",
            "&Remove",
            self.messages,
            work,
            danger=True,
        )

    def _ask_stop(self) -> None:
        async def work() -> None:
            await api.stop_node(self.session)

        confirm(
            self,
            "machines.stop_ask",
            "Stop the service on this computer?",
            "The app here stops working until the service is started again. Others go on without it.",
            "&Stop",
            self.messages,
            work,
            danger=True,
        )

    def close_page(self) -> None:
        """Ask no more."""
        self._timer.stop()
        super().close_page()


class ProvisioningDialog(Dialog):
    """Make the file with which machines join."""

    def __init__(self, parent: QWidget, context: Context) -> None:
        super().__init__(parent, "provisioning", "Make a provisioning file", "&Save as ...", context.messages)
        self._session = context.session
        self.uses = _count("provisioning.uses", "How many machines may join with it", 30, 1000)
        self.days = _count("provisioning.days", "Days until it expires", 7, 90)
        self.add(
            label(
                "It carries the school's number, the addresses of some machines and a token that only opens "
                "the door. It holds no one's data.",
                "muted",
                wrap=True,
            ),
            row(
                field("&Machines that may join", self.uses), field("&Days it works", self.days), None, gap=16
            ),
        )
        self.main.clicked.disconnect()
        self.main.clicked.connect(self._ask_where)

    def _ask_where(self) -> None:
        save_as(self, "Save the provisioning file", "provision.json", self.save_to)

    def save_to(self, path: Path) -> None:
        """Write the file to `path`."""
        self.tasks.start(self._save(path), busy=self.main, on_error=self.show_problem)

    async def _save(self, path: Path) -> None:
        written = await api.make_provisioning(
            self._session, destination=path, uses=self.uses.value(), days=self.days.value()
        )
        self.messages.success(f"Provisioning file saved: {written.name}", hint=str(written.parent))
        self.accept()


def _count(name: str, spoken: str, value: int, most: int) -> QSpinBox:
    """A whole number from 1; the arrow keys count up and down."""
    box = named(QSpinBox(), name, spoken)
    box.setRange(1, most)
    box.setValue(value)
    box.lineEdit().setTextMargins(10, 0, 8, 0)  # a style sheet's padding does not reach it
    return box
