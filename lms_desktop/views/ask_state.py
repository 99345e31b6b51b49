"""What one ask of the tutor has come to, as the screen shows it: under way or long ended. No widgets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto

from lms_desktop.client import tutor as api
from lms_desktop.client.exchanges import EXTRACTIVE, Exchange, Verdict
from lms_desktop.client.sources import Source

BUSY = "busy"
LOOK_MS = 2_000  # how often a screen asks for the tutor's state while it is not ready
READY_LOOK_MS = 10_000


class Phase(Enum):
    """How far an ask is."""

    SENDING = auto()
    QUEUED = auto()
    ANSWERING = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class AskState:
    """One exchange. `verdict`, `score` and `threshold` (thousandths) are None until the check has spoken, and
    `threshold` in an exchange that is read again. `failure` is the code of an end without an answer.
    """

    question: str
    confirmed: bool = False
    name: str = ""
    asked_ms: int = 0
    phase: Phase = Phase.SENDING
    position: int = 0
    eta_ms: int = 0
    verdict: Verdict | None = None
    score: int | None = None
    threshold: int | None = None
    reason: str = ""
    nearest: Source | None = None
    sources: tuple[Source, ...] = ()
    text: str = ""
    unsupported: tuple[tuple[int, int], ...] = ()
    engine: str = ""
    answered_by: str = ""
    note: str = ""
    failure: str = ""
    failure_words: str = ""
    retryable: bool = False
    retry_after_ms: int = 0
    waits: bool = False  # kept on this computer until the class takes it
    not_kept: str = ""  # why an answer could not be handed in
    problem: str = ""
    exchange: Exchange | None = None  # what is kept of it, once it is

    def take(self, update: api.Update) -> AskState:
        """Return the state after an update."""
        match update:
            case api.Accepted(position, eta):
                return replace(self, phase=Phase.QUEUED, position=position, eta_ms=eta)
            case api.Gate(verdict, score, threshold, reason, nearest):
                return replace(
                    self,
                    phase=Phase.ANSWERING if verdict is Verdict.ANSWERED else self.phase,
                    verdict=verdict,
                    score=score,
                    threshold=threshold,
                    reason=reason,
                    nearest=nearest,
                )
            case api.Sources(sources):
                return replace(self, sources=sources)
            case api.Token(text):
                return replace(self, phase=Phase.ANSWERING, text=self.text + text)
            case api.Restarted(words):
                return replace(self, phase=Phase.SENDING, text="", unsupported=(), note=words)
            case api.Answered(exchange, sent, problem):
                return replace(
                    of_exchange(exchange),
                    threshold=self.threshold,
                    nearest=self.nearest,
                    note=self.note,
                    waits=sent is not None and sent.waiting,
                    not_kept=problem,
                )
            case api.Failed(code, words, retryable, exchange, sent):
                return replace(
                    self,
                    phase=Phase.ENDED,
                    failure=code,
                    failure_words=words,
                    retryable=retryable,
                    exchange=exchange,
                    waits=sent is not None and sent.waiting,
                )
            case api.Busy(retry_after_ms):
                words = "Too many ask at this moment, so your question was not taken."
                return replace(
                    self,
                    phase=Phase.ENDED,
                    failure=BUSY,
                    failure_words=words,
                    retryable=True,
                    retry_after_ms=retry_after_ms,
                )
        return self

    def failed(self, words: str) -> AskState:
        """Return the state after an error that ended the ask before the tutor took it."""
        return replace(self, phase=Phase.ENDED, failure="error", failure_words=words, retryable=True)

    @property
    def running(self) -> bool:
        """True until the ask has ended, in whatever way."""
        return self.phase is not Phase.ENDED

    @property
    def generated(self) -> str:
        """What a language model wrote; the extractive engine's answer is the quoted passages themselves."""
        return "" if self.engine == EXTRACTIVE else self.text


def of_exchange(exchange: Exchange) -> AskState:
    """Return the state of an exchange that was kept."""
    unfinished = exchange.verdict is Verdict.UNFINISHED
    declined = exchange.verdict in (Verdict.DECLINED, Verdict.BORDERLINE)
    return AskState(
        exchange.question,
        exchange.confirmed,
        exchange.name,
        exchange.asked_ms,
        Phase.ENDED,
        verdict=None if unfinished or exchange.problem else exchange.verdict,
        score=None if unfinished else exchange.score,
        reason="" if unfinished else exchange.reason,
        nearest=exchange.sources[0] if declined and exchange.sources else None,
        sources=() if declined else exchange.sources,
        text=exchange.text,
        unsupported=exchange.unsupported,
        engine=exchange.engine,
        answered_by=exchange.answered_by,
        failure="ended" if unfinished and not exchange.problem else "",
        failure_words=exchange.reason if unfinished else "",
        retryable=unfinished,
        problem=exchange.problem,
        exchange=exchange,
    )


def percent(score: int) -> int:
    """Return a score in thousandths as people read it, 0 to 100."""
    return min(max(round(score / 10), 0), 100)


def check_text(state: AskState) -> str:
    """Return the relevance check in words, with its score."""
    if state.verdict is None or state.score is None:
        return ""
    lead = {
        Verdict.ANSWERED: "Belongs to this course",
        Verdict.BORDERLINE: "May belong to this course",
        Verdict.DECLINED: "Not found in this course",
    }[state.verdict]
    if state.confirmed and state.verdict is Verdict.ANSWERED:
        lead = "Confirmed as a question on this course"
    needed = f", needed {percent(state.threshold)}" if state.threshold is not None else ""
    return f"{lead}: {percent(state.score)} of 100{needed}"


def progress_text(state: AskState) -> str:
    """Return what happens now, for people; empty once the ask has ended."""
    match state.phase:
        case Phase.SENDING:
            return "Asking ..."
        case Phase.QUEUED if state.position > 0:
            others = "1 question is" if state.position == 1 else f"{state.position} questions are"
            return f"{others} before yours{_about(state.eta_ms)}"
        case Phase.QUEUED:
            return f"Yours is next{_about(state.eta_ms)}"
        case Phase.ANSWERING:
            return "Writing the answer ..." if state.text else "Reading the passages ..."
    return ""


def _about(eta_ms: int) -> str:
    seconds = round(eta_ms / 1000)
    if seconds < 1:
        return ""
    return f", about {seconds} s" if seconds < 90 else f", about {round(seconds / 60)} minutes"


def where_text(state: api.TutorState) -> tuple[str, str]:
    """Return where the tutor runs and how it is: words and tone."""
    where = {"host": f"on {state.machine}", "here": "on this computer"}.get(state.where, "")
    match state.state:
        case "starting":
            return f"Tutor {where}: starting ...", "warning"
        case "indexing":
            return f"Tutor {where}: reading the course, {state.done} of {state.total} documents", "warning"
        case "ready" if where:
            return f"Tutor {where}{f', with {state.model}' if state.model else ''}", "success"
    return state.words or "The tutor cannot be reached now", "danger"
