"""The small parts: what people have written is shown as they wrote it, in tips as everywhere."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as QtText
from PySide6.QtGui import QTextDocument

from lms_desktop.views.tables import Column, RowsModel
from lms_desktop.views.widgets import Elided, icon_button, plain_tip

NAMES = [
    '<img src="//server/share/picture.png"> Week 1',
    "<b>Bold</b> & plain",
    "How does <br> differ from <p>?",
    "Week 1: x < y and y > z",
    "An ordinary name & another",
    "&lt;b> is how < is written",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_tip_shows_a_name_as_it_was_written(dressed, qtbot, name: str) -> None:
    elided = Elided(name)
    qtbot.addWidget(elided)
    elided.resize(40, 20)
    elided.set_full(name * 3)
    remove = icon_button("close", "test.remove", name)
    qtbot.addWidget(remove)
    rows = RowsModel([Column("Name", lambda row: row, tip=lambda row: row)])
    rows.set_rows([name])
    tips = {
        elided.toolTip(): name * 3,
        remove.toolTip(): name,
        rows.data(rows.index(0, 0), Qt.ItemDataRole.ToolTipRole): name,
    }
    for tip, written in tips.items():
        shown = QTextDocument()
        if QtText.mightBeRichText(tip):
            shown.setHtml(tip)
        else:
            shown.setPlainText(tip)
        assert shown.toPlainText() == written
        assert plain_tip(written) == tip
