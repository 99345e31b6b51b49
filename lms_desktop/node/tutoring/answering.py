"""Questions that the worker on this machine answers: from the permit to the one terminal message of each.

What a worker that died had not begun goes to the next one; what it had begun is tried once more, one such
question at a time, so that one which kills workers does not take others with it; and that one is not tried a
third time. Nothing of questions and answers is kept beyond their streams in memory.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lms_desktop.node.errors import PeerError
from lms_desktop.node.tutoring.permission import Permission, Permit
from lms_desktop.node.tutoring.streams import Stream, Streams
from lms_desktop.trust import answers, wire
from lms_desktop.trust.answers import Answer, Verdict
from lms_desktop.trust.asks import Ask
from lms_desktop.trust.primitives import SigningKey
from lms_desktop.tutor import protocol
from lms_desktop.tutor.protocol import Order, Source

DEADLINE_S = 120.0
GRACE_S = 5.0
VANISHED_S = 30.0
PER_STUDENT = 3
AT_ONCE = 160
QUARANTINED = 256


@dataclass(slots=True)
class Question:
    """One that has not ended. `sent`: the present worker has it; `begun`: it works on it; `crashes` counts
    the workers that died meanwhile."""

    permit: Permit
    stream: Stream
    deadline: float
    sent: bool = False
    begun: bool = False
    crashes: int = 0
    streamed: bool = False
    gate: protocol.Gate | None = None
    sources: tuple[Source, ...] = field(default=())

    @property
    def ask(self) -> Ask:
        return self.permit.ask


class Answering:
    """Takes questions while there is a worker to give them to; `send` hands one over, False where it cannot
    now.

    Drive it with `heard` (what the worker says), `worker_ended`, and `tick` each second.
    """

    def __init__(
        self,
        machine: int,
        key: SigningKey,
        cluster_id: bytes,
        permission: Permission,
        send: Callable[[Order], bool],
        now_ms: Callable[[], int],
    ) -> None:
        self._machine = machine
        self._key = key
        self._cluster_id = cluster_id
        self._permission = permission
        self._send = send
        self._now_ms = now_ms
        self._questions: dict[bytes, Question] = {}
        self._digests: dict[bytes, bytes] = {}
        self._quarantine: dict[bytes, None] = {}
        self.streams = Streams()
        self.held = False
        """While true nothing more is handed to the worker, because it is about to be replaced."""

    @property
    def open(self) -> int:
        """How many questions have not ended."""
        return len(self._questions)

    @property
    def at_worker(self) -> int:
        """How many of them the worker has."""
        return sum(question.sent for question in self._questions.values())

    # --- from who asks ---

    def ask(self, raw: bytes, owner: int) -> str:
        """Take a question that machine `owner` brings; `new`, or `known` where it was brought before. Raises
        PeerError where it may not be asked or too many wait, AskError."""
        ask = Ask.decode(raw)
        digest = ask.digest(self._cluster_id)
        if ask.ask_id in self._digests:
            if self._digests[ask.ask_id] != digest or self.streams.get(ask.ask_id, owner) is None:
                raise PeerError("not_allowed", "Another question has this number")
            return "known"
        if sum(each.ask.author == ask.author for each in self._questions.values()) >= PER_STUDENT:
            raise PeerError("busy", "Your earlier questions are still being answered")
        if len(self._questions) >= AT_ONCE:
            raise PeerError(
                "busy", "Too many questions wait for the tutor", next_step="Ask again in a moment."
            )
        permit = self._permission.check(raw)
        stream = self.streams.open(ask.ask_id, owner)
        self._digests[ask.ask_id] = digest
        question = Question(permit, stream, time.monotonic() + DEADLINE_S)
        self._questions[ask.ask_id] = question
        if _fingerprint(ask) in self._quarantine:
            self._fail(
                question, "crashed", "This question stopped the tutor twice: it is not tried again.", False
            )
        else:
            stream.add("accepted", self.open - 1, 0)
            self.dispatch()
        return "new"

    def cancel(self, ask_id: bytes, owner: int) -> bool:
        """End a question early; False where that machine asked none such."""
        question = self._questions.get(ask_id)
        if question is None or question.stream.owner != owner:
            return self.streams.get(ask_id, owner) is not None
        self._cancel(question)
        return True

    def _cancel(self, question: Question) -> None:
        self._fail(question, "cancelled", "The question was withdrawn.", True)

    # --- to and from the worker ---

    def dispatch(self) -> None:
        """Hand over what waits. Of those during which a worker died, one at a time."""
        if self.held:
            return
        suspect = any(each.sent and each.crashes for each in self._questions.values())
        for question in list(self._questions.values()):
            if question.sent or (question.crashes and suspect):
                continue
            ask = question.ask
            question.sent = self._send(
                protocol.Ask(
                    ask.ask_id,
                    ask.author,
                    ask.course,
                    ask.assignment,
                    ask.text,
                    ask.history,
                    question.permit.hints_only,
                    ask.confirmed,
                    tuple(sorted(question.permit.closed)),
                    max(1, int((question.deadline - time.monotonic()) * 1000)),
                )
            )
            if not question.sent:
                return
            suspect = suspect or bool(question.crashes)

    def heard(self, report: protocol.OfAsk) -> None:
        """What the worker says of a question; of one that ended already, nothing."""
        question = self._questions.get(report.id)
        if question is None or not question.sent:
            return
        add = question.stream.add
        match report:
            case protocol.Accepted(position=position, eta_ms=eta_ms):
                question.begun = question.begun or position == 0
                add("accepted", position, eta_ms)
            case protocol.Gate():
                if question.gate != report:
                    question.gate = report
                    near = report.nearest
                    nearest = None if near is None else _wire(near)
                    add("gate", report.verdict, report.score, report.threshold, report.reason, nearest)
            case protocol.Sources(sources=sources):
                if question.sources != sources:
                    question.sources = sources
                    add("sources", [_wire(source) for source in sources])
            case protocol.Token(text=text):
                question.streamed = True
                add("token", text)
            case _:
                question.sent = False
                self._hear_terminal(question, report)

    def _hear_terminal(self, question: Question, report: protocol.Terminal) -> None:
        match report:
            case protocol.Done():
                self._answer(question, report)
            case protocol.Failed(code=code, words=words, retryable=retryable):
                self._fail(question, code, words, retryable)
            case protocol.Busy(retry_after_ms=retry_after_ms):
                self._end(question, "busy", retry_after_ms)

    def worker_ended(self, by_its_fault: bool) -> None:
        """The worker is gone, and what it had with it."""
        for question in list(self._questions.values()):
            begun = question.sent and question.begun
            question.sent = question.begun = False
            if not begun or not by_its_fault:
                continue
            question.crashes += 1
            if question.crashes > 1:
                self._quarantine[_fingerprint(question.ask)] = None
                if len(self._quarantine) > QUARANTINED:
                    del self._quarantine[next(iter(self._quarantine))]
                self._fail(
                    question,
                    "crashed",
                    "The tutor stopped twice while it answered this question. Ask the instructor.",
                    False,
                )
            elif question.streamed:
                question.streamed = False
                question.stream.add("restarted", "The tutor stopped and begins the answer again.")

    def end_all(self, words: str) -> None:
        """No worker will come: every question ends, to be asked again."""
        for question in list(self._questions.values()):
            self._fail(question, "interrupted", words, True)

    def tick(self) -> None:
        """Each second: deadlines, askers that are gone, old streams."""
        now = time.monotonic()
        for question in list(self._questions.values()):
            if now > question.deadline + (GRACE_S if question.sent else 0):
                self._fail(question, "deadline", "The answer took too long. Ask again later.", True)
            elif now - question.stream.polled > VANISHED_S:
                self._cancel(question)
        self.streams.sweep()
        for ask_id in [each for each in self._digests if each not in self.streams]:
            del self._digests[ask_id]
        self.dispatch()

    # --- the end of a question ---

    def _answer(self, question: Question, done: protocol.Done) -> None:
        gate, ask = question.gate, question.ask
        if gate is None:
            self._fail(question, "interrupted", "The tutor gave no judgement. Ask again.", True)
            return
        sources = question.sources
        if gate.verdict != protocol.ANSWERED:
            sources = () if gate.nearest is None else (gate.nearest,)
        try:
            answer = Answer.sign(
                self._cluster_id,
                self._key,
                machine=self._machine,
                ask_digest=ask.digest(self._cluster_id),
                time_ms=self._now_ms(),
                verdict=Verdict(gate.verdict),
                score=gate.score,
                reason=gate.reason[: answers.REASON],
                engine=done.engine,
                text=done.text,
                sources=[answers.Source(*_fields(source)) for source in sources],
                unsupported=done.unsupported[: answers.UNSUPPORTED],
            )
        except (answers.AnswerError, wire.WireError, ValueError):
            self._fail(question, "too_long", "The answer does not fit. Ask for less at once.", True)
            return
        self._end(question, "answered", answer.encode())

    def _fail(self, question: Question, code: str, words: str, retryable: bool) -> None:
        self._end(question, "failed", code, words, retryable)

    def _end(self, question: Question, *terminal: wire.Packable) -> None:
        ask_id = question.ask.ask_id
        del self._questions[ask_id]
        question.stream.add(*terminal)
        if question.sent:
            self._send(protocol.Cancel(ask_id))
        self.dispatch()


def _fields(source: Source) -> tuple[int, int, str, int]:
    return source.document, source.page, source.quote, source.score


def _wire(source: Source) -> wire.Packable:
    return list(_fields(source))


def _fingerprint(ask: Ask) -> bytes:
    """What is asked, whoever asks it."""
    asked = wire.pack([ask.course, ask.assignment, ask.text, ask.history])
    return hashlib.blake2b(asked, digest_size=16).digest()
