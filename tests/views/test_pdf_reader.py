"""The reader, on real PDFs: pages, zoom, text, and files that cannot be shown."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from lms_desktop.resources import resource
from lms_desktop.views.pdf_reader import PdfReader
from lms_desktop.views.theme import theme
from tests.views.gate import faults
from tests.views.runner import Runner, find


@pytest.fixture(scope="module")
def pdf() -> bytes:
    """The longest of the demo's own materials."""
    return max(
        (path.read_bytes() for path in resource("courses").glob("*.pdf") if "sample" not in path.name),
        key=len,
    )


@pytest.fixture
def reader(dressed, qtbot, run: Runner, pdf: bytes) -> PdfReader:
    reader = PdfReader("reader", save=lambda: reader.saved.append(True))
    reader.saved = []
    qtbot.addWidget(reader)
    reader.resize(1000, 700)
    reader.show()
    reader.open_bytes(pdf)
    run.until(lambda: reader.pages > 1 and find(reader, "reader.page").text() == "1")
    return reader


def test_pages_by_button_by_number_and_by_key(reader: PdfReader, run: Runner) -> None:
    find(reader, "reader.next").click()
    run.until(lambda: reader.page == 2)
    box = find(reader, "reader.page")
    box.setText(str(reader.pages))
    QTest.keyClick(box, Qt.Key.Key_Return)
    run.until(lambda: reader.page == reader.pages)
    assert not find(reader, "reader.next").isEnabled()
    reader.go_to(reader.pages + 10)
    assert reader.page == reader.pages
    reader.go_to(-3)
    assert reader.page == 1


def test_it_fits_the_width_and_keeps_fitting(reader: PdfReader, run: Runner) -> None:
    wide = reader.view.zoomFactor()
    reader.resize(600, 700)
    run.until(lambda: reader.view.zoomFactor() < wide)
    assert reader.view.horizontalScrollBar().maximum() == 0


def test_zoom_by_button_and_by_wheel_ends_the_fitting(reader: PdfReader, run: Runner) -> None:
    before = reader.view.zoomFactor()
    find(reader, "reader.zoom_in").click()
    larger = reader.view.zoomFactor()
    assert larger > before
    wheel = QWheelEvent(
        QPointF(50, 50),
        QPointF(50, 50),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(reader.view.viewport(), wheel)
    assert reader.view.zoomFactor() < larger
    kept = reader.view.zoomFactor()
    reader.resize(700, 700)
    run.until(lambda: reader.view.width() < 720)
    assert reader.view.zoomFactor() == kept


def test_a_page_can_be_read_as_text(reader: PdfReader) -> None:
    find(reader, "reader.as_text").click()
    text = find(reader, "reader.text")
    assert len(text.toPlainText().split()) > 30
    first = text.toPlainText()
    find(reader, "reader.next").click()
    assert text.toPlainText() != first
    find(reader, "reader.as_text").click()
    assert reader.view.isVisible()


@pytest.mark.parametrize("data", [b"", b"not a PDF at all", b"%PDF-1.7\n1 0 obj\n<<"])
def test_a_bad_file_says_so_and_the_next_good_one_opens(
    reader: PdfReader, run: Runner, data: bytes, pdf: bytes
) -> None:
    reader.open_bytes(data)
    assert reader.problem.isVisible()
    assert "cannot be shown" in reader.problem.title.text()
    assert not find(reader, "reader.zoom_in").isEnabled()
    reader.open_bytes(pdf)
    run.until(lambda: reader.view.isVisible() and find(reader, "reader.zoom_in").isEnabled())


def test_closing_forgets_the_bytes(reader: PdfReader) -> None:
    reader.close_document()
    assert reader.pages == 0
    assert reader._buffer.data().isEmpty()
    assert not find(reader, "reader.save").isEnabled()


def test_the_copy_is_asked_for_by_button_and_key(reader: PdfReader, qtbot) -> None:
    find(reader, "reader.save").click()
    assert reader.saved == [True]


def test_every_tool_has_its_names(reader: PdfReader) -> None:
    assert faults(reader) == []


def test_a_change_of_theme_dresses_the_ground(reader: PdfReader) -> None:
    try:
        theme.apply("dark")
        assert reader.view.palette().dark().color().name() == theme.palette.sidebar
    finally:
        theme.apply("light")
