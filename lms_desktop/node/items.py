"""One command of a person on its way into the ledger: what this machine knows of it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lms_desktop.trust.envelope import Envelope
from lms_desktop.trust.wire import Packable, pack, unpack_array

Key = tuple[int, bytes, int]
"""(author, lane, seq): the place of a command, taken once."""

Row = tuple[object, ...]

COLUMNS = """
    author INTEGER NOT NULL, lane BLOB NOT NULL, seq INTEGER NOT NULL,
    envelope BLOB NOT NULL, manifest BLOB, label TEXT NOT NULL, queued_ms INTEGER NOT NULL,
    tickets BLOB NOT NULL, state TEXT NOT NULL,
    code INTEGER, position INTEGER, stamp INTEGER, ended_ms INTEGER
"""
"""The columns of `Item.row`."""

LOAD = (
    "SELECT envelope, manifest, label, queued_ms, tickets, state, code, position, stamp, ended_ms "
    "FROM outbox_items ORDER BY queued_ms, author, lane, seq"
)
"""What `Item.read` reads."""


class State(StrEnum):
    """What is true of an item: saved (only on this computer), sending, then what the class made of it."""

    SAVED = "saved"
    SENDING = "sending"
    ACCEPTED = "accepted"
    SAFE = "safe"
    REFUSED = "refused"
    DROPPED = "dropped"


@dataclass(slots=True, eq=False)
class Item:
    """One command of a person. `tickets` by keeper; `progress` (bytes done, total) by keeper while it is
    sent; `code`, `index` and `stamp` are the ledger's once there is an outcome. Times in ms UTC.
    """

    envelope: Envelope
    manifest: bytes | None
    label: str
    queued_ms: int
    tickets: dict[int, bytes] = field(default_factory=dict)
    state: State = State.SAVED
    code: int | None = None
    index: int | None = None
    stamp: int | None = None
    ended_ms: int | None = None
    progress: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """(author, lane, seq)."""
        return self.envelope.author, self.envelope.lane, self.envelope.seq

    @property
    def open(self) -> bool:
        """Whether the ledger's outcome is still awaited."""
        return self.code is None

    def wire(self) -> Packable:
        """The item as the local link shows it (PROTOCOL: `item`)."""
        envelope = self.envelope
        return [
            envelope.author,
            envelope.lane,
            envelope.seq,
            envelope.kind,
            self.label,
            str(self.state),
            self.queued_ms,
            self.code,
            self.index,
            self.stamp,
            [[keeper, done, total] for keeper, (done, total) in sorted(self.progress.items())],
            sorted(self.tickets),
            self.manifest,
        ]

    def row(self) -> Row:
        """The item as `outbox_items` stores it."""
        tickets = pack([[keeper, ticket] for keeper, ticket in sorted(self.tickets.items())])
        return (
            *self.key,
            self.envelope.raw,
            self.manifest,
            self.label,
            self.queued_ms,
            tickets,
            str(self.state),
            self.code,
            self.index,
            self.stamp,
            self.ended_ms,
        )

    @classmethod
    def read(cls, row: tuple[Any, ...]) -> "Item":
        """The item of a row of `LOAD`."""
        envelope, manifest, label, queued_ms, tickets, state, code, index, stamp, ended_ms = row
        held: dict[int, bytes] = {}
        for pair in unpack_array(tickets):
            match pair:
                case (int(keeper), bytes(ticket)):
                    held[keeper] = ticket
        return cls(
            Envelope.parse(envelope),
            manifest,
            label,
            queued_ms,
            held,
            State(state),
            code,
            index,
            stamp,
            ended_ms,
        )
