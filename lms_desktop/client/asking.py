"""One ask of the tutor under way: signed, streamed, its answer judged, and handed in as one exchange."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from lms_desktop.client import tutor_settings
from lms_desktop.client.conversations import read_own, waiting
from lms_desktop.client.errors import BadInput, ClientError, NodeRefused, NodeUnreachable
from lms_desktop.client.exchanges import (
    ENDS,
    PARTIAL,
    Exchange,
    Facts,
    FalseAnswer,
    Judge,
    Verdict,
    reason_text,
)
from lms_desktop.client.sealed import EXCHANGE, seal_item
from lms_desktop.client.session import Sent, Session
from lms_desktop.client.sources import Document, Source, documents, source_of
from lms_desktop.client.tutor_updates import (
    Accepted,
    Answered,
    Busy,
    Failed,
    Gate,
    Restarted,
    Sources,
    Token,
    Update,
)
from lms_desktop.school.commands import TutorExchange
from lms_desktop.school.queries.tutor import ExchangeRow
from lms_desktop.trust.asks import ID_BYTES, Ask, AskError
from lms_desktop.trust.primitives import random_bytes

HISTORY = 6  # exchanges that go along with a question
WAIT_MS = 10_000
ANSWER_S = 10.0  # the node's own time to answer, beside the wait
SILENCE_S = 180.0
CANCEL_S = 5.0
KEEP_S = 1.5
RESTARTS = 3


class Asking:
    """One ask. To be iterated over once, to its end: updates, the last of them Answered, Failed or Busy.

    Before the first update it raises TutorOff, BadInput (no question, or one that is too long), NodeRefused
    (too many asks, not of this course, no tutor), NodeUnreachable or SignedOut; after it, nothing.
    Exactly one exchange is handed in, unless the ask was not taken or the keys went before its end.
    """

    def __init__(
        self,
        session: Session,
        course: int,
        assignment: int | None,
        conversation: bytes,
        text: str,
        confirmed: bool,
    ) -> None:
        self.id = random_bytes(ID_BYTES)
        self._session = session
        self._course = course
        self._assignment = assignment
        self._conversation = conversation
        self._text = text
        self._confirmed = confirmed
        self._begun = self._handed_in = self._locked = False
        self._machine = 0
        self._known: dict[int, Document] = {}
        self._streamed = ""
        self._stop = asyncio.Event()

    async def cancel(self) -> None:
        """Stop: the iteration ends with Failed("cancelled"), or as it had already ended."""
        self._stop.set()
        await self._tell_cancelled()

    async def __aiter__(self) -> AsyncGenerator[Update, None]:
        if self._begun:
            raise RuntimeError("An ask is iterated over once.")
        self._begun = True
        question = await self._prepare()
        await self._hand_over(question)
        unwatch = self._session.on_lock(self._lock)
        if self._session.locked:  # meanwhile
            self._lock()
        ended = False
        try:
            async with contextlib.aclosing(self._updates(question)) as updates:
                async for update in updates:
                    ended = isinstance(update, Answered | Failed | Busy)
                    yield update
        finally:
            unwatch()
            if not ended:  # whoever listened went away
                await self._tell_cancelled()
                await self._unfinished(question, "cancelled")

    async def _prepare(self) -> Ask:
        """The signed ask, with the conversation before it."""
        session = self._session
        keys = session.keys
        force = await tutor_settings.in_force(session, course=self._course, assignment=self._assignment)
        if force.mode is tutor_settings.TutorMode.OFF:
            raise tutor_settings.off(session, force)
        self._known = {one.document: one for one in await documents(session, course=self._course)}
        self._machine = (await tutor_state(session, self._course))[1] or await self._own_machine()
        try:
            return Ask.sign(
                session.cluster_id,
                keys.signing,
                author=session.person.number,
                course=self._course,
                assignment=self._assignment or 0,
                ask_id=self.id,
                time_ms=await session.now_ms(),
                text=self._text,
                history=await self._history(),
                confirmed=self._confirmed,
            )
        except AskError as error:
            raise BadInput(str(error), where="question") from error

    async def _own_machine(self) -> int:
        return (await self._session.link.hello()).machine or 0

    async def _history(self) -> list[tuple[str, str]]:
        """What was answered before in this conversation, the newest last; `Ask.sign` keeps what fits."""
        rows = await self._session.query(ExchangeRow, "conversation", self._conversation)
        mine = [row for row in rows if row.author == self._session.person.number]
        later = await waiting(self._session, course=self._course)
        mine += [row for row in reversed(later) if row.conversation == self._conversation]
        exchanges = await read_own(self._session, mine[-HISTORY:])
        return [(exchange.question, exchange.text) for exchange in exchanges if exchange.text]

    async def _hand_over(self, question: Ask) -> None:
        try:
            await self._session.link.call("tutor_ask", question.encode())
        except NodeRefused as error:
            if error.code != "tutor_off":
                raise
            force = await tutor_settings.in_force(
                self._session, course=self._course, assignment=self._assignment
            )
            raise tutor_settings.off(self._session, force) from error

    async def _updates(self, question: Ask) -> AsyncGenerator[Update, None]:
        known = self._known
        async for message in self._messages(question):
            match message:
                case ("accepted", int(position), int(eta_ms)):
                    yield Accepted(position, eta_ms)
                case ("gate", int(verdict), int(score), int(threshold), str(reason), near) if verdict in set(
                    Verdict
                ):
                    found = _sources(known, () if near is None else (near,))
                    nearest = found[0] if found else None
                    yield Gate(Verdict(verdict), score, threshold, reason_text(reason), nearest)
                case ("sources", tuple(found)):
                    yield Sources(_sources(known, found))
                case ("token", str(text)):
                    self._streamed += text
                    yield Token(text)
                case ("restarted", str(words)):
                    self._streamed = ""
                    yield Restarted(words)
                case ("answered", bytes(raw)):
                    yield await self._answered(question, raw)
                    return
                case ("failed", str(code), str(words), bool(retryable)):
                    yield await self._failed(question, code, words, retryable)
                    return
                case ("busy", int(retry_after_ms)):
                    yield Busy(retry_after_ms)
                    return
                case ("answered" | "failed" | "busy", *_):
                    words = "The node ended this in a form that this app does not know."
                    yield await self._failed(question, "interrupted", words, True)
                    return

    async def _messages(self, question: Ask) -> AsyncGenerator[tuple[Any, ...], None]:
        """The node's messages as they come, each once; then, where the node gives none, an end of our own."""
        after, restarts, told = 0, 0, False
        patience = time.monotonic() + SILENCE_S
        while time.monotonic() < patience:
            if self._locked:
                await self._tell_cancelled()
                yield ("failed", "locked", "This seat was locked before the answer was complete.", True)
                return
            if self._stop.is_set() and not told:
                told, patience = True, time.monotonic() + CANCEL_S
                await self._tell_cancelled()
            try:
                batch = await self._next(after, told)
            except NodeRefused as error:
                restarts += 1
                if error.code != "unknown_ask" or restarts > RESTARTS or told:
                    yield ("failed", "cancelled" if told else "interrupted", error.what, True)
                    return
                # The node was restarted. The same bytes are the same ask, wherever it is answered.
                try:
                    await self._hand_over(question)
                except ClientError as refused:
                    yield ("failed", "interrupted", refused.what, True)
                    return
                after = 0
                yield ("restarted", "The answer begins again: this computer's node was restarted.")
                continue
            except NodeUnreachable:
                yield ("failed", "unreachable", ENDS["unreachable"], True)
                return
            if batch and not told:
                patience = time.monotonic() + SILENCE_S
            for number, *message in batch:
                if number > after:
                    after = number
                    yield tuple(message)
        code = "cancelled" if told else "deadline"
        await self._tell_cancelled()
        yield ("failed", code, ENDS[code], True)

    async def _next(self, after: int, told: bool) -> tuple[tuple[Any, ...], ...]:
        """The messages after that number, waited for; none at once when the ask is to be stopped."""
        wait_ms = int(CANCEL_S * 1000) if told else WAIT_MS
        call = asyncio.ensure_future(
            self._session.link.call(
                "tutor_next", self.id, after, wait_ms, timeout_s=wait_ms / 1000 + ANSWER_S
            )
        )
        stop = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({call} if told else {call, stop}, return_when=asyncio.FIRST_COMPLETED)
            batch = call.result() if call.done() else ()
        finally:
            for waiter in (call, stop):
                waiter.cancel()
            await asyncio.gather(call, stop, return_exceptions=True)
        if not isinstance(batch, tuple) or not all(isinstance(message, tuple) for message in batch):
            raise NodeRefused("bad_reply", "The node answered something unexpected.")
        return batch

    def _lock(self) -> None:
        self._locked = True
        self._stop.set()

    async def _tell_cancelled(self) -> None:
        with contextlib.suppress(ClientError):  # then there is nothing to stop any more
            await self._session.link.call("tutor_cancel", self.id, timeout_s=CANCEL_S)

    # -- the end ---------------------------------------------------------------------------------------------

    async def _answered(self, question: Ask, raw: bytes) -> Answered | Failed:
        try:
            judge = await Judge.of(self._session, (self._course,), ())
            answer = judge.answer(question, raw, live=True)
        except FalseAnswer as error:
            self._streamed = ""
            return await self._failed(question, "false_answer", error.what, True)
        except (NodeRefused, NodeUnreachable) as error:
            return await self._failed(question, "unreachable", error.what, True)
        facts = self._facts(answer.machine, int(answer.verdict))
        sent, problem = await self._keep(facts, question, (question.encode(), raw, "", ""))
        return Answered(judge.answered(facts, question, answer), sent, problem)

    async def _failed(self, question: Ask, code: str, words: str, retryable: bool) -> Failed:
        if self._locked:
            return Failed("locked", words, retryable)
        exchange, sent = await self._unfinished(question, code)
        return Failed(code, words, retryable, exchange, sent)

    async def _unfinished(self, question: Ask, code: str) -> tuple[Exchange, Sent | None]:
        facts = self._facts(self._machine, Verdict.UNFINISHED)
        partial = self._streamed[:PARTIAL]
        sent, _ = await self._keep(facts, question, (question.encode(), b"", partial, code))
        judge = Judge(self._session.cluster_id, {}, {}, {})
        return judge.unfinished(facts, question, partial, ENDS.get(code, ENDS["interrupted"])), sent

    async def _keep(
        self, facts: Facts, question: Ask, fields: tuple[bytes | str, ...]
    ) -> tuple[Sent | None, str]:
        """Hand the exchange in, once, sealed to the person and the course's staff; or say why it was not."""
        session = self._session
        if self._handed_in:
            return None, "This exchange was handed in before."
        self._handed_in = True
        try:
            staff, own = await session.opener.staff_reader(self._course), session.opener.own_reader()
            return await session.send(
                lambda place: TutorExchange(
                    self._course,
                    self._assignment,
                    self._conversation,
                    question.time_ms,
                    facts.machine,
                    facts.verdict,
                    seal_item(
                        fields,
                        place.context(EXCHANGE, self._course, self._assignment or 0),
                        staff=staff,
                        student=own,
                    ),
                ),
                label="A question to the tutor",
                wait_s=KEEP_S,
            ), ""
        except ClientError as error:
            return None, str(error)

    def _facts(self, machine: int, verdict: int) -> Facts:
        person = self._session.person
        place = (self._conversation, self._course, self._assignment)
        return Facts(*place, person.number, person.name, 0, machine, verdict)


async def tutor_state(session: Session, course: int, *, timeout_s: float = 10.0) -> tuple[Any, ...]:
    """The node's own words on the tutor: where, machine, engine, model, state, queued, done, total, words."""
    found: tuple[Any, ...] = await session.link.call("tutor_state", course, timeout_s=timeout_s)
    match found:
        case (str(), int() | None, str(), str(), str(), int(), int(), int(), str()):
            return found
    raise NodeRefused(
        "bad_reply", "The node says nothing useful about the tutor.", next_step="Update LMS Desktop."
    )


def _sources(known: Mapping[int, Document], found: tuple[Any, ...]) -> tuple[Source, ...]:
    """Sources as the node tells them; what has another form is left out."""
    sources = []
    for fields in found:
        match fields:
            case (int(document), int(page), str(quote), int(score)):
                sources.append(source_of(known, document, page, quote, score))
    return tuple(sources)
