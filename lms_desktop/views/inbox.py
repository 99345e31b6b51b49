"""The inbox: what the app has said, also what has passed from the corner already."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from lms_desktop.views.dialogs import Dialog
from lms_desktop.views.messages import Message, Messages
from lms_desktop.views.page import now_ms
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.times import ago
from lms_desktop.views.widgets import EmptyState

KINDS = {"success": "Done", "warning": "Note", "danger": "Error"}


class InboxDialog(Dialog):
    """Every message since the person came in, the newest first."""

    def __init__(self, parent: QWidget, messages: Messages, zone: str) -> None:
        super().__init__(parent, "inbox", "Messages", "&Close", messages, width=680)
        self.cancel.hide()

        def at_ms(message: Message) -> int:
            return round(message.at.timestamp() * 1000) if message.at is not None else 0

        table: Table[Message] = Table(
            "inbox.messages",
            "Messages",
            [
                Column(
                    "",
                    lambda message: KINDS.get(message.tone, "Note"),
                    90,
                    tone=lambda message: message.tone,
                ),
                Column(
                    "Message",
                    lambda message: f"{message.text} {message.hint}".strip(),
                    tip=lambda message: f"{message.text} {message.hint}".strip(),
                ),
                Column(
                    "When", lambda message: ago(at_ms(message), zone, now_ms()), 130, muted=True, key=at_ms
                ),
            ],
            identity=at_ms,
        )
        table.show_rows(tuple(reversed(messages.history)))
        table.fit(10)
        empty = EmptyState("inbox", "No messages", "What the app tells you is kept here until you sign out.")
        table.setVisible(bool(messages.history))
        empty.setVisible(not messages.history)
        self.add(table, empty)
