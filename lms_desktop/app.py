"""The app's process: Qt, the node it finds or starts, one window, and a good end.

Nothing heavy is imported before the first window is on the screen: QtPdf waits for the first document.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import logging
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QProcess, QTimer, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from PySide6.QtWidgets import QApplication, QWidget

# qasync takes the Qt that is loaded already.
import qasync  # isort: skip

from lms_desktop.children import child_command
from lms_desktop.config import machine_data, user_data
from lms_desktop.views.crash import CrashReports
from lms_desktop.views.preferences import Preferences
from lms_desktop.views.theme import prepare, theme
from lms_desktop.views.window import AppWindow

if TYPE_CHECKING:
    from lms_desktop.client.link import Link
    from lms_desktop.demo.school import DemoSchool

NODE_STOP_MS = 3000
NODE_ANSWER_MS = 5000
NODE_STEADY_S = 10.0
KNOCK_MS = 500
MAX_SAID = 20
ENDING_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the app; returns the exit status."""
    parser = argparse.ArgumentParser(prog="lms-desktop", description="Open LMS Desktop.")
    parser.add_argument("--data", type=Path, help="the folder of this machine's node")
    parser.add_argument("--attach", action="store_true", help="use a node that runs already, never start one")
    options = parser.parse_args(arguments)
    data = (options.data or machine_data()).absolute()
    app = _application()
    door = Door(data)
    if not door.open():
        print("LMS Desktop is open already; its window was brought to the front.", file=sys.stderr)
        return 0
    preferences = Preferences(user_data())
    theme.apply(preferences.scheme)
    theme.follow_system()
    return _run(app, _session(app, data, preferences, door, attach=options.attach))


def run_demo(school: DemoSchool) -> int:
    """Open the seat chooser of a demo school, and close its machines at the end."""
    app = _application()
    theme.apply("system")
    return _run(app, _demo(app, school))


def _application() -> QApplication:
    app = QApplication(sys.argv[:1])
    app.setApplicationName("LMS Desktop")
    app.setDesktopFileName("lms-desktop")
    app.setQuitOnLastWindowClosed(False)
    prepare(app)
    return app


