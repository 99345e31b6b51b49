"""The evaluation's courses, indexed: what the gate and the retrieval are tried on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lms_desktop.tutor.background import Background
from lms_desktop.tutor.course_index import CourseIndex
from lms_desktop.tutor.encoder import Encoder
from lms_desktop.tutor.index import Index
from lms_desktop.tutor.relevance import Gate
from lms_desktop.tutor.textcache import TextCache
from tests.tutor import evaluation


@contextmanager
def indexed(
    folder: Path, encoder: Encoder, names: Sequence[str] = ("algorithms", "marine", "history", "chemistry")
) -> Iterator[dict[str, CourseIndex]]:
    """Index these courses in the folder (what is there already is not read again); closed at the end."""
    index = Index(folder / "index.db", encoder, TextCache(folder / "text"))
    try:
        courses = [course for course in evaluation.courses(folder) if course.name in names]
        for course in courses:
            for _ in index.build(course.number, course.documents):
                pass
        yield {course.name: index.course(course.number) for course in courses}
    finally:
        index.close()


def gates(courses: dict[str, CourseIndex], encoder: Encoder) -> dict[str, Gate]:
    """Return the gate of each course, calibrated against the others as on a machine that has them all."""
    background = Background(encoder)
    return {
        name: Gate(course, background, [other for other in courses.values() if other is not course])
        for name, course in courses.items()
    }
