"""True progress of a hand-in: its stages, and the copy on each machine in bytes."""

from __future__ import annotations

from PySide6.QtWidgets import QProgressBar, QWidget

from lms_desktop.client.protocol import ItemState
from lms_desktop.client.submit import Step
from lms_desktop.views.icons import IconLabel
from lms_desktop.views.widgets import clear, column, label, restyle, row

STAGES = ("Saved on this computer", "Copied to other machines", "Accepted by the class", "Safe")
REACHED = {
    ItemState.SAVED: 1,
    ItemState.SENDING: 1,
    ItemState.ACCEPTED: 3,
    ItemState.SAFE: 4,
    ItemState.REFUSED: 1,
}


class StageProgress(QWidget):
    """Four stages, the one under way with a bar; below them one bar a machine."""

    def __init__(self) -> None:
        super().__init__()
        self._icons = [IconLabel("clock", "muted", 18) for _ in STAGES]
        self._texts = [label(text) for text in STAGES]
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Saving on this computer")
        self._bars: dict[str, QProgressBar] = {}
        self._machines = column(gap=6, margins=(28, 0, 0, 0))
        lines = [row(icon, text, None, gap=10) for icon, text in zip(self._icons, self._texts, strict=True)]
        self.setLayout(column(lines[0], self.bar, lines[1], self._machines, *lines[2:], gap=10))
        self.reached = 0
        self.show_step(Step(None, 0, 0, (), ()))

    def show_step(self, step: Step) -> None:
        """Show where the hand-in stands."""
        self.reached = 0 if step.state is None else REACHED[step.state]
        if self.reached == 1 and step.copies and all(copy.done >= copy.total for copy in step.copies):
            self.reached = 2
        for number, (icon, text) in enumerate(zip(self._icons, self._texts, strict=True)):
            done, now = number < self.reached, number == self.reached
            icon.show_icon("check-circle" if done else "clock", "success" if done else "muted")
            restyle(text, role="strong" if now else "" if done else "muted")
        self.bar.setVisible(step.state is None)
        self.bar.setRange(0, max(step.total // 1000, 1) if step.total else 0)
        self.bar.setValue(step.done // 1000)
        if step.state is None:  # a hand-in begins: forget the copies of the one before
            self._bars.clear()
            clear(self._machines)
        for copy in step.copies:
            self._bar(copy.name).setValue(round(1000 * copy.done / max(copy.total, 1)))
            if copy.done >= copy.total:
                restyle(self._bar(copy.name), tone="success")

    @property
    def accepted(self) -> bool:
        """True once the class has taken it."""
        return self.reached >= REACHED[ItemState.ACCEPTED]

    def _bar(self, machine: str) -> QProgressBar:
        if machine not in self._bars:
            bar = QProgressBar()
            bar.setRange(0, 1000)
            bar.setTextVisible(False)
            bar.setAccessibleName(f"Copy on {machine}")
            name = label(machine, "small")
            name.setFixedWidth(110)
            self._machines.addLayout(row(name, bar))
            self._bars[machine] = bar
        return self._bars[machine]
