"""A node's part in its school, from the day it has a number there: consensus, membership, and people's
work."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

from lms_desktop import __version__
from lms_desktop.node.admission import Admission
from lms_desktop.node.audit import check_tail
from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.node.clock import Clock
from lms_desktop.node.gossip import PERIOD_S, Gossip, News, Self, rows
from lms_desktop.node.host import Host
from lms_desktop.node.identity import Identity
from lms_desktop.node.joining import Door, settle
from lms_desktop.node.ledger import Ledger
from lms_desktop.node.local import LocalServer
from lms_desktop.node.membership import Membership
from lms_desktop.node.outbox import Outbox
from lms_desktop.node.raft.types import Role, Server
from lms_desktop.node.school_file import School
from lms_desktop.node.sockets import Context
from lms_desktop.node.storage import Storage
from lms_desktop.node.trace import Trace
from lms_desktop.node.transport import (
    MALFORMED,
    NO_KEEPER,
    OTHER_EPOCH,
    OTHER_MACHINE,
    OTHER_SCHOOL,
    OUT_OF_PLACE,
    TWO_RUNS,
    UNKNOWN_VERSION,
    Header,
    PeerLinks,
)
from lms_desktop.node.tutoring.tutoring import Tutoring
from lms_desktop.node.tutoring.verbs import LocalVerbs, PeerVerbs
from lms_desktop.node.work import Work
from lms_desktop.trust.chain import entry_head
from lms_desktop.trust.envelope import Envelope
from lms_desktop.trust.wire import Packable

NOISE = (
    MALFORMED,
    UNKNOWN_VERSION,
    OTHER_SCHOOL,
    OTHER_MACHINE,
    OTHER_EPOCH,
    TWO_RUNS,
    NO_KEEPER,
    OUT_OF_PLACE,
)
"""Why messages are dropped that a machine in order never sends."""
NOISE_SHOWN_MS = 600_000


class SchoolNode:
    """Create on the node's loop, then `start`; `close` ends it, handing leadership over."""

    def __init__(
        self,
        folder: Path,
        school: School,
        identity: Identity,
        name: str,
        address: tuple[str, int, int],
        storage: Storage,
        ledger: Ledger,
        context: Context,
        links: PeerLinks,
        admission: Admission,
        server: LocalServer,
        clock: Clock,
        trace: Trace,
    ) -> None:
        self.machine = school.machine
        self._name = name
        self._address = address
        self._ledger = ledger
        self._links = links
        self._server = server
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        altered = check_tail(storage, ledger, storage.last_index)
        links.introduce(
            Header(
                school.cluster_id,
                school.epoch,
                school.machine,
                identity.incarnation,
                identity.boot,
                identity.nonce,
            )
        )
        self.host = Host(
            self._loop,
            storage,
            ledger,
            entry_head,
            Server(school.machine, identity.incarnation),
            links,
            clock,
            Random(),
        )
        if altered is not None:
            self.host.alarms["altered"] = altered
        self._outbox = Outbox.open(folder, now_ms=clock.utc_ms, trace=trace)
        if self._outbox.set_aside is not None:
            self.host.alarms["outbox"] = (
                "The list of work waiting on this machine was damaged; "
                f"it was kept as {self._outbox.set_aside.name}."
            )
        store = BlobStore(folder / "blobs")
        self._work = Work(
            school.machine,
            identity.signing,
            storage.db,
            ledger,
            self.host,
            links,
            server,
            store,
            self._outbox,
            clock.utc_ms,
            trace,
        )
        self.gossip = Gossip(
            school.machine, links, self.host, ledger, admission, clock, self._describe, self._moved
        )
        self._membership = Membership(
            folder,
            school,
            identity,
            address,
            ledger,
            self.host,
            links,
            admission,
            self.gossip,
            self._work.proposals,
        )
        Door(ledger, links, self._work.proposals)
        self._tutoring = Tutoring(
            school.machine,
            identity.signing,
            school.cluster_id,
            storage.db,
            store,
            links,
            context,
            admission,
            folder / "tutor",
            self._work.reachable,
            clock.utc_ms,
        )
        self._work.on_changes = self._tutoring.changed
        PeerVerbs(self._tutoring, links)
        LocalVerbs(self._tutoring, server, links)
        self._ticker: asyncio.TimerHandle | None = None
        self._told: tuple[Packable, ...] = ()
        self._noise: Counter[str] = Counter()
        self._noisy_ms = 0

    def start(self) -> None:
        """Take part."""
        self._work.start()
        self.host.on_role_change(self._tell_status)
        self.host.start()
        self._tutoring.start()
        self._tick()

    async def close(self) -> None:
        """Stop taking part; leadership is handed over within 2 s."""
        if self._ticker is not None:
            self._ticker.cancel()
        await self._tutoring.close()
        await self.host.hand_over()
        await self._work.close()
        await self._membership.close()
        self.host.close()

    async def settle(self, envelope: Envelope) -> int:
        """Hand a command in until it has an outcome; returns its code. Raises PeerError when there is
        none in 10 s.
        """
        return await settle(self._ledger, self._work.proposals, envelope)

    def status(self) -> tuple[Packable, ...]:
        """[role, leader, term, applied, commit, head, digest, stamp ms, quorum, alarm]"""
        ledger, host = self._ledger, self.host
        return (
            self._role,
            host.leader,
            host.term,
            ledger.applied,
            host.commit_index,
            ledger.head,
            ledger.digest,
            ledger.stamp,
            host.leader is not None,
            " ".join(filter(None, (*host.alarms.values(), self._work.trouble))) or None,
        )

    def machines(self) -> tuple[list[Packable], list[Packable]]:
        """Every machine as seen from here: [machine, name, online, last seen ms, role, applied, head,
        digest, version, address, keeper]; and the attempts of strangers.
        """
        seen: list[Packable] = []
        leader, voters = self.host.leader, self.host.raft.configuration.voters
        for record in self._ledger.machines():
            number = record.number
            news = self.gossip.news.get(number)
            here = number == self.machine
            votes = Server(number, self._membership.life(record)) in voters
            role = "leader" if number == leader else "voter" if votes else "learner"
            applied, head, digest, version = 0, b"", b"", ""
            if here:
                applied, head, digest = self._ledger.applied, self._ledger.head, self._ledger.digest
                version = __version__
            elif news is not None:
                applied, head, digest, version = news.applied, news.head, news.digest, news.version
            host, port = (news.host, news.port) if news else (record.host, record.port)
            seen.append(
                [
                    number,
                    record.name,
                    here or self.gossip.online(number),
                    self._clock.utc_ms() if here else self._links.last_heard_ms(number),
                    role if record.active else "removed",
                    applied,
                    head,
                    digest,
                    version,
                    f"{host}:{port}",
                    record.keeper,
                ]
            )
        return seen, rows(self.gossip.refusals())

    @property
    def _role(self) -> str:
        if self.host.raft.role is Role.LEADER:
            return "leader"
        return "voter" if self.host.votes else "learner"

    def _describe(self) -> Self:
        whole = self._work.replicator.held_up_to(self._ledger.applied)
        return Self(self._role, whole, len(self._outbox.items), self._name, *self._address)

    def _moved(self, news: News) -> None:
        self._membership.moved(news)

    def _tick(self) -> None:
        self._ticker = self._loop.call_later(PERIOD_S, self._tick)
        self.gossip.tick()
        self._membership.tick()
        self._listen_for_noise()
        self._tell_status()

    def _listen_for_noise(self) -> None:
        """Show IT, for ten minutes, that messages came which no machine in order sends."""
        now = self._clock.monotonic_ms()
        noise = Counter(
            {reason: self._links.dropped[reason] for reason in NOISE if self._links.dropped[reason]}
        )
        if noise != self._noise:
            self._noise, self._noisy_ms = noise, now
            counts = ", ".join(f"{number} {reason}" for reason, number in sorted(noise.items()))
            self.host.alarms["noise"] = f"Messages of other machines were dropped: {counts}."
        elif now - self._noisy_ms > NOISE_SHOWN_MS:
            self.host.alarms.pop("noise", None)

    def _tell_status(self) -> None:
        status = self.status()
        if status != self._told:
            self._told = status
            self._server.publish("status", list(status))
