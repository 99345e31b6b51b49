"""Receipts: a voter signs for the place, the time and the holders of an accepted submission.

Any node can have any receipt at any time: what it says is in every ledger, and each voter can sign it.
The node that brought the submission adds the tickets that came after the proposal, so that a receipt
turns from accepted to safe.

    RECEIPT [author, lane, seq, [ticket, ...]] -> [what `trust.receipts.sign_receipt` gives]
"""

import random
import sqlite3
from collections.abc import Collection, Sequence

from lms_desktop.node import roster
from lms_desktop.node.errors import NodeError, PeerError
from lms_desktop.node.host import Host
from lms_desktop.node.items import Key
from lms_desktop.node.ledger import Ledger
from lms_desktop.node.outbox import Outbox
from lms_desktop.node.trace import Trace, silent
from lms_desktop.node.transport import BadMessage, Fields, PeerLinks, Sender
from lms_desktop.school.commands import Submission
from lms_desktop.school.queries.files import submission_keepers
from lms_desktop.school.queries.people import signing_keys
from lms_desktop.school.references import reference
from lms_desktop.school.submissions import read_submission
from lms_desktop.trust.envelope import MAX_TICKETS, Envelope, envelope_hash, split_payload
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.primitives import SigningKey
from lms_desktop.trust.receipts import (
    Known,
    Place,
    Receipt,
    ReceiptError,
    State,
    Ticket,
    check_receipt,
    check_ticket,
    complete,
    sign_receipt,
)
from lms_desktop.trust.wire import Packable

RECEIPT = 20  # a verb of the files link
ANSWER_S = 2.0


