"""The small parts that every screen is made of.

Whatever can take the focus gets two names here: `objectName`, for tests, style and automation ("area.thing"),
and an accessible name, for screen readers. Making widgets only through these functions is how no screen
forgets one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Any, TypeVar

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from lms_desktop.views.icons import IconLabel, icon

LOST_FOCUS = "lost_focus"
HOLD_GAP = 8  # what is held at the top of a page stands so far below its edge, in pixels
TONE_ICONS = {"success": "check-circle", "warning": "alert", "danger": "error"}

W = TypeVar("W", bound=QWidget)
Item = QWidget | QLayout | int | None


def named(widget: W, object_name: str, accessible: str) -> W:
    """Give `widget` its two names and return it; `&` marks of mnemonics are not spoken."""
    widget.setObjectName(object_name)
    widget.setAccessibleName(accessible.replace("&", ""))
    return widget


def plain_tip(text: str) -> str:
    """Return a tip that shows this text as it is: by itself Qt takes what looks like markup for it, and loads
    the pictures that it names."""
    return f"<qt>{escape(text)}</qt>" if "<" in text or "&lt;" in text else text


def label(
    text: str = "", role: str = "", *, tone: str = "", wrap: bool = False, selectable: bool = False
) -> QLabel:
    """Return plain text in one of the style sheet's roles: title, section, strong, muted, small, code."""
    widget = QLabel()
    widget.setTextFormat(Qt.TextFormat.PlainText)  # names given by people are never markup
    widget.setText(text)
    widget.setProperty("role", role)
    widget.setProperty("tone", tone)
    if wrap:
        widget.setWordWrap(True)
        widget.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    if selectable:
        widget.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return widget


class Elided(QLabel):
    """One line of plain text, shortened with dots where it does not fit; then the tip shows all of it."""

    def __init__(self, text: str, role: str = "") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.set_full(text)

    def set_full(self, text: str) -> None:
        """Show another text."""
        self._full = text
        self._shorten()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._shorten()

    def _shorten(self) -> None:
        shown = self.fontMetrics().elidedText(self._full, Qt.TextElideMode.ElideRight, max(self.width(), 40))
        if shown != self.text():
            self.setText(shown)
        self.setToolTip(plain_tip(self._full) if shown != self._full else "")


def as_given(text: str) -> str:
    """Return a name given by people as a button must be told it, so that its & is no mnemonic."""
    return text.replace("&", "&&")


def restyle(widget: QWidget, **properties: Any) -> None:
    """Set style properties and let the style sheet see them."""
    for name, value in properties.items():
        widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def button(
    text: str,
    object_name: str,
    *,
    kind: str = "",
    symbol: str = "",
    accessible: str = "",
    on_click: Callable[[], Any] | None = None,
    tip: str = "",
) -> QPushButton:
    """Return a push button.

    `kind` is primary, danger, quiet, icon, link, nav, pill or plain (""), `symbol` an icon's name.
    """
    widget = QPushButton(text)
    named(widget, object_name, accessible or text)
    widget.setProperty("kind", kind)
    widget.setAutoDefault(True)  # Enter presses the button that has the focus, as Space does
    if symbol:
        roles = {"primary": "on_accent", "danger": "danger", "link": "accent", "nav": "muted"}
        widget.setIcon(icon(symbol, roles.get(kind, "text")))
        widget.setIconSize(QSize(18, 18) if kind == "nav" else QSize(16, 16))
        relabel(widget, text, accessible)
    if tip:
        widget.setToolTip(plain_tip(tip))
    if on_click is not None:
        widget.clicked.connect(lambda: on_click())
    return widget


def relabel(widget: QPushButton, text: str, accessible: str = "") -> None:
    """Give a button another text, and the name that goes with it."""
    gap = " " if text and not widget.icon().isNull() else ""  # room between picture and word
    widget.setText(gap + text)
    widget.setAccessibleName((accessible or text).replace("&", ""))


def icon_button(
    symbol: str, object_name: str, accessible: str, on_click: Callable[[], Any] | None = None
) -> QPushButton:
    """Return a button that shows only an icon; its name is spoken and shown as a tip."""
    widget = button("", object_name, kind="icon", symbol=symbol, accessible=accessible, on_click=on_click)
    widget.setToolTip(plain_tip(accessible))
    widget.setFixedSize(34, 34)
    return widget


def pill(text: str = "", tone: str = "") -> QLabel:
    """Return a small rounded state word."""
    widget = label(text, "pill", tone=tone)
    widget.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
    return widget


def badge(count: int) -> QLabel:
    """Return a number on the accent; hidden at zero."""
    widget = label(str(count), "badge")
    widget.setAlignment(Qt.AlignmentFlag.AlignCenter)
    widget.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
    widget.setVisible(count > 0)
    return widget


