"""What the node says over the local link, as typed values: replies, outbox items and events.

Every `from_wire` checks shape and types, and raises NodeRefused("bad_reply") for anything else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lms_desktop.client.errors import NodeRefused
from lms_desktop.school.changes import Changes

PROTOCOL_VERSION = 1
VERSION_BYTE = b"\x01"
EVERYTHING = ~Changes.NOTHING


class ItemState(StrEnum):
    """How far a write has come: on this computer only, under way, accepted, safe; or refused, dropped."""

    SAVED = "saved"
    SENDING = "sending"
    ACCEPTED = "accepted"
    SAFE = "safe"
    REFUSED = "refused"
    DROPPED = "dropped"

    @property
    def settled(self) -> bool:
        """True when the class has decided, or the person took it back."""
        return self not in (ItemState.SAVED, ItemState.SENDING)


def _bad(what: str) -> NodeRefused:
    return NodeRefused(
        "bad_reply",
        f"The node answered something unexpected: {what}.",
        next_step="Update LMS Desktop on this computer.",
    )


def _tuple(value: Any, length: int, what: str) -> tuple[Any, ...]:
    if not isinstance(value, tuple) or len(value) < length:
        raise _bad(what)
    return value


def _typed(values: Sequence[Any], types: Sequence[type | tuple[type, ...]], what: str) -> None:
    for value, kind in zip(values, types, strict=False):
        if not isinstance(value, kind):
            raise _bad(what)


_OPTIONAL_INT = (int, type(None))
_OPTIONAL_STR = (str, type(None))
_OPTIONAL_BYTES = (bytes, type(None))


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """The node's answer to hello; `cluster_id` is None while this machine belongs to no school."""

    protocol: int
    version: str
    cluster_id: bytes | None
    machine: int | None
    machine_name: str
    school: str | None
    zone: str | None
    rules_version: int
    nonce: bytes

    @classmethod
    def from_wire(cls, value: Any) -> "NodeInfo":
        fields = _tuple(value, 9, "hello")[:9]
        _typed(
            fields,
            (int, str, _OPTIONAL_BYTES, _OPTIONAL_INT, str, _OPTIONAL_STR, _OPTIONAL_STR, int),
            "hello",
        )
        return cls(*fields)


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """Where this machine's node stands; `role` is none, joining, learner, voter or leader."""

    role: str
    leader: int | None
    term: int
    applied: int
    commit: int
    head: bytes
    digest: bytes
    stamp_ms: int
    quorum: bool
    alarm: str | None

    @classmethod
    def from_wire(cls, value: Any) -> "NodeStatus":
        fields = _tuple(value, 10, "status")[:10]
        _typed(fields, (str, _OPTIONAL_INT, int, int, int, bytes, bytes, int, bool, _OPTIONAL_STR), "status")
        return cls(*fields)


@dataclass(frozen=True, slots=True)
class KeeperProgress:
    """Bytes of one submission that one keeper holds."""

    keeper: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One write of a person on this computer, and how far it has come. Times in UTC ms, sizes in bytes."""

    author: int
    lane: bytes
    seq: int
    kind: int
    label: str
    state: ItemState
    queued_ms: int
    code: int | None
    index: int | None
    stamp_ms: int | None
    progress: tuple[KeeperProgress, ...]
    holders: tuple[int, ...]
    manifest: bytes | None

    @property
    def key(self) -> tuple[int, bytes, int]:
        """What names the item: author, lane, seq."""
        return self.author, self.lane, self.seq

    @classmethod
    def from_wire(cls, value: Any) -> "OutboxItem":
        fields = _tuple(value, 13, "outbox item")[:13]
        _typed(
            fields,
            (
                int,
                bytes,
                int,
                int,
                str,
                str,
                int,
                _OPTIONAL_INT,
                _OPTIONAL_INT,
                _OPTIONAL_INT,
                tuple,
                tuple,
                _OPTIONAL_BYTES,
            ),
            "outbox item",
        )
        author, lane, seq, kind, label, state, queued, code, index, stamp, progress, holders, manifest = (
            fields
        )
        if state not in {known.value for known in ItemState}:
            raise _bad("outbox state")
        steps = tuple(KeeperProgress(*_tuple(step, 3, "progress")[:3]) for step in progress)
        return cls(
            author,
            lane,
            seq,
            kind,
            label,
            ItemState(state),
            queued,
            code,
            index,
            stamp,
            steps,
            holders,
            manifest,
        )


@dataclass(frozen=True, slots=True)
class Changed:
    """The tables changed: `flags` say which parts, `applied` up to which ledger index."""

    flags: Changes
    applied: int


@dataclass(frozen=True, slots=True)
class ItemChanged:
    """An outbox item moved."""

    item: OutboxItem


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """The node's standing changed: leader, quorum, alarm."""

    status: NodeStatus


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The app lost its node, or found it again (and asks for everything anew)."""

    connected: bool


Event = Changed | ItemChanged | StatusChanged | LinkChanged


def event_from_wire(name: str, value: Any) -> Event | None:
    """The typed event of a frame with request id 0; None for one that only a newer app knows."""
    match name:
        case "changes":
            flags, applied = _tuple(value, 2, "changes")[:2]
            _typed((flags, applied), (int, int), "changes")
            return Changed(Changes(flags), applied)
        case "outbox":
            return ItemChanged(OutboxItem.from_wire(value))
        case "status":
            return StatusChanged(NodeStatus.from_wire(value))
        case "resync":  # the node's queue of events overflowed
            return Changed(EVERYTHING, 0)
    return None
