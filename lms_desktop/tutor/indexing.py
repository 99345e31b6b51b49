"""The thread that reads courses, at low priority: documents to passages to vectors, and the gate to match.

What it has read it hands out as `Course`s, which never change: while a course is read anew, its earlier state
answers. A course for which a question waits is read before the others, and handed out in part if it takes
long. Those that were asked about longest ago leave the memory, and are taken from the index when they are
asked about again.
"""

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lms_desktop.tutor.background import Background
from lms_desktop.tutor.course_index import CourseIndex
from lms_desktop.tutor.encoder import Encoder
from lms_desktop.tutor.index import Index, Progress
from lms_desktop.tutor.protocol import Document, Indexed, Open, Report
from lms_desktop.tutor.relevance import Gate
from lms_desktop.tutor.store import IndexDamaged, IndexFailed
from lms_desktop.tutor.textcache import TextCache

NICE = 10
NICE_AFTER_S = 0.5
"""What takes longer lets everything else on this computer go first."""
TELL_S = 0.25
PART_S = 4.0
"""After this time a course read for the first time is handed out in part, and again after twice as long."""
MEMORY = 512 << 20
"""What the vectors of all courses may take, in bytes."""
AGAIN_S = 30.0
"""After a disk that took nothing."""


@dataclass(frozen=True, slots=True)
class Course:
    """A course that was read: its passages, and the gate calibrated to them; `whole`, or so far."""

    index: CourseIndex
    gate: Gate
    whole: bool


class Indexer(threading.Thread):
    """Create, then `start`. `open`, `course` and `hurry` are for other threads."""

    def __init__(self, folder: Path, encoder: Encoder, report: Callable[[Report], None]) -> None:
        super().__init__(name="indexer", daemon=True)
        self._folder = folder
        self._encoder = encoder
        self._report = report
        self._news: queue.SimpleQueue[Open | int | None] = queue.SimpleQueue()
        self._arriving: dict[int, tuple[int, list[Document]]] = {}  # with the edition
        self._contents: dict[int, tuple[Document, ...]] = {}
        self._editions: dict[int, int] = {}
        self._unread: dict[int, None] = {}  # courses to read, the next one first
        self._courses: dict[int, Course] = {}
        self._used: dict[int, float] = {}
        self.on_ready: Callable[[], None] = lambda: None
        """Called when something of a course was read."""

    def open(self, told: Open) -> None:
        """Read this course, or read it anew."""
        self._news.put(told)

    def hurry(self, course: int) -> None:
        """A question waits for this course."""
        self._news.put(course)

    def damaged(self) -> None:
        """The index was found damaged, and is empty now: read every course again."""
        self._news.put(None)

    def course(self, course: int) -> Course | None:
        """What was read of a course, None while it is not in memory."""
        self._used[course] = time.monotonic()
        return self._courses.get(course)

    def run(self) -> None:
        background = Background(self._encoder)
        path = self._folder / "index.db"
        index: Index | None = None
        while True:
            self._hear(wait=not self._unread)
            course = next(iter(self._unread), None)
            if course is None:
                continue
            try:
                index = index or Index(path, self._encoder, TextCache(self._folder / "text"))
                if self._read(index, course, background):
                    del self._unread[course]
            except IndexDamaged:  # an empty one is in use now
                self._unread = dict.fromkeys(self._contents)
            except IndexFailed as error:
                edition, total = self._editions[course], len(self._contents[course])
                self._report(Indexed(course, edition, "building", 0, total, ((0, str(error)),)))
                time.sleep(AGAIN_S)

    def _hear(self, *, wait: bool) -> None:
        """Take what other threads said."""
        try:
            while True:
                match self._news.get(block=wait):
                    case None:
                        self._courses.clear()
                        self._unread = dict.fromkeys(self._contents)
                    case int(course):
                        if course in self._contents and (
                            course in self._unread or course not in self._courses
                        ):
                            self._unread = {course: None, **self._unread}
                    case Open() as told:
                        self._arrive(told)
                wait = False
        except queue.Empty:
            return

    def _arrive(self, told: Open) -> None:
        """A part of a course; what lacks its rest is void once another edition comes."""
        edition, documents = self._arriving.pop(told.course, (told.edition, []))
        documents = documents if edition == told.edition else []
        documents += told.documents
        if told.more:
            self._arriving[told.course] = told.edition, documents
        else:
            self._contents[told.course] = tuple(documents)
            self._editions[told.course] = told.edition
            self._unread[told.course] = None

    def _read(self, index: Index, course: int, background: Background) -> bool:
        """Read a course; False where something more urgent came."""
        contents, began, told = self._contents[course], time.monotonic(), 0.0
        edition = self._editions[course]
        progress, part = Progress(0, len(contents), ()), began + PART_S
        steps = index.build(course, contents)
        try:
            for progress in steps:
                self._hear(wait=False)
                if self._contents[course] is not contents or next(iter(self._unread)) != course:
                    return False
                now = time.monotonic()
                if now - began > NICE_AFTER_S:
                    _be_nice()
                known = self._courses.get(course)
                if now > part and (known is None or not known.whole):
                    part = began + 2 * (now - began)
                    self._hand_out(index, course, background, whole=False)
                if now - told > TELL_S:
                    told = now
                    self._report(
                        Indexed(course, edition, "building", progress.done, progress.total, progress.notes)
                    )
        finally:
            steps.close()
        self._hand_out(index, course, background, whole=True)
        self._report(Indexed(course, edition, "ready", progress.done, progress.total, progress.notes))
        return True

    def _hand_out(self, index: Index, course: int, background: Background, *, whole: bool) -> None:
        found = index.course(course)
        others = [each.index for number, each in self._courses.items() if number != course]
        self._courses[course] = Course(found, Gate(found, background, others), whole)
        self._forget_others(course)
        self.on_ready()

    def _forget_others(self, course: int) -> None:
        size = sum(map(_size, self._courses.values()))
        for number in sorted(self._courses, key=lambda each: self._used.get(each, 0.0)):
            if size > MEMORY and number != course:
                size -= _size(self._courses.pop(number))


def _size(course: Course) -> int:
    return course.index.passage_vectors.nbytes + course.index.sentence_vectors.nbytes


def _be_nice() -> None:
    """On Linux each thread has a priority of its own; elsewhere the encoder's bounded threads must do."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
