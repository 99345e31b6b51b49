"""Questions of this machine's apps that another machine answers: handed over there, their streams read from
there.

One long poll for each host brings the news of all its questions; a new question begins it anew. A host that
was restarted knows them no more: they are handed over again, byte for byte. One that is lost for 10 s ends
them, to be asked again; one that goes on for ever is not in order.
"""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass

from lms_desktop.node.errors import PeerError
from lms_desktop.node.transport import PeerLinks
from lms_desktop.node.tutoring.streams import Stream, Streams
from lms_desktop.trust.asks import Ask
from lms_desktop.trust.wire import Packable, Value, pack

TUTOR_ASK, TUTOR_NEXT, TUTOR_CANCEL, TUTOR_STATE = 32, 33, 34, 35  # verbs of the files link
WAY = ("timeout", "unreachable")
"""Codes that say nothing of the question: the host may not even have it."""
ANSWER_S = 4.0
POLL_MS = 5_000
AGAIN_S = 0.25
LOST_S = 10.0
VANISHED_S = 30.0
DEADLINE_S = 300.0
"""Of one question, however often its host is restarted meanwhile; a host that is not has a shorter one."""
STREAM_BYTES = 1 << 20
_MESSAGE_BYTES = 64  # of memory, beside what it says


@dataclass(slots=True)
class Errand:
    """A question under way at a host, until `deadline` (monotonic seconds). `read` counts its messages there,
    in its present stream, `size` the bytes of all that came."""

    raw: bytes
    host: int
    stream: Stream
    deadline: float
    read: int = 0
    size: int = 0


class Relay:
    """Create on the node's loop; `close` ends it. `machine` is this one, whose apps ask."""

    def __init__(self, machine: int, links: PeerLinks) -> None:
        self._machine = machine
        self._links = links
        self._errands: dict[bytes, Errand] = {}
        self._polls: dict[int, asyncio.Task[None]] = {}  # the present one of each host
        self._tasks: set[asyncio.Task[None]] = set()
        self.streams = Streams()

    async def ask(self, raw: bytes, host: int) -> None:
        """Hand a question over. Raises PeerError with the host's refusal, or where it does not answer."""
        ask = Ask.decode(raw)
        if ask.ask_id in self.streams:
            return
        try:
            await self._links.request(host, TUTOR_ASK, [raw], ANSWER_S)
        except PeerError as error:
            if error.code in WAY:
                raise
            raise PeerError(
                error.code, error.what.rstrip(".")
            ) from error  # the host's words, not its address
        if ask.ask_id in self.streams:  # it was handed in twice at once
            return
        stream = self.streams.open(ask.ask_id, self._machine)
        self._errands[ask.ask_id] = Errand(raw, host, stream, time.monotonic() + DEADLINE_S)
        if host in self._polls:
            self._polls[host].cancel()
        self._polls[host] = self._begin(self._poll(host))

    @property
    def hosts(self) -> set[int]:
        """The machines that have questions of ours under way."""
        return {errand.host for errand in self._errands.values()}

    def cancel(self, ask_id: bytes) -> None:
        """End a question early."""
        errand = self._errands.get(ask_id)
        if errand is not None:
            self._end(errand, "failed", "cancelled", "The question was withdrawn.", True)
            self._begin(self._cancel(errand.host, ask_id))

    def tick(self, lost: Sequence[int]) -> None:
        """Each second; `lost` are the hosts that have been out of reach for 10 s or are hosts no more."""
        now = time.monotonic()
        for ask_id, errand in list(self._errands.items()):
            if errand.host in lost:
                words = "The machine that answers was lost. Ask again: this computer can answer meanwhile."
                self._end(errand, "failed", "interrupted", words, True)
            elif now > errand.deadline:
                self._end(errand, "failed", "deadline", "The answer took too long. Ask again later.", True)
            elif now - errand.stream.polled > VANISHED_S:
                self.cancel(ask_id)
        self.streams.sweep()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _cancel(self, host: int, ask_id: bytes) -> None:
        try:
            await self._links.request(host, TUTOR_CANCEL, [ask_id], ANSWER_S)
        except PeerError:
            return  # unpolled, it is cancelled there all the same

    async def _poll(self, host: int) -> None:
        """Read on while this host has questions of ours."""
        while errands := [each for each in self._errands.values() if each.host == host]:
            read, began = sum(each.read for each in errands), time.monotonic()
            await self._read(host, errands)
            if sum(each.read for each in errands) <= read and time.monotonic() - began < AGAIN_S:
                await asyncio.sleep(AGAIN_S)  # it failed at once, or has nothing to say and says so at once

    async def _read(self, host: int, errands: Sequence[Errand]) -> None:
        places: list[Packable] = [[errand.stream.id, errand.read] for errand in errands]
        try:
            answer = await self._links.request(host, TUTOR_NEXT, [places, POLL_MS], POLL_MS / 1000 + ANSWER_S)
            news = _news(answer)
        except PeerError:
            return  # `tick` judges whether the host is lost
        for errand in errands:
            if self._errands.get(errand.stream.id) is not errand:
                continue
            messages = news.get(errand.stream.id, ())
            if messages is None:
                await self._ask_again(errand)
                continue
            for message in messages:
                errand.read += 1
                errand.size += _MESSAGE_BYTES + len(pack(message))
                errand.stream.add(*message)
            if errand.stream.ended is not None:
                del self._errands[errand.stream.id]
            elif errand.size > STREAM_BYTES:
                self._end(errand, "failed", "interrupted", "The machine that answers is not in order.", True)

    async def _ask_again(self, errand: Errand) -> None:
        try:
            await self._links.request(errand.host, TUTOR_ASK, [errand.raw], ANSWER_S)
        except PeerError as error:
            if error.code not in WAY and errand.stream.id in self._errands:
                self._end(errand, "failed", "interrupted", str(error), True)
            return
        errand.read = 0
        errand.stream.add("restarted", "The machine that answers was restarted; the answer begins again.")

    def _end(self, errand: Errand, *terminal: Packable) -> None:
        del self._errands[errand.stream.id]
        errand.stream.add(*terminal)


def _news(answer: tuple[Value, ...]) -> dict[bytes, tuple[tuple[Value, ...], ...] | None]:
    """The messages of each question, None for one that the host does not know. Raises PeerError for what a
    host in order does not say."""
    match answer:
        case (tuple(streams),):
            found: dict[bytes, tuple[tuple[Value, ...], ...] | None] = {}
            for each in streams:
                match each:
                    case (bytes(ask_id), None):
                        found[ask_id] = None
                    case (bytes(ask_id), tuple(messages)):
                        found[ask_id] = tuple(map(_message, messages))
            return found
    raise PeerError("malformed", "The machine that answers says what nobody understands")


def _message(value: Value) -> tuple[Value, ...]:
    """One message, as the app will read it."""
    match value:
        case ("accepted", int(), int()) | ("token", str()) | ("restarted", str()) | ("answered", bytes()):
            return value
        case ("gate", int(), int(), int(), str(), None) | ("sources", tuple()) | ("busy", int()):
            return value
        case ("gate", int(), int(), int(), str(), (int(), int(), str(), int())):
            return value
        case ("failed", str(), str(), bool()):
            return value
    raise PeerError("malformed", "The machine that answers says what nobody understands")
