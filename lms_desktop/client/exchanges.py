"""Exchanges: one ask of the tutor with its signed answer, as sealed in the ledger, read and judged.

What is sealed (context type `exchange`) is [ask, answer, partial, code]: the bytes of `trust.asks` and
`trust.answers`. An ask that ended without an answer has an empty one, what had been streamed until then, and
the code of its end; an answered one has an empty partial and code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from lms_desktop.client.errors import CannotOpen
from lms_desktop.client.sealed import Fields
from lms_desktop.client.session import Session
from lms_desktop.client.sources import Document, Source, documents, source_of
from lms_desktop.school.queries.people import MachineRow, SigningKeyRow
from lms_desktop.trust.answers import Answer
from lms_desktop.trust.asks import Ask
from lms_desktop.trust.errors import TrustError

PARTIAL = 8_000
EXTRACTIVE = "extractive"

ENDS = {
    "cancelled": "You stopped this answer.",
    "deadline": "The answer took too long.",
    "too_long": "The question is too long for the tutor.",
    "interrupted": "The tutor stopped while it was answering.",
    "out_of_memory": "The tutor had too little memory for this answer.",
    "crashed": "The tutor stopped at this question.",
    "no_text": "None of the course's pages has text that can be quoted.",
    "unreachable": "The machine that was answering could not be reached any more.",
    "false_answer": "The answer was not signed by a machine of this school, so it is not shown.",
}
"""Why an ask ended without an answer, in words for people."""

_REASONS = {
    "on_topic": "",
    "follow_up": "",
    "procedural": "",
    "confirmed": "",
    "unsure": "The course's pages may not be about this.",
    "off_topic": "This does not look like a question on this course.",
    "not_in_material": "This is near the subject, but the course's pages say nothing about it.",
    "to_the_tutor": "This is about the tutor and not about the course.",
    "other_language": "The tutor understands questions in the language of the course's pages only.",
    "no_words": "There are no words in this that could be looked up.",
    "no_text": "None of the course's pages has text that the tutor can read.",
    "closed": "This is about an assignment for which your instructor has switched the tutor off for now.",
}


def reason_text(reason: str) -> str:
    """Why the tutor judged as it did, for people; a reason of a newer tutor stays as it is."""
    return _REASONS.get(reason, reason)


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
    verdict: Verdict
    question: str = ""
    confirmed: bool = False
    score: int = 0
    reason: str = ""
    engine: str = ""
    text: str = ""
    sources: tuple[Source, ...] = ()
    unsupported: tuple[tuple[int, int], ...] = ()
    answered_by: str = ""
    problem: str = ""

    @property
    def extractive(self) -> bool:
        """No language model wrote the answer: it is the quoted passages."""
        return self.engine == EXTRACTIVE


@dataclass(frozen=True, slots=True)
class Facts:
    """What the signed envelope of an exchange says in clear."""

    conversation: bytes
    course: int
    assignment: int | None
    author: int
    name: str
    asked_ms: int
    machine: int
    verdict: int


class FalseAnswer(CannotOpen):
    """An ask or an answer that nobody of this school signed, or that do not belong together."""

    def __init__(self, what: str) -> None:
        super().__init__(what, next_step="Ask again, and tell your instructor if it happens again.")


@dataclass(frozen=True, slots=True)
class Judge:
    """Knows whose signatures count: those of the school's machines, and of the persons who asked."""

    cluster_id: bytes
    machines: Mapping[int, MachineRow]
    keys: Mapping[int, tuple[bytes, ...]]
    documents: Mapping[int, Document]

    @classmethod
    async def of(cls, session: Session, courses: Iterable[int], authors: Iterable[int]) -> "Judge":
        """What is needed for exchanges of these courses and authors. Raises NodeUnreachable."""
        keys = {}
        for author in set(authors):
            rows = await session.query(SigningKeyRow, "signing_keys", author)
            keys[author] = tuple(row.public for row in rows)
        return cls(
            session.cluster_id,
            {row.machine: row for row in await session.query(MachineRow, "machines")},
            keys,
            {one.document: one for course in set(courses) for one in await documents(session, course=course)},
        )

    def answer(self, ask: Ask, raw: bytes, *, live: bool) -> Answer:
        """A machine's signed answer to this very ask; `live`: one given now, so by a machine not taken out.

        Raises FalseAnswer.
        """
        try:
            answer = Answer.decode(raw)
        except TrustError as error:
            raise FalseAnswer(f"The answer cannot be read. {error}") from error
        machine = self.machines.get(answer.machine)
        if machine is None or (live and not machine.active):
            raise FalseAnswer("The answer comes from a machine that is not of this school.")
        if not answer.is_signed_by(self.cluster_id, machine.signing):
            raise FalseAnswer(f"The answer was altered: {machine.name} did not sign it.")
        if answer.ask_digest != ask.digest(self.cluster_id):
            raise FalseAnswer("The answer belongs to another question.")
        return answer

    def exchange(self, facts: Facts, fields: Fields | CannotOpen) -> Exchange:
        """The opened exchange of an envelope; one that must not be believed says so as its `problem`."""
        try:
            if isinstance(fields, CannotOpen):
                raise fields
            return self._exchange(facts, fields)
        except CannotOpen as error:
            verdict = facts.verdict if facts.verdict in set(Verdict) else Verdict.UNFINISHED
            return replace(_placed(facts, facts.asked_ms, Verdict(verdict)), problem=str(error))

    def _exchange(self, facts: Facts, fields: Fields) -> Exchange:
        match fields:
            case (bytes(raw), bytes(answer), str(partial), str(code)):
                ask = self._ask(facts, raw)
            case _:
                raise FalseAnswer("This exchange is not written as it must be.")
        if not answer:
            if facts.verdict != Verdict.UNFINISHED:
                raise FalseAnswer("The answer is missing.")
            return self.unfinished(facts, ask, partial[:PARTIAL], ENDS.get(code, ENDS["interrupted"]))
        judged = self.answer(ask, answer, live=False)
        if (judged.machine, judged.verdict) != (facts.machine, facts.verdict):
            raise FalseAnswer("The exchange says something else than its answer.")
        return self.answered(facts, ask, judged)

    def _ask(self, facts: Facts, raw: bytes) -> Ask:
        try:
            ask = Ask.decode(raw)
        except TrustError as error:
            raise FalseAnswer(f"The question cannot be read. {error}") from error
        place = (ask.author, ask.course, ask.assignment or None, ask.time_ms)
        if place != (facts.author, facts.course, facts.assignment, facts.asked_ms):
            raise FalseAnswer("The question was asked elsewhere, or at another time.")
        if not any(ask.is_signed_by(self.cluster_id, key) for key in self.keys.get(ask.author, ())):
            raise FalseAnswer("The question is not signed by who is said to have asked it.")
        return ask

    def answered(self, facts: Facts, ask: Ask, answer: Answer) -> Exchange:
        """The exchange of an ask and the answer that `answer` has judged."""
        return replace(
            _placed(facts, ask.time_ms, Verdict(answer.verdict)),
            question=ask.text,
            confirmed=ask.confirmed,
            score=answer.score,
            reason=reason_text(answer.reason),
            engine=answer.engine,
            text=answer.text,
            sources=tuple(
                source_of(self.documents, one.document, one.page, one.quote, one.score)
                for one in answer.sources
            ),
            unsupported=answer.unsupported,
            answered_by=self.machines[answer.machine].name,
        )

    def unfinished(self, facts: Facts, ask: Ask, partial: str, words: str) -> Exchange:
        """The exchange of an ask that ended without an answer; `words` say why."""
        return replace(
            _placed(facts, ask.time_ms, Verdict.UNFINISHED),
            question=ask.text,
            confirmed=ask.confirmed,
            reason=words,
            text=partial,
        )


def _placed(facts: Facts, asked_ms: int, verdict: Verdict) -> Exchange:
    """An exchange of which nothing is known yet but where it belongs and how it ended."""
    return Exchange(
        facts.conversation,
        facts.course,
        facts.assignment,
        facts.author,
        facts.name,
        asked_ms,
        verdict,
    )
