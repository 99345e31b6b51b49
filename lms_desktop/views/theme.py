"""The look of the whole app: two palettes, one style sheet, one font.

A `Palette` names colours by what they are for, never by what they look like. `apply` gives them to Qt twice:
as a QPalette for what Fusion draws itself and as `resources/theme.qss`, a template over the same names, for
the rest. `READABLE` lists every pair of text and background that the app puts on the screen; each must reach
`MIN_CONTRAST` (WCAG 2.2 AA for normal text).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from lms_desktop.resources import resource

MIN_CONTRAST = 4.5
POINT_SIZE = 10.5


@dataclass(frozen=True, slots=True)
class Palette:
    """One scheme; every value is `#rrggbb`."""

    name: str
    window: str  # behind everything
    surface: str  # cards, tables, fields
    sidebar: str
    hover: str  # a row or quiet button under the pointer
    border: str  # hairlines that only decorate
    field: str  # outlines that say "here you can type"; 3:1 against surface
    text: str
    muted: str
    accent: str
    accent_hover: str
    on_accent: str
    accent_soft: str
    success: str
    success_soft: str
    warning: str
    warning_soft: str
    danger: str
    danger_soft: str
    on_danger: str


LIGHT = Palette(
    name="light",
    window="#f5f6f8",
    surface="#ffffff",
    sidebar="#ebedf2",
    hover="#eef1f6",
    border="#dce0e8",
    field="#868fa0",
    text="#1a2130",
    muted="#556072",
    accent="#2c55c9",
    accent_hover="#2347ad",
    on_accent="#ffffff",
    accent_soft="#e4ebfc",
    success="#17693f",
    success_soft="#def3e6",
    warning="#7d5000",
    warning_soft="#fdf0cf",
    danger="#aa2119",
    danger_soft="#fce6e4",
    on_danger="#ffffff",
)
DARK = Palette(
    name="dark",
    window="#13161c",
    surface="#1b1f27",
    sidebar="#171a21",
    hover="#252a35",
    border="#2d333f",
    field="#6c7789",
    text="#e7eaf0",
    muted="#a4aebe",
    accent="#8fb0ff",
    accent_hover="#aac3ff",
    on_accent="#0d1630",
    accent_soft="#243154",
    success="#74d69e",
    success_soft="#17362a",
    warning="#efc266",
    warning_soft="#3b2f12",
    danger="#ff9f96",
    danger_soft="#46211f",
    on_danger="#2b0906",
)
PALETTES = {palette.name: palette for palette in (LIGHT, DARK)}

TONES = ("success", "warning", "danger")
READABLE: tuple[tuple[str, str], ...] = (
    *((ink, ground) for ink in ("text", "muted") for ground in ("window", "surface", "sidebar", "hover")),
    *(("accent", ground) for ground in ("window", "surface", "sidebar", "hover", "accent_soft")),
    ("text", "accent_soft"), ("muted", "accent_soft"), ("on_accent", "accent"), ("on_accent", "accent_hover"),
    *((tone, ground) for tone in TONES for ground in ("surface", "window", f"{tone}_soft")),
    *(("text", f"{tone}_soft") for tone in TONES), ("on_danger", "danger"),
)  # fmt: skip


def contrast(first: str, second: str) -> float:
    """Return the WCAG contrast ratio of two `#rrggbb` colours, 1.0 to 21.0."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class Theme(QObject):
    """The scheme in use. `changed` is emitted after the whole app has taken on the new one."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.palette = LIGHT
        self.choice = "system"

    def apply(self, choice: str = "system") -> None:
        """Dress the running QApplication in `choice`: "light", "dark" or "system" (as the desktop asks)."""
        app = QApplication.instance()
        if not isinstance(app, QApplication):
            raise RuntimeError("a theme needs a running QApplication")
        self.choice = choice
        dark = app.styleHints().colorScheme() == Qt.ColorScheme.Dark
        self.palette = PALETTES.get(choice, DARK if dark else LIGHT)
        app.setPalette(_qt_palette(self.palette))
        app.setStyleSheet(style_sheet(self.palette))
        self.changed.emit()

    def follow_system(self) -> None:
        """Change with the desktop for as long as the choice is "system"."""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.styleHints().colorSchemeChanged.connect(self._on_system_change)

    def _on_system_change(self) -> None:
        if self.choice == "system":
            self.apply("system")


theme = Theme()


def prepare(app: QApplication) -> None:
    """Set what does not change with the scheme: Fusion and the font. Call once, before the first window."""
    app.setStyle("Fusion")
    for weight in ("Regular", "Medium", "SemiBold"):
        QFontDatabase.addApplicationFont(str(resource("fonts", f"Inter-{weight}.otf")))
    font = QFont()
    # Each system's own interface font first: only Linux, where none can be relied on, gets ours.
    font.setFamilies(["Segoe UI Variable Text", "Segoe UI", ".AppleSystemUIFont", "Inter"])
    font.setPointSizeF(POINT_SIZE)
    app.setFont(font)


def style_sheet(palette: Palette) -> str:
    """Return `resources/theme.qss` filled in with the palette's colours and its own small pictures."""
    icons = resource("icons").as_posix()
    return Template(resource("theme.qss").read_text("utf-8")).substitute(asdict(palette), icons=icons)


def _qt_palette(palette: Palette) -> QPalette:
    roles = QPalette.ColorRole
    qt = QPalette()
    for role, colour in {
        roles.Window: palette.window,
        roles.WindowText: palette.text,
        roles.Base: palette.surface,
        roles.AlternateBase: palette.window,
        roles.Text: palette.text,
        roles.PlaceholderText: palette.muted,
        roles.Button: palette.surface,
        roles.ButtonText: palette.text,
        roles.BrightText: palette.danger,
        roles.Highlight: palette.accent,
        roles.HighlightedText: palette.on_accent,
        roles.Accent: palette.accent,
        roles.Link: palette.accent,
        roles.LinkVisited: palette.accent,
        roles.ToolTipBase: palette.text,
        roles.ToolTipText: palette.surface,
        roles.Light: palette.surface,
        roles.Midlight: palette.hover,
        roles.Mid: palette.border,
        roles.Dark: palette.field,
        roles.Shadow: palette.border,
    }.items():
        qt.setColor(role, QColor(colour))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        qt.setColor(QPalette.ColorGroup.Disabled, role, QColor(palette.muted))
    return qt
