"""What is not safe yet: each write of the person on this computer, and how far it has come."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from lms_desktop.client.machines import machines_page
from lms_desktop.client.protocol import ItemState, OutboxItem
from lms_desktop.client.session import Session
from lms_desktop.client.submit import unfinished
from lms_desktop.school.outcomes import sentence
from lms_desktop.views.dialogs import Dialog
from lms_desktop.views.messages import Messages
from lms_desktop.views.page import now_ms
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.times import ago
from lms_desktop.views.widgets import Banner, EmptyState, label

LOOK_MS = 1000

STATES = {
    ItemState.SAVED: ("Only on this computer", "warning"),
    ItemState.SENDING: ("Sending", "accent"),
    ItemState.ACCEPTED: ("Accepted", "accent"),
    ItemState.SAFE: ("Safe", "success"),
    ItemState.REFUSED: ("Refused", "danger"),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line: a write in this computer's outbox, or a hand-in that is not even there yet (`since_ms` 0)."""

    key: Hashable
    label: str
    since_ms: int
    text: str
    tone: str


async def all_waiting(session: Session) -> tuple[Waiting, ...]:
    """What the person did here and is not safe yet. Raises SignedOut."""
    cut = [
        Waiting(item.lane, f"Hand-in of “{item.title}”", 0, *STATES[ItemState.SAVED])
        for item in await unfinished(session)
    ]
    items = [
        Waiting(item.key, item.label, item.queued_ms, state_text(item), STATES[item.state][1])
        for item in await session.pending()
    ]
    return (*cut, *items)


def state_text(item: OutboxItem) -> str:
    """The item's state in words, with the share that the slowest machine has while it is sent."""
    text = STATES[item.state][0]
    if item.state == ItemState.SENDING and item.progress:
        least = min(step.done / max(step.total, 1) for step in item.progress)
        return f"{text}, {least:.0%}"
    if item.state == ItemState.REFUSED and item.code is not None:
        return f"{text}: {sentence(item.code)}"
    return text


def cut_off_text(switch_on: tuple[str, ...]) -> str:
    """What a person is told while too few machines are on; `switch_on` names those that would help."""
    what = "Too few machines are on: everything can be read, and what you do waits here."
    if not switch_on:
        return f"{what} Check this computer's network."
    names = switch_on[0] if len(switch_on) == 1 else f"{', '.join(switch_on[:-1])} or {switch_on[-1]}"
    return f"{what} Switch on {names}."


class WaitingDialog(Dialog):
    """The list behind the status pill."""

    def __init__(self, parent: QWidget, session: Session, messages: Messages) -> None:
        super().__init__(parent, "waiting", "Your work on this computer", "&Close", messages, width=700)
        self.cancel.hide()
        self._session = session

        def since(item: Waiting) -> str:
            return ago(item.since_ms, session.zone, now_ms()) if item.since_ms else "now"

        self._table: Table[Waiting] = Table(
            "waiting.items",
            "Items that are not safe yet",
            [
                Column("What", lambda item: item.label, strong=True),
                Column("Since", since, 120, muted=True),
                Column("State", lambda item: item.text, 190, tone=lambda item: item.tone),
            ],
            identity=lambda item: item.key,
        )
        self._empty = EmptyState(
            "shield", "All work is safe", "Everything that you did here is held by several machines."
        )
        self._hint = label(
            "Each item goes on by itself, also after you sign out. Leave this computer switched on until "
            "it is accepted.",
            "muted",
            wrap=True,
        )
        self._cut_off = Banner("", "warning")
        self._table.hide()
        self._hint.hide()
        self.add(self._cut_off, self._hint, self._table, self._empty)
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()
        self._look()

    def _look(self) -> None:
        self.tasks.start(self._load(), key="load")

    async def _load(self) -> None:
        items = await all_waiting(self._session)
        school = await machines_page(self._session)
        self._cut_off.say("" if school.quorum else cut_off_text(school.switch_on), "warning")
        self._table.show_rows(items)
        self._table.fit(8)
        self._table.setVisible(bool(items))
        self._hint.setVisible(bool(items))
        self._empty.setVisible(not items)
        self.fit()
