"""Coming in: with login and passphrase, with a slip's six words, and back from the lock.

The views only ask; the window awaits the client and tells them of errors by `fail`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QLineEdit, QStackedWidget, QWidget

from lms_desktop.views.dialogs import field
from lms_desktop.views.icons import IconLabel
from lms_desktop.views.messages import explain
from lms_desktop.views.widgets import (
    Banner,
    Card,
    as_given,
    button,
    column,
    label,
    named,
    relabel,
    row,
    shortcut,
)

if TYPE_CHECKING:
    from lms_desktop.client.session import Person
    from lms_desktop.client.signin import FirstSignIn

CARD_WIDTH = 440


def centred(card: QWidget, *, width: int = CARD_WIDTH) -> QWidget:
    """Return a page with `card` in its middle."""
    card.setFixedWidth(width)
    page = QWidget()
    page.setLayout(column(None, row(None, card, None), None, margins=(24, 24, 24, 24)))
    return page


def secret_field(object_name: str, accessible: str) -> QLineEdit:
    """Return a field for a passphrase: hidden, never remembered or completed."""
    edit = named(QLineEdit(), object_name, accessible)
    edit.setEchoMode(QLineEdit.EchoMode.Password)
    hints = Qt.InputMethodHint.ImhHiddenText | Qt.InputMethodHint.ImhSensitiveData
    edit.setInputMethodHints(hints | Qt.InputMethodHint.ImhNoPredictiveText)
    return edit


class SignInView(QWidget):
    """Login and passphrase, or the six words of a slip."""

    sign_in = Signal(str, str)
    use_slip = Signal(str)
    back_to_locked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._school = label("", "title", wrap=True)
        self._machine = label("", "muted")
        self.problem = Banner("", "danger")
        self.login = named(QLineEdit(), "signin.login", "Login")
        self.login.setPlaceholderText("for example ana.silva")
        self.passphrase = secret_field("signin.passphrase", "Passphrase")
        self.passphrase.setPlaceholderText("the words, with spaces")
        self.show_words = QCheckBox("Sho&w what I type")
        named(self.show_words, "signin.show", "Show what I type")
        self.show_words.toggled.connect(self._reveal)
        self.enter = button("Sign &in", "signin.enter", kind="primary", on_click=self._ask)
        self._to_slip = button(
            "First time here? Use the words on your &slip",
            "signin.to_slip",
            kind="link",
            on_click=lambda: self.show_slip(True),
        )
        self.words = named(QLineEdit(), "signin.words", "The six words of your slip")
        self.words.setPlaceholderText("six words, with spaces")
        self.first = button("&Continue", "signin.first", kind="primary", on_click=self._ask_slip)
        self._to_login = button(
            "I have a &passphrase", "signin.to_login", kind="link", on_click=lambda: self.show_slip(False)
        )
        self._locked = button(
            "", "signin.back_to_locked", kind="link", symbol="lock", on_click=self.back_to_locked.emit
        )
        self._locked.hide()
        self._forms = QStackedWidget()
        for form in (
            (
                field("&Login", self.login),
                field("&Passphrase", self.passphrase),
                self.show_words,
                4,
                self.enter,
                row(None, self._to_slip, None),
            ),
            (
                label(
                    "Your slip carries six words. They make your keys on this computer and work once.",
                    "muted",
                    wrap=True,
                ),
                field("Six &words", self.words),
                4,
                self.first,
                row(None, self._to_login, None),
                None,
            ),
        ):
            page = QWidget()
            page.setLayout(column(*form, gap=12))
            self._forms.addWidget(page)
        card = Card(
            row(
                IconLabel("school", "accent", 28),
                column(self._school, self._machine, gap=2),
                gap=14,
                stretch=1,
            ),
            4,
            self.problem,
            self._forms,
            row(None, self._locked, None),
            gap=12,
            padding=28,
        )
        self.setLayout(column(centred(card)))
        self.login.returnPressed.connect(self.passphrase.setFocus)
        self.passphrase.returnPressed.connect(self._ask)
        self.words.returnPressed.connect(self._ask_slip)
        self.show_place("", "")

    def show_place(self, school: str, machine: str) -> None:
        """Say which school and which computer this is; empty while the node is starting."""
        self._school.setText(school or "LMS Desktop")
        self._machine.setText(f"on {machine}" if machine else "Starting ...")

    def show_slip(self, slip: bool) -> None:
        """Change between the slip's words and the passphrase."""
        self.problem.say("")
        self._forms.setCurrentIndex(int(slip))
        (self.words if slip else self.login).setFocus()

    def offer_locked(self, person: Person | None) -> None:
        """Offer the way back to a person whose session is locked."""
        self._locked.setVisible(person is not None)
        relabel(self._locked, f"Back to {as_given(person.name)} (locked)" if person else "Back")

    def reset(self) -> None:
        """Empty every field."""
        for edit in (self.login, self.passphrase, self.words):
            edit.clear()
        self.show_words.setChecked(False)
        self.busy(False)
        self.show_slip(False)

    def busy(self, on: bool) -> None:
        """Show that an answer is awaited."""
        self.enter.setEnabled(not on)
        self.first.setEnabled(not on)
        self.enter.setText("Signing in ..." if on else "Sign &in")

    def fail(self, error: Exception) -> None:
        """Say why it did not work; the passphrase is to be typed again."""
        message = explain(error)
        self.busy(False)
        self.problem.say(f"{message.text} {message.hint}".strip(), "danger")
        if self._forms.currentIndex() == 0:
            self.passphrase.selectAll()
            self.passphrase.setFocus()
        else:
            self.words.setFocus()

    def _reveal(self, on: bool) -> None:
        self.passphrase.setEchoMode(QLineEdit.EchoMode.Normal if on else QLineEdit.EchoMode.Password)

    def _ask(self) -> None:
        login, passphrase = self.login.text().strip(), self.passphrase.text()
        if not login or not passphrase:
            self.problem.say("Fill in both your login and your passphrase.", "danger")
            (self.passphrase if login else self.login).setFocus()
            return
        self.problem.say("")
        self.busy(True)
        self.sign_in.emit(login, passphrase)

    def _ask_slip(self) -> None:
        if not self.words.text().strip():
            self.problem.say("Type the six words of your slip.", "danger")
            self.words.setFocus()
            return
        self.problem.say("")
        self.busy(True)
        self.use_slip.emit(self.words.text())


