"""What this OS user prefers on this computer: a small INI file beside the app's own data."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

IDLE_MINUTES = (2, 5, 10, 15, 30)
SCHEMES = ("system", "light", "dark")


class Preferences:
    """Reads give a sound value whatever the file holds; writes are stored at once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._store = QSettings(str(folder / "app.ini"), QSettings.Format.IniFormat)

    @property
    def scheme(self) -> str:
        """system, light or dark."""
        value = str(self._store.value("scheme", "system"))
        return value if value in SCHEMES else "system"

    @scheme.setter
    def scheme(self, value: str) -> None:
        self._store.setValue("scheme", value)

    @property
    def idle_minutes(self) -> int:
        """Minutes without a key or the pointer after which the seat locks."""
        text = str(self._store.value("idle_minutes", 10))
        value = int(text) if text.isdecimal() else 10
        return value if value in IDLE_MINUTES else 10

    @idle_minutes.setter
    def idle_minutes(self, value: int) -> None:
        self._store.setValue("idle_minutes", value)

    @property
    def geometry(self) -> QByteArray:
        """Where the window was; empty the first time."""
        value = self._store.value("geometry", QByteArray())
        return value if isinstance(value, QByteArray) else QByteArray()

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._store.setValue("geometry", value)
