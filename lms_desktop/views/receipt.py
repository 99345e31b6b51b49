"""The receipt of a hand-in: what the class holds, signed, to be kept as a PDF."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout

from lms_desktop.client import receipts as api
from lms_desktop.client.protocol import ItemState
from lms_desktop.client.session import Session
from lms_desktop.views.course import size_text
from lms_desktop.views.dialogs import save_as
from lms_desktop.views.icons import IconLabel
from lms_desktop.views.messages import Messages
from lms_desktop.views.tasks import Tasks
from lms_desktop.views.times import exact
from lms_desktop.views.widgets import Card, button, column, fill, label, pill, row


class ReceiptCard(Card):
    """One receipt on the screen."""

    def __init__(self, session: Session, messages: Messages, tasks: Tasks, receipt: api.Receipt) -> None:
        super().__init__(gap=10)
        self._session, self._messages, self._tasks = session, messages, tasks
        self.receipt = receipt
        safe = receipt.state == ItemState.SAFE
        tone = "success" if safe else "accent"
        machines = len(receipt.holders)
        state = f"Safe on {machines} machines" if safe else "Accepted; safe when one more machine holds it"
        code = label(receipt.short_code, "display", selectable=True)
        code.setAccessibleName(f"Receipt code {receipt.short_code}")
        digest = receipt.sha256.hex()
        facts = QGridLayout()
        facts.setHorizontalSpacing(14)
        facts.setVerticalSpacing(6)
        facts.setColumnStretch(1, 1)
        for line, (name, text, role) in enumerate(
            (
                ("File", f"{receipt.file_name}, version {receipt.version}, {size_text(receipt.size)}", ""),
                ("Accepted", exact(receipt.accepted_ms, session.zone), ""),
                ("Held by", ", ".join(receipt.holders), ""),
                ("Signed by", receipt.signed_by, ""),
                ("SHA-256", " ".join(digest[at : at + 16] for at in range(0, 64, 16)), "code"),
            )
        ):
            facts.addWidget(label(name, "muted"), line, 0, Qt.AlignmentFlag.AlignTop)
            facts.addWidget(label(text, role, wrap=True, selectable=True), line, 1)
        fill(
            self.body,
            (
                row(
                    IconLabel("shield" if safe else "clock", tone, 28),
                    column(label("RECEIPT", "eyebrow"), code, gap=0),
                    None,
                    pill("Safe" if safe else "Accepted", tone),
                    gap=12,
                ),
                label(state, "strong", wrap=True),
                facts,
                row(
                    button("Save as &PDF ...", "receipt.save", symbol="download", on_click=self._ask_where),
                    button("Copy co&de", "receipt.copy", symbol="copy", on_click=self._copy),
                    None,
                ),
                label("Any computer of the school can check the PDF: lms-desktop verify", "small", wrap=True),
            ),
        )

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.receipt.short_code)
        self._messages.info("The receipt's code is copied")

    def _ask_where(self) -> None:
        name = f"receipt-{self.receipt.short_code}.pdf"
        save_as(self, "Save the receipt", name, lambda path: self._tasks.start(self._save(path)))

    async def _save(self, path: Path) -> None:
        written = await api.save_receipt(self._session, receipt=self.receipt, destination=path)
        self._messages.success(f"Receipt saved: {written.name}", hint=str(written.parent))
