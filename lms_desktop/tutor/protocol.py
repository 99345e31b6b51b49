"""What a node and its tutor's worker say to each other.

One frame is one message, `pack([verb, field, ...])` in strict msgpack (`trust.wire`), at most 1 MiB. The node
binds a CURVE ROUTER on 127.0.0.1 and gives the child it starts the port and keys as one line of JSON on its
standard input (`Link`); the child ends when its standard input ends.

For each `Ask` the worker sends any number of `Accepted`, `Gate`, `Sources` and `Token`, then exactly one of
`Done`, `Failed` and `Busy`, which ends it. A declined or borderline question ends in a `Done` whose engine
and text are empty. Scores are integers in thousandths, from -1000 to 1000. Nothing here knows a person's
name.
"""

import json
import types
import typing
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, ClassVar, Self

from lms_desktop.trust import TrustError, wire

MAX_FRAME = 1 << 20
ID_BYTES = 16
ANSWERED, BORDERLINE, DECLINED = 1, 2, 3
"""Verdicts of the gate, as in a signed answer (`trust/answers.py`)."""

FAULT = "fault: "
"""Begins the line of a worker's standard error that says where it failed, which quotes nothing."""


class ProtocolError(TrustError):
    """A frame that is no message of this protocol, or a message that is too long for one."""


@dataclass(frozen=True, slots=True)
class Document:
    """A material or an assignment in force. `document` is its reference in the school; `path` names its PDF
    on this disk, empty where it has none or it has not arrived; `sha256` is that file's (empty: no file)."""

    document: int
    kind: str
    title: str
    text: str
    path: str
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """A passage, verbatim from a page (runs of white space made one space). Pages count from 1; 0: the
    document's own text."""

    document: int
    page: int
    quote: str
    score: int


class Message:
    """The base of every message: a frozen dataclass with the number of its verb."""

    __slots__ = ()
    VERB: ClassVar[int]

    def pack(self) -> bytes:
        """The frame. Raises ProtocolError where it would be too long."""
        frame = wire.pack([self.VERB, *_plain(self)])
        if len(frame) > MAX_FRAME:
            raise ProtocolError(f"A message of {len(frame)} bytes to or from the tutor's worker is too long.")
        return frame

    @classmethod
    def read(cls, values: tuple[wire.Value, ...]) -> Self:
        """The message whose fields these are; raises ProtocolError."""
        return _read_record(cls, values)


# --- from the node ---


