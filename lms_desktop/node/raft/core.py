"""The consensus core: `Raft.step(events, now) -> Update`, pure and deterministic.

**Starting.** Give it what the disk holds (`Stored`), a `LogReader` over the durable log, the `chain` of
heads, and `configuration_of(entry)`, which reads the configuration out of a GENESIS or CONFIG entry.

**Driving.** One call at a time. `now` is any monotonic clock in milliseconds. Call `step` with the events
that came (many at once are cheaper than one by one: batches and the commit index are made once a step), and
with none at `next_deadline`. After a gap between calls of more than an election timeout, the node listens for
a full timeout before it may campaign.

**The caller's duties**, for every `Update`, in this order:

1. Send `send` at once: a leader's appends leave before its own fsync, that is where the speed is. Messages
   to several machines may be the same object: encode it once. Promises (votes, acknowledgements) are not
   among them before their write is reported durable: the core holds them back.
2. If `seq` is not 0, make durable in ONE transaction: drop the entries from `truncate_from` on (if not None),
   append `entries`, store `hard_state` (if not None). Transactions in the order of the updates; several
   updates may share one. Then report `Persisted(seq)` of the last of them. If `seq` is 0, `hard_state` holds
   nothing that a promise rests on (commit index, pairs): let it travel with the next transaction.
3. Entries up to `commit` are decided: apply them in order, each once; `Raft.entries` reads them. A decided
   entry may still wait for this node's own fsync: apply it after that, or in the same transaction.
4. `answers` holds one answer for each Propose, ProposeConfiguration, Transfer and ReadIndex, in their order.
   `Accepted` is no promise: the command is done when the entry at that index commits *with that term*.
   A read may be answered from tables that have applied the index given for its context in `reads`.

A message may be lost, doubled, late or reordered, never altered. Hand in only messages of authenticated
senders with well-formed fields, after the host's own checks: stamps, configurations (`decode_configuration`
passes), payloads (`chain` must not fail on them). An entry that the host refuses: hand in the append cut
before it, then `Mute`. `divergence` is proof of a broken or lying machine: stop, tell people, delete nothing.
`regressed` names machines (this one perhaps) that forgot what they had acknowledged: they count for nothing
until the log that they are sent makes them whole again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from lms_desktop.node.raft.candidate import Candidacy
from lms_desktop.node.raft.configuration import Configurations
from lms_desktop.node.raft.leader import Leader, PeerStatus
from lms_desktop.node.raft.log import Log
from lms_desktop.node.raft.matching import Contradicts, Lacks, match
from lms_desktop.node.raft.pairs import PairBook
from lms_desktop.node.raft.promises import Promises
from lms_desktop.node.raft.sessions import Sessions
from lms_desktop.node.raft.settings import Settings
from lms_desktop.node.raft.types import (
    Accepted,
    Answer,
    AppendEntries,
    AppendReply,
    Chain,
    Configuration,
    Divergence,
    Eligible,
    Entry,
    EntryType,
    Event,
    HardState,
    LogReader,
    Mute,
    Pair,
    Persisted,
    Propose,
    ProposeConfiguration,
    RaftError,
    RandomSource,
    ReadIndex,
    Reason,
    Receive,
    Refused,
    RequestVote,
    Role,
    Server,
    Stored,
    TimeoutNow,
    Transfer,
    Unreachable,
    Update,
    VoteReply,
)

LONG_AGO: Final = -(1 << 62)


class Raft:
    """One server of the cluster."""

    def __init__(
        self,
        server: Server,
        stored: Stored,
        reader: LogReader,
        chain: Chain,
        configuration_of: Callable[[Entry], Configuration],
        random: RandomSource,
        now: int,
        settings: Settings = Settings(),  # noqa: B008  # frozen
    ) -> None:
        state = stored.hard_state
        if state.commit > stored.last.index:
            raise RaftError(f"entries {stored.last.index + 1} to {state.commit} were committed and are gone")
        self.server = server
        self.term = state.term
        self.commit = state.commit
        self.role = Role.FOLLOWER
        self.leader: int | None = None
        self.log = Log(stored.last, reader, chain, settings.window_entries, settings.window_bytes)
        self._vote = state.vote
        self._own = state.own
        self._pairs = PairBook(state.pairs)
        self._configurations = Configurations(stored.history, state.commit)
        self._configuration_of = configuration_of
        self._random = random
        self._settings = settings
        self._office: Leader | None = None
        self._candidacy: Candidacy | None = None
        self._sessions = Sessions()
        self._muted: tuple[int, int] | None = None
        self._eligible = True
        self._seq = 0
        self._promised = False  # term, vote or own pair changed since the last update
        self._noted = False  # the commit index did
        self._now = now
        self._heard = now  # from a leader, or from nobody: a fresh node listens for a full timeout too
        self._update = Update()
        self._promises = Promises()
        self._configured()
        self._wait()

    # --- what callers ask ------------------------------------------------------------------------------

    @property
    def configuration(self) -> Configuration:
        """The configuration in force."""
        return self._configurations.current

    @property
    def changing(self) -> bool:
        """Whether a configuration waits to be committed."""
        return self._configurations.index > self.commit

    def entries(self, lo: int, hi: int, max_bytes: int) -> Sequence[Entry]:
        """The first of the entries lo .. hi - 1, about `max_bytes` of payload; at least one if lo < hi."""
        return self.log.entries(lo, hi, max_bytes)

    def peers(self) -> list[PeerStatus]:
        """What the leader knows of the others; empty elsewhere."""
        return self._office.status(self._now) if self._office is not None else []

    # --- a step ----------------------------------------------------------------------------------------

    def step(self, events: Iterable[Event], now: int) -> Update:
        """Take in what happened, then what time brings; raises RaftError if the caller broke a rule."""
        if now - self._now > self._settings.election_ms:
            self._stalled(now)
        self._now = max(now, self._now)
        for event in events:
            _HANDLERS[type(event)](self, event)
        self._elapse()
        self._lead()
        return self._finish()

    def _stalled(self, now: int) -> None:
        self._now = now
        self._heard = now
        self._wait()
        if self._office is not None:
            self._office.grace(now)

    def _elapse(self) -> None:
        now = self._now
        office = self._office
        if office is None:
            if now >= self._deadline:
                self._campaign(pre=True)
            return
        if not self._eligible and office.target is None:
            office.hand_over(None, now)
        if now >= office.target_until:
            office.keep_office()
            if not self._eligible:
                self._follow(self.term, None)
                return
        if office.heartbeat_due(now) and not office.has_quorum(now):
            self._follow(self.term, None)

    def _finish(self) -> Update:
        update, self._update = self._update, Update()
        log = self.log
        update.truncate_from, update.entries = log.hand_over()
        if update.entries or update.truncate_from is not None or self._promised:
            self._seq += 1
            update.seq = self._seq
            log.writing(self._seq)
        if update.seq or self._noted or self._pairs.news:
            update.hard_state = HardState(self.term, self._vote, self.commit, self._own, self._pairs.packed())
        self._promised = self._noted = self._pairs.news = False
        update.send += self._promises.settle(self._seq, log.idle)
        log.shrink(self.commit)
        update.commit = self.commit
        update.term = self.term
        update.role = self.role
        update.leader = self.leader
        if self._office is not None:
            update.next_deadline = self._office.deadline
        else:
            update.next_deadline = min(self._deadline, self._now + self._settings.election_ms // 2)
        return update

    # --- roles -----------------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Draw the time of the next campaign. A sole voter has nobody to wait for but its disk."""
        span = self._settings.election_ms
        self._deadline = self._now + span + self._random.randrange(span)
        if self._configurations.voters == (self.server.machine,) and self.role is Role.FOLLOWER:
            self._deadline = self._now if self._may_campaign else self._deadline

    def _follow(self, term: int, leader: int | None) -> None:
        if term > self.term:
            self.term = term
            self._vote = 0
            self._promised = True
            self._promises.void()
        if self._office is not None:
            self._heard = LONG_AGO  # the office is lost: nobody to protect
        self.role = Role.FOLLOWER
        self.leader = leader
        self._office = None
        self._candidacy = None
        self._wait()

    @property
    def _whole(self) -> bool:
        """Whether this node still holds all that it is known to have acknowledged."""
        return self._own >= self._pairs.of(self.server.machine)

    @property
    def _may_campaign(self) -> bool:
        return self._configurations.votes(self.server) and self._eligible and self._whole

    def _campaign(self, pre: bool, transfer: bool = False) -> None:
        if not self._may_campaign:
            self._wait()
            return
        me = self.server.machine
        pre = pre and self._configurations.voters != (me,)
        self.role = Role.PRECANDIDATE if pre else Role.CANDIDATE
        self.leader = None
        if not pre:
            self.term += 1
            self._vote = me
            self._promised = True
        last = self.log.last
        term = self.term + 1 if pre else self.term
        request = RequestVote(term, pre, transfer, last.index, last.term, self._own)
        self._candidacy = Candidacy(request, self._seq + 1)
        if pre:
            self._candidacy.add(me)
        for machine in self._configurations.voters:
            if machine != me:
                self._promises.make(machine, request)
        self._wait()

    def _count_votes(self, candidacy: Candidacy) -> None:
        if not candidacy.won(self._configurations.voters):
            return
        if candidacy.request.pre:
            self._campaign(pre=False)
        else:
            self._take_office()

    def _take_office(self) -> None:
        self.role = Role.LEADER
        self.leader = self.server.machine
        self._candidacy = None
        self._office = Leader(self.server, self.term, self.log, self._pairs, self._settings, self._now)
        self._office.reconfigure(self.configuration, self._now)
        self.log.extend(self.term, [(EntryType.NOOP, 0, b"")])

    def _configured(self) -> None:
        """A configuration came into force."""
        self._update.configuration = self.configuration
        if self._office is not None:
            self._office.reconfigure(self.configuration, self._now)

    def _configure(self, index: int, configuration: Configuration) -> None:
        """The entry at `index`, just appended, brings a configuration."""
        self._pairs.promote(self.configuration.voters, configuration.voters)
        self._configurations.append(index, configuration)
        self._configured()

    def _commit_to(self, index: int) -> None:
        if index > self.commit:
            self.commit = index
            self._configurations.committed(index)
            self._noted = True

    # --- messages --------------------------------------------------------------------------------------

    def _on_receive(self, event: Receive) -> None:
        machine = event.sender.machine
        if self._configurations.lives.get(machine, event.sender.incarnation) != event.sender.incarnation:
            return
        before = self._sessions.of(machine)
        if not self._sessions.hears(machine, event.session, self._now):
            return
        if before is not None and before != event.session and self._office is not None:
            self._office.restarted(machine)
        _MESSAGES[type(event.message)](self, machine, event.message)

    def _on_request_vote(self, sender: int, request: RequestVote) -> None:
        if not request.transfer and (
            self._office is not None or self._now - self._heard < self._settings.election_ms
        ):
            return  # a leader lives: nobody deposes it
        if request.term > self.term and not request.pre:
            self._follow(request.term, None)
        last = self.log.last
        if request.pre:
            granted = request.term > self.term
        else:
            granted = request.term == self.term and self.leader is None and self._vote in (0, sender)
        current = (request.last_term, request.last_index) >= (last.term, last.index)
        granted = granted and current and self._whole
        if granted and request.own < self._pairs.of(sender):
            granted = False
            if not request.pre:
                self._update.regressed.append(sender)
        if granted and not request.pre:
            if self._vote != sender:
                self._vote = sender
                self._promised = True
            self._wait()
        term = request.term if granted else self.term
        self._promises.make(sender, VoteReply(term, request.pre, granted, self._own))

    def _on_vote_reply(self, sender: int, reply: VoteReply) -> None:
        if not reply.granted:
            if reply.term > self.term:
                self._follow(reply.term, None)
            return
        candidacy = self._candidacy
        if candidacy is None or not candidacy.awaits(sender, reply):
            return
        if reply.own < self._pairs.of(sender):
            if not reply.pre:  # a late answer to an earlier round would say less without a fault
                self._update.regressed.append(sender)
            return
        candidacy.add(sender)
        self._count_votes(candidacy)

    def _on_append_entries(self, sender: int, append: AppendEntries) -> None:
        if append.term < self.term:
            self._reply(sender, append, False, 0)
            return
        if self._muted == (sender, append.term) or (append.term == self.term and self._office is not None):
            return
        if append.term > self.term or self.role is not Role.FOLLOWER or self.leader is None:
            self._follow(append.term, sender)
        elif self.leader != sender:
            return
        self._heard = self._now
        self._wait()
        was_whole = self._whole
        self._pairs.learn_all(append.pairs, self._configurations.voters)
        if was_whole and not self._whole:
            self._update.regressed.append(self.server.machine)
        self._replicate(sender, append)

    def _replicate(self, sender: int, append: AppendEntries) -> None:
        outcome = match(self.log, append, self.commit)
        if isinstance(outcome, Lacks):
            self._reply(sender, append, False, outcome.hint)
            return
        if isinstance(outcome, Contradicts):
            found = Divergence(sender, self.term, outcome.index, outcome.ours, outcome.theirs)
            self._update.divergence = found
            self._on_mute(Mute(sender, self.term))
            return
        if outcome.cut is not None and self._configurations.truncate(outcome.cut):
            self._configured()
        if outcome.entries:
            self.log.append(outcome.entries)
            for entry in outcome.entries:
                if entry.type in (EntryType.CONFIG, EntryType.GENESIS):
                    self._configure(entry.index, self._configuration_of(entry))
        verified = append.prev_index + len(append.entries)
        self._commit_to(min(append.commit, verified))
        self._acknowledge(verified)
        self._reply(sender, append, True, verified)

    def _acknowledge(self, index: int) -> None:
        """This node is about to promise that it holds the log up to `index`."""
        own = Pair(self.log.position(index).term, index)
        if own > self._own:
            self._own = own
            self._promised = True

    def _reply(self, leader: int, append: AppendEntries, ok: bool, index: int) -> None:
        reply = AppendReply(self.term, append.round, ok, append.prev_index, index, self._own)
        self._promises.make(leader, reply)

    def _on_append_reply(self, sender: int, reply: AppendReply) -> None:
        if reply.term > self.term:
            self._follow(reply.term, None)
        if self._office is not None and self._office.answered(sender, reply, self._now):
            self._update.regressed.append(sender)

    def _on_timeout_now(self, sender: int, message: TimeoutNow) -> None:
        if message.term == self.term and self.leader == sender and self._office is None:
            self._campaign(pre=False, transfer=True)

    # --- the leader's part of a step -------------------------------------------------------------------

    def _lead(self) -> None:
        office = self._office
        if office is None:
            return
        if self.log.last.index > self.log.handed:
            self._acknowledge(self.log.last.index)
        self._commit_to(office.decided())
        self._update.reads += office.confirmed_reads()
        leaving = not office.votes and not self.changing
        if leaving:
            office.last_word(self._now)
        office.replicate(self.commit, self._now, self._update.send)
        if leaving:
            successor = office.successor(self._now)
            if successor is not None:
                self._update.send.append((successor, TimeoutNow(self.term)))
            self._follow(self.term, None)

    # --- requests of the host --------------------------------------------------------------------------

    def _ask(self, answer: Callable[[Leader], Answer]) -> Answer:
        """The answer of the office, if this node holds it."""
        given = Refused(Reason.NOT_LEADER, self.leader) if self._office is None else answer(self._office)
        self._update.answers.append(given)
        return given

    def _on_propose(self, event: Propose) -> None:
        self._ask(lambda office: office.propose(event.proposals, self.commit))

    def _on_propose_configuration(self, event: ProposeConfiguration) -> None:
        answer = self._ask(lambda office: office.change(event, self._configurations, self.commit))
        if isinstance(answer, Accepted):
            self._configure(answer.first, event.configuration)

    def _on_transfer(self, event: Transfer) -> None:
        self._ask(lambda office: office.hand_over(event.target, self._now))

    def _on_read_index(self, event: ReadIndex) -> None:
        self._ask(lambda office: office.read(event.context, self.commit, self._now))

    def _on_persisted(self, event: Persisted) -> None:
        self.log.persisted(event.seq)
        self._update.send += self._promises.persisted(event.seq)
        candidacy = self._candidacy
        if candidacy is not None and event.seq >= candidacy.ballot:
            candidacy.add(self.server.machine)
            self._count_votes(candidacy)

    def _on_unreachable(self, event: Unreachable) -> None:
        if self._office is not None and event.machine in self._office.peers:
            self._office.peers[event.machine].probe()

    def _on_mute(self, event: Mute) -> None:
        self._muted = (event.leader, event.term)
        if self.leader == event.leader and self.term == event.term:
            self.leader = None
            self._heard = LONG_AGO

    def _on_eligible(self, event: Eligible) -> None:
        self._eligible = event.eligible


_HANDLERS: Final[dict[type, Callable[[Raft, Any], None]]] = {
    Receive: Raft._on_receive,
    Propose: Raft._on_propose,
    ProposeConfiguration: Raft._on_propose_configuration,
    Persisted: Raft._on_persisted,
    Transfer: Raft._on_transfer,
    ReadIndex: Raft._on_read_index,
    Unreachable: Raft._on_unreachable,
    Mute: Raft._on_mute,
    Eligible: Raft._on_eligible,
}

_MESSAGES: Final[dict[type, Callable[[Raft, int, Any], None]]] = {
    RequestVote: Raft._on_request_vote,
    VoteReply: Raft._on_vote_reply,
    AppendEntries: Raft._on_append_entries,
    AppendReply: Raft._on_append_reply,
    TimeoutNow: Raft._on_timeout_now,
}
