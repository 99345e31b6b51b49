"""The one place where Raft meets the clock, the disk and the sockets.

Everything runs on the node's one thread, in *turns*. What arrives (messages, proposals, time) is gathered; a
turn steps the core once with all of it and does what the core wants, in the order that makes a batch cost one
fsync:

    send what may leave before the fsync  ->  write log, term and vote into the open transaction
    ->  start checking the new entries' signatures in a helper thread  ->  commit: the fsync
    ->  send what had to wait for it  ->  apply what is decided into the next, still open transaction  ->
    answer

Applied rows thus become durable, with the applied index that they stand for, by the next batch's fsync, or by
a timer when nothing follows. Nothing is lost by that: a decided entry is durable on a majority.

On a full disk the host does nothing at all, like a machine that is switched off, and tries once a second.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Sequence
from random import Random

import msgpack

from lms_desktop.node.clock import Clock
from lms_desktop.node.errors import DiskFull
from lms_desktop.node.judge import ASTRAY_MS, VotersClocks, judge_append
from lms_desktop.node.pending import NotAccepted, OnDone, Pending
from lms_desktop.node.raft import codec
from lms_desktop.node.raft.core import Raft
from lms_desktop.node.raft.settings import Settings
from lms_desktop.node.raft.types import (
    AppendEntries,
    Chain,
    Configuration,
    Eligible,
    Entry,
    EntryType,
    Event,
    Message,
    Mute,
    Persisted,
    Propose,
    ProposeConfiguration,
    RaftError,
    Receive,
    RequestVote,
    Role,
    Server,
    Session,
    TimeoutNow,
    Transfer,
    Update,
    decode_configuration,
)
from lms_desktop.node.state_machine import StateMachine
from lms_desktop.node.storage import Storage, disk_full
from lms_desktop.node.transport import NO_KEEPER, BadMessage, Fields, PeerLinks, Sender

FLUSH_S = 0.05
RETRY_S = 1.0
HAND_OVER_S = 2.0
APPLY_ENTRIES = 256
"""Entries applied in one turn: a node that catches up still hears its peers."""
APPLY_BYTES = 1 << 20
MAX_WAITING = 4096
RAFT_VERBS = range(1, 6)
_log = logging.getLogger(__name__)


class Host:
    """One node's consensus. Create it, then `start`; `close` ends it. All methods belong to the loop's
    thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        storage: Storage,
        machine: StateMachine,
        chain: Chain,
        server: Server,
        links: PeerLinks,
        clock: Clock,
        random: Random,
        settings: Settings | None = None,
    ) -> None:
        self._loop = loop
        self._storage = storage
        self._machine = machine
        self._links = links
        self._clock = clock
        self._server = server
        self._hard_state = storage.hard_state()
        self.raft = Raft(
            server,
            storage.stored(self._configuration_of),
            storage,
            chain,
            self._configuration_of,
            random,
            clock.monotonic_ms(),
            settings or Settings(),
        )
        self._role: tuple[Role, int | None, int] = (Role.FOLLOWER, None, self._hard_state.term)
        self._events: list[Event] = []
        self._proposals: list[tuple[bytes, OnDone]] = []
        self._pending = Pending()
        self._clocks = VotersClocks()
        self._eligible = True
        self._planned = False
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._flush: asyncio.TimerHandle | None = None
        self._unwritten: Update | None = None
        self._encoded: tuple[Message | None, bytes] = (None, b"")
        self._on_applied: list[Callable[[Sequence[Entry], Sequence[object]], None]] = []
        self._on_role: list[Callable[[], None]] = []
        self.alarms: dict[str, str] = {}
        """What IT must know, by kind, in words."""
        self.on_failure: Callable[[Exception], None] = lambda error: None
        """Called when the host has stopped for good because something failed that must not."""
        for verb in RAFT_VERBS:
            links.on(verb, self._receiver(verb))

    def start(self) -> None:
        """Begin to take turns."""
        self._links.keep_dialled(self.voters)
        self._plan()

    async def hand_over(self, within_s: float = HAND_OVER_S) -> None:
        """Give leadership to another voter if there is one that takes it in time."""
        if not self.is_leader or len(self.voters) == 1 or self.full:
            return
        handed_over = asyncio.Event()
        self.on_role_change(lambda: None if self.is_leader else handed_over.set())
        self.transfer()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(handed_over.wait(), within_s)

    def close(self) -> None:
        """Stop for good."""
        self._closed = True
        for timer in (self._timer, self._flush):
            if timer is not None:
                timer.cancel()
        if self._unwritten is None:
            try:
                self._storage.commit()
            except DiskFull as error:
                _log.warning("%s", error)  # what was applied since the last fsync will be applied again
        self._pending.give_up("this node is stopping")

    # --- what others ask ---

    @property
    def leader(self) -> int | None:
        """The machine that leads, as far as known."""
        return self.raft.leader

    @property
    def is_leader(self) -> bool:
        return self.raft.role is Role.LEADER

    @property
    def term(self) -> int:
        return self.raft.term

    @property
    def commit_index(self) -> int:
        return self.raft.commit

    @property
    def last_index(self) -> int:
        return self.raft.log.last.index

    @property
    def applied(self) -> int:
        return self._machine.applied

    @property
    def voters(self) -> tuple[int, ...]:
        return tuple(server.machine for server in self.raft.configuration.voters)

    @property
    def votes(self) -> bool:
        """Whether this machine is a voter in its present life; it may be listed for an earlier one still."""
        return self._server in self.raft.configuration.voters

    @property
    def full(self) -> bool:
        """Whether the node waits for room on its disk."""
        return self._unwritten is not None

    def entry(self, index: int) -> Entry | None:
        """The entry at that index of this node's log."""
        if not 0 < index <= self.raft.log.last.index:
            return None
        return self.raft.entries(index, index + 1, 1)[0]

    def holders(self, index: int) -> tuple[int, ...]:
        """The voters that are known here to hold this decided entry durably. The leader knows at once, others
        from what it last told them."""
        me = self._server.machine
        voters = self.voters
        known = {
            machine for machine, term, match in self._hard_state.pairs if term == self.term and match >= index
        }
        known |= {peer.machine for peer in self.raft.peers() if peer.whole and peer.match >= index}
        if index <= self.raft.log.stable:
            known.add(me)
        return tuple(machine for machine in voters if machine in known)

    def on_applied(self, listener: Callable[[Sequence[Entry], Sequence[object]], None]) -> None:
        """Call with entries and their outcomes after each apply; after a full disk some come again."""
        self._on_applied.append(listener)

    def on_role_change(self, listener: Callable[[], None]) -> None:
        """Call after the role, the leader or the term changed."""
        self._on_role.append(listener)

    def propose(self, payload: bytes, on_done: OnDone) -> None:
        """Ask for a COMMAND entry; `on_done` is called once: after commit and apply here, or in failure."""
        if self._unwritten is not None:
            on_done(NotAccepted(str(disk_full(self._storage.path)), None))
        elif len(self._proposals) + len(self._pending) >= MAX_WAITING:
            on_done(NotAccepted("too much is waiting to be committed", self.leader))
        else:
            self._proposals.append((payload, on_done))
            self._plan()

    def propose_configuration(self, configuration: Configuration, on_done: OnDone) -> None:
        """Ask for a configuration that differs by one voter at most; `on_done` as in `propose`."""
        self._pending.ask([on_done])
        self._events.append(ProposeConfiguration(configuration, self.applied, self._clock.utc_ms()))
        self._plan()

    def transfer(self, target: int | None = None) -> None:
        """Hand leadership to a voter, None: to the one that holds most."""
        self._pending.ask([])
        self._events.append(Transfer(target))
        self._plan()

    def halt(self, reason: str) -> None:
        """Stop applying and tell IT: this node's state differs from the voters'."""
        if "differs" not in self.alarms:
            _log.error("applying stopped: %s", reason)
        self.alarms["differs"] = reason

    def clock_heard(self, machine: int, utc_ms: int) -> None:
        """A machine told its time; a voter whose own clock is astray neither judges nor leads."""
        now = self._clock.monotonic_ms()
        self._clocks.heard(machine, utc_ms, self._clock.utc_ms(), now)
        astray = self._clocks.astray_by(self.voters, self._server.machine, now)
        eligible = astray <= ASTRAY_MS
        if eligible == self._eligible:
            return
        self._eligible = eligible
        self._events.append(Eligible(eligible))
        self._plan()
        if eligible:
            self.alarms.pop("clock", None)
        else:
            self.alarms["clock"] = (
                f"The clocks of this machine and of the other voters are {astray // 1000} s apart. "
                "Until the wrong one is set, this machine does not lead."
            )

    def _configuration_of(self, entry: Entry) -> Configuration:
        if entry.type == EntryType.GENESIS:
            return self._machine.configuration_of(entry)
        configuration, _ = decode_configuration(entry.payload)
        return configuration

    # --- what arrives ---

    def _receiver(self, verb: int) -> Callable[[Sender, Fields], None]:
        def receive(sender: Sender, fields: Fields) -> None:
            try:
                message = codec.decode(verb, fields)
            except RaftError as error:
                raise BadMessage(str(error)) from error
            self._receive(sender, message)

        return receive

    def _receive(self, sender: Sender, message: Message) -> None:
        if self._unwritten is not None:
            return
        machine = sender.machine
        if isinstance(message, RequestVote | AppendEntries | TimeoutNow) and not self._may_lead(machine):
            self._links.dropped[NO_KEEPER] += 1
            return
        server = Server(machine, sender.header.incarnation)
        session = Session(sender.header.boot, sender.header.nonce)
        if isinstance(message, AppendEntries) and message.entries:
            now = self._clock.utc_ms() if self._eligible else None
            message, refusal = judge_append(self.raft, message, self._machine, now)
            self._events.append(Receive(server, session, message))
            if refusal is not None:
                self._events.append(Mute(machine, message.term))
                self.alarms["leader"] = f"Machine {machine} is not followed in this term: {refusal}."
                _log.warning("entries of machine %d refused: %s", machine, refusal)
        else:
            self._events.append(Receive(server, session, message))
        self._plan()

    def _may_lead(self, machine: int) -> bool:
        """Whether to hear a candidate or leader: a voter as known here, or a keeper that became one since. A
        machine that knows no voters yet hears whom its provisioning let in."""
        voters = self.voters
        return not voters or machine in voters or self._machine.is_keeper(machine)

    # --- a turn ---

    def _plan(self) -> None:
        if not self._planned and not self._closed:
            self._planned = True
            self._loop.call_soon(self._guarded, self._turn)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do it; on a full disk freeze, on anything else stop for good: better no node than a wrong one."""
        if self._closed:
            return
        try:
            work()
        except DiskFull as error:
            self._freeze(error)
        except Exception as error:
            self._closed = True
            _log.exception("the node stops")
            self.on_failure(error)

    def _turn(self) -> None:
        self._planned = False
        if self._unwritten is not None:
            return
        events, self._events = self._events, []
        if self._proposals:
            proposals, self._proposals = self._proposals, []
            stamp = self._clock.utc_ms()
            events.append(Propose([(EntryType.COMMAND, stamp, payload) for payload, _ in proposals]))
            self._pending.ask([on_done for _, on_done in proposals])
        while True:
            update = self.raft.step(events, self._clock.monotonic_ms())
            persisted = self._carry_out(update)
            if persisted is None:
                break
            events = [persisted]
        self._apply()
        self._set_timer(update.next_deadline)

    def _carry_out(self, update: Update) -> Persisted | None:
        """Do what a step wants done, but for applying; what to report to the core if something became
        durable."""
        for machine, message in update.send:
            self._send(machine, message)
        self._note(update)
        persisted = None
        if update.seq:
            self._unwritten = update
            self._storage.write(update.hard_state, update.truncate_from, update.entries)
            if update.entries:
                self._machine.prepare(update.entries)
            self._commit()
            self._unwritten = None
            persisted = Persisted(update.seq)
        elif update.hard_state is not None:
            self._storage.write(update.hard_state, None, ())
        return persisted

    def _note(self, update: Update) -> None:
        """Keep what the update tells, answer what it refuses, and tell who asked to be told."""
        if update.hard_state is not None:
            self._hard_state = update.hard_state
        for answer in update.answers:
            self._pending.answered(answer)
        if update.truncate_from is not None:
            self._pending.cut(update.truncate_from, update.leader)
        role = (update.role, update.leader, update.term)
        if role != self._role:
            if update.leader is not None and update.leader != self._role[1]:
                _log.info("term %d: machine %d leads", update.term, update.leader)
            self._role = role
            if update.leader is not None:
                self.alarms.pop("leader", None)
            _tell(self._on_role)
        if update.configuration is not None:
            self._links.keep_dialled(self.voters)
        if update.divergence is not None:
            proof = update.divergence
            self.alarms["divergence"] = (
                f"Entry {proof.index} of this machine differs from that of machine {proof.leader}. "
                "One of the two is broken or was altered: keep both data folders for the administrator."
            )
            _log.error("%s", self.alarms["divergence"])
        if update.regressed:
            names = ", ".join(map(str, sorted(set(update.regressed))))
            self.alarms["regressed"] = (
                f"Machine {names} has forgotten what it had confirmed, as after a disk was set back. "
                "It does not count until it has everything again."
            )

    def _send(self, machine: int, message: Message) -> None:
        known, body = self._encoded
        if known is not message:
            verb, fields = codec.encode(message)
            body = msgpack.packb((verb, *fields), use_bin_type=True)
            self._encoded = message, body
        self._links.send_packed(machine, body)

    def _apply(self) -> None:
        """Apply what is decided, a bounded part of it, and answer those who proposed it."""
        applied, commit = self._machine.applied, self.raft.commit
        if applied >= commit or "differs" in self.alarms or self._machine.halted is not None:
            return
        entries = self.raft.entries(applied + 1, min(commit, applied + APPLY_ENTRIES) + 1, APPLY_BYTES)
        try:
            outcomes = self._machine.apply(entries)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
                raise
            self._storage.rollback()
            raise disk_full(self._storage.path) from error
        if len(outcomes) < len(entries):
            entries = entries[: len(outcomes)]
            self.alarms["halted"] = self._machine.halted or "The ledger stopped without saying why."
            _log.error("applying stopped: %s", self.alarms["halted"])
        self._pending.applied(entries, outcomes, self.leader)
        _tell(self._on_applied, entries, outcomes)
        if self._flush is None:
            self._flush = self._loop.call_later(FLUSH_S, self._guarded, self._flush_rows)
        if self._machine.applied < commit:
            self._plan()

    # --- durability and time ---

    def _commit(self) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        self._storage.commit()

    def _flush_rows(self) -> None:
        """Nothing followed: make what was applied durable by itself."""
        self._flush = None
        if self._unwritten is None:
            self._storage.commit()

    def _freeze(self, error: DiskFull) -> None:
        """The disk is full and the open transaction is rolled back: be as if switched off, and try again
        later."""
        if self._unwritten is None:
            self._unwritten = Update(hard_state=self._hard_state)
        self._machine.reload()
        if "disk" not in self.alarms:
            _log.error("%s", error)
        self.alarms["disk"] = str(error)
        self._events.clear()
        self._pending.give_up_asking(str(error))
        for _, on_done in self._proposals:
            on_done(NotAccepted(str(error), None))
        self._proposals.clear()
        self._loop.call_later(RETRY_S, self._guarded, self._thaw)

    def _thaw(self) -> None:
        update = self._unwritten
        if update is None:
            return
        self._storage.write(self._hard_state, update.truncate_from, update.entries)
        self._storage.commit()
        self._unwritten = None
        self.alarms.pop("disk", None)
        _log.info("there is room on the disk again")
        if update.seq:
            self._events.append(Persisted(update.seq))
        self._plan()

    def _set_timer(self, deadline_ms: int) -> None:
        when = self._loop.time() + (deadline_ms - self._clock.monotonic_ms()) / 1000
        timer = self._timer
        if timer is not None and not timer.cancelled():
            if timer.when() <= when:
                return
            timer.cancel()
        self._timer = self._loop.call_at(when, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self._plan()


def _tell(listeners: Sequence[Callable[..., None]], *news: object) -> None:
    """Call them all; what goes wrong in one is its own, not consensus's."""
    for listener in listeners:
        try:
            listener(*news)
        except Exception:
            _log.exception("a listener of the host failed")
