"""The index holds what a course consists of, and nothing else; it can be left, damaged and made anew."""

import dataclasses
import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from lms_desktop.tutor import index as indexing
from lms_desktop.tutor import store
from lms_desktop.tutor.course_index import CourseIndex, Listed
from lms_desktop.tutor.encoder import Encoder, load_encoder
from lms_desktop.tutor.index import Index, Progress
from lms_desktop.tutor.passages import readable
from lms_desktop.tutor.protocol import Document
from lms_desktop.tutor.sentences import normal
from lms_desktop.tutor.store import IndexDamaged, IndexFailed
from lms_desktop.tutor.textcache import TextCache
from tests.tutor import pdfs

COURSE, OTHER = 11, 12
TIDES = ["The moon pulls the water of the sea.", "So there are two tides on each day."]
FUGUE = ["A fugue begins with its subject alone.", "Then a second voice gives the answer."]


class Counting:
    """The real encoder, and how many texts it was given."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name = encoder.name
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        return self._encoder.encode(texts)


@pytest.fixture(scope="module")
def numpy_encoder() -> Encoder:
    return load_encoder(prefer_addon=False)


@pytest.fixture
def encoder(numpy_encoder: Encoder) -> Counting:
    return Counting(numpy_encoder)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tutor" / "index.db"


@pytest.fixture
def index(path: Path, encoder: Counting) -> Iterator[Index]:
    index = opened(path, encoder)
    yield index
    index.close()


def opened(path: Path, encoder: Counting) -> Index:
    return Index(path, encoder, TextCache(path.parent / "text"))


def material(document: int, path: Path, title: str = "Notes", text: str = "") -> Document:
    return Document(document, "material", title, text, str(path), hashlib.sha256(path.read_bytes()).digest())


def build(index: Index, course: int, *documents: Document) -> Progress:
    (*_, last) = index.build(course, documents)
    return last


def texts(course: CourseIndex) -> list[tuple[int, int, str]]:
    return [(passage.document, passage.page, passage.text) for passage in course.passages]


def nearest(course: CourseIndex, encoder: Encoder, question: str) -> tuple[str, str]:
    """The passage and the sentence that are nearest to a question."""
    vector = encoder.encode([question])[0]
    passage = course.passages[int(np.argmax(course.passage_vectors @ vector))]
    place = int(np.argmax(course.sentence_vectors @ vector))
    row = int(course.sentence_rows[place])
    number = place - int(np.searchsorted(course.sentence_rows, row))
    start, end = course.passages[row].sentences[number]
    return passage.text, course.passages[row].text[start:end]


def test_a_course_is_found_by_meaning_and_by_words(index: Index, encoder: Counting, tmp_path: Path) -> None:
    sea = material(1, pdfs.with_text(tmp_path / "sea.pdf", [TIDES, ["Salt comes from rivers."]]))
    music = material(2, pdfs.with_text(tmp_path / "music.pdf", [FUGUE]), "Counterpoint")
    task = Document(3, "assignment", "Essay on tides", "Write two pages. Hand them in by Friday.", "", b"")
    assert build(index, COURSE, sea, music, task) == Progress(3, 3, ())
    course = index.course(COURSE)
    assert texts(course) == [
        (1, 0, "Notes"),
        (1, 1, " ".join(TIDES)),
        (1, 2, "Salt comes from rivers."),
        (2, 0, "Counterpoint"),
        (2, 1, " ".join(FUGUE)),
        (3, 0, "Essay on tides Write two pages. Hand them in by Friday."),
    ]
    assert course.documents == {
        1: Listed("material", "Notes"),
        2: Listed("material", "Counterpoint"),
        3: Listed("assignment", "Essay on tides"),
    }
    assert nearest(course, encoder, "Why does the sea rise twice a day?") == (" ".join(TIDES), TIDES[1])
    assert [row for row, _ in course.search(["second", "voices"], 5)] == [4]
    assert course.search(["tide"], 5) == sorted(course.search(["tides"], 5), key=lambda hit: hit[1])
    assert len(course.search(["the", "a", "two"], 2)) == 2


def test_vectors_are_the_encoders(index: Index, encoder: Counting, tmp_path: Path) -> None:
    build(index, COURSE, material(1, pdfs.rich(tmp_path / "rich.pdf", 2, words=200)))
    course = index.course(COURSE)
    sentences = [passage.text[start:end] for passage in course.passages for start, end in passage.sentences]
    assert course.sentence_vectors.shape == (len(sentences), 384)
    assert course.sentence_rows.tolist() == [
        row for row, passage in enumerate(course.passages) for _ in passage.sentences
    ]
    for texts, kept in (
        ([passage.text for passage in course.passages], course.passage_vectors),
        (sentences, course.sentence_vectors),
    ):
        exact = encoder.encode([readable(text) for text in texts])
        assert np.min(np.sum(exact * kept, axis=1)) > 0.9999


@pytest.mark.parametrize(
    "words",
    [[], [""], ["•"], ['"'], ['" OR 1'], ["a\0b"], ["\ud800"], ["NEAR(", "*", "-", "text:"], ["ü"] * 999],
)
def test_any_words_can_be_searched(index: Index, words: list[str]) -> None:
    build(index, COURSE, Document(1, "assignment", "Task", "Describe a stack.", "", b""))
    assert index.course(COURSE).search(words, 5) == []


def test_an_empty_course_can_be_searched(index: Index) -> None:
    course = index.course(COURSE)
    assert (course.passages, course.search(["tide"], 5)) == ((), [])
    assert course.passage_vectors.shape == course.sentence_vectors.shape == (0, 384)


def test_what_is_indexed_is_not_encoded_again(
    index: Index, path: Path, encoder: Counting, tmp_path: Path
) -> None:
    documents = [material(1, pdfs.with_text(tmp_path / "sea.pdf", [TIDES]))]
    build(index, COURSE, *documents)
    Path(documents[0].path).unlink()
    before = len(encoder.texts)
    assert build(index, COURSE, *documents) == Progress(1, 1, ())
    assert build(index, OTHER, *documents) == Progress(1, 1, ())
    index.close()
    again = opened(path, encoder)
    assert build(again, COURSE, *documents) == Progress(1, 1, ())
    assert len(encoder.texts) == before
    assert texts(again.course(COURSE)) == texts(again.course(OTHER)) != []
    again.close()


def test_a_search_costs_no_more_where_other_courses_are_in_the_file(index: Index, tmp_path: Path) -> None:
    build(index, COURSE, material(1, pdfs.with_text(tmp_path / "tides.pdf", [TIDES])))
    course = index.course(COURSE)

    def steps() -> int:
        """SQLite's, in thousands."""
        counted = 0

        def count() -> None:
            nonlocal counted
            counted += 1

        with index._store.open() as db:
            db.set_progress_handler(count, 1_000)
        assert [row for row, _ in course.search(["tides"], 5)] == [1]
        with index._store.open() as db:
            db.set_progress_handler(None, 0)
        return counted

    alone = steps()
    with index._store.open() as db:
        db.executemany(
            "INSERT INTO words (rowid, text) VALUES (?, ?)",
            [(number, "Tides come and go.") for number in range(1_000, 6_000)],
        )
    assert steps() == alone


