"""The look: readable in both schemes, complete, and changed at once."""

import re

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication, QPushButton, QSpinBox, QWidget

from lms_desktop.resources import resource
from lms_desktop.views.icons import icon
from lms_desktop.views.theme import MIN_CONTRAST, PALETTES, READABLE, contrast, style_sheet, theme
from lms_desktop.views.widgets import row


def test_contrast_is_the_wcag_ratio() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", PALETTES)
@pytest.mark.parametrize(("ink", "ground"), READABLE)
def test_every_pair_of_text_and_ground_can_be_read(scheme: str, ink: str, ground: str) -> None:
    palette = PALETTES[scheme]
    ratio = contrast(getattr(palette, ink), getattr(palette, ground))
    assert ratio >= MIN_CONTRAST, f"{ink} on {ground} in {scheme}: {ratio:.2f}"


@pytest.mark.parametrize("scheme", PALETTES)
def test_outlines_of_fields_and_focus_can_be_seen(scheme: str) -> None:
    palette = PALETTES[scheme]
    for outline in (palette.field, palette.accent):
        for ground in (palette.surface, palette.window):
            assert contrast(outline, ground) >= 3.0


def test_every_pair_that_the_style_sheet_makes_is_in_the_checked_list() -> None:
    """A rule that sets both `color` and `background` by role is text on a ground."""
    sheet = re.sub(r"/\*.*?\*/", "", resource("theme.qss").read_text("utf-8"), flags=re.DOTALL)
    pairs = set()
    for rule in re.findall(r"\{([^}]*)\}", sheet):
        ink = re.search(r"(?:^|[;\s])color: \$(\w+)", rule)
        ground = re.search(r"(?:^|[;\s])background: \$(\w+)", rule)
        if ink and ground:
            pairs.add((ink[1], ground[1]))
    assert pairs, "the style sheet was not understood"
    same = {("surface", "text"), ("muted", "border")}  # ("text", "surface") turned round; a disabled button
    assert pairs - same <= set(READABLE)


def test_the_style_sheet_is_short_and_its_pictures_exist() -> None:
    assert len(resource("theme.qss").read_text("utf-8").splitlines()) <= 200
    for palette in PALETTES.values():
        sheet = style_sheet(palette)
        assert "$" not in sheet
        for path in re.findall(r"url\(([^)]*)\)", sheet):
            assert resource(*path.split("/resources/")[1].split("/")).exists()


def test_a_change_of_scheme_reaches_everything_and_icons_follow(dressed: QApplication) -> None:
    picture = icon("today")
    seen = {}
    try:
        for scheme in ("dark", "light"):
            theme.apply(scheme)
            image = picture.pixmap(QSize(32, 32)).toImage()
            inks = {
                image.pixelColor(x, y).name()
                for x in range(32)
                for y in range(32)
                if image.pixelColor(x, y).alpha() > 250
            }
            seen[scheme] = inks
            assert theme.palette.text in inks
            assert dressed.palette().window().color().name() == theme.palette.window
    finally:
        theme.apply("light")
    assert not seen["dark"] & seen["light"]


def test_an_unknown_icon_is_refused() -> None:
    with pytest.raises(FileNotFoundError):
        icon("no-such-icon")


def test_every_icon_can_be_drawn(dressed: QApplication) -> None:
    for path in resource("icons").glob("*.svg"):
        image = icon(path.stem).pixmap(QSize(24, 24)).toImage()
        assert any(image.pixelColor(x, y).alpha() for x in range(24) for y in range(24)), path.name


def test_the_focus_is_seen_on_a_button(dressed: QApplication, qtbot) -> None:
    box = QWidget()
    qtbot.addWidget(box)
    first, second = QPushButton("Press"), QPushButton("Press")
    box.setLayout(row(first, second))
    with qtbot.waitActive(box):
        box.show()
        box.activateWindow()
    first.setFocus()
    assert first.grab().toImage() != second.grab().toImage()
    second.setFocus()
    first.clearFocus()
    second.clearFocus()
    assert first.grab().toImage() == second.grab().toImage()


def test_a_number_in_its_box_can_be_seen(dressed: QApplication, qtbot) -> None:
    box = QSpinBox()
    box.setRange(1, 1000)
    box.setValue(30)
    qtbot.addWidget(box)
    box.show()
    inner = box.lineEdit()
    assert inner.width() >= inner.fontMetrics().horizontalAdvance("1000") + 2 * 8
