"""Where questions are answered: on a machine tagged as GPU host, or here by the light tutor.

A tagged machine runs the full worker. Every other machine hands questions to a tagged one that it can reach,
and runs the light worker only while it has known none for 10 s: when a question comes or documents changed,
until nobody has asked for 10 minutes.
"""

import asyncio
import logging
import sqlite3
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lms_desktop.node.admission import Admission
from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.node.errors import PeerError
from lms_desktop.node.sockets import Context
from lms_desktop.node.transport import PeerLinks
from lms_desktop.node.tutoring.answering import Answering
from lms_desktop.node.tutoring.library import Library
from lms_desktop.node.tutoring.permission import Permission
from lms_desktop.node.tutoring.reading import Reading
from lms_desktop.node.tutoring.relay import LOST_S, Relay
from lms_desktop.node.tutoring.supervisor import DOWN, LOADING, Kind, Supervisor
from lms_desktop.school.changes import Changes
from lms_desktop.school.queries.tutor import gpu_hosts
from lms_desktop.trust.asks import Ask
from lms_desktop.trust.primitives import SigningKey
from lms_desktop.tutor.protocol import Indexed, Pong, Ready, Report

TICK_S = 1.0
IDLE_S = 600.0
ACTIVE = Path("models") / "active"
"""Names the language model to load, in the tutor's folder."""
_DOCUMENTS = Changes.MATERIALS | Changes.ASSIGNMENTS | Changes.COURSES
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """How the worker of a machine stands. `state`: ready, starting, indexing, down. `courses` are (course,
    building or ready, documents done, of all); `words` is what people should know."""

    engine: str
    model: str
    device: str
    state: str
    queued: int
    active: int
    courses: tuple[tuple[int, str, int, int], ...]
    words: str


