"""Hands for real windows: an X server of one's own, its keyboard and its pointer.

`Hand` moves the pointer to a widget and presses, and types where the focus is, through xdotool: what reaches
the app comes from the X server, as from a person.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QFileDialog, QLabel, QLineEdit, QListWidget, QPushButton, QWidget

from lms_desktop.client.session import Session
from lms_desktop.demo.school import DemoSchool
from lms_desktop.views.shell import Shell
from lms_desktop.views.window import AppWindow
from tests.views.school import SIZE, page_of, person, quiet, settled

WAIT_S = 40.0
TYPE_MS = "4"


def missing() -> str:
    """What these tests need and the machine lacks; empty when they can run."""
    tools = [tool for tool in ("Xvfb", "xdotool") if shutil.which(tool) is None]
    return f"needs {' and '.join(tools)}" if tools else ""


@contextmanager
def x_server() -> Iterator[str]:
    """An X server that nobody sees; yields its display."""
    reader, writer = os.pipe()
    screen = f"{SIZE[0]}x{SIZE[1]}x24"
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", screen, "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(writer,), stderr=subprocess.DEVNULL)
    os.close(writer)
    try:
        with os.fdopen(reader) as answer:
            yield ":" + answer.readline().strip()
    finally:
        server.terminate()
        server.wait()


async def xdotool(*words: str) -> None:
    """Run xdotool."""
    await asyncio.to_thread(subprocess.run, ["xdotool", *words], check=True, stdout=subprocess.DEVNULL)


async def until(condition: Any, what: str, *, timeout_s: float = WAIT_S) -> None:
    """Wait for something on the screen."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110, there is no event for "is on the screen"
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"in {timeout_s:.0f} s not seen: {what}") from None


class Hand:
    """One person at one window, with keyboard and pointer."""

    def __init__(self, school: DemoSchool, window: AppWindow) -> None:
        self.school = school
        self.window = window

    @property
    def page(self) -> Any:
        """The screen."""
        return page_of(self.window)

    @property
    def shell(self) -> Shell:
        """The frame around the screen."""
        assert self.window.shell is not None
        return self.window.shell

    @property
    def session(self) -> Session:
        """The session of whoever is signed in."""
        assert self.window.session is not None
        return self.window.session

    def count(self, name: str) -> int:
        """How many items the list of that name shows; 0 while there is no such list."""
        return sum(found.count() for found in self.seen(name) if isinstance(found, QListWidget))

    async def front(self) -> None:
        """Bring the window before all others."""
        self.window.raise_()
        self.window.activateWindow()
        await until(self.window.isActiveWindow, "the active window")

    def seen(self, name: str) -> list[QWidget]:
        """The visible widgets of that name."""
        return [found for found in self.window.findChildren(QWidget, name) if found.isVisible()]

    async def find(self, name: str) -> Any:
        """The widget of that name, once it is there."""
        await until(lambda: self.seen(name), name)
        return self.seen(name)[0]

    async def click(self, name: str) -> None:
        """Press the left button over a widget."""
        widget = await self.find(name)
        await until(widget.isEnabled, f"{name} enabled")
        await self.click_on(widget)

    async def click_on(self, widget: QWidget) -> None:
        """Press the left button over the middle of a widget."""
        middle = widget.mapToGlobal(widget.rect().center())
        await xdotool("mousemove", str(middle.x()), str(middle.y()), "click", "1")
        await asyncio.sleep(0.05)

    async def type(self, text: str) -> None:
        """Type where the focus is."""
        await xdotool("type", "--delay", TYPE_MS, text)

    async def keys(self, *keys: str) -> None:
        """Press keys, by their X names."""
        await xdotool("key", *keys)

    async def fill(self, name: str, text: str) -> None:
        """Click into a field, replace what is there, and wait until the app has taken it."""
        field = await self.find(name)
        await self.click_on(field)
        await until(field.hasFocus, f"the focus in {name}")
        await self.keys("ctrl+a")
        await self.type(text)
        content = field.text if isinstance(field, QLineEdit) else field.toPlainText
        await until(lambda: content() == text, f"{text!r} in {name}")

    async def choose_file(self, path: Path) -> None:
        """Type a path into the open file dialog and press Enter."""

        def dialogs() -> list[QFileDialog]:
            return [found for found in self.window.findChildren(QFileDialog) if found.isVisible()]

        await until(dialogs, "a file dialog")
        (dialog,) = dialogs()
        (edit,) = dialog.findChildren(QLineEdit, "fileNameEdit")
        await until(edit.isVisible, "the file's name")
        dialog.activateWindow()
        await self.click_on(edit)
        await until(edit.hasFocus, "the focus in the file's name")
        await self.keys("ctrl+a")
        await self.type(str(path))
        await until(lambda: edit.text() == str(path), "the path")
        await self.keys("Return")
        await until(lambda: not dialogs(), "the file dialog closed")

    async def sign_in(self, login: str) -> None:
        """Come in by keyboard."""
        await until(lambda: not self.window.tasks.running, "the sign-in ready")
        await self.front()
        await self.fill("signin.login", login)
        await self.keys("Return")
        await self.type(person(self.school, login).passphrase)
        await self.keys("Return")
        await self.settle()

    async def settle(self) -> None:
        """Wait until the screen is loaded and quiet."""
        await quiet(lambda: settled(self.window), timeout_s=WAIT_S)

    def texts(self) -> str:
        """Every visible sentence."""
        return "\n".join(text.text() for text in self.window.findChildren(QLabel) if text.isVisible())

    async def reads(self, text: str) -> None:
        """Wait until a sentence is on the screen."""
        await until(lambda: text in self.texts(), text)

    async def click_row(self, title: str) -> None:
        """Click the row of a list that says `title`."""

        def rows() -> list[QPushButton]:
            return [
                row
                for row in self.window.findChildren(QPushButton)
                if row.isVisible() and row.property("kind") == "row" and title in row.accessibleName()
            ]

        await until(rows, title)
        await self.click_on(rows()[0])
        await self.settle()

    async def leave(self) -> None:
        """Sign out and close the window."""
        await self.window.finish()
        self.window.close()
        self.window.deleteLater()
