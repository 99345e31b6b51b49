"""What goes into the consensus core and what comes out of it.

Nothing here knows a clock, a disk or a socket. Times are integers in milliseconds of any
monotonic clock of the caller's; `stamp` alone is UTC milliseconds and is only carried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Final, NamedTuple, Protocol, TypeAlias

import msgpack

ZERO_HEAD: Final = bytes(32)
"""The head before entry 1."""

CONFIGURATION_VERSION: Final = 1
MAX_SERVERS: Final = 4096
INCARNATION_BYTES: Final = 16


class RaftError(Exception):
    """Input that the core refuses because its caller broke a rule; says which one."""


class ConfigurationError(RaftError):
    """A configuration, its encoding, or a change of it that is not allowed."""


class EntryType(IntEnum):
    NOOP = 0
    COMMAND = 1
    CONFIG = 2
    GENESIS = 3


class Entry(NamedTuple):
    """One entry of the log. A tuple because it is made on the hottest path (and msgpack packs it as is).

    `head` is the hash chain up to and including this entry.
    """

    index: int  # type: ignore[assignment]  # the field hides tuple.index, which nobody needs here
    term: int
    type: int
    stamp: int
    payload: bytes
    head: bytes


class Position(NamedTuple):
    """A place in the log, and what proves all of it up to there."""

    index: int = 0  # type: ignore[assignment]  # the field hides tuple.index, which nobody needs here
    term: int = 0
    head: bytes = ZERO_HEAD
    stamp: int = 0


class Pair(NamedTuple):
    """The furthest that a server ever acknowledged: the index `match` and the term of the entry there.

    Compared term first: an honest server's pair never falls, though its bare index may."""

    term: int
    match: int


NO_PAIR: Final = Pair(0, 0)

Pairs: TypeAlias = tuple[tuple[int, int, int], ...]
"""(machine, term, match) of each voter of whom something is known, by ascending machine."""


@dataclass(frozen=True, slots=True, order=True)
class Server:
    """A machine in one of its lives: `machine` is its principal number, `incarnation` 16 random bytes."""

    machine: int
    incarnation: bytes


@dataclass(frozen=True, slots=True)
class Configuration:
    """Who votes and who only listens. Both tuples ascend by machine; no machine is in both."""

    voters: tuple[Server, ...] = ()
    learners: tuple[Server, ...] = ()

    def __post_init__(self) -> None:
        machines = [s.machine for s in self.voters + self.learners]
        if len(set(machines)) != len(machines):
            raise ConfigurationError("a machine is named twice in the configuration")
        if len(machines) > MAX_SERVERS:
            raise ConfigurationError(f"more than {MAX_SERVERS} machines in the configuration")
        for servers in (self.voters, self.learners):
            if list(servers) != sorted(servers):
                raise ConfigurationError("the servers of a configuration must ascend by machine number")
            for server in servers:
                named = type(server.machine) is int and server.machine >= 1
                lives = type(server.incarnation) is bytes and len(server.incarnation) == INCARNATION_BYTES
                if not (named and lives):
                    raise ConfigurationError(f"not a server: machine {server.machine!r}")

    @classmethod
    def of(cls, voters: Sequence[Server], learners: Sequence[Server] = ()) -> Configuration:
        """The configuration of these servers, in any order."""
        return cls(tuple(sorted(voters)), tuple(sorted(learners)))

    def server(self, machine: int) -> Server | None:
        """The voter or learner of that number, None if there is none."""
        for server in self.voters + self.learners:
            if server.machine == machine:
                return server
        return None


def encode_configuration(configuration: Configuration, admitted: int) -> bytes:
    """The payload of a CONFIG entry: `[1, admitted, voters, learners]`, of `[machine, incarnation]` each.

    `admitted` is the index, applied by the leader, at which the server that is added is an enrolled keeper.
    """
    parts = (configuration.voters, configuration.learners)
    servers = [[[s.machine, s.incarnation] for s in part] for part in parts]
    packed: bytes = msgpack.packb([CONFIGURATION_VERSION, admitted, *servers], use_bin_type=True)
    return packed


