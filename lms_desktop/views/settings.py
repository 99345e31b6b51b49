"""Settings of this person on this computer: the look, and when the seat locks by itself."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox

from lms_desktop import __version__
from lms_desktop.views.dialogs import field
from lms_desktop.views.page import Context, Page, Place
from lms_desktop.views.preferences import IDLE_MINUTES, SCHEMES
from lms_desktop.views.shortcuts import ShortcutsDialog
from lms_desktop.views.theme import theme
from lms_desktop.views.widgets import Card, Scroll, button, label, named, row


class SettingsPage(Page):
    """A few choices, each in force at once."""

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        preferences = context.preferences
        self.scheme = named(QComboBox(), "settings.scheme", "Colours")
        for scheme, text in zip(SCHEMES, ("As the computer", "Light", "Dark"), strict=True):
            self.scheme.addItem(text, scheme)
        self.scheme.setCurrentIndex(SCHEMES.index(preferences.scheme))
        self.scheme.currentIndexChanged.connect(self._on_scheme)
        self.idle = named(QComboBox(), "settings.idle", "Lock when idle")
        for minutes in IDLE_MINUTES:
            self.idle.addItem(f"after {minutes} minutes", minutes)
        self.idle.setCurrentIndex(IDLE_MINUTES.index(preferences.idle_minutes))
        self.idle.currentIndexChanged.connect(self._on_idle)
        for combo in (self.scheme, self.idle):
            combo.setFixedWidth(240)
        keys = button("&Keyboard shortcuts (?)", "settings.keys", symbol="keyboard", on_click=self._show_keys)
        person = context.session.person
        about = (
            ("Person", f"{person.name} ({person.login})"),
            ("School", context.session.school),
            ("Time zone", context.zone.replace("_", " ")),
            ("Program", f"LMS Desktop {__version__}"),
        )
        self.set_content(
            Scroll(
                label("Settings", "display"),
                Card(label("Looks", "section"), field("&Colours", self.scheme), gap=12),
                Card(
                    label("Security", "section"),
                    field(
                        "&Lock when idle",
                        self.idle,
                        "Locking wipes your keys from memory; your passphrase brings you back.",
                    ),
                    gap=12,
                ),
                Card(label("Keyboard", "section"), row(keys, None), gap=12),
                Card(
                    label("About", "section"),
                    *(_fact(name, value) for name, value in about),
                ),
                None,
                width=720,
            )
        )

    def _on_scheme(self, number: int) -> None:
        self.context.preferences.scheme = SCHEMES[number]
        theme.apply(SCHEMES[number])

    def _on_idle(self, number: int) -> None:
        self.context.preferences.idle_minutes = IDLE_MINUTES[number]

    def _show_keys(self) -> None:
        ShortcutsDialog(self, self.messages, ()).open()


def _fact(name: str, value: str):
    title = label(name, "muted")
    title.setFixedWidth(120)
    return row(title, label(value, selectable=True), None)
