"""The app's window: what stands in it before, while and after somebody is signed in, and who moves it on.

The sign-in is painted before anything that it does not need is imported: `begin` brings the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QPaintEvent, QWindow
from PySide6.QtWidgets import QApplication, QStackedWidget, QWidget

from lms_desktop.client.errors import ClientError, NodeUnreachable
from lms_desktop.views.messages import Action, Messages, Toasts
from lms_desktop.views.preferences import Preferences
from lms_desktop.views.signin import LockView, PassphraseView, SignInView
from lms_desktop.views.tasks import Tasks
from lms_desktop.views.widgets import EmptyState, button, column

if TYPE_CHECKING:
    from lms_desktop.client.link import Link
    from lms_desktop.client.session import Person, Session
    from lms_desktop.client.setup import Founded, MachineStage
    from lms_desktop.client.signin import FirstSignIn
    from lms_desktop.client.submit import Unfinished
    from lms_desktop.views.shell import Shell

SIZE = (1280, 800)
SMALLEST = (960, 600)
STAGE_AGAIN_S = 1.0
AHEAD = ("lms_desktop.client.signin", "lms_desktop.views.shell", "lms_desktop.views.today")
_INPUT = (
    QEvent.Type.KeyPress,
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseMove,
    QEvent.Type.Wheel,
    QEvent.Type.TouchBegin,
)


class IdleWatch(QObject):
    """Emits `idle` when no window of the app had a key, the pointer or a touch for `minutes()`."""

    idle = Signal()

    def __init__(self, parent: QObject, minutes: Callable[[], float]) -> None:
        super().__init__(parent)
        self._minutes = minutes
        self._watched: set[int] = set()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.idle)
        # On windows, not on the application: a filter there would see every event of every widget.
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusWindowChanged.connect(self._watch)

    def _watch(self, window: QWindow | None) -> None:
        if window is not None:
            window.removeEventFilter(self)
            window.installEventFilter(self)
            self.restart()

    def restart(self) -> None:
        """Count from now."""
        self._timer.start(round(self._minutes() * 60_000))

    def stop(self) -> None:
        """Count no more."""
        self._timer.stop()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._timer.isActive() and event.type() in _INPUT:
            self.restart()
        return False


class AppWindow(QWidget):
    """One window: starting, welcome, sign-in, signed in, locked."""

    def __init__(self, user_data: Path, preferences: Preferences, *, known: bool) -> None:
        """Show the sign-in at once where this machine is `known` to have a school; `begin` does the rest."""
        super().__init__()
        self.setObjectName("window")
        self.setWindowTitle("LMS Desktop")
        self.setMinimumSize(*SMALLEST)
        self.resize(*SIZE)
        if not preferences.geometry.isEmpty():
            self.restoreGeometry(preferences.geometry)
        self.link: Link | None = None
        self.painted = asyncio.Event()
        self._begun = asyncio.Event()
        self.session: Session | None = None
        self.shell: Shell | None = None
        self._user_data = user_data
        self._preferences = preferences
        self._machine = ""
        self._stack = QStackedWidget()
        self.setLayout(column(self._stack, gap=0))
        self.messages = Messages(self)
        self.toasts = Toasts(self, self.messages)
        self.tasks = Tasks(self.messages)
        self.sign_in_view = SignInView()
        self.sign_in_view.sign_in.connect(self._sign_in)
        self.sign_in_view.use_slip.connect(self._use_slip)
        self.sign_in_view.back_to_locked.connect(lambda: self._show_lock())
        self._stack.addWidget(self.sign_in_view)
        self._idle = IdleWatch(self, lambda: preferences.idle_minutes)
        self._idle.idle.connect(self.lock)
        if not known:
            self._show(EmptyState("clock", "Starting ..."))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        self.painted.set()

    def begin(self, link: Link) -> None:
        """Find out over the link what this machine is ready for, and go on from there."""
        self.link = link
        self._begun.set()
        self.tasks.start(self._find_stage(), key="stage")
        self.tasks.start(self._import_ahead())

    async def _import_ahead(self) -> None:
        """Import what comes after the sign-in, in a thread: the person types meanwhile."""
        for name in AHEAD:
            await asyncio.to_thread(import_module, name)

    def _show(self, view: QWidget) -> None:
        old = self._stack.currentWidget()
        self._stack.addWidget(view)
        self._stack.setCurrentWidget(view)
        if old is not None and old not in (view, self.sign_in_view, self.shell):
            self._stack.removeWidget(old)
            old.deleteLater()

    # Before sign-in

    async def _find_stage(self) -> None:
        """Wait for the node, then show what this machine is ready for."""
        await asyncio.to_thread(import_module, "lms_desktop.client.setup")
        from lms_desktop.client import setup

        while True:
            try:
                found = await setup.stage(self.link)
            except NodeUnreachable:
                continue  # the link keeps trying; a node that cannot start says so by `node_failed`
            if found.stage != setup.Stage.JOINING:
                break
            await asyncio.sleep(STAGE_AGAIN_S)
        self._on_stage(found)

    def _on_stage(self, found: MachineStage) -> None:
        from lms_desktop.client.setup import Stage

        self._machine = found.machine_name
        self.sign_in_view.show_place(found.school, found.machine_name)
        if found.school:
            self.setWindowTitle(f"{found.school} - LMS Desktop")
        if found.stage == Stage.READY:
            if self.shell is not None and self.session is not None and not self.session.locked:
                self._show(self.shell)
            elif self._stack.currentWidget() is not self.sign_in_view:
                self._show(self.sign_in_view)
                self.sign_in_view.login.setFocus()
            return
        from lms_desktop.views.welcome import WelcomeView

        view = WelcomeView(found.machine_name)
        view.found.connect(self._create_school)
        view.join.connect(self._join)
        self._show(view)

    def node_failed(self, reason: str, again: Callable[[], None]) -> None:
        """Say that this computer's service cannot run, and why."""
        retry = button("&Try again", "window.retry", kind="primary", on_click=again)
        self._show(EmptyState("alert", "The LMS Desktop service cannot start", reason, retry))

    def node_restarted(self) -> None:
        """Wait for the node again."""
        self._show(EmptyState("clock", "Starting ..."))
        self.tasks.start(self._find_stage(), key="stage")

    def _create_school(self, school: str, zone: str, name: str, login: str, kit: Path) -> None:
        from lms_desktop.client import setup
        from lms_desktop.views.welcome import KitView

        async def work() -> None:
            founded = await setup.create_school(
                self.link,
                school=school,
                zone=zone,
                administrator_name=name,
                administrator_login=login,
                kit=kit,
                user_data=self._user_data,
            )
            self.sign_in_view.show_place(school, self._machine)
            self.setWindowTitle(f"{school} - LMS Desktop")
            view = KitView(founded.kit)
            view.confirmed.connect(lambda: self._show_passphrase(founded))
            self._show(view)

        self._attempt(work, self._stack.currentWidget())

    def _show_passphrase(self, founded: Founded) -> None:
        person = founded.session.person
        view = PassphraseView(person.name, person.login, founded.passphrase)
        view.confirmed.connect(lambda: self.enter(founded.session))
        self._show(view)

    def _join(self, path: Path) -> None:
        from lms_desktop.client import setup

        async def work() -> None:
            self._on_stage(await setup.join_school(self.link, provisioning=path))

        self._attempt(work, self._stack.currentWidget())

    def _attempt(self, work: Callable[[], Coroutine[Any, Any, None]], view: Any) -> None:
        """Run `work`; a ClientError is the view's to say, anything else goes to the messages too."""

        def on_error(error: Exception) -> bool:
            view.fail(error)
            return isinstance(error, ClientError)

        async def attempt() -> None:
            await self._begun.wait()  # the sign-in is painted, and can be used, before there is a link
            await work()

        self.tasks.start(attempt(), key="attempt", on_error=on_error)

    # Signing in

    def _sign_in(self, login: str, passphrase: str) -> None:
        from lms_desktop.client import signin

        async def work() -> None:
            session = await signin.sign_in(
                self.link, login=login, passphrase=passphrase, user_data=self._user_data
            )
            self.enter(session)

        self._attempt(work, self.sign_in_view)

    def _use_slip(self, words: str) -> None:
        from lms_desktop.client import signin

        async def work() -> None:
            first = await signin.open_invitation(self.link, words=words, user_data=self._user_data)
            view = PassphraseView.of(first)
            view.confirmed.connect(lambda: self._publish(first, view))
            self.sign_in_view.reset()
            self._show(view)

        self._attempt(work, self.sign_in_view)

    def _publish(self, first: FirstSignIn, view: PassphraseView) -> None:
        async def work() -> None:
            self.enter(await first.publish())

        view.go_on.setEnabled(False)
        self._attempt(work, view)

    def enter(self, session: Session) -> None:
        """Show the app to the person who has just signed in."""
        from lms_desktop.views.shell import Shell

        self._drop_session()
        self.session = session
        self.sign_in_view.reset()
        self.sign_in_view.offer_locked(None)
        seat = self._machine or (session.link.node.machine_name if session.link.node else "")
        self.shell = Shell(session, self.messages, self._preferences, seat=seat)
        self.shell.leaving.connect(self._on_leaving)
        self._show(self.shell)
        self.shell.page.setFocus()
        self._idle.restart()
        self.tasks.start(self._go_on(session), key="unfinished")

    async def _go_on(self, session: Session) -> None:
        """Go on with hand-ins that were cut off before they were saved on this computer."""
        from lms_desktop.client import submit

        for cut in await submit.unfinished(session):
            if cut.file_there:
                self.messages.info(f"Going on with your hand-in of “{cut.title}”")
                await submit.resume(session, unfinished=cut)
                if self.shell is not None:
                    self.shell.refresh_status()
                self.messages.success(f"Your hand-in of “{cut.title}” is saved and goes on")
            else:
                forget = Action("Forget it", lambda cut=cut: self.tasks.start(self._forget(session, cut)))
                self.messages.info(
                    f"Your hand-in of “{cut.title}” was cut off, and {cut.path.name} is no longer there.",
                    action=forget,
                )

    async def _forget(self, session: Session, cut: Unfinished) -> None:
        from lms_desktop.client import submit

        await submit.give_up(session, unfinished=cut)
        if self.shell is not None:
            self.shell.refresh_status()

    # Leaving

    def _on_leaving(self, what: str) -> None:
        {"lock": self.lock, "switch": self.switch, "sign_out": self.sign_out}[what]()

    def lock(self) -> None:
        """Wipe the keys from memory and ask for the passphrase."""
        if self.session is not None and not self.session.locked:
            self.tasks.start(self._lock(self._show_lock), key="leave")

    def switch(self) -> None:
        """Lock, and let another person sign in; the first may come back."""
        if self.session is not None and not self.session.locked:
            self.tasks.start(self._lock(self._show_switch), key="leave")

    async def _lock(self, then: Callable[[], None]) -> None:
        self._idle.stop()
        self._close_dialogs()
        if self.shell is not None:
            await self.shell.put_away()
        if self.session is not None:
            self.session.lock()
            then()

    def _close_dialogs(self) -> None:
        """Close what lies over the window: it may show what only this person may see."""
        self.toasts.clear()
        for dialog in self.findChildren(QWidget):
            if dialog.isWindow() and dialog.isVisible():
                dialog.close()

    def _person(self) -> Person | None:
        return self.session.person if self.session is not None else None

    def _show_lock(self) -> None:
        person = self._person()
        if person is not None:
            view = LockView(person)
            view.unlock.connect(lambda passphrase: self._unlock(view, passphrase))
            view.sign_out.connect(self._show_switch)
            self._show(view)
            view.passphrase.setFocus()

    def _show_switch(self) -> None:
        self.sign_in_view.reset()
        self.sign_in_view.offer_locked(self._person())
        self._show(self.sign_in_view)
        self.sign_in_view.login.setFocus()

    def _unlock(self, view: LockView, passphrase: str) -> None:
        async def work() -> None:
            if self.session is None or self.shell is None:
                return
            await self.session.unlock(passphrase=passphrase)
            self._show(self.shell)
            self.shell.bring_back()
            self._idle.restart()

        self._attempt(work, view)

    def sign_out(self) -> None:
        """Wipe the keys and show the sign-in; what waits in the outbox goes on."""
        self.tasks.start(self._sign_out(), key="leave")

    async def _sign_out(self) -> None:
        self._close_dialogs()
        if self.shell is not None:
            await self.shell.put_away()
        self._drop_session()
        self._show_switch()

    def _drop_session(self) -> None:
        self._idle.stop()
        self.messages.history.clear()  # the next person must not read them
        shell, self.shell = self.shell, None
        if shell is not None:
            shell.close_shell()
            self._stack.removeWidget(shell)
            shell.deleteLater()
        session, self.session = self.session, None
        if session is not None:
            session.sign_out()

    async def finish(self) -> None:
        """Leave in good order: drafts are saved, keys are wiped, nothing is left running."""
        self._close_dialogs()
        if self.shell is not None:
            await self.shell.put_away()
        self._drop_session()
        self.tasks.cancel()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._preferences.geometry = self.saveGeometry()
        super().closeEvent(event)
