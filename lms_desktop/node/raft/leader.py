"""What only a leader has: its view of every other server, and what it sends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lms_desktop.node.raft.configuration import Configurations, check_change
from lms_desktop.node.raft.log import Log
from lms_desktop.node.raft.pairs import PairBook
from lms_desktop.node.raft.progress import Progress
from lms_desktop.node.raft.quorum import agreed
from lms_desktop.node.raft.reads import Reads
from lms_desktop.node.raft.settings import Settings
from lms_desktop.node.raft.types import (
    NO_PAIR,
    Accepted,
    Answer,
    AppendEntries,
    AppendReply,
    Configuration,
    ConfigurationError,
    Entry,
    EntryType,
    Message,
    Pair,
    ProposeConfiguration,
    RaftError,
    Reason,
    Refused,
    Server,
    TimeoutNow,
    encode_configuration,
)

FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """A leader's view of another machine: `silent_ms` since its last answer; `whole`: it forgot nothing."""

    machine: int
    match: int
    silent_ms: int
    whole: bool


class Leader:
    """One leadership: from the election, in `term`, to whatever ends it.

    `first` is the index of the entry that it began with: nothing before it is committed by counting.
    """

    def __init__(self, server: Server, term: int, log: Log, pairs: PairBook, settings: Settings, now: int):
        self.term = term
        self.first = log.last.index + 1
        self.peers: dict[int, Progress] = {}
        self._reads = Reads()
        self.target: int | None = None  # the voter that leadership is being handed to
        self._target_told = False
        self.target_until = FOREVER
        self._me = server
        self._log = log
        self._pairs = pairs
        self._settings = settings
        self._round = 0
        self._heartbeat_at = now
        self._notice_at = FOREVER
        self._servers: dict[int, Server] = {}
        self._begun = False
        self._voters: tuple[int, ...] = ()
        self.votes = False  # whether this leader is itself a voter

    def reconfigure(self, configuration: Configuration, now: int) -> None:
        """This configuration is in force now."""
        servers = {s.machine: s for s in configuration.voters + configuration.learners if s != self._me}
        for machine in list(self.peers):
            if servers.get(machine) != self._servers[machine]:
                del self.peers[machine]
        for machine in servers:
            if machine not in self.peers:
                # What is known of a peer of this office may be newer than its answers that are on their way.
                floor = NO_PAIR if self._begun else self._pairs.of(machine)
                self.peers[machine] = Progress(self._log.last.index + 1, floor, now)
        self._begun = True
        self._servers = servers
        self._voters = tuple(s.machine for s in configuration.voters if s != self._me)
        self.votes = self._me in configuration.voters
        if self.target not in self._voters:
            self.keep_office()

    # --- what the others answered ----------------------------------------------------------------------

    def restarted(self, machine: int) -> None:
        """That machine speaks in a new session: it may have lost what it had not made durable, or more."""
        if machine in self.peers:
            self.peers[machine].restarted(self._pairs.of(machine))

    def answered(self, machine: int, reply: AppendReply, now: int) -> bool:
        """Note a reply, if it is of this term; whether the machine has forgotten what it acknowledged."""
        peer = self.peers.get(machine)
        if peer is None or reply.term != self.term:
            return False
        peer.contact = now
        if reply.round > peer.round:
            peer.round = reply.round
        forgot = peer.remembers(reply.own)
        if reply.ok:
            if reply.index <= self._log.last.index:
                peer.acknowledged(reply.index)
        else:
            peer.rejected(reply.prev_index, reply.index)
        if machine in self._voters and peer.whole:
            self._pairs.learn(machine, reply.own)
        return forgot

    def decided(self) -> int:
        """The highest index that a majority of the voters holds durably; 0 before that is of this term."""
        matches = [peer.match if peer.whole else 0 for peer in self._voting()]
        if self.votes:
            stable = self._log.stable
            matches.append(stable)
            if stable >= self.first:  # what holds it holds our own pair too
                self._pairs.learn(self._me.machine, Pair(self.term, stable))
        index = agreed(matches)
        return index if index >= self.first else 0

    def _agreed_round(self) -> int:
        """The last round that a majority of the voters answered."""
        rounds = [peer.round if peer.whole else 0 for peer in self._voting()]
        if self.votes:
            rounds.append(self._round)
        return agreed(rounds)

    def has_quorum(self, now: int) -> bool:
        """Whether a majority of the voters answered within an election timeout."""
        contacts = [peer.contact if peer.whole else 0 for peer in self._voting()]
        if self.votes:
            contacts.append(now)
        return now - agreed(contacts) <= self._settings.election_ms

    def grace(self, now: int) -> None:
        """After a stall of this node nobody's silence counts."""
        for peer in self.peers.values():
            peer.contact = now

    def status(self, now: int) -> list[PeerStatus]:
        """What is known of each."""
        return [PeerStatus(m, peer.match, now - peer.contact, peer.whole) for m, peer in self.peers.items()]

    def _voting(self) -> list[Progress]:
        return [self.peers[machine] for machine in self._voters]

    # --- what they are sent ----------------------------------------------------------------------------

    @property
    def deadline(self) -> int:
        """When there is something to send even if nothing happens."""
        return min(self._heartbeat_at, self._notice_at, self.target_until)

    def heartbeat_due(self, now: int) -> bool:
        """Whether it is time to prove to all that the leader lives."""
        return now >= self._heartbeat_at

    def last_word(self, now: int) -> None:
        """Make this step a heartbeat: all are to learn the commit that ends this office."""
        self._heartbeat_at = now

    def replicate(self, commit: int, now: int, out: list[tuple[int, Message]]) -> None:
        """Send each peer what its window allows; a heartbeat or news of the commit if there is nothing."""
        heartbeat = now >= self._heartbeat_at
        notice = now >= self._notice_at
        if heartbeat:
            self._heartbeat_at = now + self._settings.heartbeat_ms
        made: dict[tuple[int, bool], AppendEntries] = {}
        last = self._log.last.index
        window = self._settings.inflight
        behind = False
        for machine, peer in self.peers.items():
            quiet = True
            while peer.next <= last and not peer.paused and len(peer.inflight) < window:
                message = self._batch(peer.next, commit, made)
                out.append((machine, message))
                peer.sent(message.prev_index + len(message.entries))
                peer.sent_commit = commit
                quiet = False
            if quiet and (heartbeat or (notice and peer.sent_commit < commit)):
                out.append((machine, self._empty(peer.next - 1, commit, made)))
                peer.sent_commit = commit
            if peer.sent_commit < commit:
                behind = True
        if not behind:
            self._notice_at = FOREVER
        elif notice or self._notice_at == FOREVER:
            self._notice_at = now + self._settings.notice_ms
        if self.target is not None and not self._target_told and self.peers[self.target].match == last:
            self._target_told = True
            out.append((self.target, TimeoutNow(self.term)))

    def _batch(self, start: int, commit: int, made: dict[tuple[int, bool], AppendEntries]) -> AppendEntries:
        message = made.get((start - 1, True))
        if message is None:
            stop = min(start + self._settings.batch_entries, self._log.last.index + 1)
            entries = self._log.entries(start, stop, self._settings.batch_bytes)
            message = made[start - 1, True] = self._append(start - 1, commit, entries)
        return message

    def _empty(self, prev: int, commit: int, made: dict[tuple[int, bool], AppendEntries]) -> AppendEntries:
        message = made.get((prev, False))
        if message is None:
            message = made[prev, False] = self._append(prev, commit, ())
        return message

    def _append(self, prev: int, commit: int, entries: Sequence[Entry]) -> AppendEntries:
        _, term, head, _ = self._log.position(prev)
        return AppendEntries(self.term, self._round, prev, term, head, commit, self._pairs.packed(), entries)

    # --- what the host asks for ------------------------------------------------------------------------

    def propose(self, proposals: Sequence[tuple[int, int, bytes]], commit: int) -> Answer:
        """Append commands; RaftError if they are anything else."""
        if any(type_ != EntryType.COMMAND for type_, _, _ in proposals):
            raise RaftError("only commands are proposed; configurations have an event of their own")
        if self.target is not None:
            return self._refused(Reason.TRANSFERRING)
        if self._log.bytes_after(commit) > self._settings.uncommitted_bytes:
            return self._refused(Reason.BUSY)
        first = self._log.last.index + 1
        self._log.extend(self.term, proposals)
        return Accepted(self.term, first, len(proposals))

    def change(self, event: ProposeConfiguration, configurations: Configurations, commit: int) -> Answer:
        """Append a configuration, if this is the time for it and the step is small enough."""
        if self.target is not None:
            return self._refused(Reason.TRANSFERRING)
        if commit < self.first:
            return self._refused(Reason.TERM_NOT_COMMITTED)
        if configurations.index > commit:
            return self._refused(Reason.CHANGE_PENDING)
        try:
            check_change(configurations.current, event.configuration)
        except ConfigurationError as error:
            return self._refused(Reason.NOT_ALLOWED, str(error))
        first = self._log.last.index + 1
        payload = encode_configuration(event.configuration, event.admitted)
        self._log.extend(self.term, [(EntryType.CONFIG, event.stamp, payload)])
        return Accepted(self.term, first, 1)

    def read(self, context: int, commit: int, now: int) -> Answer:
        """Begin the round that confirms a read; until this term commits, `commit` may be old."""
        if commit < self.first:
            return self._refused(Reason.TERM_NOT_COMMITTED)
        self._round += 1
        self._heartbeat_at = now
        self._reads.ask(self._round, context, commit)
        return Accepted(self.term, commit, 0)

    def confirmed_reads(self) -> list[tuple[int, int]]:
        """(context, index) of the reads that a majority's answers confirm."""
        return self._reads.confirmed(self._agreed_round())

    def hand_over(self, target: int | None, now: int) -> Answer:
        """Stop proposing; tell `target` (None: whoever holds most) to campaign once it holds everything."""
        if target is None:
            target = self.successor(now)
        if target not in self._voters:
            return self._refused(Reason.NO_TARGET)
        self.target = target
        self._target_told = False
        self.target_until = now + self._settings.election_ms
        return Accepted(self.term, self._log.last.index, 0)

    def keep_office(self) -> None:
        """The hand-over came to nothing."""
        self.target = None
        self.target_until = FOREVER

    def successor(self, now: int) -> int | None:
        """The voter that holds most, among those that answered lately; None if there is none."""
        recent = [
            machine
            for machine in self._voters
            if self.peers[machine].whole and now - self.peers[machine].contact <= self._settings.election_ms
        ]
        return max(recent, key=lambda machine: (self.peers[machine].match, -machine), default=None)

    def _refused(self, reason: Reason, detail: str = "") -> Refused:
        return Refused(reason, self._me.machine, detail)
