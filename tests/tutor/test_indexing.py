"""The worker's thread that reads courses: what it hands out, when, and what leaves the memory."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lms_desktop.tutor import indexing
from lms_desktop.tutor.encoder import Encoder, load_encoder
from lms_desktop.tutor.indexing import Indexer
from lms_desktop.tutor.protocol import Document, Indexed, Open, Report

REEF = "The reef grows where the water is warm and clear. It bleaches when the water is too warm for long."
HEAP = "A heap is a tree in which no child is smaller than its parent. Its smallest value stands at the root."


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(prefer_addon=False)


def told(course: int, *texts: str, more: bool = False, edition: int = 1) -> Open:
    documents = (
        Document(course * 100 + place, "assignment", "Essay", text, "", b"")
        for place, text in enumerate(texts)
    )
    return Open(course, edition, tuple(documents), more)


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.005)


class Reader:
    """A running thread, and what it told."""

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        self.reports: list[Report] = []
        self.thread = Indexer(folder, encoder, self.reports.append)
        self.thread.start()

    def ready(self, course: int) -> list[Indexed]:
        return [
            each
            for each in self.reports
            if isinstance(each, Indexed) and each.course == course and each.state == "ready"
        ]


def test_a_course_comes_in_parts_and_is_read_whole(tmp_path: Path, encoder: Encoder) -> None:
    reader = Reader(tmp_path, encoder)
    reader.thread.open(told(1, REEF, more=True))
    reader.thread.open(Open(1, 1, (Document(199, "assignment", "Heaps", HEAP, "", b""),), False))
    until(lambda: reader.ready(1))
    assert (reader.ready(1)[0].done, reader.ready(1)[0].total) == (2, 2)
    course = reader.thread.course(1)
    assert course is not None
    assert course.whole
    assert {passage.document for passage in course.index.passages} == {100, 199}


def test_what_came_of_a_course_without_its_rest_is_void_when_it_is_told_anew(
    tmp_path: Path, encoder: Encoder
) -> None:
    reader = Reader(tmp_path, encoder)
    reader.thread.open(told(1, REEF, HEAP, more=True))
    reader.thread.open(told(1, HEAP, edition=2))
    until(lambda: reader.ready(1))
    (ready,) = reader.ready(1)
    assert (ready.edition, ready.done, ready.total) == (2, 1, 1)


def test_a_changed_course_is_answered_from_its_earlier_state_until_it_is_read(
    tmp_path: Path, encoder: Encoder
) -> None:
    reader = Reader(tmp_path, encoder)
    reader.thread.open(told(1, REEF))
    until(lambda: reader.ready(1))
    earlier = reader.thread.course(1)
    assert earlier is not None
    reader.thread.open(told(1, HEAP))
    while len(reader.ready(1)) < 2:
        assert reader.thread.course(1) is not None
    later = reader.thread.course(1)
    assert later is not None
    assert "heap" in later.index.passages[0].text
    assert "reef" in earlier.index.passages[0].text


def test_courses_that_nobody_asks_about_leave_the_memory_and_come_back(
    tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "MEMORY", 0)
    reader = Reader(tmp_path, encoder)
    for course, text in ((1, REEF), (2, HEAP)):
        reader.thread.open(told(course, text))
        until(lambda course=course: reader.ready(course))  # type: ignore[misc]
    assert reader.thread.course(1) is None
    assert reader.thread.course(2) is not None
    reader.thread.hurry(1)
    until(lambda: reader.thread.course(1) is not None)
    assert reader.thread.course(2) is None


def test_a_damaged_index_is_read_anew(tmp_path: Path, encoder: Encoder) -> None:
    reader = Reader(tmp_path, encoder)
    reader.thread.open(told(1, REEF))
    until(lambda: reader.ready(1))
    reader.thread.damaged()
    until(lambda: len(reader.ready(1)) > 1)
    assert reader.thread.course(1) is not None