def test_what_is_withdrawn_or_replaced_is_dropped(index: Index, path: Path, tmp_path: Path) -> None:
    first = material(1, pdfs.with_text(tmp_path / "first.pdf", [TIDES]))
    second = material(1, pdfs.with_text(tmp_path / "second.pdf", [FUGUE]))
    build(index, COURSE, first)
    build(index, OTHER, first)
    build(index, COURSE, second)
    assert texts(index.course(COURSE)) == [(1, 0, "Notes"), (1, 1, " ".join(FUGUE))]
    assert index.course(COURSE).search(["tides"], 5) == []
    assert [row for row, _ in index.course(OTHER).search(["tides"], 5)] == [1]
    build(index, COURSE)
    build(index, OTHER)
    assert texts(index.course(COURSE)) == []
    with sqlite3.connect(path) as db:
        left = [
            db.execute(f"SELECT count(*) FROM {table}").fetchone()
            for table in ("contents", "passages", "words")
        ]
    db.close()
    assert left == [(0,), (0,), (0,)]


def test_a_course_as_it_was_finds_nothing_of_what_came_after(index: Index) -> None:
    build(index, COURSE, Document(1, "assignment", "Essay", "About tides.", "", b""))
    course = index.course(COURSE)
    build(index, COURSE, Document(1, "assignment", "Essay", "About fugues.", "", b""))
    assert course.search(["fugues"], 5) == []
    assert len(index.course(COURSE).search(["fugues"], 5)) == 1


def test_a_file_published_twice_is_found_once(index: Index, tmp_path: Path) -> None:
    path = pdfs.with_text(tmp_path / "sea.pdf", [TIDES])
    build(index, COURSE, material(1, path, "Tides"), material(2, path, "Tides again"))
    assert [(document, page) for document, page, _ in texts(index.course(COURSE))] == [(1, 0), (1, 1), (2, 0)]


def test_a_new_title_or_text_is_indexed_anew(index: Index) -> None:
    build(index, COURSE, Document(1, "assignment", "Essay", "About tides.", "", b""))
    build(index, COURSE, Document(1, "assignment", "Long essay", "About fugues.", "", b""))
    assert texts(index.course(COURSE)) == [(1, 0, "Long essay About fugues.")]


