"""The thread of the language model: loads it, gives it each question's turn, and tells its words as they
come.

While the model is loaded questions wait here; where it cannot be loaded they are answered with their
passages.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lms_desktop.tutor import extractive, generation, loading
from lms_desktop.tutor.generation import Generator
from lms_desktop.tutor.protocol import Accepted, Ask, Busy, Done, Failed, OfAsk, Source, Token
from lms_desktop.tutor.scheduler import Refused
from lms_desktop.tutor.support import unsupported
from lms_desktop.tutor.weights import ModelError

TELL_S = 0.05
"""Words are told at most this often, those between together, where many are answered at once."""
FEW = 4
"""So many answers are told piece by piece."""


@dataclass(slots=True)
class _Text:
    """An answer on its way: what has been told of it, and what not yet."""

    sources: tuple[Source, ...]
    told: int = 0
    waiting: str = ""


@dataclass(frozen=True, slots=True)
class Writing:
    """What `on_loaded` tells: the model's name, its context in tokens, where it runs; or in words why not."""

    model: str
    context: int
    device: str
    problem: str


class Writer(threading.Thread):
    """Create, then `start`. `write` and `cancel` are for other threads."""

    def __init__(
        self,
        folder: Path,
        encode: Callable[[Sequence[str]], Any],
        report: Callable[[OfAsk], None],
        on_loaded: Callable[[Writing], None],
    ) -> None:
        super().__init__(name="writer", daemon=True)
        self._folder = folder
        self._encode = encode
        self._report = report
        self._on_loaded = on_loaded
        self._orders: queue.SimpleQueue[tuple[Ask, tuple[Source, ...], float] | bytes] = queue.SimpleQueue()
        self._texts: dict[bytes, _Text] = {}
        self._generator: Generator | None = None
        self.step_began: float | None = None
        """Since when a prompt is built or the model makes a step (monotonic seconds); None while it waits."""

    @property
    def load(self) -> tuple[int, int]:
        """How many questions wait for the model, and how many it answers."""
        generator = self._generator
        waiting = self._orders.qsize()
        return (waiting, 0) if generator is None else (generator.queued + waiting, generator.active)

    def write(self, ask: Ask, sources: tuple[Source, ...], deadline: float) -> None:
        """Answer this from these sources, until `deadline` (monotonic seconds)."""
        self._orders.put((ask, sources, deadline))

    def cancel(self, ask_id: bytes) -> None:
        """Nobody waits for this answer any more."""
        self._orders.put(ask_id)

    def run(self) -> None:
        self._generator = self._load()
        told = 0.0
        while True:
            self.step_began = None
            self._take_orders()
            if self._generator is None or self._generator.idle:
                continue
            self.step_began = time.monotonic()
            for event in self._generator.step():
                self._hear(event)
            if len(self._texts) <= FEW or time.monotonic() - told >= TELL_S:
                told = time.monotonic()
                for ask_id in self._texts:
                    self._tell(ask_id)

    def _load(self) -> Generator | None:
        try:
            generator = loading.load(self._folder)
        except (ModelError, MemoryError) as error:
            self._on_loaded(Writing("", 0, "", str(error)))
            return None
        self._on_loaded(Writing(generator.model, generator.context, generator.device, ""))
        return generator

    def _take_orders(self) -> None:
        """Everything that was ordered; waits for an order while there is nothing else to do."""
        idle = self._generator is None or self._generator.idle
        try:
            while True:
                order = self._orders.get(block=idle)
                idle, self.step_began = False, time.monotonic()
                if isinstance(order, bytes):
                    if self._generator is not None:
                        self._generator.cancel(order)
                else:
                    self._begin(*order)
        except queue.Empty:
            return

    def _begin(self, ask: Ask, sources: tuple[Source, ...], deadline: float) -> None:
        if self._generator is None:
            self._report(Done(ask.id, "extractive", extractive.answer(sources), ()))
            return
        self._texts[ask.id] = _Text(sources)
        self._generator.submit(ask.id, ask.student, ask.text, ask.history, sources, deadline)

    def _hear(self, event: generation.Event) -> None:
        match event:
            case generation.Queued(id=ask_id, position=position, eta_ms=eta_ms):
                self._report(Accepted(ask_id, position, eta_ms))
            case generation.Text(id=ask_id, text=text):
                self._texts[ask_id].waiting += text
            case generation.Ended(id=ask_id, text=text):
                self._tell(ask_id)
                sources = self._texts.pop(ask_id).sources
                self._report(Done(ask_id, "generative", text, unsupported(text, sources, self._encode)))
            case generation.Failed(id=ask_id, code=code, words=words, retryable=retryable):
                self._tell(ask_id)
                del self._texts[ask_id]
                self._report(Failed(ask_id, code, words, retryable))
            case Refused(id=ask_id, retry_after_ms=retry_after_ms):
                del self._texts[ask_id]
                self._report(Busy(ask_id, retry_after_ms))

    def _tell(self, ask_id: bytes) -> None:
        text = self._texts[ask_id]
        if text.waiting:
            text.told += 1
            self._report(Token(ask_id, text.told, text.waiting))
            text.waiting = ""
