"""Finding a quoted passage: in a text whatever its breaks, and on a real page, marked where it stands."""

import io

import pytest
from pypdf import PdfReader as Extractor
from PySide6.QtGui import QColor

from lms_desktop.resources import resource
from lms_desktop.views.passage import locate, units
from lms_desktop.views.pdf_pages import MARK
from lms_desktop.views.pdf_reader import PdfReader
from tests.views.gate import faults
from tests.views.runner import Runner, find
from tests.views.talks import HALVING

PDF = resource("courses", "searching.pdf")


@pytest.mark.parametrize(
    ("text", "quote", "found"),
    [
        ("one two three", "two three", "two three"),
        ("one\r\ntwo   three", "one two three", "one\r\ntwo   three"),
        ("a co-\noperative game", "a cooperative game", "a co-\noperative game"),
        ("the ﬁrst ﬂoor", "the first floor", "the ﬁrst ﬂoor"),
        ("Ends Here", "ends here", "Ends Here"),
        ("𝑛 log 𝑛 steps", "n log n steps", "𝑛 log 𝑛 steps"),
        ("nothing like it", "another text", None),
        ("anything", "  - ", None),
    ],
)
def test_a_quote_is_found_whatever_the_breaks(text: str, quote: str, found: str | None) -> None:
    at = locate(text, quote)
    assert (text[slice(*at)] if at else None) == found


def test_the_longest_part_stands_for_a_quote_that_is_there_in_part() -> None:
    text = "Binary search halves the list again and again. Footer 3"
    at = locate(text, "Binary search halves the list again and then something else")
    assert at is not None
    assert text[slice(*at)].startswith("Binary search halves the list again and")
    assert locate(text, "Binary search but then something else altogether") is None


def test_places_are_counted_as_qt_counts_them() -> None:
    assert units("a𝑛b", 2) == 3


@pytest.fixture
def reader(dressed, qtbot, run: Runner) -> PdfReader:
    reader = PdfReader("reader")
    qtbot.addWidget(reader)
    reader.resize(700, 700)
    reader.show()
    reader.open_bytes(PDF.read_bytes(), page=3, quote=HALVING)
    run.until(lambda: reader.passage.isVisible() and reader.page == 3)
    return reader


def test_the_passage_is_marked_where_it_stands_and_in_view(reader: PdfReader, run: Runner) -> None:
    marks = reader.view.on_view()
    assert len(marks) == 2  # the passage has two lines on the page
    viewport = reader.view.viewport()
    run.until(lambda: all(viewport.rect().contains(mark.toRect()) for mark in reader.view.on_view()))
    run.until(lambda: _yellow(reader, reader.view.on_view()[0].center().toPoint()))
    bar = find(reader, "reader.passage")
    assert bar.accessibleName().startswith("Marked on page 3: “Binary search makes")
    assert faults(reader) == []


def _yellow(reader: PdfReader, middle) -> bool:
    """The mark's colour, which no page of the file has, lies on the passage's line."""
    picture = reader.view.viewport().grab().toImage()
    scale = picture.devicePixelRatio()
    wanted = QColor(MARK)
    return any(
        picture.pixelColor(round((middle.x() + step) * scale), round(middle.y() * scale)) == wanted
        for step in range(-60, 60)
    )


def test_the_mark_follows_the_zoom_and_is_scrolled_to_again(reader: PdfReader, run: Runner) -> None:
    small = reader.view.on_view()[0].width()
    reader.zoom(1)
    assert reader.view.on_view()[0].width() > small
    reader.go_to(1)
    run.until(lambda: reader.page == 1)
    find(reader, "reader.to_passage").click()
    run.until(lambda: reader.page == 3)
    viewport = reader.view.viewport()
    run.until(lambda: viewport.rect().contains(reader.view.on_view()[0].center().toPoint()))


def test_in_the_text_the_passage_is_selected(reader: PdfReader) -> None:
    reader.toggle_text()
    selected = reader.text.textCursor().selectedText()
    assert "".join(selected.split()) == "".join(HALVING.split())


def test_a_passage_that_is_not_on_the_page_is_told_and_nothing_is_marked(reader: PdfReader) -> None:
    reader.mark(2, "Words that nobody wrote on any of these pages at all")
    assert reader.view.marks == ()
    assert find(reader, "reader.passage").accessibleName().startswith("Cited from page 2")
    find(reader, "reader.unmark").click()
    assert not reader.passage.isVisible()


def test_every_sentence_that_another_extractor_reads_is_found(reader: PdfReader) -> None:
    """The quotes come from another program's extraction of the same page."""
    pages = Extractor(io.BytesIO(PDF.read_bytes())).pages
    for number in range(1, len(pages) + 1):
        text = " ".join(pages[number - 1].extract_text().split())
        sentences = [part.strip() for part in text.split(". ") if 60 < len(part) < 300]
        for sentence in sentences[1:-1]:
            reader.mark(number, sentence)
            assert reader.view.marks, sentence