def test_a_build_that_was_left_is_gone_on_with(
    index: Index, path: Path, encoder: Counting, tmp_path: Path
) -> None:
    book = material(1, pdfs.rich(tmp_path / "book.pdf", 6, words=60))
    whole = opened(tmp_path / "whole.db", encoder)
    build(whole, COURSE, book)
    encoded = len(encoder.texts)
    steps = index.build(COURSE, [book])
    while len(index.course(COURSE).passages) < 5:
        assert next(steps).done == 0
    steps.close()
    index.close()
    again = opened(path, encoder)
    assert build(again, COURSE, book) == Progress(1, 1, ())
    assert texts(again.course(COURSE)) == texts(whole.course(COURSE))
    assert len(encoder.texts) == 2 * encoded
    whole.close()
    again.close()


def test_a_build_left_while_a_file_is_read_leaves_no_child(index: Index, tmp_path: Path) -> None:
    steps = index.build(COURSE, [material(1, pdfs.exponential_forms(tmp_path / "forms.pdf", 12))])
    while not psutil.Process().children():
        next(steps)
    steps.close()
    assert psutil.Process().children() == []


def test_the_course_is_there_while_it_is_built(index: Index, tmp_path: Path) -> None:
    """A question is answered between two steps, from what there is: the documents' own words come first."""
    documents = [
        material(number, pdfs.rich(tmp_path / f"{number}.pdf", 4, words=50, seed=number), f"Book {number}")
        for number in (1, 2)
    ]
    seen = [0]
    done = [0]
    for progress in index.build(COURSE, documents):
        seen.append(len(index.course(COURSE).passages))
        done.append(progress.done)
    assert seen == sorted(seen)
    assert done == sorted(done)
    assert set(done) == {0, 1, 2}
    assert texts(index.course(COURSE))[0] == (1, 0, "Book 1")


def test_what_cannot_be_read_is_noted_and_the_rest_is_indexed(index: Index, tmp_path: Path) -> None:
    sealed = material(1, pdfs.encrypted(tmp_path / "sealed.pdf", password="secret"))
    scan = material(2, pdfs.scanned(tmp_path / "scan.pdf", 2), "Scan")
    sound = material(3, pdfs.with_text(tmp_path / "sea.pdf", [TIDES]))
    absent = Document(4, "material", "Later", "", "", bytes(32))
    for _ in range(2):
        progress = build(index, COURSE, sealed, scan, sound, absent)
        assert (progress.done, progress.total) == (3, 4)
        notes = dict(progress.notes)
        assert notes.keys() == {1, 2, 4}
        assert "password" in notes[1]
        assert "pictures without text" in notes[2]
        assert "not arrived" in notes[4]
    assert " ".join(TIDES) in [text for _, _, text in texts(index.course(COURSE))]


def test_a_file_that_was_lost_is_read_when_it_is_there(index: Index, tmp_path: Path) -> None:
    document = material(1, pdfs.with_text(tmp_path / "sea.pdf", [TIDES]))
    Path(document.path).rename(tmp_path / "elsewhere.pdf")
    progress = build(index, COURSE, document)
    assert (progress.done, dict(progress.notes)[1]) == (0, "The file cannot be read on this machine.")
    (tmp_path / "elsewhere.pdf").rename(document.path)
    assert build(index, COURSE, document) == Progress(1, 1, ())


def test_a_text_that_was_kept_needs_no_file(
    index: Index, encoder: Counting, path: Path, tmp_path: Path
) -> None:
    document = material(1, pdfs.with_text(tmp_path / "sea.pdf", [TIDES]))
    build(index, COURSE, document)
    index.close()
    path.unlink()
    again = opened(path, encoder)
    assert build(again, COURSE, dataclasses.replace(document, path="")) == Progress(1, 1, ())
    assert texts(again.course(COURSE))[1] == (1, 1, " ".join(TIDES))
    again.close()


def test_a_question_is_searched_for_while_another_thread_builds(index: Index, tmp_path: Path) -> None:
    build(index, COURSE, material(1, pdfs.with_text(tmp_path / "sea.pdf", [TIDES])))
    course = index.course(COURSE)
    book = material(2, pdfs.rich(tmp_path / "book.pdf", 8, words=50))
    with ThreadPoolExecutor(1) as pool:
        building = pool.submit(build, index, OTHER, book)
        found = [course.search(["tides"], 5) for _ in iter(building.done, True)]
        assert building.result() == Progress(1, 1, ())
    assert [[row for row, _ in hits] for hits in (*found, course.search(["tides"], 5))] == [[1]] * (
        len(found) + 1
    )