class Tutoring:
    """Create on the node's loop, then `start`; `close` ends it, and the worker with it. `reachable` names the
    machines that were heard a moment ago."""

    def __init__(
        self,
        machine: int,
        key: SigningKey,
        cluster_id: bytes,
        db: sqlite3.Connection,
        store: BlobStore,
        links: PeerLinks,
        context: Context,
        admission: Admission,
        folder: Path,
        reachable: Callable[[], Sequence[int]],
        now_ms: Callable[[], int],
    ) -> None:
        self.machine = machine
        self._db = db
        self._reachable = reachable
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)
        self._supervisor = Supervisor(
            context, admission, folder, on_report=self._hear, on_ended=self._worker_ended
        )
        self._reading = Reading(Library(db, store, folder), self._supervisor.send)
        permission = Permission(db, cluster_id, now_ms)
        self.answering = Answering(machine, key, cluster_id, permission, self._supervisor.send, now_ms)
        self.relay = Relay(machine, links)
        self._hosts: tuple[int, ...] = ()
        self._met: dict[int, float] = {}
        self._away_since = time.monotonic()
        self._used = self._away_since - IDLE_S
        self._model = self._active_model()
        self._ticking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take part."""
        self.changed(Changes.MACHINES | _DOCUMENTS)
        self._ticking = asyncio.create_task(self._tick_on())

    async def close(self) -> None:
        """End the worker. Other machines hand their questions in again when this node is back."""
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        await self._reading.close()
        await self.relay.close()
        await self._supervisor.close()

    def changed(self, changes: Changes) -> None:
        """The ledger went on."""
        if changes & Changes.MACHINES:
            was_host = self.is_host
            self._hosts = tuple(row.machine for row in gpu_hosts(self._db))
            if was_host and not self.is_host:
                self.answering.end_all("This machine no longer answers for the class. Ask again.")
            self._decide()
        if changes & _DOCUMENTS:
            self._reading.changed()

    # --- where ---

    @property
    def is_host(self) -> bool:
        """Whether this machine is tagged to answer for the class."""
        return self.machine in self._hosts

    @property
    def hosts(self) -> tuple[int, ...]:
        """The machines that are tagged."""
        return self._hosts

    def host(self, person: int) -> int | None:
        """The machine that answers this person: this one, a tagged one, or None where none can be reached
        just now. People are spread over several hosts."""
        if self.is_host:
            return self.machine
        met = self._meet()
        if met:
            return met[zlib.crc32(person.to_bytes(8, "big")) % len(met)]
        return self.machine if self._alone else None

    async def ask(self, raw: bytes) -> None:
        """A question of an app on this machine. Raises PeerError with its refusal, AskError."""
        ask = Ask.decode(raw)
        host = self.host(ask.author)
        if ask.ask_id in self.relay.streams:
            return
        if host == self.machine or ask.ask_id in self.answering.streams:
            self.wake()
            self.answer(raw, self.machine)
        elif host is not None:
            await self.relay.ask(raw, host)
        else:
            raise PeerError(
                "no_tutor",
                "The tutor's machine cannot be reached just now",
                next_step="Ask again in a few seconds: this computer then answers by itself.",
            )

    def answer(self, raw: bytes, owner: int) -> str:
        """A question that this machine answers, brought by machine `owner`: `new`, or `known`. Raises
        PeerError with its refusal, AskError."""
        if self._supervisor.is_down:
            raise PeerError("no_tutor", DOWN.rstrip("."))
        return self.answering.ask(raw, owner)

    def wake(self) -> None:
        """Somebody is about to ask: the light worker starts, if it is this machine that answers."""
        self._used = time.monotonic()
        self._decide()

    def state(self, course: int = 0) -> State:
        """How the worker on this machine stands; its words tell what of one course cannot be read."""
        ready, load = self._supervisor.ready, self._supervisor.load
        if ready is None:
            state = "down" if self._supervisor.crashed else "starting"
        elif ready.engine == LOADING:
            state = "starting"
        else:
            state = "indexing" if self._reading.under_way else "ready"
        courses = tuple((each.course, each.state, each.done, each.total) for each in self._reading.courses)
        notes = (self._supervisor.crashed, ready.notes if ready else "", *self._reading.notes(course))
        words = " ".join(filter(None, notes))
        engine, model, device = (ready.engine, ready.model, ready.device) if ready else ("", "", "")
        queued = load.queued + self.answering.open - self.answering.at_worker
        return State(engine, model, device, state, queued, load.active, courses, words)

    def _meet(self) -> list[int]:
        """The tagged machines that can be reached now."""
        now = time.monotonic()
        met = [host for host in self._hosts if host in self._reachable()]
        self._met.update(dict.fromkeys(met, now))
        if met:
            self._away_since = now
        return met

    @property
    def _alone(self) -> bool:
        """Whether no host could be reached for so long that this machine answers its own apps."""
        return not self._hosts or time.monotonic() - self._away_since > LOST_S

    # --- the worker ---

    def _decide(self) -> None:
        """Which worker is to run now."""
        if self.is_host:
            wanted: Kind | None = Kind.FULL
        elif self.answering.open or (self._alone and (self._in_use or self._reading.is_behind())):
            wanted = Kind.LIGHT
        else:
            wanted = None
        self._supervisor.want(wanted)

    @property
    def _in_use(self) -> bool:
        return time.monotonic() - self._used < IDLE_S

    def _hear(self, report: Report) -> None:
        match report:
            case Ready():
                self._reading.worker_ready()
                self.answering.dispatch()
            case Indexed():
                self._reading.heard(report)
            case Pong():
                pass
            case _:
                self.answering.heard(report)

    def _worker_ended(self, by_its_fault: bool) -> None:
        self._reading.worker_ended()
        self.answering.worker_ended(by_its_fault)
        if self._supervisor.is_down:
            self.answering.end_all(DOWN)

    def _active_model(self) -> str:
        try:
            return (self._folder / ACTIVE).read_text("utf-8").strip()
        except (OSError, ValueError):
            return ""

    def _watch_model(self) -> None:
        """Another model was made the active one: a new worker loads it, between questions."""
        model = self._active_model()
        if not self.is_host:
            self._model, self.answering.held = model, False
            return
        self.answering.held = model != self._model
        if self.answering.held and not self.answering.at_worker:
            self._model = model
            self._supervisor.restart()
            self.answering.held = False

    async def _tick_on(self) -> None:
        while True:
            try:
                self._tick()
            except Exception:
                _log.exception("the tutor's part of this node failed; it is tried again")
            await asyncio.sleep(TICK_S)

    def _tick(self) -> None:
        self._meet()
        now = time.monotonic()
        gone = [
            host
            for host in self.relay.hosts
            if host not in self._hosts or now - self._met.get(host, now) > LOST_S
        ]
        self.relay.tick(gone)
        self._watch_model()
        self._decide()
        self._reading.tick()
        self.answering.tick()
