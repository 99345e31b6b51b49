"""The accessibility gate: what may take the focus has two names, and they are good ones."""

from __future__ import annotations

import re
from collections import Counter

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QScrollArea, QWidget


def interactive(root: QWidget) -> list[QWidget]:
    """Every visible widget under `root` that a keyboard can reach or a pointer can press."""
    found = []
    for widget in (root, *root.findChildren(QWidget)):
        if not widget.isVisible() or isinstance(widget, QScrollArea | QLabel):
            continue
        reachable = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
        inner = isinstance(widget, QLineEdit) and isinstance(widget.parentWidget(), QComboBox)
        own = widget.focusProxy() is None and not inner and not widget.objectName().startswith("qt_")
        if own and (reachable or isinstance(widget, QAbstractButton)):
            found.append(widget)
    return found


def clashes(root: QWidget) -> list[str]:
    """Mnemonics that two visible widgets under `root` share: neither is pressed by its key."""
    owners: dict[str, list[str]] = {}
    for widget in root.findChildren(QWidget):
        if not widget.isVisible() or not isinstance(widget, QAbstractButton | QLabel):
            continue
        if isinstance(widget, QLabel) and widget.buddy() is None:
            continue
        for key in re.findall(r"&(\w)", widget.text().replace("&&", "")):
            owners.setdefault(key.lower(), []).append(widget.text())
    return [f"Alt+{key}: {' / '.join(texts)}" for key, texts in owners.items() if len(texts) > 1]


def faults(root: QWidget) -> list[str]:
    """What the gate refuses, one line each; empty means pass."""
    problems = []
    names: Counter[str] = Counter()
    for widget in interactive(root):
        what = f"{type(widget).__name__} {widget.objectName()!r}"
        if not widget.objectName():
            problems.append(f"{what} in {widget.parentWidget().objectName()!r}: no objectName")
        names[widget.objectName()] += 1
        spoken = QAccessible.queryAccessibleInterface(widget)
        if spoken is None or not spoken.text(QAccessible.Text.Name).strip():
            problems.append(f"{what}: no accessible name")
        elif re.search(r"&\w", spoken.text(QAccessible.Text.Name)):
            problems.append(f"{what}: the mark of a mnemonic is spoken")
    problems += [f"{name!r} names {count} widgets" for name, count in names.items() if name and count > 1]
    return problems + clashes(root)
