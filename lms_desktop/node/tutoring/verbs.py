"""The tutor's verbs, between machines (files port, 32 to 35) and between an app and its node (`tutor_*`)."""

from collections.abc import Sequence

from lms_desktop.node.errors import PeerError
from lms_desktop.node.local import Arguments, LocalServer, Refused, Request, malformed
from lms_desktop.node.ports import Fields
from lms_desktop.node.transport import BadMessage, PeerLinks, Sender
from lms_desktop.node.tutoring.relay import ANSWER_S, TUTOR_ASK, TUTOR_CANCEL, TUTOR_NEXT, TUTOR_STATE
from lms_desktop.node.tutoring.streams import Stream, news
from lms_desktop.node.tutoring.tutoring import State, Tutoring
from lms_desktop.trust.wire import Packable
from lms_desktop.tutor.protocol import ID_BYTES

MAX_WAIT_MS = 10_000
MAX_IDS = 256
MAX_ANSWER_BYTES = 1 << 20


class PeerVerbs:
    """Answers for other machines whose apps ask the tutor on this one."""

    def __init__(self, tutoring: Tutoring, links: PeerLinks) -> None:
        self._tutoring = tutoring
        self._streams = tutoring.answering.streams
        links.serve(TUTOR_ASK, self._ask)
        links.serve(TUTOR_NEXT, self._next)
        links.serve(TUTOR_CANCEL, self._cancel)
        links.serve(TUTOR_STATE, self._state)

    async def _ask(self, sender: Sender, fields: Fields) -> Sequence[Packable]:
        match fields:
            case (bytes(raw),):
                if not self._tutoring.is_host:
                    raise PeerError("no_tutor", "That machine does not answer for the class")
                return [self._tutoring.answer(raw, sender.machine)]
        raise BadMessage("a question is one signed ask")

    async def _next(self, sender: Sender, fields: Fields) -> Sequence[Packable]:
        match fields:
            case (tuple(places), int(wait_ms)) if 0 <= wait_ms <= MAX_WAIT_MS and len(places) <= MAX_IDS:
                asked = [_place(place) for place in places]
            case _:
                raise BadMessage("news are asked for by ids and numbers, and a time to wait")
        known = [(self._streams.get(ask_id, sender.machine), after) for ask_id, after in asked]
        present = [(stream, after) for stream, after in known if stream is not None]
        if len(present) == len(asked):
            await news(present, wait_ms / 1000)
        found: list[Packable] = [[ask_id, None] for ask_id, _ in asked if not self._known(ask_id, sender)]
        size = 0
        for stream, after in present:
            messages = [list(message) for message in stream.after(after)]
            size += sum(_size(message) for message in messages)
            if messages and (size <= MAX_ANSWER_BYTES or not found):
                found.append([stream.id, messages])
        return [found]

    def _known(self, ask_id: bytes, sender: Sender) -> bool:
        return self._streams.get(ask_id, sender.machine) is not None

    async def _cancel(self, sender: Sender, fields: Fields) -> Sequence[Packable]:
        match fields:
            case (bytes(ask_id),):
                self._tutoring.answering.cancel(ask_id, sender.machine)
                return []
        raise BadMessage("a question is withdrawn by its id")

    async def _state(self, sender: Sender, fields: Fields) -> Sequence[Packable]:
        match fields:
            case (int(course),):
                state = self._tutoring.state(course)
                courses = [each for each in state.courses if course in (0, each[0])]
                return [
                    state.engine,
                    state.model,
                    state.device,
                    state.state,
                    state.queued,
                    state.active,
                    courses,
                    state.words,
                ]
        raise BadMessage("the tutor's state is asked for by a course, or 0")