def decode_configuration(payload: bytes) -> tuple[Configuration, int]:
    """The configuration and its admitted index; raises ConfigurationError unless the bytes are canonical."""
    try:
        version, admitted, voters, learners = msgpack.unpackb(
            payload, use_list=False, raw=False, strict_map_key=True, max_array_len=MAX_SERVERS
        )
        if version != CONFIGURATION_VERSION or type(admitted) is not int or admitted < 0:
            raise ConfigurationError(f"configuration version {version!r} is not known")
        configuration = Configuration(
            tuple(Server(machine, incarnation) for machine, incarnation in voters),
            tuple(Server(machine, incarnation) for machine, incarnation in learners),
        )
        canonical = encode_configuration(configuration, admitted) == payload
    except ConfigurationError:
        raise
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise ConfigurationError("the payload is not a configuration") from error
    if not canonical:
        raise ConfigurationError("the configuration is not encoded canonically")
    return configuration, admitted


# --- messages: the sender comes with `Receive`, the receiver with `Update` -------------------------------


@dataclass(frozen=True, slots=True)
class RequestVote:
    """Asks for a vote in `term`, or (`pre`) whether one would be given. It is itself the sender's vote for
    itself, so it carries the sender's own pair. `transfer`: the leader asked for this campaign."""

    term: int
    pre: bool
    transfer: bool
    last_index: int
    last_term: int
    own: Pair


@dataclass(frozen=True, slots=True)
class VoteReply:
    """`term` is the campaign's where granted, else the sender's own. `own` is the sender's own pair."""

    term: int
    pre: bool
    granted: bool
    own: Pair


@dataclass(frozen=True, slots=True)
class AppendEntries:
    """Entries after `prev_index`, none for a heartbeat. `round` rises within a term and is echoed."""

    term: int
    round: int
    prev_index: int
    prev_term: int
    prev_head: bytes
    commit: int
    pairs: Pairs
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class AppendReply:
    """`ok`: the sender's log equals the leader's up to `index`, durably. Else `index` is what to try next.

    `prev_index` and `round` echo the append; `own` is the sender's own pair."""

    term: int
    round: int
    ok: bool
    prev_index: int
    index: int
    own: Pair


@dataclass(frozen=True, slots=True)
class TimeoutNow:
    """The leader of `term` hands over: the receiver campaigns at once."""

    term: int


Message: TypeAlias = RequestVote | VoteReply | AppendEntries | AppendReply | TimeoutNow


# --- events ----------------------------------------------------------------------------------------------


class Session(NamedTuple):
    """One boot of a machine: its counter, and a nonce that no other boot has."""

    boot: int
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Receive:
    """A message of an authenticated sender, in one of its boots."""

    sender: Server
    session: Session
    message: Message


@dataclass(frozen=True, slots=True)
class Propose:
    """Appends (type, stamp, payload) in order, all or none. Answered."""

    proposals: Sequence[tuple[int, int, bytes]]


@dataclass(frozen=True, slots=True)
class ProposeConfiguration:
    """Appends a configuration that differs by one voter at most. Answered."""

    configuration: Configuration
    admitted: int
    stamp: int


@dataclass(frozen=True, slots=True)
class Persisted:
    """Every write up to and including that of `Update.seq` is durable."""

    seq: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """Hand leadership to a voter, None: to the one that holds most. Answered."""

    target: int | None = None