def test_a_course_has_no_more_passages_than_its_bound(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "COURSE_PASSAGES", 5)
    book = material(1, pdfs.rich(tmp_path / "book.pdf", 8, words=40))
    progress = build(index, COURSE, book)
    assert len(index.course(COURSE).passages) == 5
    assert (progress.done, progress.notes[0][0]) == (0, 1)
    assert "more text than the tutor can hold" in progress.notes[0][1]


def test_the_course_used_longest_ago_makes_room(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    for course in (1, 2, 3):
        build(index, course, Document(course, "assignment", f"Task {course}", "Do it well.", "", b""))
    build(index, 1, Document(1, "assignment", "Task 1", "Do it well.", "", b""))
    monkeypatch.setattr(indexing, "MAX_BYTES", 0)
    sizes = iter([1, 0])
    monkeypatch.setattr(indexing, "_used_bytes", lambda db: next(sizes))
    build(index, 4, Document(4, "assignment", "Task 4", "Do it well.", "", b""))
    assert [len(index.course(course).passages) for course in (1, 2, 3, 4)] == [1, 0, 1, 1]


def test_running_heads_and_page_numbers_are_left_out(index: Index, tmp_path: Path) -> None:
    pages = [
        [
            "Course notes 2026",
            *(f"Line {line} of chapter {page} tells of tides." for line in "abcdef"),
            f"{page} / 5",
        ]
        for page in range(1, 6)
    ]
    build(index, COURSE, material(1, pdfs.with_text(tmp_path / "notes.pdf", pages), "Tides"))
    course = index.course(COURSE)
    assert len(course.passages) == 6
    for passage, lines in zip(course.passages[1:], pages, strict=True):
        assert passage.text == " ".join(lines[1:-1])
        assert normal("\n".join(lines))[passage.start : passage.end] == passage.text


def _garbage(path: Path) -> None:
    path.write_bytes(b"not a database " * 1000)


def _torn(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in range(4096, len(data), 4096):
        data[place : place + 2048] = b"\xa5" * 2048
    path.write_bytes(data)


def _without_tables(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE passages")
    db.close()


def _short_vectors(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("UPDATE passages SET vectors = substr(vectors, 1, 100)")
    db.close()


@pytest.mark.parametrize("damage", [_garbage, _torn, _without_tables, _short_vectors])
def test_a_damaged_index_is_set_aside_and_made_anew(
    path: Path, encoder: Counting, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    document = material(1, pdfs.with_text(tmp_path / "sea.pdf", [TIDES]))
    index = opened(path, encoder)
    build(index, COURSE, document)
    expected = texts(index.course(COURSE))
    index.close()
    damage(path)
    index = opened(path, encoder)
    for _ in range(2):
        try:
            build(index, COURSE, document)
            assert texts(index.course(COURSE)) == expected
            break
        except IndexDamaged:
            continue
    else:
        pytest.fail("it is damaged still")
    assert index.set_aside is not None
    assert index.set_aside.exists()
    index.close()


def test_an_index_damaged_in_use_says_so_to_all_who_use_it(
    index: Index, path: Path, encoder: Counting, tmp_path: Path
) -> None:
    document = material(1, pdfs.with_text(tmp_path / "sea.pdf", [TIDES]))
    build(index, COURSE, document)
    course = index.course(COURSE)
    steps = index.build(COURSE, [document, material(2, pdfs.rich(tmp_path / "book.pdf", 2, words=50))])
    next(steps)
    _without_tables(path)
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE words")
    db.close()
    for _ in range(2):
        with pytest.raises(IndexDamaged, match="being made anew"):
            course.search(["tides"], 5)
    with pytest.raises(IndexDamaged):
        list(steps)
    assert build(index, COURSE, document) == Progress(1, 1, ())
    assert len(index.course(COURSE).search(["tides"], 5)) == 1


@pytest.mark.parametrize("what", ["_FORMAT", "encoder"])
def test_an_index_of_another_version_or_encoder_is_made_anew(
    path: Path, encoder: Counting, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    index = opened(path, encoder)
    build(index, COURSE, Document(1, "assignment", "Essay", "About tides.", "", b""))
    index.close()
    if what == "encoder":
        monkeypatch.setattr(indexing, "MODEL_SHA256", "another")
    else:
        monkeypatch.setattr(store, "_FORMAT", 99)
    index = opened(path, encoder)
    assert (texts(index.course(COURSE)), index.set_aside) == ([], None)
    assert build(index, COURSE, Document(1, "assignment", "Essay", "About tides.", "", b"")).done == 1
    index.close()


def test_a_place_that_cannot_be_written_says_so(tmp_path: Path, encoder: Counting) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IndexFailed, match="cannot be used"):
        opened(tmp_path / "file" / "index.db", encoder)
