"""Who is in the school, and what follows from it: who is admitted and dialled, and who votes.

Once a second, and whenever the machines of the ledger changed: the allow-list and the addresses are made
anew, this machine tells the school when it has moved, and the leader asks autopilot for the next
configuration.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from lms_desktop.node.admission import Admission, AllowList
from lms_desktop.node.gossip import Gossip, News
from lms_desktop.node.host import Host
from lms_desktop.node.identity import Identity
from lms_desktop.node.ledger import Ledger
from lms_desktop.node.pending import NotAccepted, Result
from lms_desktop.node.proposals import Proposals
from lms_desktop.node.raft.autopilot import Member, decide
from lms_desktop.node.roster import MachineRecord
from lms_desktop.node.school_file import School, save
from lms_desktop.node.transport import Peer, PeerLinks
from lms_desktop.school.commands import MachineAddress
from lms_desktop.trust.envelope import Envelope, make_payload
from lms_desktop.trust.primitives import random_bytes, z85_encode

REFRESH_TICKS = 30
"""Join tokens expire by time, so the list is also made anew without a change of the ledger."""
NEAR = 250
"""Entries: a machine that lags by less catches up while its own entry commits."""
ALIVE_MS = 2_000
LOST_MS = 600_000
_log = logging.getLogger(__name__)


class Membership:
    """Call `tick` every second. `peers` starts from what `school.json` knows and follows ledger and
    gossip."""

    def __init__(
        self,
        folder: Path,
        school: School,
        identity: Identity,
        address: tuple[str, int, int],
        ledger: Ledger,
        host: Host,
        links: PeerLinks,
        admission: Admission,
        gossip: Gossip,
        proposals: Proposals,
    ) -> None:
        self._folder = folder
        self._school = school
        self._identity = identity
        self._address = address
        self._ledger = ledger
        self._host = host
        self._links = links
        self._admission = admission
        self._gossip = gossip
        self._proposals = proposals
        self._moved: dict[int, tuple[str, int, int]] = {}
        self._version = -1
        self._ticks = 0
        self._applied: deque[int] = deque([1 << 62], maxlen=3)
        self._changing = False
        self._announcement: Envelope | None = None
        self._rebinding: asyncio.Task[None] | None = None
        self._allowed: AllowList | None = None
        host.on_applied(lambda entries, outcomes: self._refresh_if_changed())
        self._refresh()

    async def close(self) -> None:
        if self._rebinding is not None:
            await self._rebinding

    def tick(self) -> None:
        """What is due every second."""
        self._ticks += 1
        self._applied.append(self._host.applied)
        if self._ticks % REFRESH_TICKS == 0:
            self._refresh()
        self._remember()
        self._announce()
        if self._host.is_leader:
            self._steer()

    def moved(self, news: News) -> None:
        """A machine told where it listens now, which counts more than what the ledger last heard."""
        self._moved[news.machine] = news.host, news.port, news.files_port
        self._refresh()

    def mine(self) -> MachineRecord | None:
        """This machine as the ledger has it, None while the ledger has not come that far."""
        return next((each for each in self._ledger.machines() if each.number == self._school.machine), None)

    def life(self, record: MachineRecord) -> bytes:
        """The incarnation that a machine runs in: as it says itself, else as the ledger last heard."""
        if record.number == self._school.machine:
            return self._identity.incarnation
        header = self._links.run_of(record.number)
        return header.incarnation if header is not None else record.incarnation

    # --- who is admitted and dialled ---

    def _refresh_if_changed(self) -> None:
        if self._ledger.machines_version != self._version:
            self._refresh()

    def _refresh(self) -> None:
        self._version = self._ledger.machines_version
        records = self._ledger.machines()
        me = self._school.machine
        peers: dict[int, Peer] = {}
        if all(record.number != me for record in records):
            peers.update(
                self._school.peers
            )  # the ledger is not there yet: whom the school told of at joining
        for record in records:
            if record.active and record.number != me:
                place = self._moved.get(record.number, (record.host, record.port, record.files_port))
                peers[record.number] = Peer(z85_encode(record.curve_public), *place)
            else:
                peers.pop(record.number, None)
        mine = next((record for record in records if record.number == me), None)
        if mine is not None and not mine.active:
            self._host.alarms["retired"] = "An administrator took this machine out of the school."
        self._links.set_peers(peers)
        self._admit(peers)

    def _admit(self, peers: Mapping[int, Peer]) -> None:
        machines = {peer.curve_public: number for number, peer in peers.items()}
        tokens = {z85_encode(curve): number for number, curve in self._ledger.token_curve_keys()}
        allowed = AllowList(MappingProxyType(machines), MappingProxyType(tokens))
        before = self._allowed
        if before == allowed:
            return
        self._allowed = allowed
        self._admission.allow(allowed)
        gone = before is not None and set(before.machines) - set(machines)
        if gone and (self._rebinding is None or self._rebinding.done()):
            self._rebinding = asyncio.get_running_loop().create_task(self._links.rebind())

    def _remember(self) -> None:
        """Keep `school.json` up to date, once a second at most: a machine may say every second that it
        moved."""
        school = School(
            self._school.cluster_id, self._ledger.epoch, self._school.machine, dict(self._links.peers)
        )
        if school != self._school:
            self._school = school
            try:
                save(self._folder, school)
            except OSError as error:
                _log.warning("school.json could not be written: %s", error)

    # --- where this machine is ---

    def _announce(self) -> None:
        """Tell the school, by a signed command, where this machine listens and in which life; until it is
        noted."""
        mine = self.mine()
        if mine is None or not mine.active:
            return
        here = MachineAddress(*self._address, self._identity.incarnation)
        if here == MachineAddress(mine.host, mine.port, mine.files_port, mine.incarnation):
            self._announcement = None
            return
        if self._announcement is None:
            self._announcement = Envelope.sign(
                self._school.cluster_id,
                self._identity.signing,
                author=mine.number,
                lane=random_bytes(16),
                seq=0,
                kind=MachineAddress.KIND,
                body=here.body(),
            )
        self._proposals.hand_in([(self._announcement, make_payload(self._announcement.raw, []))])

    # --- who votes ---

    def _steer(self) -> None:
        raft = self._host.raft
        if raft.changing or self._changing:
            return
        named = self._applied[0]  # applied here some seconds ago: what others had the time to tell of
        last = self._host.last_index
        seen = {peer.machine: peer for peer in raft.peers()}
        members = []
        for record in self._ledger.machines():
            if not record.active:
                continue
            peer = seen.get(record.number)
            news = self._gossip.news.get(record.number)
            me = record.number == self._school.machine
            silent_ms = 0 if me else LOST_MS if peer is None else peer.silent_ms
            near = peer is not None and peer.whole and last - peer.match <= NEAR
            members.append(
                Member(
                    machine=record.number,
                    incarnation=self.life(record),
                    keeper=record.keeper,
                    whole=me or (near and news is not None and news.whole_upto >= named),
                    alive=silent_ms <= ALIVE_MS,
                    lost=peer is not None and silent_ms > LOST_MS,
                )
            )
        change = decide(raft.configuration, members, self._school.machine)
        if change is not None:
            self._changing = True
            self._host.propose_configuration(change, self._changed)

    def _changed(self, result: Result) -> None:
        self._changing = False
        if isinstance(result, NotAccepted):
            _log.info("a change of the voters was not made: %s", result.reason)