def _run(app: QApplication, work: Coroutine[Any, Any, None]) -> int:
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    crashes = CrashReports()
    sys.excepthook = crashes.take
    threading.excepthook = lambda args: crashes.take(
        args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
    )

    def on_loop_error(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception") or RuntimeError(context["message"])
        crashes.take(type(error), error, error.__traceback__)

    loop.set_exception_handler(on_loop_error)
    with loop:
        loop.run_until_complete(work)
    return 0


def _closed(app: QApplication) -> asyncio.Future[None]:
    """Be done once the last window is closed."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def finish() -> None:
        if not done.done():
            done.set_result(None)

    app.lastWindowClosed.connect(finish)
    return done


async def _session(
    app: QApplication, data: Path, preferences: Preferences, door: Door, *, attach: bool
) -> None:
    closed = _closed(app)
    window = AppWindow(user_data(), preferences, known=(data / "ledger.db").exists())
    door.knocked.connect(lambda: _bring_to_front(window))
    window.show()
    await window.painted.wait()  # the sign-in is on the screen before anything else is imported
    from lms_desktop.client.link import Link

    link = Link(data)
    link.start()
    node = None if attach else EmbeddedNode(data, link)
    if node is not None:
        node.failed.connect(lambda reason: window.node_failed(reason, node.start))
        node.started.connect(window.node_restarted)
        node.find_or_start()
    window.begin(link)
    await closed
    await window.finish()
    await asyncio.to_thread(link.close)
    if node is not None:
        node.stop()


async def _demo(app: QApplication, school: DemoSchool) -> None:
    from lms_desktop.views.chooser import ChooserWindow

    chooser = ChooserWindow(school)
    chooser.show()
    closed, loop = _closed(app), asyncio.get_running_loop()
    for name in ENDING_SIGNALS:
        if hasattr(signal, name):  # its windows and machines end with it, however it is ended
            signal.signal(getattr(signal, name), lambda *_: loop.call_soon_threadsafe(chooser.close))
    await closed
    chooser.finish()
    await asyncio.to_thread(school.close)


def _bring_to_front(window: QWidget) -> None:
    window.setWindowState(window.windowState() & ~window.windowState().WindowMinimized)
    window.raise_()
    window.activateWindow()


class Door(QObject):
    """One app for each data folder and OS user: a second one knocks at the first, and goes."""

    knocked = Signal()

    def __init__(self, data: Path) -> None:
        super().__init__()
        where = f"{user_data()}\0{data}"
        self._name = "lms-desktop-" + hashlib.blake2b(where.encode(), digest_size=12).hexdigest()
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_knock)

    def open(self) -> bool:
        """Be the one app, or knock and return False."""
        knock = QLocalSocket()
        knock.connectToServer(self._name)
        if knock.waitForConnected(KNOCK_MS):
            knock.disconnectFromServer()
            return False
        QLocalServer.removeServer(self._name)  # what a crash left behind
        return self._server.listen(self._name)

    def _on_knock(self) -> None:
        while self._server.hasPendingConnections():
            visitor = self._server.nextPendingConnection()
            visitor.close()
            visitor.deleteLater()
        self.knocked.emit()


class EmbeddedNode(QObject):
    """This machine's node as a child of the app, where none runs yet.

    The child stops by itself when its standard input ends: also when the app is killed. One that dies after
    it has run for a while is started again; one that dies at once has a reason, which `failed` tells.
    """

    failed = Signal(str)
    started = Signal()

    def __init__(self, data: Path, link: Link) -> None:
        super().__init__()
        self._data = data
        self._link = link
        self._said: deque[str] = deque(maxlen=MAX_SAID)
        self._process = QProcess(self)
        self._process.setStandardOutputFile(QProcess.nullDevice())
        self._process.readyReadStandardError.connect(self._on_said)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)
        self._started_at = 0.0
        self._stopping = False
        self._restarted = False

    def find_or_start(self) -> None:
        """Start a node unless one answers at the address that the data folder names."""
        if not self._answers():
            self._start()
            return
        # Something listens; if it proves not to be our node, start one after all.
        QTimer.singleShot(NODE_ANSWER_MS, self, self._start_if_alone)

    def _start_if_alone(self) -> None:
        if not self._link.connected:
            self._start()

    def start(self) -> None:
        """Start it again after a failure."""
        self._restarted = True
        self._start()

    def _start(self) -> None:
        if self._process.state() != QProcess.ProcessState.NotRunning:
            return
        self._said.clear()
        self._started_at = time.monotonic()
        program, *arguments = child_command("node", "--data", str(self._data), "--embedded")
        self._process.start(program, arguments)
        if self._restarted:
            self.started.emit()

    def stop(self) -> None:
        """Let it hand over and stop; end it if it does not."""
        self._stopping = True
        if self._process.state() == QProcess.ProcessState.NotRunning:
            return
        self._process.closeWriteChannel()
        if not self._process.waitForFinished(NODE_STOP_MS):
            self._process.kill()
            self._process.waitForFinished(NODE_STOP_MS)

    def _answers(self) -> bool:
        from lms_desktop.client.link import read_address

        address = read_address(self._data)
        if address is None:
            return False
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", address.port), timeout=0.3):
            return True
        return False

    def _on_said(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
        self._said.extend(line for line in text.splitlines() if line.strip())

    def _on_finished(self, status: int) -> None:
        if self._stopping:
            return
        if time.monotonic() - self._started_at > NODE_STEADY_S:
            log.error("the node ended with status %s and is started again", status)
            self._start()
        else:
            reason = (
                self._said[-1].removeprefix("lms-desktop node: ")
                if self._said
                else f"It ended with status {status} and said nothing."
            )
            log.error("the node ended: %s", " / ".join(self._said))
            self.failed.emit(reason)

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.failed.emit(f"Its program cannot be started: {self._process.errorString()}.")