def line() -> QFrame:
    """Return a hairline."""
    widget = QFrame()
    widget.setProperty("role", "line")
    return widget


def fill(box: QBoxLayout, items: tuple[Item, ...]) -> None:
    """Add widgets and layouts to `box`; an int is a gap in pixels, None takes the room that is left."""
    for item in items:
        if item is None:
            box.addStretch(1)
        elif isinstance(item, int):
            box.addSpacing(item)
        elif isinstance(item, QLayout):
            box.addLayout(item)
        else:
            box.addWidget(item)


Margins = tuple[int, int, int, int]


def row(
    *items: Item, gap: int = 8, margins: Margins = (0, 0, 0, 0), stretch: int | None = None
) -> QHBoxLayout:
    """Lay items out side by side, centred on one line; item number `stretch` takes the room that is left."""
    box = QHBoxLayout()
    box.setContentsMargins(*margins)
    box.setSpacing(gap)
    fill(box, items)
    if stretch is not None:
        box.setStretch(stretch, 1)
    return box


def column(
    *items: Item, gap: int = 8, margins: Margins = (0, 0, 0, 0), stretch: int | None = None
) -> QVBoxLayout:
    """Lay items out one under the other; item number `stretch` takes the room that is left."""
    box = QVBoxLayout()
    box.setContentsMargins(*margins)
    box.setSpacing(gap)
    fill(box, items)
    if stretch is not None:
        box.setStretch(stretch, 1)
    return box


def clear(box: QLayout) -> None:
    """Remove and delete everything in `box`.

    The name of what had the focus there is kept, for `restore_focus` once the box is filled again.
    """
    while (item := box.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            focused = widget.window().focusWidget()
            if focused is not None and (focused is widget or widget.isAncestorOf(focused)):
                widget.window().setProperty(LOST_FOCUS, focused.objectName())
            widget.hide()
            widget.setParent(None)
            widget.deleteLater()
        elif (inner := item.layout()) is not None:
            clear(inner)
            inner.deleteLater()


def restore_focus(root: QWidget) -> None:
    """Give the focus to what stands under `root` in the place of a widget that `clear` took away."""

    def restore() -> None:
        window = root.window()
        name = window.property(LOST_FOCUS)
        found = root.findChild(QWidget, name) if name else None
        if found is not None:
            window.setProperty(LOST_FOCUS, None)
            found.setFocus(Qt.FocusReason.OtherFocusReason)

    QTimer.singleShot(0, root, restore)  # Qt shows what is new in a layout once it is back in its loop


class Card(QFrame):
    """A surface with a border; `body` is its layout."""

    def __init__(self, *items: Item, gap: int = 8, padding: int = 16, role: str = "card") -> None:
        super().__init__()
        self.setProperty("role", role)
        self.body = column(*items, gap=gap, margins=(padding, padding, padding, padding))
        self.setLayout(self.body)


class RowButton(QPushButton):
    """A whole row, or tile, that can be pressed.

    What it shows is laid out inside, its name says it in one line.
    """

    def __init__(self, object_name: str, accessible: str, content: QLayout, *, kind: str = "row") -> None:
        super().__init__()
        self.setObjectName(object_name)
        self.setAccessibleName(accessible)  # holds names given by people: an & in it is one
        self.setProperty("kind", kind)
        self.setAutoDefault(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setLayout(content)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        for child in self.findChildren(QLabel):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def sizeHint(self) -> QSize:
        return self.layout().sizeHint()

    def minimumSizeHint(self) -> QSize:
        return self.layout().minimumSize()

    def hasHeightForWidth(self) -> bool:
        return self.layout().hasHeightForWidth()

    def heightForWidth(self, width: int) -> int:
        return self.layout().heightForWidth(width)


def list_row(
    object_name: str,
    title: str,
    subtitle: str = "",
    *,
    lead: QWidget | None = None,
    trailing: tuple[QWidget, ...] = (),
    spoken: str = "",
    on_click: Callable[[], Any],
) -> RowButton:
    """Return a row of a list: a picture or pill, two lines of text, what stands at its end.

    The whole can be pressed.
    """
    texts: list[Item] = [Elided(title, "strong")]
    if subtitle:
        texts.append(Elided(subtitle, "small"))
    items: list[Item] = [*([lead] if lead else []), column(*texts, gap=2), *trailing]
    content = row(
        *items,
        IconLabel("chevron-right", "muted", 16),
        gap=12,
        margins=(12, 9, 12, 9),
        stretch=1 if lead else 0,
    )
    said = spoken or ", ".join(part for part in (title, subtitle) if part)
    button = RowButton(object_name, said, content)
    button.clicked.connect(lambda: on_click())
    return button


class ListCard(Card):
    """A card with a heading and rows, divided by hairlines."""

    def __init__(self, heading: str, rows: Sequence[QWidget], *, count: int | None = None) -> None:
        super().__init__(gap=0, padding=6)
        head: list[Item] = [label(heading, "section")]
        if count is not None:
            head.append(pill(str(count)))
        self.body.addLayout(row(*head, None, margins=(12, 10, 12, 8)))
        for number, widget in enumerate(rows):
            if number:
                self.body.addLayout(row(line(), margins=(12, 0, 12, 0)))
            self.body.addWidget(widget)


class Banner(QFrame):
    """One sentence across a screen, in a tone, with at most one thing to do about it."""

    def __init__(self, text: str = "", tone: str = "accent", action: QAbstractButton | None = None) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self._icon = IconLabel("info", "accent", 18)
        self._text = label(text, wrap=True)
        # As tall as its lines at the width that it has; its size hint counts them as if it were narrow.
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setLayout(
            row(self._icon, self._text, *([action] if action else []), gap=10, margins=(12, 10, 12, 10))
        )
        self.say(text, tone)

    def text(self) -> str:
        """What it says."""
        return self._text.text()

    def say(self, text: str, tone: str = "accent") -> None:
        """Show another sentence; nothing at all hides the banner."""
        self._text.setText(text)
        self._icon.show_icon(TONE_ICONS.get(tone, "info"), tone)
        restyle(self, tone=tone)
        self.setVisible(bool(text))


class EmptyState(QWidget):
    """What a list shows instead of nothing: an icon, a sentence, one action."""

    def __init__(
        self, symbol: str, title: str, sentence: str = "", action: QAbstractButton | None = None
    ) -> None:
        super().__init__()
        self._icon = IconLabel(symbol, "muted", 40)
        self.title = label(title, "section")
        self.sentence = label(sentence, "muted", wrap=True)
        for text in (self.title, self.sentence):
            text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence.setMaximumWidth(440)
        self.sentence.setMinimumWidth(320)
        self.sentence.setVisible(bool(sentence))
        middle = row(None, self._icon, None)
        body = column(None, middle, 8, self.title, row(None, self.sentence, None), margins=(24, 32, 24, 32))
        if action is not None:
            fill(body, (8, row(None, action, None)))
        body.addStretch(1)
        self.setLayout(body)


class _Sheet(QWidget):
    """As tall as its lines need at its width: its least height counts them as if it were narrow."""

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), 0)


