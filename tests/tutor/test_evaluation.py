"""The evaluation set is sound: counted, split, without twins, its pages there, its test part unchanged."""

import hashlib
import itertools
import re
from collections import Counter
from pathlib import Path

import pypdfium2
import pytest

from tests.tutor import evaluation
from tests.tutor.evaluation import Category, Course, Question, Right

TEST_SHA256 = "60afd4e3fd9cf1eff65462baf728f207e3e1cc00dd48623a443c6ba0439a6862"
LEAST = {
    Category.ON_TOPIC: 130,
    Category.MISSPELT: 25,
    Category.PROCEDURAL: 25,
    Category.FOLLOW_UP: 25,
    Category.OFF_TOPIC: 60,
    Category.OTHER_COURSE: 50,
    Category.SAME_DISCIPLINE: 30,
    Category.WRAPPED: 40,
    Category.INJECTION: 25,
    Category.OTHER_LANGUAGE: 20,
}
TWINS = 0.75  # of two questions' words shared
TUNING, HELD_OUT = evaluation.tuning(), evaluation.held_out()
QUESTIONS = (*TUNING, *HELD_OUT)


@pytest.fixture(scope="module")
def courses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Course]:
    return {course.name: course for course in evaluation.courses(tmp_path_factory.mktemp("courses"))}


def test_the_test_part_is_the_one_that_was_committed_before_any_tuning() -> None:
    assert hashlib.sha256(evaluation.part("test").encode()).hexdigest() == TEST_SHA256


def test_every_category_is_well_filled_and_split_alike_in_every_course() -> None:
    counts = Counter(question.category for question in QUESTIONS)
    assert all(counts[category] >= LEAST[category] for category in Category)
    assert len(QUESTIONS) >= 400
    for part, share in ((TUNING, 0.4), (HELD_OUT, 0.6)):
        cells = Counter((question.course, question.category) for question in part)
        whole = Counter((question.course, question.category) for question in QUESTIONS)
        assert all(abs(cells[cell] - share * whole[cell]) <= 1.5 for cell in whole)


def test_what_is_right_follows_from_the_category_but_for_follow_ups() -> None:
    declined = {"off_topic", "other_course", "same_discipline", "wrapped", "injection"}
    for question in QUESTIONS:
        if question.category is Category.FOLLOW_UP:
            assert question.history
            assert question.right in (Right.ANSWER, Right.DECLINE)
        elif question.category is Category.OTHER_LANGUAGE:
            assert question.right is Right.INSTRUCTOR
        else:
            assert question.right is (Right.DECLINE if question.category in declined else Right.ANSWER)
            assert not question.history
    leaving = [q for q in QUESTIONS if q.category is Category.FOLLOW_UP and q.right is Right.DECLINE]
    assert len(leaving) >= 8


def test_no_question_has_a_twin() -> None:
    assert len({question.id for question in QUESTIONS}) == len(QUESTIONS)
    assert len({(question.course, *_words(question)) for question in QUESTIONS}) == len(QUESTIONS)
    for one, other in itertools.product(TUNING, HELD_OUT):
        shared, all_words = set(_words(one)) & set(_words(other)), set(_words(one)) | set(_words(other))
        assert len(shared) < TWINS * len(all_words), (one.text, other.text)


def test_every_right_page_and_assignment_is_in_its_course(courses: dict[str, Course]) -> None:
    pages = {
        (course.name, name): len(pypdfium2.PdfDocument(document.path)) if document.path else 0
        for course in courses.values()
        for name, document in zip(course.names, course.documents, strict=True)
    }
    for question in QUESTIONS:
        if question.assignment:
            assert courses[question.course].document(question.assignment).kind == "assignment"
        for document, page in question.pages:
            last = pages[question.course, document]
            assert (page == 0) if last == 0 else (1 <= page <= last), question.id
    assert sum(bool(question.pages) for question in HELD_OUT) >= 60


def test_the_written_courses_are_whole_as_pdfs(courses: dict[str, Course]) -> None:
    assert len(courses) >= 3
    for name in ("history", "chemistry"):
        text = (Path(evaluation.__file__).parent / "courses" / f"{name}.txt").read_text(encoding="utf-8")
        written = [page for page in text.split("\f")[1:] if not page.strip().startswith("= ")]
        files = [document.path for document in courses[name].documents if document.path]
        read = [
            page.get_textpage().get_text_range() for path in files for page in pypdfium2.PdfDocument(path)
        ]
        assert len(read) == len(written)
        for page, source in zip(read, written, strict=True):
            assert _long_words(page)[-30:] == _long_words(source)[-30:]


def _long_words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]{4,}", text)


def _words(question: Question) -> tuple[str, ...]:
    history = tuple(text for pair in question.history for text in pair)
    return tuple(re.findall(r"\w+", " ".join((question.text, *history)).lower()))
