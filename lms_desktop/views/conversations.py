"""The person's earlier conversations with the tutor, to read or to go on with."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from lms_desktop.client.conversations import ConversationCard
from lms_desktop.views.dialogs import Dialog
from lms_desktop.views.page import Context, now_ms
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.times import ago
from lms_desktop.views.widgets import EmptyState


class ConversationsDialog(Dialog):
    """A list, the newest first; the one that is opened goes to `then`."""

    def __init__(
        self,
        parent: QWidget,
        context: Context,
        cards: tuple[ConversationCard, ...],
        then: Callable[[ConversationCard], None],
    ) -> None:
        super().__init__(
            parent, "conversations", "Earlier conversations", "&Open", context.messages, width=720
        )
        self._then = then
        zone = context.zone
        self.table: Table[ConversationCard] = Table(
            "conversations.list",
            "Earlier conversations",
            [
                Column("Began with", lambda card: " ".join(card.first.split()), strong=True),
                Column("About", lambda card: card.assignment_title or "The course", 170, muted=True),
                Column("Asked", lambda card: str(card.exchanges), 60, right=True, key=lambda c: c.exchanges),
                Column("Last", lambda card: ago(card.last_ms, zone, now_ms()), 130, muted=True),
            ],
            identity=lambda card: card.conversation,
        )
        self.table.show_rows(cards)
        self.table.fit(9)
        self.table.picked.connect(lambda card: self.main.setEnabled(card is not None))
        self.table.chosen.connect(lambda _: self.accept_work())
        empty = EmptyState("tutor", "None yet", "What you ask the tutor is kept here, for you to read again.")
        self.table.setVisible(bool(cards))
        empty.setVisible(not cards)
        self.main.setEnabled(False)
        self.add(self.table, empty)
        if cards:
            self.table.select(cards[0].conversation)
        self.accepted.connect(self._chosen)

    def _chosen(self) -> None:
        card = self.table.current()
        if card is not None:
            self._then(card)
