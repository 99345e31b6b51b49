"""The ledger: the state machine that the host drives with committed entries.

For each entry, in order: the head chain is checked; a command is taken apart, its author looked up, its
signature checked, its place in its lane judged, its tickets checked, its body decoded; then the school's
rules apply it. The outcome, the verdict digest and the applied index go into the tables in the host's
transaction, which this module never begins or ends. All of it is a function of the entries alone, so that
every replica comes to the same tables.

A committed command that is wrong is a recorded no-op: it never stops a node. What does stop one: an entry
that does not continue the head chain (its bytes were altered on this disk), a genesis of another school,
or rules newer than this program. Then `halted` says why, and nothing more is applied.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from lms_desktop.node import ledger_tables, roster
from lms_desktop.node.lanes import Lanes, Settled
from lms_desktop.node.raft.types import (
    Configuration,
    ConfigurationError,
    Entry,
    EntryType,
    Server,
    decode_configuration,
)
from lms_desktop.node.roster import MachineRecord
from lms_desktop.node.signatures import Checked, SignatureChecker
from lms_desktop.school import limits, rules
from lms_desktop.school.changes import Changes
from lms_desktop.school.commands import CommandError
from lms_desktop.school.outcomes import NOT_CONSUMED
from lms_desktop.school.outcomes import Outcome as Code
from lms_desktop.trust import wire
from lms_desktop.trust.chain import ZERO, effects_hash, entry_head, next_digest, next_head
from lms_desktop.trust.envelope import VERSION, Envelope
from lms_desktop.trust.genesis import FIRST_MACHINE, Genesis, GenesisError
from lms_desktop.trust.receipts import ReceiptError, Ticket, check_ticket

EPOCH: Final = 1
_FAULTS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
)  # a program's own mistakes; a full disk and the like are the host's to handle
_NO_EFFECTS: Final = effects_hash(())
_log = logging.getLogger(__name__)


class _RulesFault(Exception):
    """The rules failed on a command by a mistake of their own; the batch is undone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one entry. For entries that are not commands, and unreadable ones, `author` is 0.

    `final` is False when no place was taken (a gap, a bad signature, short tickets): the command may come
    again. A repeat is final and has the first outcome's code.
    """

    index: int
    type: int
    author: int
    lane: bytes
    seq: int
    kind: int
    code: int
    final: bool
    changes: Changes
    envelope_hash: bytes


class Ledger:
    """The school's state on one connection, whose transactions are the host's.

    Tables that another version made are emptied at once: `applied` is 0, and the host applies its log
    again. `pinned` is the school that this machine belongs to, None where it may found one.

    As of the entry that was applied last: `applied`, `head`, `digest`, `stamp` (ms UTC), `voters`,
    `genesis`, and `cluster_id`, which is the pinned one until there is a genesis. `halted` says in words
    for IT why nothing more is applied, None while all is well. `machines_version` rises when `machines`
    or `token_curve_keys` may answer anew.
    """

    def __init__(self, db: sqlite3.Connection, *, pinned: bytes | None = None) -> None:
        self._db = db
        self._pinned = pinned
        self.applied = 0
        self.head = self.digest = ZERO
        self.stamp = 0
        self.voters: tuple[int, ...] = ()
        self.genesis: Genesis | None = None
        self.cluster_id = pinned
        self._signatures = SignatureChecker()
        self._lanes = Lanes(db)
        self.halted: str | None = None
        self.epoch = EPOCH
        self.machines_version = 0
        if ledger_tables.are_current(db):
            self.reload()
        else:
            self.rebuild()

    def close(self) -> None:
        """End the helper thread."""
        self._signatures.close()

    # --- what the host drives ----------------------------------------------------------------------------

    def prepare(self, entries: Sequence[Entry]) -> None:
        """Start checking the signatures of entries that are about to be fsynced; returns at once."""
        if self.cluster_id is not None:
            commands = (entry.payload for entry in entries if entry.type == EntryType.COMMAND)
            self._signatures.prepare(self.cluster_id, commands)

    def apply(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """Apply committed entries in order, in the open transaction; returns what became of each.

        Entries at or below `applied` are skipped. Returns fewer when the node has to stop: `halted` says
        why. Raises sqlite3.OperationalError (a full disk), having undone the whole call.
        """
        if self.halted is not None or not entries:
            return ()
        if self._stored_applied() != self.applied:
            self.reload()  # the host rolled its transaction back
        try:
            results = self._apply_all(entries, guarded=False)
        except _RulesFault:  # rare: so only then each command pays for a savepoint of its own
            results = self._apply_all(entries, guarded=True)
        if any(result.changes & (Changes.MACHINES | Changes.PEOPLE) for result in results):
            self.machines_version += 1
        return results

    def reload(self) -> None:
        """Read the state again from the tables, after a rollback."""
        self._lanes.forget()
        self.machines_version += 1
        row = self._db.execute("SELECT applied, head, digest, stamp, genesis FROM ledger_state").fetchone()
        self.applied, self.head, self.digest, self.stamp, genesis = row
        self._belong_to(None if genesis is None else Genesis.parse(genesis))
        self.voters = self.voters_at(self.applied)

    def rebuild(self) -> None:
        """Empty all tables but the log: the host then applies the entries again from the first."""
        ledger_tables.drop(self._db)
        ledger_tables.create(self._db)
        self.halted = None
        self.reload()

    def halt_altered(self, index: int) -> str:
        """Stop applying because this stored entry breaks the head chain; returns what to tell IT."""
        return self._halt(
            index,
            f"Entry {index} of this machine's ledger was altered on its disk. This machine applies nothing"
            " more; the others go on. Check its disk, then let it join again.",
        )

    def configuration_of(self, entry: Entry) -> Configuration:
        """The first configuration, by the genesis entry; raises GenesisError unless it is this school's."""
        genesis = self._read_genesis(entry)
        return Configuration((Server(FIRST_MACHINE, genesis.machine.incarnation),))

    # --- what others ask ---------------------------------------------------------------------------------

    def outcome(self, author: int, lane: bytes, seq: int) -> Settled | None:
        """What became of the command at this place of its lane, None while none has taken it."""
        return self._lanes.outcome(author, lane, seq)

    def next_seq(self, author: int, lane: bytes) -> int:
        """The place that the lane takes next."""
        return self._lanes.next_seq(author, lane)

    def is_signed(self, envelope: Envelope) -> bool:
        """Whether the author's present key signed this, for this school."""
        author = rules.principal(self._db, envelope.author)
        public = author.public if author is not None else None
        return public is not None and envelope.verify(self._school(), public)

    def digest_at(self, index: int) -> bytes | None:
        """The verdict digest after the entry at this index, None where it is not applied."""
        row = self._db.execute("SELECT digest FROM ledger_verdicts WHERE idx = ?", (index,)).fetchone()
        return bytes(row[0]) if row else None

    def voters_at(self, index: int) -> tuple[int, ...]:
        """The machines that voted at this index, as the log then said; none before the genesis."""
        row = self._db.execute(
            "SELECT voters FROM ledger_voters WHERE idx <= ? ORDER BY idx DESC LIMIT 1", (index,)
        ).fetchone()
        numbers = wire.unpack_array(row[0]) if row else ()
        return tuple(number for number in numbers if isinstance(number, int))

    def voters_since(self, index: int) -> tuple[tuple[int, ...], ...]:
        """The voters at this index, then those of each later configuration."""
        rows = self._db.execute(
            "SELECT idx FROM ledger_voters WHERE idx > ? AND idx <= ? ORDER BY idx", (index, self.applied)
        )
        return tuple(self.voters_at(each) for each in (index, *(row[0] for row in rows)))

    def verdict_at(self, index: int) -> tuple[int, bytes] | None:
        """The outcome code of the entry at this index and its command's H(envelope) (empty where it is
        none); None where it is not applied.
        """
        row = self._db.execute(
            "SELECT code, envelope FROM ledger_verdicts WHERE idx = ?", (index,)
        ).fetchone()
        return (int(row[0]), bytes(row[1] or b"")) if row else None

    def machines(self) -> tuple[MachineRecord, ...]:
        """Every machine that was ever enrolled; changes only when `machines_version` does."""
        return roster.machines(self._db)

    def is_enrolled(self, machine: int) -> bool:
        """Whether this is a machine of the school in the state applied now."""
        record = roster.machine(self._db, machine)
        return record is not None and record.active

    def is_keeper(self, machine: int) -> bool:
        """Whether this is an enrolled keeper in the state applied now."""
        record = roster.machine(self._db, machine)
        return record is not None and record.active and record.keeper

    def token_curve_keys(self) -> tuple[tuple[int, bytes], ...]:
        """(principal, CURVE key of 32 raw bytes) of each join token still good at the last stamp."""
        return roster.token_curve_keys(self._db, self.stamp)

    # --- one entry ---------------------------------------------------------------------------------------

    def _apply_all(self, entries: Sequence[Entry], *, guarded: bool) -> list[Outcome]:
        """Apply what is not applied yet, all or nothing. Raises _RulesFault unless `guarded`."""
        before = self.applied
        results: list[Outcome] = []
        self._db.execute("SAVEPOINT ledger_batch")
        try:
            for entry in entries:
                if entry.index <= self.applied:
                    continue
                result = self._apply_entry(entry, guarded)
                if result is None:
                    break
                results.append(result)
            self._lanes.write()
            if self.applied != before:
                self._db.execute(
                    "UPDATE ledger_state SET applied = ?, head = ?, digest = ?, stamp = ?",
                    (self.applied, self.head, self.digest, self.stamp),
                )
            self._db.execute("RELEASE ledger_batch")
        except _RulesFault:
            self._db.execute("ROLLBACK TO ledger_batch")
            self._db.execute("RELEASE ledger_batch")
            self.reload()
            raise
        except BaseException:
            with contextlib.suppress(sqlite3.OperationalError):  # a full disk may have undone it already
                self._db.execute("ROLLBACK TO ledger_batch")
                self._db.execute("RELEASE ledger_batch")
            self._lanes.forget()
            self.applied = -1  # read again at the next call
            raise
        return results

    def _apply_entry(self, entry: Entry, guarded: bool) -> Outcome | None:
        """Apply one entry; None when the node has to stop before it."""
        if entry.index != self.applied + 1:
            raise ValueError(f"entry {entry.index} does not follow {self.applied}")
        checked: Checked | None = None
        if entry.type == EntryType.COMMAND and self.cluster_id is not None:
            checked = self._signatures.result(self.cluster_id, entry.payload)
            head = next_head(
                self.head, entry.index, entry.term, entry.type, entry.stamp, checked.payload_hash
            )
        else:
            head = entry_head(self.head, entry.index, entry.term, entry.type, entry.stamp, entry.payload)
        if head != entry.head:
            self.halt_altered(entry.index)
            return None
        self.stamp = max(self.stamp, entry.stamp)
        if entry.index == 1:
            result = self._apply_genesis(entry)
        elif checked is not None:
            result = self._apply_command(entry, checked, guarded)
        else:
            result = self._apply_other(entry)
        if result is None:
            return None
        self.applied, self.head = entry.index, head
        return result

    def _apply_genesis(self, entry: Entry) -> Outcome | None:
        try:
            genesis = self._read_genesis(entry)
            rules.found(self._db, genesis, entry.stamp)
        except (GenesisError, CommandError) as error:
            self._halt(entry.index, str(error))
            return None
        self._db.execute("UPDATE ledger_state SET genesis = ?", (genesis.raw,))
        self._belong_to(genesis)
        self._set_voters(1, (FIRST_MACHINE,))
        return self._record(entry, Code.ACCEPTED, changes=Changes.PEOPLE | Changes.MACHINES)

    def _read_genesis(self, entry: Entry) -> Genesis:
        if entry.type != EntryType.GENESIS or entry.index != 1:
            raise GenesisError("This ledger does not start with a school's genesis.")
        genesis = Genesis.parse(entry.payload)
        if self.cluster_id not in (None, genesis.cluster_id):
            raise GenesisError("This ledger is of another school than this machine.")
        return genesis

    def _apply_other(self, entry: Entry) -> Outcome:
        """An entry of Raft's own: a change of the voters, or nothing."""
        if entry.type == EntryType.NOOP:
            return self._record(entry, Code.ACCEPTED)
        if entry.type != EntryType.CONFIG:
            return self._record(entry, Code.MALFORMED)
        try:
            configuration, _ = decode_configuration(entry.payload)
        except ConfigurationError:
            return self._record(entry, Code.MALFORMED)
        self._set_voters(entry.index, tuple(server.machine for server in configuration.voters))
        return self._record(entry, Code.ACCEPTED, changes=Changes.MACHINES)

    def _apply_command(self, entry: Entry, checked: Checked, guarded: bool) -> Outcome | None:
        envelope = checked.envelope
        if envelope is None:
            return self._refuse(entry, checked, Code.MALFORMED)
        if envelope.version > VERSION:
            return self._refuse(entry, checked, Code.UNKNOWN_VERSION)
        author = rules.principal(self._db, envelope.author)
        if author is None or author.public is None:
            return self._refuse(entry, checked, Code.UNKNOWN_AUTHOR)
        self._signatures.learn(envelope.author, author.public)
        if checked.key != author.public:  # the helper knew no key of this author, or an earlier one
            checked = replace(checked, signed=envelope.verify(self._school(), author.public))
        if not checked.signed:
            return self._refuse(entry, checked, Code.BAD_SIGNATURE)
        judged = self._lanes.judge(envelope, checked.envelope_hash)
        if isinstance(judged, Settled):
            return self._record(entry, judged.code, checked)
        if judged is not None:
            return self._refuse(entry, checked, judged)
        context = self._context(entry, envelope, checked, author)
        if not guarded:
            return self._apply_rules(entry, checked, envelope, context)
        return self._apply_guarded(entry, checked, envelope, context)

    def _apply_rules(
        self, entry: Entry, checked: Checked, envelope: Envelope, context: rules.Context
    ) -> Outcome | None:
        """Apply a command whose signature and place are right. Raises _RulesFault."""
        try:
            body = envelope.decode_body()
            if rules.needs_newer(self._db, envelope.author, envelope.kind, body):
                self._halt(
                    entry.index,
                    "The school now works by rules that this version of LMS Desktop lacks. Update this"
                    " machine: it then goes on by itself.",
                )
                return None
            verdict = rules.apply(self._db, envelope.kind, body, context)
        except wire.WireError:
            verdict = rules.refused(self._db, context, envelope.kind, Code.INVALID)
        except _FAULTS as error:
            raise _RulesFault from error
        return self._settle(entry, checked, envelope, verdict)

    def _apply_guarded(
        self, entry: Entry, checked: Checked, envelope: Envelope, context: rules.Context
    ) -> Outcome | None:
        """`_apply_rules`, but a fault of the rules, the same on every replica, is a recorded no-op."""
        self._db.execute("SAVEPOINT ledger_command")
        try:
            return self._apply_rules(entry, checked, envelope, context)
        except _RulesFault as fault:
            _log.error("the rules failed at entry %d, kind %d", entry.index, envelope.kind, exc_info=fault)
            self._db.execute("ROLLBACK TO ledger_command")
            verdict = rules.refused(self._db, context, envelope.kind, Code.INVALID)
            return self._settle(entry, checked, envelope, verdict)
        finally:
            self._db.execute("RELEASE ledger_command")

    def _settle(self, entry: Entry, checked: Checked, envelope: Envelope, verdict: rules.Verdict) -> Outcome:
        """Record the verdict, and give the command its place."""
        effects = effects_hash(verdict.effects, envelope.signature)
        result = self._record(entry, verdict.code, checked, effects, verdict.changes)
        if result.final:
            self._lanes.take(envelope, entry.index)
        return result

    def _context(
        self, entry: Entry, envelope: Envelope, checked: Checked, signer: rules.Principal
    ) -> rules.Context:
        times: dict[int, int] = {}
        for raw in checked.tickets:
            ticket = self._valid_ticket(raw, checked.envelope_hash)
            if ticket is not None:
                times[ticket.keeper] = min(ticket.time, times.get(ticket.keeper, ticket.time))
        return rules.Context(
            entry.index,
            entry.stamp,
            envelope.author,
            envelope.lane,
            envelope.seq,
            self._school(),
            tuple(sorted(times.items())),
            len(self.voters),
            signer,
        )

    def _valid_ticket(self, raw: bytes, hash_of_envelope: bytes) -> Ticket | None:
        try:
            ticket = Ticket.parse(raw)
        except ReceiptError:
            return None
        machine = roster.machine(self._db, ticket.keeper)
        if machine is None or not 0 <= ticket.time <= limits.STAMP:
            return None
        signed = check_ticket(self._school(), hash_of_envelope, ticket, machine.signing_public)
        return ticket if signed else None

    def _halt(self, index: int, text: str) -> str:
        self.halted = text
        _log.error("applying stops before entry %d: %s", index, text)
        return text

    def _refuse(self, entry: Entry, checked: Checked, code: Code) -> Outcome:
        """A no-op that takes no place. What comes again by itself is not worth the audit's attention."""
        changes = Changes.NOTHING
        if code is not Code.SEQ_GAP:
            author, lane, seq, kind = _place(checked)
            context = rules.Context(entry.index, entry.stamp, author, lane, seq, self._school())
            changes = rules.refused(self._db, context, kind, code).changes
        return self._record(entry, code, checked, changes=changes)

    def _record(
        self,
        entry: Entry,
        code: int,
        checked: Checked | None = None,
        hash_of_effects: bytes = _NO_EFFECTS,
        changes: Changes = Changes.NOTHING,
    ) -> Outcome:
        """Write the outcome and go on with the verdict digest."""
        self.digest = next_digest(self.digest, entry.index, code, hash_of_effects)
        hash_of_envelope = checked.envelope_hash if checked is not None else b""
        self._lanes.record(entry.index, entry.stamp, code, hash_of_effects, self.digest, hash_of_envelope)
        return Outcome(
            entry.index,
            entry.type,
            *_place(checked),
            code,
            code not in NOT_CONSUMED,
            changes,
            hash_of_envelope,
        )

    # --- the tables --------------------------------------------------------------------------------------

    def _school(self) -> bytes:
        assert self.cluster_id is not None
        return self.cluster_id

    def _belong_to(self, genesis: Genesis | None) -> None:
        self.genesis = genesis
        self.cluster_id = self._pinned if genesis is None else genesis.cluster_id

    def _set_voters(self, index: int, voters: tuple[int, ...]) -> None:
        self.voters = tuple(sorted(voters))
        self._db.execute("INSERT INTO ledger_voters VALUES (?, ?)", (index, wire.pack(self.voters)))

    def _stored_applied(self) -> int:
        (applied,) = self._db.execute("SELECT applied FROM ledger_state").fetchone()
        return int(applied)


def _place(checked: Checked | None) -> tuple[int, bytes, int, int]:
    """Author, lane, seq and kind, as claimed; zeros for what is no command."""
    if checked is None or checked.envelope is None:
        return 0, b"", 0, 0
    envelope = checked.envelope
    return envelope.author, envelope.lane, envelope.seq, envelope.kind
