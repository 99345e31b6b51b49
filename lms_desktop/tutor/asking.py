"""The thread that judges questions and finds their passages, in the order in which they came, together those
that wait together.

A question on a course whose index is not there yet waits for it, but not for long.
"""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from lms_desktop.tutor import extractive
from lms_desktop.tutor.indexing import Course, Indexer
from lms_desktop.tutor.protocol import (
    ANSWERED,
    Accepted,
    Ask,
    Done,
    Failed,
    Gate,
    OfAsk,
    Sources,
)
from lms_desktop.tutor.relevance import Asked, Judgement, judge
from lms_desktop.tutor.retrieval import retrieve
from lms_desktop.tutor.store import IndexDamaged, IndexFailed
from lms_desktop.tutor.writing import Writer

PASSAGES = 8
PATIENCE_S = 30.0
"""How long a question waits for its course to be read."""
LOOK_S = 0.5
STILL_READING = "The tutor is still reading the course's documents. Ask again in a few minutes."


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    ask: Ask
    since: float
    deadline: float


class Asker(threading.Thread):
    """Create, then `start`. `ask`, `cancel` and `index_changed` are for other threads."""

    def __init__(self, indexer: Indexer, writer: Writer | None, report: Callable[[OfAsk], None]) -> None:
        super().__init__(name="asker", daemon=True)
        self._indexer = indexer
        self._writer = writer
        self._report = report
        self._asked: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._waiting: list[_Waiting] = []
        self._cancelled: set[bytes] = set()
        self._judging = 0
        self.step_began: float | None = None
        """Since when the present question is judged (monotonic seconds)."""

    @property
    def load(self) -> tuple[int, int]:
        """How many questions wait to be judged, and how many are."""
        return self._asked.qsize() + len(self._waiting), self._judging

    def ask(self, ask: Ask) -> None:
        """Answer this."""
        now = time.monotonic()
        self._asked.put(_Waiting(ask, now, now + ask.deadline_ms / 1000))

    def cancel(self, ask_id: bytes) -> None:
        """Nobody waits for this answer any more."""
        if len(self._cancelled) > 10_000:
            self._cancelled.clear()
        self._cancelled.add(ask_id)
        if self._writer is not None:
            self._writer.cancel(ask_id)

    def index_changed(self) -> None:
        """A course was read: questions may wait for it."""
        self._asked.put(None)

    def run(self) -> None:
        while True:
            self._take()
            ready = [each for each in tuple(self._waiting) if self._may_be_judged(each)]
            if ready:
                self.step_began, self._judging = time.monotonic(), len(ready)
                self._answer(ready)
                self.step_began, self._judging = None, 0

    def _take(self) -> None:
        """Wait for something new, or to look again at what waits; take all that is there."""
        try:
            waiting = self._asked.get(timeout=LOOK_S if self._waiting else None)
            while True:
                if waiting is not None:
                    self._waiting.append(waiting)
                waiting = self._asked.get_nowait()
        except queue.Empty:
            return

    def _may_be_judged(self, waiting: _Waiting) -> bool:
        """Whether its turn has come; not while its course is being read, nor if it has ended."""
        ask, now = waiting.ask, time.monotonic()
        if ask.id in self._cancelled:
            self._cancelled.discard(ask.id)
            self._fail(waiting, "cancelled", "The question was withdrawn.", True)
        elif now > waiting.deadline:
            self._fail(waiting, "deadline", "The answer took too long. Ask again later.", True)
        elif self._indexer.course(ask.course) is not None:
            return True
        elif now - waiting.since > PATIENCE_S:
            self._fail(waiting, "no_text", STILL_READING, True)
        else:
            self._indexer.hurry(ask.course)
        return False

    def _answer(self, ready: list[_Waiting]) -> None:
        """Judge several questions at once: their texts are encoded together."""
        courses = [self._indexer.course(each.ask.course) for each in ready]
        if None in courses:  # the index was damaged meanwhile
            return
        for waiting in ready:
            self._report(Accepted(waiting.ask.id, 0, 0))
        try:
            judgements = judge(
                [
                    (course.gate, _asked(each.ask))
                    for each, course in zip(ready, courses, strict=True)
                    if course is not None
                ]
            )
            for waiting, course, judgement in zip(ready, courses, judgements, strict=True):
                if course is not None:
                    self._find(waiting, course, judgement)
        except IndexDamaged:
            self._indexer.damaged()  # who has no answer yet waits until it is made anew
        except IndexFailed as error:
            for waiting in self._unanswered(ready):
                self._fail(waiting, "no_text", str(error), True)
        except MemoryError:
            for waiting in self._unanswered(ready):
                self._fail(waiting, "out_of_memory", "The tutor ran out of memory. Ask again later.", True)

    def _find(self, waiting: _Waiting, course: Course, judged: Judgement) -> None:
        """Find the passages of a judged question, and answer it or hand it to the language model."""
        ask = waiting.ask
        if judged.verdict != ANSWERED and not course.whole:
            self._fail(waiting, "no_text", STILL_READING, True)  # what is not read yet may well say it
            return
        self._report(
            Gate(ask.id, judged.verdict, judged.score, judged.threshold, judged.reason, judged.nearest)
        )
        if judged.verdict != ANSWERED:
            self._end(waiting, Done(ask.id, "", "", ()))
            return
        sources = extractive.quoted(retrieve(course.index, judged.query, PASSAGES, frozenset(ask.closed)))
        if not sources:
            words = "The course's documents have no text that the tutor could quote."
            self._fail(waiting, "no_text", words, False)
            return
        self._report(Sources(ask.id, sources))
        if self._writer is not None and not ask.hints_only:
            self._writer.write(ask, sources, waiting.deadline)
            self._waiting.remove(waiting)
        else:
            self._end(waiting, Done(ask.id, "extractive", extractive.answer(sources), ()))

    def _unanswered(self, ready: list[_Waiting]) -> list[_Waiting]:
        return [waiting for waiting in ready if waiting in self._waiting]

    def _fail(self, waiting: _Waiting, code: str, words: str, retryable: bool) -> None:
        self._end(waiting, Failed(waiting.ask.id, code, words, retryable))

    def _end(self, waiting: _Waiting, terminal: Done | Failed) -> None:
        self._waiting.remove(waiting)
        self._report(terminal)


def _asked(ask: Ask) -> Asked:
    return Asked(ask.text, ask.history, ask.confirmed, frozenset(ask.closed))