class Receipts:
    """Both sides of RECEIPT for one node: it signs as a voter, and gets receipts for its people."""

    def __init__(
        self,
        machine: int,
        key: SigningKey,
        db: sqlite3.Connection,
        ledger: Ledger,
        host: Host,
        links: PeerLinks,
        outbox: Outbox,
        trace: Trace = silent,
    ) -> None:
        self._machine = machine
        self._key = key
        self._db = db
        self._ledger = ledger
        self._host = host
        self._links = links
        self._outbox = outbox
        self._trace = trace
        links.serve(RECEIPT, self._give)

    async def receipt(self, key: Key) -> tuple[bytes, bool] | None:
        """The best receipt of a submission that can be had now and whether it says safe; None while it
        has no accepted outcome here. Raises PeerError when no voter can be reached and none was kept.
        """
        kept = await self._outbox.receipt(key)
        if kept is not None and kept[1]:
            return kept
        settled = self._ledger.outcome(*key)
        if settled is None or settled.code:
            return kept
        try:
            await self.refresh(key, self._tickets_in(kept))
        except PeerError:
            if kept is None:
                raise
        return await self._outbox.receipt(key)

    async def refresh(self, key: Key, tickets: Collection[bytes]) -> bool:
        """Get a new receipt with these tickets, keep it unless a better one is kept, and tell whether the
        kept one says safe. Raises PeerError when no voter gives one.
        """
        given, safe = await self._ask(key, tickets)
        kept = await self._outbox.receipt(key)
        if kept is None or not kept[1]:
            self._trace("before-receipt")
            await self._outbox.keep_receipt(key, given, safe=safe)
            self._trace("after-receipt")
        return safe or (kept is not None and kept[1])

    async def _ask(self, key: Key, tickets: Collection[bytes]) -> tuple[bytes, bool]:
        """A voter's receipt that this machine's own ledger bears out, and whether it says safe. The
        leader is asked first, because it knows best who holds the entry.
        """
        leader = self._host.leader
        voters = sorted(self._host.voters, key=lambda voter: (voter != leader, random.random()))
        reason: NodeError = PeerError("no_voter", "No voter is known here")
        for voter in voters:
            try:
                if voter == self._machine:
                    given = self._sign(key, tickets)
                else:
                    (answer,) = await self._links.request(voter, RECEIPT, [*key, list(tickets)], ANSWER_S)
                    given = answer if isinstance(answer, bytes) else b""
                return given, self._check(given, key)
            except PeerError as error:
                reason = error
            except (TrustError, ValueError) as error:
                reason = PeerError("false_receipt", f"Machine {voter} gave no receipt: {error}")
        raise reason

    async def _give(self, _sender: Sender, fields: Fields) -> Sequence[Packable]:
        match fields:
            case (int(author), bytes(lane), int(seq), tuple(given)) if len(given) <= MAX_TICKETS:
                tickets = [ticket for ticket in given if isinstance(ticket, bytes)]
                return [self._sign((author, lane, seq), tickets)]
        raise BadMessage("RECEIPT takes a command's place and tickets")

    def _sign(self, key: Key, tickets: Collection[bytes]) -> bytes:
        """This voter's receipt of an accepted submission. Raises PeerError for anything else."""
        settled = self._ledger.outcome(*key)
        entry = self._host.entry(settled.index) if settled is not None else None
        if settled is None or entry is None:
            raise PeerError("not_yet", "This machine's ledger does not have it yet")
        if settled.code:
            raise PeerError("refused", "What was refused has no receipt")
        if self._machine not in self._host.voters:
            raise PeerError("not_a_voter", "Only a voter signs receipts")
        raw, proposed = split_payload(entry.payload)
        if Envelope.parse(raw).kind != Submission.KIND:
            raise PeerError("no_submission", "Only submissions have receipts")
        school = self._ledger.cluster_id
        assert school is not None
        return sign_receipt(
            self._key,
            cluster_id=school,
            epoch=self._ledger.epoch,
            index=entry.index,
            head=entry.head,
            stamp=entry.stamp,
            envelope=raw,
            tickets=self._valid(school, raw, (*proposed, *tickets)),
            voters=self._host.holders(entry.index),
            signer=self._machine,
        )

    def _valid(self, school: bytes, raw: bytes, tickets: Sequence[bytes]) -> list[bytes]:
        """The tickets that keepers signed for this envelope, the first of each: of those that counted when
        it was accepted, and of those that are keepers now.
        """
        hash_of_envelope = envelope_hash(raw)
        envelope = Envelope.parse(raw)
        submission = reference(envelope.author, envelope.lane, envelope.seq)
        counted = {row.machine for row in submission_keepers(self._db, submission)}
        found: dict[int, bytes] = {}
        for candidate in tickets:
            try:
                ticket = Ticket.parse(candidate)
            except ReceiptError:
                continue
            if ticket.keeper in found:
                continue
            machine = roster.machine(self._db, ticket.keeper)
            if machine is None or not (machine.number in counted or (machine.keeper and machine.active)):
                continue
            if check_ticket(school, hash_of_envelope, ticket, machine.signing_public):
                found[ticket.keeper] = candidate
        return [found[keeper] for keeper in sorted(found)][:MAX_TICKETS]

    def _check(self, given: bytes, key: Key) -> bool:
        """Whether what a voter gave says safe. Raises ReceiptError unless this ledger bears all of it
        out.
        """
        receipt = _parse(given)
        envelope = Envelope.parse(receipt.envelope)
        entry, verdict = self._host.entry(receipt.index), self._ledger.verdict_at(receipt.index)
        school = self._ledger.cluster_id
        if (
            (envelope.author, envelope.lane, envelope.seq) != key
            or entry is None
            or verdict is None
            or school is None
        ):
            raise ReceiptError("It is about something else than was asked.")
        known = Known(
            school,
            lambda principal: [row.public for row in signing_keys(self._db, principal)],
            {record.number for record in self._ledger.machines()},
            self._ledger.voters_since(receipt.index),
            Place(entry.head, entry.stamp, *verdict),
        )
        checked = check_receipt(receipt, known, read_submission, with_file=False)
        if checked.state is State.FALSE:
            raise ReceiptError(" ".join(each.text for each in checked.statements if each.holds is False))
        return checked.state is State.SAFE

    def _tickets_in(self, kept: tuple[bytes, bool] | None) -> Sequence[bytes]:
        return _parse(kept[0]).tickets if kept is not None else ()


def _parse(voter_part: bytes) -> Receipt:
    """A voter's part read as a receipt; nonce and hash are the app's to add."""
    return Receipt.parse(complete(voter_part, bytes(32), bytes(32)))
