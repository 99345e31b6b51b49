"""Asking the tutor: the state of the one that answers here, and one ask as a stream that ends once."""

from dataclasses import dataclass

from lms_desktop.client.conversations import Exchange, Verdict
from lms_desktop.client.session import Sent
from lms_desktop.client.sources import Source


@dataclass(frozen=True, slots=True)
class TutorState:
    """Which tutor would answer now. `where`: host, here (the light tutor of this computer), none.

    `state`: ready, starting, indexing, down, unreachable; `done` of `total` pages are indexed; `model` is
    empty where no language model is loaded; `words` says it for people. `queued` asks wait before a new one.
    """

    where: str
    machine: str
    engine: str
    model: str
    state: str
    queued: int
    done: int
    total: int
    words: str

    @property
    def can_ask(self) -> bool:
        """An ask would be taken (it may wait for a start or for the index)."""
        return self.where != "none"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The ask waits: `position` from 0 (next), `eta_ms` until it begins. Comes again as the queue moves."""

    position: int
    eta_ms: int


@dataclass(frozen=True, slots=True)
class Gate:
    """The relevance check: scores in thousandths, `nearest` the passage of the course that is nearest."""

    verdict: Verdict
    score: int
    threshold: int
    reason: str
    nearest: Source | None


@dataclass(frozen=True, slots=True)
class Sources:
    """The best passages, quoted: they come before any generated word."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """The next piece of the generated answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """What was streamed so far is void: the answer begins again, and `words` says why."""

    words: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The end: the signed answer, checked. `sent` is the exchange as handed in: it may wait in the outbox."""

    exchange: Exchange
    sent: Sent


@dataclass(frozen=True, slots=True)
class Failed:
    """The end without an answer: `exchange` is what is kept, with what was streamed, handed in as `sent`.

    Codes: cancelled, deadline, too_long, interrupted, out_of_memory, crashed, no_text, unreachable,
    false_answer (not signed by a machine of the school, or altered: nothing of it is kept), locked (the keys
    went in mid-answer: nothing is handed in).
    """

    code: str
    words: str
    retryable: bool
    exchange: Exchange | None = None
    sent: Sent | None = None


@dataclass(frozen=True, slots=True)
class Busy:
    """The end: too many ask at once, and the ask was not taken. Nothing is kept: ask again later."""

    retry_after_ms: int


Update = Accepted | Gate | Sources | Token | Restarted | Answered | Failed | Busy