class Scroll(QScrollArea):
    """A page that scrolls up and down; `body` is its layout, kept to a width that reads well."""

    def __init__(self, *items: Item, gap: int = 16, padding: int = 24, width: int = 1060) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        inner.setMaximumWidth(width)
        self.body = column(*items, gap=gap)
        inner.setLayout(self.body)
        page = _Sheet()
        page.setProperty("role", "page")
        page.setLayout(row(inner, margins=(padding, padding, padding, padding), stretch=0))
        page.layout().setAlignment(Qt.AlignmentFlag.AlignLeft)
        self.setWidget(page)
        self.viewport().setAutoFillBackground(False)
        self._held: QWidget | None = None
        self.verticalScrollBar().rangeChanged.connect(lambda *_: self._bring_up())
        self.verticalScrollBar().actionTriggered.connect(lambda _: self.hold(None))

    def hold(self, item: QWidget | None) -> None:
        """Keep an item at the top while what is around it grows, until the person scrolls; None: nothing."""
        self._held = item
        QTimer.singleShot(0, self, self._bring_up)  # once what is new has its place

    @property
    def holds(self) -> bool:
        """True while an item is held."""
        return self._held is not None

    def _bring_up(self) -> None:
        if self._held is not None and isValid(self._held):
            top = self._held.mapTo(self.widget(), self._held.rect().topLeft()).y()
            self.verticalScrollBar().setValue(top - HOLD_GAP)


def tab_order(root: QWidget, here: QWidget | None) -> Iterator[QWidget]:
    """Yield what Tab should reach under `root`, and `here`, in the order of the widget tree.

    Qt's own order is that of creation: what a screen makes while it loads would come after everything else.
    """
    for child in root.children():
        if isinstance(child, QWidget) and child.isVisible() and not child.isWindow():
            reachable = child.focusPolicy() & Qt.FocusPolicy.TabFocus and child.isEnabled()
            if child is here or (reachable and not child.focusProxy()):
                yield child
            yield from tab_order(child, here)


def shortcut(owner: QWidget, keys: str, action: Callable[[], Any], *, inside: bool = False) -> QShortcut:
    """Bind `keys` in the owner's window, or only while the focus is inside the owner."""
    binding = QShortcut(QKeySequence(keys), owner)
    binding.setContext(
        Qt.ShortcutContext.WidgetWithChildrenShortcut if inside else Qt.ShortcutContext.WindowShortcut
    )
    binding.activated.connect(lambda: action())
    return binding