class LocalVerbs:
    """Answers for the apps on this machine, wherever their questions are answered."""

    def __init__(self, tutoring: Tutoring, server: LocalServer, links: PeerLinks) -> None:
        self._tutoring = tutoring
        self._server = server
        self._links = links
        server.on("tutor_state", self._state)
        server.on("tutor_ask", self._ask)
        server.on("tutor_next", self._next)
        server.on("tutor_cancel", self._cancel)

    def _state(self, request: Request, arguments: Arguments) -> None:
        """tutor_state(course) -> [host | here | none, machine | nil, engine, model, ready | starting |
        indexing | down | unreachable, questions waiting, documents done, of all, words]; the light tutor
        starts
        """
        match arguments:
            case (int(course),):
                self._server.run(request, self._state_of(course))
            case _:
                raise malformed("tutor_state")

    async def _state_of(self, course: int) -> Packable:
        tutoring = self._tutoring
        machine = tutoring.host(0)
        if machine is None:
            return [
                "none",
                None,
                "",
                "",
                "unreachable",
                0,
                0,
                0,
                "The tutor's machine cannot be reached just now.",
            ]
        if machine == tutoring.machine:
            tutoring.wake()
            where, state = "host" if tutoring.is_host else "here", tutoring.state(course)
        else:
            where = "host"
            try:
                state = _read_state(await self._links.request(machine, TUTOR_STATE, [course], ANSWER_S))
            except PeerError as error:
                return [where, machine, "", "", "unreachable", 0, 0, 0, str(error)]
        done, total = next(((each[2], each[3]) for each in state.courses if each[0] == course), (0, 0))
        return [
            where,
            machine,
            state.engine,
            state.model,
            state.state,
            state.queued,
            done,
            total,
            state.words,
        ]

    def _ask(self, request: Request, arguments: Arguments) -> None:
        """tutor_ask(ask) -> nil, once it was taken"""
        match arguments:
            case (bytes(raw),):
                self._server.run(request, self._tutoring.ask(raw))
            case _:
                raise malformed("tutor_ask")

    def _next(self, request: Request, arguments: Arguments) -> None:
        """tutor_next(ask id, after, wait ms) -> [[number, verb, field, ...], ...], none after that time"""
        match arguments:
            case (bytes(ask_id), int(after), int(wait_ms)) if after >= 0 and 0 <= wait_ms <= MAX_WAIT_MS:
                self._server.run(request, self._read(self._stream(ask_id), after, wait_ms))
            case _:
                raise malformed("tutor_next")

    async def _read(self, stream: Stream, after: int, wait_ms: int) -> Packable:
        await news([(stream, after)], wait_ms / 1000)
        return stream.numbered(after)

    def _cancel(self, request: Request, arguments: Arguments) -> None:
        """tutor_cancel(ask id) -> nil; its stream ends with `failed`, if it has not ended"""
        match arguments:
            case (bytes(ask_id),):
                self._stream(ask_id)
                self._tutoring.answering.cancel(ask_id, self._tutoring.machine)
                self._tutoring.relay.cancel(ask_id)
                request.reply(None)
            case _:
                raise malformed("tutor_cancel")

    def _stream(self, ask_id: bytes) -> Stream:
        machine = self._tutoring.machine
        for streams in (self._tutoring.relay.streams, self._tutoring.answering.streams):
            stream = streams.get(ask_id, machine)
            if stream is not None:
                return stream
        raise Refused("unknown_ask", "This node has no such question", next_step="Ask it again.")


def _place(value: object) -> tuple[bytes, int]:
    match value:
        case (bytes(ask_id), int(after)) if len(ask_id) == ID_BYTES and after >= 0:
            return ask_id, after
    raise BadMessage("news are asked for by ids and numbers")


def _size(message: Sequence[Packable]) -> int:
    return 16 + sum(len(field) * 4 if isinstance(field, (str, bytes)) else 600 for field in message)


def _read_state(fields: Fields) -> State:
    match fields:
        case (
            str(engine),
            str(model),
            str(device),
            str(state),
            int(queued),
            int(active),
            tuple(courses),
            str(words),
        ):
            return State(engine, model, device, state, queued, active, tuple(map(_course, courses)), words)
    raise PeerError("malformed", "The machine that answers says what nobody understands")


def _course(value: object) -> tuple[int, str, int, int]:
    match value:
        case (int(course), str(state), int(done), int(total)):
            return course, state, done, total
    raise PeerError("malformed", "The machine that answers says what nobody understands")