@dataclass(frozen=True, slots=True)
class ReadIndex:
    """Ask for an index that a linearizable read must wait for. Answered; then found in `Update.reads`."""

    context: int


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The transport lost a machine: go back to probing it."""

    machine: int


@dataclass(frozen=True, slots=True)
class Mute:
    """The host refused an entry of `leader` (and handed in the append cut before it): hear nothing more of
    that leader in `term`."""

    leader: int
    term: int


@dataclass(frozen=True, slots=True)
class Eligible:
    """Whether this machine may lead; False where its clock is wrong: it does not campaign, and hands over."""

    eligible: bool


Event: TypeAlias = (
    Receive
    | Propose
    | ProposeConfiguration
    | Persisted
    | Transfer
    | ReadIndex
    | Unreachable
    | Mute
    | Eligible
)


# --- what the core wants done ----------------------------------------------------------------------------


class Role(Enum):
    FOLLOWER = "follower"
    PRECANDIDATE = "precandidate"
    CANDIDATE = "candidate"
    LEADER = "leader"


@dataclass(frozen=True, slots=True)
class HardState:
    """What a node must find again after a crash, beside its log.

    `own` is the furthest it acknowledged itself; `pairs` what leaders said of the voters (itself included).
    """

    term: int = 0
    vote: int = 0
    commit: int = 0
    own: Pair = NO_PAIR
    pairs: Pairs = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """What a node finds on its disk. `history` holds the configurations of the log (of its GENESIS and CONFIG
    entries), each with its index.

    A school is founded by writing entry 1 (GENESIS, term 1) and `HardState(term=1, commit=1)` before the
    first start. A joining machine starts with nothing, and learns who votes from the log that it is sent.
    """

    hard_state: HardState = field(default_factory=HardState)
    last: Position = field(default_factory=Position)
    history: Sequence[tuple[int, Configuration]] = ()


class Reason(Enum):
    """Why a request to the core was refused."""

    NOT_LEADER = "not the leader"
    BUSY = "too much is waiting to be committed"
    TRANSFERRING = "leadership is being handed over"
    TERM_NOT_COMMITTED = "nothing of this term is committed yet"
    CHANGE_PENDING = "another configuration is not committed yet"
    NOT_ALLOWED = "the change is not allowed"
    NO_TARGET = "no such voter to hand over to"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The proposals became entries `first` .. `first + count - 1` of `term`; committed is another matter: an
    entry at that index counts only if its term is this one. `count` 0 for what makes no entry."""

    term: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Refused:
    reason: Reason
    leader: int | None
    detail: str = ""


Answer: TypeAlias = Accepted | Refused


@dataclass(frozen=True, slots=True)
class Divergence:
    """Proof that two logs differ where Raft says they cannot: the heads at `index`, ours and theirs."""

    leader: int
    term: int
    index: int
    ours: bytes
    theirs: bytes


@dataclass(slots=True)
class Update:
    """What one step wants done; the duties that go with each field are in `core`'s docstring."""

    seq: int = 0
    hard_state: HardState | None = None
    truncate_from: int | None = None
    entries: Sequence[Entry] = ()
    send: list[tuple[int, Message]] = field(default_factory=list)
    commit: int = 0
    term: int = 0
    role: Role = Role.FOLLOWER
    leader: int | None = None
    next_deadline: int = 0
    answers: list[Answer] = field(default_factory=list)
    reads: list[tuple[int, int]] = field(default_factory=list)
    configuration: Configuration | None = None
    divergence: Divergence | None = None
    regressed: list[int] = field(default_factory=list)


class LogReader(Protocol):
    """The part of the log that is already durable."""

    def entries(self, lo: int, hi: int, max_bytes: int) -> Sequence[Entry]:
        """Entries lo .. hi - 1, which exist, cut after about `max_bytes` of payload; at least one."""


class RandomSource(Protocol):
    """Where election timeouts are drawn from: random.Random is one."""

    def randrange(self, stop: int, /) -> int:
        """A number from 0 up to, not including, `stop`."""


Chain: TypeAlias = Callable[[bytes, int, int, int, int, bytes], bytes]
"""The head after an entry, from (head before, index, term, type, stamp, payload); pure."""