class PassphraseView(QWidget):
    """Shows a generated passphrase, this once."""

    confirmed = Signal()

    def __init__(self, name: str, login: str, passphrase: str, *, note: str = "") -> None:
        super().__init__()
        self._words = label(passphrase, "secret", wrap=True, selectable=True)
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words.setAccessibleName(f"Your passphrase: {passphrase}")
        self._passphrase = passphrase
        self.copy = button("&Copy", "passphrase.copy", symbol="copy", on_click=self._copy)
        self.written = named(
            QCheckBox("I have &written it down, and nobody else has seen it"),
            "passphrase.written",
            "I have written it down, and nobody else has seen it",
        )
        self.go_on = button("C&ontinue", "passphrase.continue", kind="primary", on_click=self.confirmed.emit)
        self.go_on.setEnabled(False)
        self.written.toggled.connect(self.go_on.setEnabled)
        self.problem = Banner("", "danger")
        text = (
            "This is your passphrase. It was made on this computer, nobody else has seen it, and it is shown "
            "only now. Write it down and keep it as you keep your house key: with it you sign in at any "
            "computer of the school."
        )
        card = Card(
            label(f"Welcome, {name}", "title", wrap=True),
            label(text, "muted", wrap=True),
            4,
            self._words,
            row(label(f"Your login: {login}", "strong", selectable=True), None, self.copy),
            4,
            self.written,
            self.problem,
            self.go_on,
            gap=12,
            padding=28,
        )
        if note:
            card.body.insertWidget(2, label(note, "muted", wrap=True))
        self.setLayout(column(centred(card, width=520)))

    @classmethod
    def of(cls, first: FirstSignIn) -> PassphraseView:
        """Show the one that came with an invitation."""
        return cls(first.name, first.login, first.passphrase)

    def fail(self, error: Exception) -> None:
        """Say why the keys could not be published; the passphrase stays on the screen."""
        message = explain(error)
        self.problem.say(f"{message.text} {message.hint}".strip(), "danger")
        self.go_on.setEnabled(True)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._passphrase)
        relabel(self.copy, "Copied")


class LockView(QWidget):
    """Locked: the keys are gone from memory until the passphrase brings them back."""

    unlock = Signal(str)
    sign_out = Signal()

    def __init__(self, person: Person) -> None:
        super().__init__()
        self.problem = Banner("", "danger")
        self.passphrase = secret_field("lock.passphrase", f"Passphrase of {person.name}")
        self.passphrase.returnPressed.connect(self._ask)
        self.enter = button("&Unlock", "lock.unlock", kind="primary", on_click=self._ask)
        card = Card(
            row(None, IconLabel("lock", "accent", 36), None),
            row(None, label(person.name, "title"), None),
            row(None, label("Locked. What you saved goes on by itself.", "muted"), None),
            8,
            self.problem,
            field("&Passphrase", self.passphrase),
            self.enter,
            row(
                None,
                button(
                    "Sign out, or &switch person",
                    "lock.sign_out",
                    kind="link",
                    on_click=self.sign_out.emit,
                ),
                None,
            ),
            gap=12,
            padding=28,
        )
        self.setLayout(column(centred(card)))
        shortcut(self, "Esc", self.passphrase.clear)

    def fail(self, error: Exception) -> None:
        """Say why it stays locked."""
        message = explain(error)
        self.enter.setEnabled(True)
        self.problem.say(f"{message.text} {message.hint}".strip(), "danger")
        self.passphrase.selectAll()
        self.passphrase.setFocus()

    def _ask(self) -> None:
        if self.passphrase.text():
            self.problem.say("")
            self.enter.setEnabled(False)
            self.unlock.emit(self.passphrase.text())