@dataclass(frozen=True, slots=True)
class Open(Message):
    """What a course consists of now; `more`: the rest comes in the messages that follow at once. To be
    indexed in the background. `edition` is another number each time that the course is told."""

    VERB: ClassVar[int] = 1
    course: int
    edition: int
    documents: tuple[Document, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Ask(Message):
    """A question, judged and permitted by the node already. `history` is the conversation so far, as
    (question, answer); `hints_only`: passages, no generated answer; `closed`: documents that it may neither
    be about nor be answered from; `deadline_ms` counts from now."""

    VERB: ClassVar[int] = 2
    id: bytes
    student: int
    course: int
    assignment: int
    text: str
    history: tuple[tuple[str, str], ...]
    hints_only: bool
    confirmed: bool
    closed: tuple[int, ...]
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class Cancel(Message):
    """Nobody waits for this answer any more. It still ends in one terminal message."""

    VERB: ClassVar[int] = 3
    id: bytes


@dataclass(frozen=True, slots=True)
class Ping(Message):
    """To be answered by `Pong` with the same number."""

    VERB: ClassVar[int] = 4
    number: int


# --- from the worker ---


@dataclass(frozen=True, slots=True)
class Ready(Message):
    """The worker takes questions. `engine` is `extractive` or `generative`; `context` is the model's, in
    tokens, 0 without one; `notes` says in words what IT should know, such as why a model was not loaded."""

    VERB: ClassVar[int] = 16
    encoder: str
    engine: str
    model: str
    context: int
    device: str
    notes: str


@dataclass(frozen=True, slots=True)
class Pong(Message):
    """Sign of life: questions waiting and being answered, memory held in bytes, and for how many milliseconds
    the present step of the language model has run (0: none runs)."""

    VERB: ClassVar[int] = 17
    number: int
    queued: int
    active: int
    memory: int
    step_ms: int


@dataclass(frozen=True, slots=True)
class Indexed(Message):
    """How far the index of a course is, as it was told in that `edition`: `building` or `ready`, documents
    done of all, and what people should know of single documents, as (document, words), such as that it is a
    scan without text."""

    VERB: ClassVar[int] = 18
    course: int
    edition: int
    state: str
    done: int
    total: int
    notes: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Accepted(Message):
    """The question waits at this position (0: it is its turn) for so long; sent again when it moves up."""

    VERB: ClassVar[int] = 19
    id: bytes
    position: int
    eta_ms: int


@dataclass(frozen=True, slots=True)
class Gate(Message):
    """How the question was judged: verdict, score and threshold, in words why, and the nearest passage."""

    VERB: ClassVar[int] = 20
    id: bytes
    verdict: int
    score: int
    threshold: int
    reason: str
    nearest: Source | None


@dataclass(frozen=True, slots=True)
class Sources(Message):
    """The passages that answer it, the best first."""

    VERB: ClassVar[int] = 21
    id: bytes
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Token(Message):
    """The next piece of the generated text, numbered from 1."""

    VERB: ClassVar[int] = 22
    id: bytes
    seq: int
    text: str


@dataclass(frozen=True, slots=True)
class Done(Message):
    """Answered, by which engine (`extractive`, `generative`, empty: not answered); the whole text, and the
    spans of it (characters) that no source supports."""

    VERB: ClassVar[int] = 23
    id: bytes
    engine: str
    text: str
    unsupported: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Failed(Message):
    """Not answered. Codes: cancelled, deadline, too_long, interrupted, out_of_memory, crashed, no_text."""

    VERB: ClassVar[int] = 24
    id: bytes
    code: str
    words: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Busy(Message):
    """Too many wait; to be asked again after so long."""

    VERB: ClassVar[int] = 25
    id: bytes
    retry_after_ms: int


Order = Open | Ask | Cancel | Ping
"""What a node sends."""
Terminal = Done | Failed | Busy
OfAsk = Accepted | Gate | Sources | Token | Terminal
"""What a worker sends about one question."""
Report = Ready | Pong | Indexed | OfAsk
"""What a worker sends."""

_ORDERS: dict[int, type[Order]] = {each.VERB: each for each in (Open, Ask, Cancel, Ping)}
_REPORTS: dict[int, type[Report]] = {
    each.VERB: each for each in (Ready, Pong, Indexed, Accepted, Gate, Sources, Token, Done, Failed, Busy)
}


def unpack_order(frame: bytes) -> Order:
    """What the node says; raises ProtocolError."""
    return _unpack(frame, _ORDERS)


def unpack_report(frame: bytes) -> Report:
    """What the worker says; raises ProtocolError."""
    return _unpack(frame, _REPORTS)


M = typing.TypeVar("M", bound=Message)


def _unpack(frame: bytes, known: "dict[int, type[M]]") -> M:
    try:
        verb, *values = wire.unpack_array(frame, limit=MAX_FRAME)
    except (wire.WireError, ValueError) as error:
        raise ProtocolError(f"This is no message of the tutor: {error}") from error
    message = known.get(verb) if type(verb) is int else None
    if message is None:
        raise ProtocolError(f"The tutor has no message {verb!r:.40}.")
    return message.read(tuple(values))


@dataclass(frozen=True, slots=True)
class Link:
    """What a child reads from its standard input before all else: where its node listens, the node's CURVE
    key, the key pair made for this child (Z85), the folder of the tutor's data, and whether to be the light
    tutor (no language model, whatever is installed)."""

    port: int
    server: str
    public: str
    secret: str
    folder: str
    light: bool

    def line(self) -> bytes:
        """One line of JSON."""
        return json.dumps({field.name: getattr(self, field.name) for field in fields(self)}).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> "Link":
        """Raises ProtocolError."""
        try:
            found = json.loads(line)
            values = [found[field.name] for field in fields(cls)]
        except (ValueError, KeyError, TypeError) as error:
            raise ProtocolError("The tutor's worker is started by a node, not by hand.") from error
        return _read_record(cls, tuple(values))


# --- fields, by their annotations ---

R = typing.TypeVar("R")


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return [_plain(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


@cache
def _kinds(record: type[Any]) -> tuple[Any, ...]:
    hints = typing.get_type_hints(record)
    return tuple(hints[field.name] for field in fields(record))


def _read_record(record: type[R], values: Any) -> R:
    kinds = _kinds(record)  # type: ignore[arg-type]
    if not isinstance(values, tuple) or len(values) != len(kinds):
        raise ProtocolError(f"“{record.__name__}” has {len(kinds)} fields.")
    return record(*map(_read, kinds, values))


def _read(kind: Any, value: Any) -> Any:
    if isinstance(kind, types.UnionType):  # a record or nil
        return None if value is None else _read(kind.__args__[0], value)
    if is_dataclass(kind):
        return _read_record(kind, value)  # type: ignore[arg-type]
    if typing.get_origin(kind) is tuple:
        items = typing.get_args(kind)
        if isinstance(value, tuple):
            if items[-1] is Ellipsis:
                return tuple(_read(items[0], item) for item in value)
            if len(value) == len(items):
                return tuple(map(_read, items, value))
    elif type(value) is kind:
        return value
    raise ProtocolError(f"A field is not {getattr(kind, '__name__', kind)}.")
