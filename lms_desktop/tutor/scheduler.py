"""Whose answer goes on next: a class's asks share one model, fairly, a step at a time.

Each step is one forward pass: every running answer gets its next token, and newcomers' prompts are read
beside them within a budget of tokens, so that a crowd of newcomers never stalls those who read already.
Students take turns; each has one answer running and two waiting at most. No I/O, no torch, no thread: whoever
owns it calls `step`.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

SLOTS: Final = 32
QUEUED: Final = 128
QUEUED_EACH: Final = 2
STEP_TOKENS: Final = 512
STEP_S: Final = 2.0  # a longer step reads fewer tokens next time: a large model on a slow computer
_LEAST_TOKENS: Final = 16
_GUESSED_S: Final = 10.0  # an answer's duration before one has been seen
_WEIGHT: Final = 0.2  # of the latest answer in the mean duration

CANCELLED, DEADLINE, OUT_OF_MEMORY = "cancelled", "deadline", "out_of_memory"
COMPLETE, LENGTH = "complete", "length"


class OutOfMemory(Exception):
    """The engine could not get memory for a step."""


class Engine(Protocol):
    """What computes: `batch.Batch`."""

    def row(self, room: int) -> Any:
        """Return an empty row for that many tokens. Raises OutOfMemory."""
        ...

    def forward(self, pieces: Sequence[tuple[Any, Sequence[int]]]) -> list[int]:
        """Append tokens to rows and return the token after each piece. Raises OutOfMemory: nothing has
        changed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Placed:
    """The ask waits at this position, 0: it runs."""

    id: bytes
    position: int
    eta_ms: int


@dataclass(frozen=True, slots=True)
class Made:
    """The next token of an answer."""

    id: bytes
    token: int


