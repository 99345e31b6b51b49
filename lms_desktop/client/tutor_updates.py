"""What one ask of the tutor tells as it goes: any number of updates, the last of them one of three ends."""

from dataclasses import dataclass

from lms_desktop.client.exchanges import Exchange, Verdict
from lms_desktop.client.session import Sent
from lms_desktop.client.sources import Source


@dataclass(frozen=True, slots=True)
class Accepted:
    """The ask waits: `position` from 0 (next), `eta_ms` until it begins. Comes again as the queue moves."""

    position: int
    eta_ms: int


@dataclass(frozen=True, slots=True)
class Gate:
    """The relevance check: scores in thousandths; `reason` for people, empty where there is nothing to say;
    `nearest` is the passage of the course that is nearest."""

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
    """The end: the signed answer, checked. `sent` is the exchange as handed in: it may wait in the outbox.

    `problem` says why it could not be handed in, with `sent` None; the answer holds all the same.
    """

    exchange: Exchange
    sent: Sent | None
    problem: str = ""


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
