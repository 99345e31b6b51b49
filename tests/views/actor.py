"""Somebody at a seat: presses, types and reads what a person would, in a real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QFileDialog, QLabel, QLineEdit, QPlainTextEdit, QWidget

from lms_desktop.demo.school import DemoSchool
from lms_desktop.views.window import AppWindow
from tests.views.runner import Runner
from tests.views.school import open_window, page_of, person, quiet, settled


class Actor:
    """One person's hands and eyes."""

    def __init__(self, school: DemoSchool, run: Runner, seat: str) -> None:
        self.school = school
        self.run = run
        self.left = False
        self.window: AppWindow = open_window(school, seat)
        self.window.activateWindow()
        run.until(self.window.isActiveWindow)

    def sign_in(self, login: str) -> Actor:
        """Come in by login and passphrase."""
        view = self.window.sign_in_view
        self.run.until(lambda: view.isVisible() and not self.window.tasks.running)
        view.login.setText(login)
        view.passphrase.setText(person(self.school, login).passphrase)
        view.enter.click()
        self.settle()
        return self

    def settle(self) -> None:
        """Wait until the screen is loaded and quiet."""
        self.run(quiet(lambda: settled(self.window)))

    @property
    def page(self) -> Any:
        """The screen."""
        return page_of(self.window)

    def find(self, name: str) -> Any:
        """The one visible widget of that name, waiting for it to come."""

        def seen() -> list[QWidget]:
            return [found for found in self.window.findChildren(QWidget, name) if found.isVisible()]

        self.run.until(seen)
        found = seen()
        assert len(found) == 1, f"{name}: {len(found)} visible"
        return found[0]

    def press(self, name: str, *, settle: bool = True) -> None:
        """Press a button, which must be there and enabled."""
        widget = self.find(name)
        self.run.until(widget.isEnabled)
        widget.click()
        if settle:
            self.settle()

    def type(self, name: str, text: str) -> None:
        """Replace a field's text, key by key."""
        field = self.find(name)
        field.setFocus()
        assert isinstance(field, QLineEdit | QPlainTextEdit)
        field.selectAll()
        QTest.keyClicks(field, text) if text else QTest.keyClick(field, Qt.Key.Key_Delete)

    def keys(self, keys: str) -> None:
        """Press keys where the focus is."""
        self.window.activateWindow()
        self.run.until(self.window.isActiveWindow)
        QTest.keySequence(self.window.focusWidget() or self.window, keys)

    def dialog(self, name: str) -> QDialog:
        """The open dialog of that name."""
        return self.find(name)

    def closed(self, name: str) -> None:
        """Wait until no dialog of that name is open."""
        self.run.until(
            lambda: not [found for found in self.window.findChildren(QDialog, name) if found.isVisible()]
        )
        self.settle()

    def choose_file(self, path: Path) -> None:
        """Answer the file dialog that is open."""

        def dialogs() -> list[QFileDialog]:
            return [found for found in self.window.findChildren(QFileDialog) if found.isVisible()]

        self.run.until(dialogs)
        (asked,) = dialogs()
        asked.fileSelected.emit(str(path))
        asked.reject()

    def texts(self, root: QWidget | None = None) -> str:
        """Every visible sentence, joined."""
        labels = (root or self.window).findChildren(QLabel)
        return "\n".join(label.text() for label in labels if label.isVisible())

    def reads(self, text: str) -> None:
        """Wait until `text` is on the screen."""
        self.run.until(lambda: text in self.texts())

    def waits(self, condition: Callable[[], object]) -> None:
        """Wait for something."""
        self.run.until(condition)

    def leave(self) -> None:
        """Sign out and close the window."""
        self.left = True
        self.run(self.window.finish())
        self.window.close()
        self.window.deleteLater()
