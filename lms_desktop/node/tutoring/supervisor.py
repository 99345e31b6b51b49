"""Keeps one worker of the tutor running while one is wanted, whatever becomes of it.

A worker is asked for a sign of life each second. One that ended, is silent for 5 s, is in one step for more
than 30 s or holds more memory than it may is killed, and another is started after 1, 2, 4 ... 60 s. After
three such ends within 5 minutes the next ones go without a language model.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import psutil
import zmq

from lms_desktop.node.admission import Admission
from lms_desktop.node.errors import NodeError
from lms_desktop.node.sockets import Context
from lms_desktop.node.tutoring.process import WorkerProcess
from lms_desktop.tutor.protocol import FAULT, Order, Ping, Pong, Ready, Report

LOOK_S = 0.2
PING_S = 1.0
SILENT_S = 5.0
STARTING_S = 60.0
STEP_MS = 30_000
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
CRASHES = 3
CRASHES_WITHIN_S = 300.0
STILLBORN = 3
LIGHT_BYTES = 1 << 30
LOADING = "loading"
"""The engine of a worker that takes questions already while it loads its language model."""
AGAIN = "The tutor on this machine stopped unexpectedly and is started again."
DOWN = "The tutor does not start on this machine; its node.log says why."
DEGRADED = "The language model stopped three times in five minutes: the tutor answers with passages alone."
_log = logging.getLogger(__name__)


class Kind(Enum):
    """Which worker is wanted."""

    LIGHT = "light"
    FULL = "full"


class Supervisor:
    """Create on the node's loop; `want` says what is to run, `close` ends it.

    `on_report` hears what the worker says; `on_ended` that it is gone, and whether it was by its own fault.
    """

    def __init__(
        self,
        context: Context,
        admission: Admission,
        folder: Path,
        *,
        on_report: Callable[[Report], None],
        on_ended: Callable[[bool], None],
        memory: int | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = context
        self._admission = admission
        self._folder = folder
        self._on_report = on_report
        self._on_ended = on_ended
        self._memory = memory
        self._wanted: Kind | None = None
        self._changed = asyncio.Event()
        self._restart = False
        self._worker: WorkerProcess | None = None
        self._pong = Pong(0, 0, 0, 0, 0)
        self._crashes: deque[float] = deque(maxlen=CRASHES)
        self._waits = 0
        self._stillborn = 0
        self._task: asyncio.Task[None] | None = None
        self.ready: Ready | None = None
        """What the present worker said of itself, None while there is none that takes questions."""
        self.crashed = ""
        """In words for people: why there is no worker, or a lesser one than is wanted; else empty."""

    # --- what is wanted ---

    @property
    def wanted(self) -> Kind | None:
        return self._wanted

    @property
    def is_down(self) -> bool:
        """Whether several ended before they took a question: it is not worth waiting for the next one."""
        return self._stillborn >= STILLBORN

    @property
    def pid(self) -> int | None:
        """The present worker's process."""
        return self._worker.pid if self._worker is not None else None

    @property
    def load(self) -> Pong:
        """The present worker's last sign of life."""
        return self._pong

    def want(self, kind: Kind | None) -> None:
        """What is to run from now on: a change takes effect at once."""
        if kind is not self._wanted:
            self._wanted = kind
            self._crashes.clear()
            self._waits = self._stillborn = 0
            self.crashed = ""
            self._changed.set()
            if self._task is None:
                self._task = self._loop.create_task(self._run())

    def restart(self) -> None:
        """End the present worker and start another, as for a new language model: no fault of its own."""
        self._restart = True
        self._crashes.clear()
        self.crashed = ""
        self._changed.set()

    def send(self, order: Order) -> bool:
        """Tell the worker; False where there is none that listens."""
        return self.ready is not None and self._worker is not None and self._worker.send(order)

    async def close(self) -> None:
        """End the worker."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # --- its lives ---

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            if self._wanted is None:
                await self._changed.wait()
                continue
            fault = await self._live(self._wanted)
            if fault:
                self._crashes.append(time.monotonic())
                self.crashed = DOWN if self.is_down else AGAIN
                wait = BACK_OFF_S[min(self._waits, len(BACK_OFF_S) - 1)]
                self._waits += 1
                _log.error("the tutor's worker %s; the next one starts in %.0f s", fault, wait)
                await self._pause(wait)

    async def _live(self, wanted: Kind) -> str:
        """Start a worker and watch it to its end; returns its fault, empty where it was told to end."""
        light = wanted is Kind.LIGHT or self._failing
        try:
            worker = WorkerProcess(
                self._context,
                self._loop,
                self._admission,
                self._folder,
                light=light,
                on_report=self._hear,
            )
        except (OSError, NodeError, zmq.ZMQError) as error:
            self._stillborn += 1
            return f"could not be started: {error}"
        self._worker, self._restart = worker, False
        fault = ""
        try:
            fault = await self._watch(worker, wanted)
        except zmq.ZMQError as error:
            fault = f"could not be spoken to: {error}"
        finally:
            started = self.ready is not None
            self._stillborn = self._stillborn + 1 if fault and not started else 0
            self._worker, self.ready = None, None
            self._pong = Pong(0, 0, 0, 0, 0)
            await worker.kill()
            told = [each for each in worker.last_words if each.startswith(FAULT) or not started]
            if fault and told:  # once it has heard questions, no more than where it failed goes to the log
                _log.error("the tutor's worker said: %s", " / ".join(told))
            self._on_ended(bool(fault))
        return fault

    @property
    def _failing(self) -> bool:
        """Whether so many ended by their own fault lately that the language model is left out."""
        recent = len(self._crashes) == CRASHES
        return recent and time.monotonic() - self._crashes[0] < CRASHES_WITHIN_S

    async def _watch(self, worker: WorkerProcess, wanted: Kind) -> str:
        pings, next_ping, looked = 0, worker.started, worker.started
        limit = self._memory or (LIGHT_BYTES if worker.light else psutil.virtual_memory().total * 9 // 10)
        while not self._restart and self._wanted is wanted:
            now = time.monotonic()
            if now - looked > SILENT_S / 2:  # this node itself stood still, and what was said meanwhile waits
                worker.heard = now
            looked = now
            patience = SILENT_S if self.ready is not None and self.ready.engine != LOADING else STARTING_S
            if worker.code is not None:
                return f"ended with status {worker.code}"
            if now - worker.heard > patience:
                return f"was silent for {patience:.0f} s"
            if self._pong.step_ms > STEP_MS:
                return f"was in one step for {self._pong.step_ms / 1000:.0f} s"
            if self._pong.memory > limit:
                return f"held {self._pong.memory >> 20} MB, more than the {limit >> 20} MB that it may"
            if now >= next_ping and worker.send(Ping(pings)):
                pings, next_ping = pings + 1, now + PING_S
            if self._waits and now - worker.started > CRASHES_WITHIN_S:
                self._waits = 0
            await self._pause(LOOK_S)
        return ""

    def _hear(self, report: Report) -> None:
        match report:
            case Ready():
                self.ready = report
                self.crashed = DEGRADED if self._failing and self._wanted is Kind.FULL else ""
            case Pong():
                self._pong = report
        self._on_report(report)

    async def _pause(self, seconds: float) -> None:
        """Wait, unless something else is wanted meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
                self._changed.clear()
        except TimeoutError:
            return
