"""The courses as the tutor's worker reads them: PDFs to text, passages, index, calibrated gate."""

import queue
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lms_desktop.tutor import extractive, indexing
from lms_desktop.tutor.asking import PASSAGES
from lms_desktop.tutor.encoder import load_encoder
from lms_desktop.tutor.indexing import Indexer
from lms_desktop.tutor.protocol import Document, Indexed, Open, Report, Source
from lms_desktop.tutor.relevance import Asked, Judgement, judge
from lms_desktop.tutor.retrieval import retrieve
from tests.tutor.evaluation import Course, Question, courses
from tests.tutor.evaluation.distractors import document

PATIENCE_S = 600.0
_TOGETHER = 30  # questions judged at once, as a class asks


@dataclass(frozen=True, slots=True)
class Reading:
    """Each course by its name: what it consists of, and what was read of it; each document by reference."""

    courses: Mapping[str, Course]
    read: Mapping[str, indexing.Course]
    documents: Mapping[int, Document]

    def judged(self, questions: Sequence[Question]) -> list[Judgement]:
        """Judge the questions by their courses' gates."""
        asked = [
            (self.read[question.course].gate, Asked(question.text, question.history))
            for question in questions
        ]
        starts = range(0, len(asked), _TOGETHER)
        return [each for start in starts for each in judge(asked[start : start + _TOGETHER])]

    def sources(self, question: Question, judgement: Judgement) -> tuple[Source, ...]:
        """Return what would be quoted for it, were it answered."""
        return extractive.quoted(retrieve(self.read[question.course].index, judgement.query, PASSAGES))

    def right_pages(self, question: Question) -> set[tuple[int, int]]:
        """Return (document, page) of what answers it."""
        course = self.courses[question.course]
        return {(course.document(name).document, page) for name, page in question.pages}


def read(folder: Path, distractors: int = 0) -> Reading:
    """Read every course in `folder`, with so many distractor passages among each one's own.

    Raises queue.Empty when that takes too long.
    """
    found = {course.name: course for course in courses(folder)}
    contents = {course.number: course.documents for course in found.values()}
    if distractors:
        extra = document(0, folder, distractors)  # one file: it is encoded once
        contents = {
            number: (*documents, replace(extra, document=number + 999))
            for number, documents in contents.items()
        }
    ready: queue.SimpleQueue[int] = queue.SimpleQueue()

    def heard(report: Report) -> None:
        if isinstance(report, Indexed) and report.state == "ready":
            ready.put(report.course)

    indexer = Indexer(folder, load_encoder(prefer_addon=False), heard)
    indexer.start()
    for number, documents in contents.items():
        indexer.open(Open(number, 1, documents, more=False))
    by_number = {}
    for _ in contents:
        number = ready.get(timeout=PATIENCE_S)
        by_number[number] = indexer.course(number)
    read = {name: read for name, course in found.items() if (read := by_number[course.number]) is not None}
    return Reading(found, read, {each.document: each for some in contents.values() for each in some})
