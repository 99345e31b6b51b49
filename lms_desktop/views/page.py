"""What every screen of a signed-in person is.

Something that loads, shows, and loads again when the school changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QProgressBar, QStackedLayout, QWidget

from lms_desktop.client.errors import ClientError, SignedOut
from lms_desktop.client.protocol import OutboxItem
from lms_desktop.client.session import Session
from lms_desktop.school.changes import Changes
from lms_desktop.views.messages import Messages, explain
from lms_desktop.views.preferences import Preferences
from lms_desktop.views.tasks import Tasks
from lms_desktop.views.widgets import EmptyState, button, column, label, restore_focus, row

if TYPE_CHECKING:
    from lms_desktop.views.talk import Talk

LOADING_SHOWN_AFTER_MS = 300
SETTLE_MS = 60


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to go: a screen's name and the number of what it shows (course, assignment, ...).

    `item` carries what a number cannot name, such as one version of a hand-in.
    """

    name: str
    key: int = 0
    title: str = ""
    item: Any = None


@dataclass(frozen=True, slots=True)
class Context:
    """What a screen is given: who is signed in, the route to the person, and how to go elsewhere."""

    session: Session
    messages: Messages
    go: Callable[[Place], None]
    back: Callable[[], None]
    refresh_status: Callable[[], None]  # a write has begun that no event tells of yet
    preferences: Preferences
    later: Callable[[Coroutine[Any, Any, Any]], Any]  # work that goes on when the person leaves the screen
    talks: dict[
        tuple[int, int | None], Talk
    ]  # with the tutor, by course and assignment, until the seat locks

    @property
    def zone(self) -> str:
        """The school's time zone, an IANA name."""
        return self.session.zone


def now_ms() -> int:
    """This computer's clock, for phrases such as "5 minutes ago"; never for judging."""
    return time.time_ns() // 1_000_000


class Page(QWidget):
    """One screen. Subclasses call `set_content` once and write `load`, which asks the client and shows the
    answer.

    `shows` says which changes of the school concern it, `keys` which keys it adds, for the ? overlay.
    """

    shows: ClassVar[Changes] = Changes(0)
    keys: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # where the focus lands on coming here
        self.context = context
        self.messages = context.messages
        self.session = context.session
        self.tasks = Tasks(context.messages)
        self._loaded = False
        self._stack = QStackedLayout(self)
        self._stack.addWidget(QWidget())
        bar = QProgressBar()
        bar.setRange(0, 0)
        bar.setTextVisible(False)
        bar.setFixedWidth(200)
        loading = QWidget()
        loading.setLayout(
            column(None, row(None, label("Loading ...", "muted"), None), row(None, bar, None), None)
        )
        self._stack.addWidget(loading)
        self._retry = button("&Try again", "page.retry", on_click=self.refresh)
        self._failed = EmptyState("alert", "This cannot be shown now", " ", self._retry)
        self._stack.addWidget(self._failed)
        self._content: QWidget | None = None
        self._late = QTimer(self, singleShot=True, interval=LOADING_SHOWN_AFTER_MS)
        self._late.timeout.connect(lambda: self._stack.setCurrentIndex(1))
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self.refresh)

    def set_content(self, content: QWidget) -> None:
        """Say what is shown once `load` has succeeded."""
        self._content = content
        self._stack.addWidget(content)

    async def load(self) -> None:
        """Ask and show. Errors may be raised."""

    @property
    def loaded(self) -> bool:
        """True once the screen shows what it is for."""
        return self._loaded

    def refresh(self) -> None:
        """Load (again)."""
        if not self._loaded:
            self._late.start()
        self.tasks.start(self._load(), key="load")

    def on_changes(self, flags: Changes) -> None:
        """The school changed: load again shortly if that concerns this screen; many changes make one load."""
        if flags & self.shows and not self._settle.isActive():
            self._settle.start()

    def on_item(self, item: OutboxItem) -> None:
        """A write of this person moved on."""

    def leave(self) -> None:
        """Called before the person goes elsewhere."""

    def close_page(self) -> None:
        """End all work of the screen."""
        self._late.stop()
        self._settle.stop()
        self.leave()
        self.tasks.cancel()

    async def _load(self) -> None:
        try:
            await self.load()
        except SignedOut:
            return
        except ClientError as error:
            self._late.stop()
            if self._loaded:
                raise
            message = explain(error)
            self._failed.title.setText(message.text)
            self._failed.sentence.setText(message.hint)
            self._stack.setCurrentWidget(self._failed)
            return
        self._late.stop()
        self._loaded = True
        if self._content is not None:
            self._stack.setCurrentWidget(self._content)
            restore_focus(self._content)
