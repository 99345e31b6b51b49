"""Conversations with the tutor: exchanges as the ledger keeps them, opened, checked, saved and printed."""

from dataclasses import dataclass
from enum import IntEnum

from lms_desktop.client.sources import Source


class Verdict(IntEnum):
    """What became of an ask; UNFINISHED has no signed answer: it was cancelled, or failed."""

    UNFINISHED = 0
    ANSWERED = 1
    BORDERLINE = 2
    DECLINED = 3


@dataclass(frozen=True, slots=True)
class Exchange:
    """One ask and its answer. Times in UTC ms; scores in thousandths; `unsupported` are spans of `text`.

    `text` is the answer (of an UNFINISHED one: what had been streamed), empty where there is none; `reason`
    says why the tutor declined, asked back, or did not finish. `answered_by` names the machine that signed.
    `problem` says why this exchange cannot be opened or must not be believed; it then shows nothing else.
    """

    conversation: bytes
    course: int
    assignment: int | None
    author: int
    name: str
    asked_ms: int
    question: str
    confirmed: bool
    verdict: Verdict
    score: int
    reason: str
    engine: str
    text: str
    sources: tuple[Source, ...]
    unsupported: tuple[tuple[int, int], ...]
    answered_by: str
    problem: str = ""

    @property
    def extractive(self) -> bool:
        """No language model wrote the answer: it is the quoted passages."""
        return self.engine == "extractive"


@dataclass(frozen=True, slots=True)
class ConversationCard:
    """A conversation in a list: `first` is the question that began it, `last_ms` when it went on last."""

    conversation: bytes
    course: int
    assignment: int | None
    assignment_title: str
    author: int
    name: str
    first: str
    exchanges: int
    declined: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation, the oldest exchange first."""

    conversation: bytes
    course: int
    course_title: str
    assignment: int | None
    assignment_title: str
    author: int
    name: str
    exchanges: tuple[Exchange, ...]