@dataclass(frozen=True, slots=True)
class Over:
    """The answer ended: complete (a stop token or `finish`), length, cancelled, deadline, out_of_memory."""

    id: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Too many wait."""

    id: bytes
    retry_after_ms: int


Event = Placed | Made | Over | Refused


@dataclass(slots=True, eq=False)
class _Ask:
    id: bytes
    student: int
    unread: Sequence[int]  # what the model is given next: the prompt's rest, then the last token made
    room: int
    most: int
    deadline: float
    position: int = -1
    row: Any = None
    made: int = 0
    began: float = 0.0


@dataclass(slots=True)
class Scheduler:
    """Exactly one of Over and Refused ends each ask. Times are the clock's seconds."""

    engine: Engine
    stop_tokens: Collection[int] = ()
    slots: int = SLOTS
    step_tokens: int = STEP_TOKENS
    clock: Callable[[], float] = time.monotonic
    _waiting: "OrderedDict[int, deque[_Ask]]" = field(
        default_factory=OrderedDict
    )  # students in order of their turn
    _running: list[_Ask] = field(default_factory=list)  # in order of their start
    _events: list[Event] = field(default_factory=list)
    _duration: float = _GUESSED_S
    _budget: int = field(init=False)  # of tokens a step, at present
    _lent: int = field(init=False)  # slots, at present

    def __post_init__(self) -> None:
        self._budget = self.step_tokens
        self._lent = self.slots

    @property
    def queued(self) -> int:
        return sum(map(len, self._waiting.values()))

    @property
    def active(self) -> int:
        return len(self._running)

    @property
    def idle(self) -> bool:
        """Whether a step would do nothing."""
        return not (self._running or self._waiting or self._events)

    def submit(self, ask_id: bytes, student: int, prompt: Sequence[int], most: int, deadline: float) -> None:
        """Take an ask for at most `most` tokens after the prompt. An id that is here is not taken twice."""
        if any(ask.id == ask_id for ask in self._all()):
            return
        theirs = self._waiting.get(student, ())
        if self.queued >= QUEUED or len(theirs) >= QUEUED_EACH + (not self._runs(student)):
            self._events.append(Refused(ask_id, self._eta(self.queued + 1)))
            return
        ask = _Ask(ask_id, student, tuple(prompt), len(prompt) + most, most, deadline)
        self._waiting.setdefault(student, deque()).append(ask)

    def cancel(self, ask_id: bytes) -> None:
        """End an ask because nobody waits for it; an unknown id is none any more."""
        self._end_id(ask_id, CANCELLED)

    def finish(self, ask_id: bytes) -> None:
        """End a running answer as complete: its text says that it is."""
        self._end_id(ask_id, COMPLETE)

    def step(self) -> list[Event]:
        """Do the next piece of work, one forward pass at most, and return what happened.

        What is known before the pass (positions, ends) is returned at once; the pass follows at the next
        call.
        """
        now = self.clock()
        for ask in [ask for ask in self._all() if ask.deadline <= now]:
            self._end(ask, DEADLINE)
        self._admit(now)
        self._place()
        if not self._events and self._running:
            self._advance()
        events, self._events = self._events, []
        return events

    # --- turns ---

    def _all(self) -> Iterator[_Ask]:
        yield from self._running
        for asks in self._waiting.values():
            yield from asks

    def _runs(self, student: int) -> bool:
        return any(ask.student == student for ask in self._running)

    def _admit(self, now: float) -> None:
        if not self._running:
            self._lent = self.slots  # memory that lacked may be there again
        while len(self._running) < self._lent:
            student = next((each for each in self._waiting if not self._runs(each)), None)
            if student is None:
                return
            asks = self._waiting[student]
            ask = asks[0]
            try:
                ask.row = self.engine.row(ask.room)
            except OutOfMemory:
                if self._running:
                    self._lent = len(self._running)
                else:
                    self._end(ask, OUT_OF_MEMORY)
                return
            asks.popleft()
            self._waiting.move_to_end(student)
            if not asks:
                del self._waiting[student]
            ask.began = now
            self._running.append(ask)

    def _order(self) -> Iterator[_Ask]:
        """Those who wait, as their turns will come: the first of each student, then the second."""
        for place in range(QUEUED_EACH + 1):
            for asks in self._waiting.values():
                if place < len(asks):
                    yield asks[place]

    def _place(self) -> None:
        places = [(ask, 0) for ask in self._running]
        places += [(ask, position) for position, ask in enumerate(self._order(), 1)]
        for ask, position in places:
            if ask.position != position:
                ask.position = position
                self._events.append(Placed(ask.id, position, self._eta(position)))

    def _eta(self, position: int) -> int:
        return round(1000 * position * self._duration / self._lent)

    # --- work ---

    def _advance(self) -> None:
        try:
            self._pass()
        except OutOfMemory:
            self._end(self._running[-1], OUT_OF_MEMORY)
            self._lent = max(1, self._lent // 2)
            if self._running:
                try:
                    self._pass()
                except OutOfMemory:
                    for ask in tuple(self._running):
                        self._end(ask, OUT_OF_MEMORY)

    def _pass(self) -> None:
        """One forward pass. A piece is a row's last token, or as much of its prompt as the budget still
        holds.
        """
        budget = self._budget
        given: list[tuple[_Ask, Sequence[int]]] = []
        for ask in self._running:
            piece = ask.unread if ask.made else ask.unread[:budget]
            if piece:
                given.append((ask, piece))
                budget -= 0 if ask.made else len(piece)
        began = self.clock()
        tokens = self.engine.forward([(ask.row, piece) for ask, piece in given])
        self._adapt(self.clock() - began)
        for (ask, piece), token in zip(given, tokens, strict=True):
            ask.unread = ask.unread[len(piece) :]
            if not ask.unread:
                self._take(ask, token)

    def _adapt(self, took: float) -> None:
        if took > STEP_S:
            self._budget = max(min(_LEAST_TOKENS, self.step_tokens), self._budget // 2)
        elif took < STEP_S / 4:
            self._budget = min(self.step_tokens, self._budget * 2)

    def _take(self, ask: _Ask, token: int) -> None:
        if token in self.stop_tokens:
            self._end(ask, COMPLETE)
            return
        ask.made += 1
        ask.unread = (token,)
        self._events.append(Made(ask.id, token))
        if ask.made == ask.most:
            self._end(ask, LENGTH)

    def _end_id(self, ask_id: bytes, reason: str) -> None:
        ask = next((ask for ask in self._all() if ask.id == ask_id), None)
        if ask is not None:
            self._end(ask, reason)

    def _end(self, ask: _Ask, reason: str) -> None:
        if ask in self._running:
            self._running.remove(ask)
            ask.row = None
            if reason in (COMPLETE, LENGTH):
                self._duration += _WEIGHT * (self.clock() - ask.began - self._duration)
        else:
            asks = self._waiting[ask.student]
            asks.remove(ask)
            if not asks:
                del self._waiting[ask.student]
        self._events.append(Over(ask.id, reason))
