"""Lists: the model obeys Qt's contract, sorts in place, and the selection stays on the person."""

from dataclasses import dataclass

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from lms_desktop.views.tables import TONE, Column, RowsModel, Table


@dataclass(frozen=True)
class Pupil:
    number: int
    name: str
    points: int | None


PUPILS = [Pupil(1, "Chiara", 850), Pupil(2, "ana", None), Pupil(3, "Ben", 700)]
COLUMNS = [
    Column("Name", lambda pupil: pupil.name, strong=True),
    Column(
        "Points", lambda pupil: str(pupil.points or ""), 80, right=True, key=lambda pupil: pupil.points or -1
    ),
    Column("", lambda pupil: "Graded" if pupil.points else "", 90, tone=lambda pupil: "success"),
]


@pytest.fixture
def table(dressed, qtbot) -> Table[Pupil]:
    table: Table[Pupil] = Table("test.pupils", "Pupils", COLUMNS, identity=lambda pupil: pupil.number)
    qtbot.addWidget(table)
    table.resize(500, 300)
    table.show_rows(PUPILS)
    table.show()
    return table


def names(table: Table[Pupil]) -> list[str]:
    return [pupil.name for pupil in table.rows.rows]


def test_the_model_keeps_qts_contract(dressed, qtmodeltester) -> None:
    model: RowsModel[Pupil] = RowsModel(COLUMNS)
    qtmodeltester.check(model)
    model.set_rows(PUPILS)
    qtmodeltester.check(model)
    model.sort(0)
    model.set_rows(PUPILS[:1])
    qtmodeltester.check(model)


def test_rows_stand_as_given_until_a_header_is_pressed(table: Table[Pupil]) -> None:
    assert names(table) == ["Chiara", "ana", "Ben"]
    table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert names(table) == ["ana", "Ben", "Chiara"]
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert names(table) == ["Chiara", "Ben", "ana"]
    table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
    assert names(table) == ["Chiara", "ana", "Ben"]


def test_the_selection_stays_on_the_person_through_sorting_and_refreshing(table: Table[Pupil]) -> None:
    table.select(3)
    table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert table.current() == PUPILS[2]
    newer = Pupil(3, "Ben", 900)
    table.show_rows([newer, PUPILS[1]])
    assert table.current() == newer


def test_losing_the_selected_row_is_told(table: Table[Pupil], qtbot) -> None:
    table.select(3)
    with qtbot.waitSignal(table.picked, check_params_cb=lambda row: row is None):
        table.show_rows(PUPILS[:1])
    assert table.current() is None


def test_enter_and_a_double_click_choose_the_row(table: Table[Pupil], qtbot) -> None:
    table.select(2)
    with qtbot.waitSignal(table.chosen, check_params_cb=lambda row: row == PUPILS[1]):
        QTest.keyClick(table, Qt.Key.Key_Return)
    where = table.visualRect(table.rows.index(0, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)
    with qtbot.waitSignal(table.chosen, check_params_cb=lambda row: row == PUPILS[0]):
        QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)


def test_tab_leaves_the_table(table: Table[Pupil]) -> None:
    assert not table.tabKeyNavigation()


def test_a_state_is_spoken_as_text_and_painted_as_a_pill(table: Table[Pupil]) -> None:
    index = table.rows.index(0, 2)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "Graded"
    assert index.data(TONE) == "success"
    assert not table.grab().isNull()
