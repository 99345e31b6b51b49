"""What machines tell each other every second: how far they are, with what result, where they listen, whom
they refused.

    [6, applied, head, digest, role, whole_upto, outbox, version, name, utc_ms, host, port, files_port,
     [[key, address, reason, first_ms, last_ms, count], ...]]

A voter tells every machine, others tell the voters. Each node compares its own head and verdict digest with
those of the voters, at the lower of both applied indexes, and stops applying when it differs from a majority
of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lms_desktop import __version__
from lms_desktop.node.admission import Admission, Refusal
from lms_desktop.node.clock import Clock
from lms_desktop.node.host import Host
from lms_desktop.node.transport import BadMessage, Fields, PeerLinks, Sender
from lms_desktop.school.limits import STAMP
from lms_desktop.trust.wire import Packable

VERB = 6
PERIOD_S = 1.0
ONLINE_MS = 5_000
TOLD_REFUSALS = 8
MAX_REFUSALS = 64
MAX_TEXT = 200


class Verdicts(Protocol):
    """What is compared (`ledger.Ledger`)."""

    @property
    def applied(self) -> int: ...
    @property
    def head(self) -> bytes: ...
    @property
    def digest(self) -> bytes: ...
    def digest_at(self, index: int) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class News:
    """What a machine last told. `heard_ms` and `utc_ms` are UTC ms, ours and its own."""

    machine: int
    heard_ms: int
    incarnation: bytes
    applied: int
    head: bytes
    digest: bytes
    role: str
    whole_upto: int
    """It holds every submission that the ledger names up to this index."""
    outbox: int
    version: str
    name: str
    utc_ms: int
    host: str
    port: int
    files_port: int
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Self:
    """What only the service knows of this node."""

    role: str
    whole_upto: int
    outbox: int
    name: str
    host: str
    port: int
    files_port: int


class Gossip:
    """Call `tick` every second. `news` is what others last told; `differing` who disagrees with this node."""

    def __init__(
        self,
        me: int,
        links: PeerLinks,
        host: Host,
        verdicts: Verdicts,
        admission: Admission,
        clock: Clock,
        describe: Callable[[], Self],
        on_moved: Callable[[News], None],
    ) -> None:
        self._me = me
        self._links = links
        self._host = host
        self._verdicts = verdicts
        self._admission = admission
        self._clock = clock
        self._describe = describe
        self._on_moved = on_moved
        self._news: dict[int, News] = {}
        self._claims: dict[int, tuple[int, bytes, bytes]] = {}
        self._differing: dict[int, int] = {}
        links.on(VERB, self._receive)

    @property
    def news(self) -> Mapping[int, News]:
        return self._news

    @property
    def differing(self) -> Mapping[int, int]:
        """Machines whose state differs from this node's, and at which index that was seen."""
        return self._differing

    def online(self, machine: int) -> bool:
        """Whether the machine was heard within 5 s."""
        last = self._links.last_heard_ms(machine)
        return last is not None and self._clock.utc_ms() - last <= ONLINE_MS

    def refusals(self) -> tuple[Refusal, ...]:
        """Attempts of strangers, here and as others tell, each key and address once, the latest last."""
        merged: dict[tuple[bytes, str], Refusal] = {}
        for told in (self._admission.refusals, *(news.refusals for news in self._news.values())):
            for refusal in told:
                known = merged.get((refusal.key, refusal.address))
                if known is None or known.last_ms < refusal.last_ms:
                    merged[refusal.key, refusal.address] = refusal
        return tuple(sorted(merged.values(), key=lambda refusal: refusal.last_ms)[-MAX_REFUSALS:])

    def tick(self) -> None:
        """Tell the others, and compare."""
        voters = self._host.voters
        mine = self._describe()
        fields: list[Packable] = [
            self._verdicts.applied,
            self._verdicts.head,
            self._verdicts.digest,
            mine.role,
            mine.whole_upto,
            mine.outbox,
            __version__,
            mine.name,
            self._clock.utc_ms(),
            mine.host,
            mine.port,
            mine.files_port,
            [
                [told.key, told.address, told.reason, told.first_ms, told.last_ms, told.count]
                for told in self._admission.refusals[-TOLD_REFUSALS:]
            ],
        ]
        told = self._links.peers if self._host.votes or not voters else voters
        for machine in told:
            if machine != self._me:
                self._links.send(machine, VERB, fields)
        self._compare()

    def _receive(self, sender: Sender, fields: Fields) -> None:
        news = _parse(sender, fields, self._clock.utc_ms())
        before = self._news.get(sender.machine)
        self._news[sender.machine] = news
        self._claims.setdefault(sender.machine, (news.applied, news.head, news.digest))
        self._host.clock_heard(sender.machine, news.utc_ms)
        place = (news.host, news.port, news.files_port)
        if before is None or place != (before.host, before.port, before.files_port):
            self._on_moved(news)

    def _compare(self) -> None:
        """Judge the claims that this node has reached; those ahead of it wait."""
        for machine, (index, head, digest) in list(self._claims.items()):
            if index > self._verdicts.applied:
                continue
            del self._claims[machine]
            entry = self._host.entry(index)
            if entry is None or (entry.head, self._verdicts.digest_at(index)) == (head, digest):
                self._differing.pop(machine, None)
            else:
                self._differing[machine] = index
        voters = self._host.voters
        against = [machine for machine in voters if machine in self._differing]
        if len(against) > len(voters) // 2:
            index = self._differing[against[0]]
            self._host.halt(
                f"This machine's state differs from that of the voters at entry {index}. It applies nothing "
                "more. Keep its data folder for the administrator, then let it join again."
            )


def _parse(sender: Sender, fields: Fields, now_ms: int) -> News:
    match fields:
        case (
            int(applied),
            bytes(head),
            bytes(digest),
            str(role),
            int(whole_upto),
            int(outbox),
            str(version),
            str(name),
            int(utc_ms),
            str(host),
            int(port),
            int(files_port),
            tuple(told),
        ) if (
            len(told) <= TOLD_REFUSALS
            and max(map(len, (role, version, name, host))) <= MAX_TEXT
            and min(applied, whole_upto, outbox) >= 0
            and 0 <= utc_ms <= STAMP
            and 0 < min(port, files_port) <= max(port, files_port) < 1 << 16
        ):
            refusals = tuple(_refusal(fields) for fields in told)
            return News(
                sender.machine,
                now_ms,
                sender.header.incarnation,
                applied,
                head,
                digest,
                role,
                whole_upto,
                outbox,
                version,
                name,
                utc_ms,
                host,
                port,
                files_port,
                refusals,
            )
    raise BadMessage("gossip has thirteen fields within their bounds")


def _refusal(fields: object) -> Refusal:
    match fields:
        case (bytes(key), str(address), str(reason), int(first), int(last), int(count)) if (
            len(key) <= 40
            and max(len(address), len(reason)) <= MAX_TEXT
            and 0 <= first <= last <= STAMP
            and count > 0
        ):
            return Refusal(key, address, reason, first, last, count)
    raise BadMessage("a refused attempt has six fields within their bounds")


def rows(refusals: Sequence[Refusal]) -> list[Packable]:
    """Refused attempts as the local link carries them."""
    return [
        [
            each.key.decode("ascii", "replace"),
            each.address,
            each.reason,
            each.first_ms,
            each.last_ms,
            each.count,
        ]
        for each in refusals
    ]
