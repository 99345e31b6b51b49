"""Keeps the worker told of what the courses consist of, so that its indexes follow the ledger."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from lms_desktop.node.tutoring.library import Contents, Library
from lms_desktop.tutor.protocol import Indexed, Order

SETTLE_S = 2.0
"""After a change: several often come together."""
START_S = 15.0
"""After a change, before a worker is started for it alone."""
ARRIVE_S = 10.0
"""How often files that have not arrived are looked for again."""
_log = logging.getLogger(__name__)


class Reading:
    """Drive it with `changed`, `worker_ready`, `heard`, `worker_ended`, and `tick` each second."""

    def __init__(self, library: Library, send: Callable[[Order], bool]) -> None:
        self._library = library
        self._send = send
        self._stale: dict[int, float] = {}  # course -> when it may be told (monotonic seconds)
        self._told: dict[int, Contents] = {}  # the present worker
        self._edition = 0  # the last that was told, of any course
        self._editions: dict[int, int] = {}  # of what the present worker was told
        self._indexed: dict[int, Indexed] = {}
        self._unsaved: set[int] = set()
        self._listening = False
        self._behind: bool | None = None
        self._look_at = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def courses(self) -> Sequence[Indexed]:
        """How far the present worker's index of each course is."""
        return tuple(self._indexed.values())

    def notes(self, course: int) -> list[str]:
        """What people should know of the course's documents, such as that one is a scan without text."""
        told, indexed = self._told.get(course), self._indexed.get(course)
        if told is None or indexed is None:
            return []
        titles = {each.document: each.title for part in told.opens for each in part.documents}
        return [
            f"{titles[document]}: {words}" if document in titles else words
            for document, words in indexed.notes
        ]

    @property
    def under_way(self) -> bool:
        """Whether the present worker has yet to read something that is here."""
        courses = self._told.keys() | self._stale.keys()
        return any(
            course not in self._indexed or self._indexed[course].state != "ready" for course in courses
        )

    def is_behind(self) -> bool:
        """Whether something is here that no worker on this machine has read."""
        if self._listening:
            return self.under_way
        if self._behind is None and time.monotonic() > self._look_at:
            self._behind = any(not self._library.is_indexed(course) for course in self._library.courses())
        return bool(self._behind)

    def changed(self) -> None:
        """Materials, assignments or courses changed."""
        now = time.monotonic()
        self._behind, self._look_at = None, now + START_S
        self._stale.update(dict.fromkeys(self._library.courses(), now + SETTLE_S))

    def worker_ready(self) -> None:
        """A worker listens."""
        if not self._listening:
            self._listening = True
            self._stale = dict.fromkeys(self._library.courses(), 0.0)
            self.tick()

    def worker_ended(self) -> None:
        """It is gone; the next one is told everything anew."""
        self._listening = False
        self._behind = None
        self._told.clear()
        self._editions.clear()
        self._indexed.clear()
        self._unsaved.clear()

    def heard(self, report: Indexed) -> None:
        """How far the worker is with a course; what it says of an earlier edition came too late."""
        if report.edition != self._editions.get(report.course):
            return
        self._indexed[report.course] = report
        if report.state == "ready":
            self._unsaved.add(report.course)
            self.tick()

    def tick(self) -> None:
        """Each second: tell what is new, note what was read."""
        if self._task is None and self._listening and (self._due() or self._unsaved):
            self._task = asyncio.create_task(self._work())
            self._task.add_done_callback(self._worked)

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _due(self) -> list[int]:
        now = time.monotonic()
        return [course for course, due in self._stale.items() if due <= now]

    def _worked(self, task: "asyncio.Task[None]") -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the tutor could not be told of the courses; it is tried again", exc_info=error)

    async def _work(self) -> None:
        for course in self._due():
            await self._tell(course)
        for course in list(self._unsaved):
            self._unsaved.discard(course)
            if course in self._told:
                await self._library.indexed(course, self._told[course])
        if not self.under_way and not self._due():
            await asyncio.to_thread(self._library.clear)

    async def _tell(self, course: int) -> None:
        del self._stale[course]
        contents = await self._library.contents(course)
        if contents.lacking:
            self._stale.setdefault(course, time.monotonic() + ARRIVE_S)
        if self._told.get(course) == contents:
            return
        self._edition += 1
        if all(self._send(replace(each, edition=self._edition)) for each in contents.opens):
            self._told[course] = contents
            self._editions[course] = self._edition
            self._unsaved.discard(course)
            self._indexed.pop(course, None)
        elif self._listening:
            self._stale[course] = time.monotonic() + SETTLE_S
