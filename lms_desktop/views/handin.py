"""Handing in: choose a PDF, see what was found in it, submit, watch it become safe, keep the receipt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QWidget

from lms_desktop.client import receipts as receipts_api
from lms_desktop.client import submit as api
from lms_desktop.client.errors import NodeRefused
from lms_desktop.client.preflight import Preflight
from lms_desktop.client.protocol import ItemState, OutboxItem
from lms_desktop.views.course import size_text
from lms_desktop.views.dropzone import DropZone
from lms_desktop.views.icons import IconLabel
from lms_desktop.views.messages import explain
from lms_desktop.views.page import Context
from lms_desktop.views.progress import StageProgress
from lms_desktop.views.receipt import ReceiptCard
from lms_desktop.views.tasks import Tasks
from lms_desktop.views.widgets import Banner, Card, button, clear, column, label, named, row

FOLLOW_S = 600.0


class HandIn(Card):
    """The panel beside an assignment; its receipts go into `receipt_box`, which the screen places.

    `changed` is called when the assignment should be loaded again.
    """

    def __init__(self, context: Context, tasks: Tasks, assignment: int, changed: Callable[[], None]) -> None:
        super().__init__(gap=12)
        self.context = context
        self.session = context.session
        self.tasks = tasks
        self._assignment = assignment
        self._changed = changed
        self._page: api.AssignmentPage | None = None
        self._checked: Preflight | None = None
        self._following: tuple[int, bytes, int] | None = None
        self._saving = False
        self._told = False
        self._closed = False
        self.problem = Banner("", "danger")
        self.again = button(
            "Hand in a new &version", "handin.again", symbol="upload", on_click=self._offer_again
        )
        self.drop = DropZone("handin.drop", "Drop your PDF here")
        self.drop.dropped.connect(self.check)
        self._checks = column(gap=6)
        self.note = named(QPlainTextEdit(), "handin.note", "Note to your instructor (optional)")
        self.note.setPlaceholderText("Note to your instructor (optional)")
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(64)
        self._replaces = label("", "muted", wrap=True)
        self.submit = button("&Submit", "handin.submit", kind="primary", symbol="send", on_click=self._submit)
        self._other = button("Choose &another", "handin.other", on_click=self.start_over)
        self._review = QWidget()
        self._review.setLayout(
            column(self._checks, self._replaces, self.note, row(self._other, None, self.submit), gap=10)
        )
        self.progress = StageProgress()
        self._kept = label("", "muted", wrap=True)
        self.receipt_box = column()
        self._title = label("Hand in", "section")
        for item in (
            self._title,
            self.problem,
            self.again,
            self.drop,
            self._review,
            self.progress,
            self._kept,
        ):
            self.body.addWidget(item)
        self._show_only()

    def _show_only(self, *widgets: QWidget) -> None:
        focus = self.window().focusWidget()
        if focus is not None and self.isAncestorOf(focus):
            self.setFocus()  # what is hidden would hand it to the sidebar
        for widget in (self.again, self.drop, self._review, self.progress, self._kept):
            widget.setVisible(widget in widgets)

    def show_page(self, page: api.AssignmentPage) -> None:
        """Show where the hand-in stands, unless the person is in the middle of one."""
        self._page = page
        if page.pending and self._following is None:
            self._follow(page.pending[0])
        accepted = self._following is None or self.progress.accepted
        if page.versions and accepted and not self._saving:
            self.tasks.start(self._show_receipt(page.versions[0]), key="receipt", on_error=self._no_receipt)
        if self._saving or self._following is not None:
            return
        if self._checked is None and not (self.drop.isVisible() and page.versions):
            self._show_idle(page)

    def _show_idle(self, page: api.AssignmentPage) -> None:
        self._title.setText("Handed in" if page.versions else "Hand in")
        if page.closed:
            self._kept.setText("This assignment is archived and takes nothing new.")
            self._show_only(self._kept)
        else:
            self._show_only(self.again if page.versions else self.drop)

    # Choosing

    def _offer_again(self) -> None:
        self._title.setText("Hand in a new version")
        self._show_only(self.drop)
        self.drop.choose.setFocus()

    def check(self, path: Path) -> None:
        """Look at a file that was dropped or chosen."""
        self.problem.say("")
        self.setFocus()  # what is disabled would hand it to the sidebar
        self.drop.setEnabled(False)
        self.tasks.start(self._check(path), key="check", on_error=self._on_bad_file)

    async def _check(self, path: Path) -> None:
        checked = await api.check(self.session, assignment=self._assignment, path=path)
        self.drop.setEnabled(True)
        self.show_checked(checked)

    def _on_bad_file(self, error: Exception) -> bool:
        message = explain(error)
        self.drop.setEnabled(True)
        self.problem.say(f"{message.text} {message.hint}".strip(), "danger")
        if self.drop.isVisible():
            self.drop.choose.setFocus()
        return not message.details

    def show_checked(self, checked: Preflight) -> None:
        """Show what was found in the file."""
        self._checked = checked
        clear(self._checks)
        pages = f"{checked.pages} {'page' if checked.pages == 1 else 'pages'}"
        good = [
            f"{checked.path.name} opens",
            f"{pages}, {size_text(checked.size)}",
            "No password, complete to its end",
        ]
        if not checked.identical and self._page and self._page.versions:
            good.append("Different from your last version")
        for text in good:
            self._checks.addLayout(_finding("check-circle", "success", text))
        if checked.identical:
            self._checks.addLayout(
                _finding("alert", "warning", "The same file as your last version: it need not be sent again")
            )
        versions = self._page.versions if self._page else ()
        self._title.setText("Hand in a new version" if versions else "Hand in")
        self._replaces.setText(
            f"Replaces version {versions[0].number}; that one stays in the history." if versions else ""
        )
        self._replaces.setVisible(bool(versions))
        self.submit.setEnabled(not checked.identical)
        self._show_only(self._review)
        self.submit.setFocus()

    def start_over(self) -> None:
        """Forget the chosen file."""
        self._checked = None
        self.problem.say("")
        if self._page is not None:
            self._show_idle(self._page)
        self.drop.choose.setFocus()

    # Sending

    def _submit(self) -> None:
        if self._checked is None or self._saving:
            return
        checked, note = self._checked, self.note.toPlainText().strip()
        self._saving, self._told = True, False
        self._title.setText("Handing in")
        self.progress.show_step(api.Step(None, 0, checked.size, (), ()))
        self._show_only(self.progress)
        clear(self.receipt_box)
        # Not the screen's own task: leaving the screen must not stop a hand-in.
        self.context.later(self._send(checked, note))

    async def _send(self, checked: Preflight, note: str) -> None:
        try:
            item = await api.submit(
                self.session,
                assignment=self._assignment,
                checked=checked,
                note=note,
                on_step=self._on_step,
            )
        except Exception as error:
            self._saving = False
            if self._closed or not self._on_bad_file(error):
                raise
            self._show_only(self._review)
            return
        self._saving = False
        self._checked = None
        if not self._closed:
            self.note.clear()
            self._follow(item)

    def _on_step(self, step: api.Step) -> None:
        if self._saving and not self._told:
            self._told = True
            self.context.refresh_status()
        if not self._closed:
            self.progress.show_step(step)
            if self.progress.accepted:
                self._kept.setText(
                    "The class has accepted it. It becomes safe by itself, once one more machine holds it."
                )

    def _follow(self, item: OutboxItem) -> None:
        self._following = item.key
        self._title.setText("Handing in")
        self._kept.setText(
            "Your work is saved on this computer and goes on by itself, also when you leave this screen. "
            "Leave the computer on until it is accepted."
        )
        self._show_only(self.progress, self._kept)
        self.tasks.start(self._wait(item), key="follow", on_error=self._on_refused)

    async def _wait(self, item: OutboxItem) -> None:
        await api.follow(
            self.session, item=item, until=ItemState.SAFE, timeout_s=FOLLOW_S, on_step=self._on_step
        )
        self._following = None
        self._changed()

    def _on_refused(self, error: Exception) -> bool:
        self._following = None
        handled = self._on_bad_file(error)
        self._changed()
        return handled

    # The receipt

    async def _show_receipt(self, version: api.Version) -> None:
        receipt = await receipts_api.receipt(self.session, version=version)
        shown = self.receipt_box.itemAt(0)
        if shown is not None and getattr(shown.widget(), "receipt", None) == receipt:
            return
        clear(self.receipt_box)
        card = ReceiptCard(self.session, self.context.messages, self.tasks, receipt)
        self.receipt_box.addWidget(card)

    def _no_receipt(self, error: Exception) -> bool:
        return isinstance(error, NodeRefused)

    def close_panel(self) -> None:
        """The screen goes; a hand-in under way does not."""
        self._closed = True


def _finding(symbol: str, tone: str, text: str) -> QHBoxLayout:
    return row(IconLabel(symbol, tone, 18), label(text, wrap=True), gap=10, stretch=1)
