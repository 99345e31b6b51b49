"""Tickets and receipts: what a student can show, and anyone of the school can check offline.

    ticket     = [keeper, time, signature]        time in ms UTC, once all chunks are fsynced signature
Ed25519 by the keeper over "LMS/v1/ticket\\0" + cluster_id + H(envelope) + time i64     receipt = [1,
cluster_id, epoch, index, head, stamp, envelope, [ticket, ...], [voter, ...], signer, signature, nonce
(32), SHA-256]       voters     those known to hold the entry       signer     the voter that signs
signature  Ed25519 by the signer over "LMS/v1/receipt\\0" + strict encoding of the first ten
commitment = BLAKE2b("LMS/v1/file\\0" + nonce + SHA-256 of the file), in the submission's signed body
short code = the first 40 bits of BLAKE2b("LMS/v1/short-code\\0" + cluster_id + H(envelope)) in base32

The voter vouches for the order, and never learns the file's hash: the student's app adds nonce and hash,
which the commitment in the signed body proves.
"""

import struct
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lms_desktop.trust import crockford, wire
from lms_desktop.trust.envelope import MAX_PAYLOAD, Envelope, EnvelopeError, envelope_hash
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.primitives import (
    HASH_BYTES,
    SIGNATURE_BYTES,
    SigningKey,
    hash_,
    random_bytes,
    tag,
    verify,
)
from lms_desktop.trust.wire import WireError

VERSION: Final = 1
FILE_NONCE_BYTES: Final = 32
MAX_RECEIPT: Final = MAX_PAYLOAD + 1024

_TICKET_TAG = tag("ticket")
_RECEIPT_TAG = tag("receipt")
_FILE_TAG = tag("file")
_CODE_TAG = tag("short-code")
_time = struct.Struct(">q").pack


class ReceiptError(TrustError):
    """Bytes that are not a receipt or a ticket."""


# --- tickets ---------------------------------------------------------------------------------------------


def ticket_keeper(raw: bytes) -> int:
    """Return the principal's number of the keeper that a ticket names; raises ReceiptError."""
    return Ticket.parse(raw).keeper


@dataclass(frozen=True, slots=True)
class Ticket:
    """A keeper's word that it holds every chunk of a submission on its disk."""

    keeper: int
    time: int
    signature: bytes

    @classmethod
    def parse(cls, raw: bytes) -> "Ticket":
        """Read a ticket; raises ReceiptError. The signature is `check_ticket`'s."""
        try:
            fields = wire.unpack(raw, limit=256)
        except WireError as error:
            raise ReceiptError(f"This is not a ticket. {error}") from error
        match fields:
            case (int(keeper), int(time), bytes(signature)) if len(signature) == SIGNATURE_BYTES:
                if keeper is not True and keeper is not False and time is not True and time is not False:
                    return cls(keeper, time, signature)
        raise ReceiptError("This is not a ticket.")


def make_ticket(cluster_id: bytes, envelope_raw: bytes, keeper: int, time: int, key: SigningKey) -> bytes:
    """Return the keeper's ticket for this envelope; `key` is the machine's."""
    signature = key.sign(_TICKET_TAG + cluster_id + envelope_hash(envelope_raw) + _time(time))
    return wire.pack((keeper, time, signature))


def check_ticket(cluster_id: bytes, hash_of_envelope: bytes, ticket: Ticket, public: bytes) -> bool:
    """Tell whether the keeper with this key gave the ticket for this envelope (by its `envelope_hash`)."""
    if not -(1 << 63) <= ticket.time < 1 << 63:
        return False
    return verify(public, _TICKET_TAG + cluster_id + hash_of_envelope + _time(ticket.time), ticket.signature)


def tickets_needed(voters: int) -> int:
    """Return how many keepers besides the author's machine must hold a submission before it is accepted.

    As many as the voters may lose: one of three or four, two of five, none below.
    """
    return max(0, (voters - 1) // 2)


def is_safe(voters: int, keepers: Collection[int], holders: Collection[int]) -> bool:
    """Tell whether an accepted submission outlives its author's machine and, besides, a minority of the
    voters.

    `keepers` gave valid tickets and `holders` are voters that hold the entry, both without the author's
    machine.
    """
    lost = tickets_needed(voters)
    return lost > 0 and min(len(keepers), len(holders)) > lost


# --- receipts --------------------------------------------------------------------------------------------


def file_commitment(nonce: bytes, sha256: bytes) -> bytes:
    """Return what the submission's body says of the file: a bare hash would let others confirm a guess."""
    assert len(nonce) == FILE_NONCE_BYTES
    return hash_(_FILE_TAG, nonce, sha256)


def new_file_nonce() -> bytes:
    """Return a nonce for `file_commitment`; the student's app keeps it sealed in the submission."""
    return random_bytes(FILE_NONCE_BYTES)


def short_code(cluster_id: bytes, envelope_raw: bytes) -> str:
    """Return the submission's code for people, like `K7QF-2M9X`: the same on all its receipts."""
    number = int.from_bytes(hash_(_CODE_TAG, cluster_id, envelope_hash(envelope_raw))[:5], "big")
    code = crockford.encode(number, 8)
    return f"{code[:4]}-{code[4:]}"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as a student keeps it; `stamp` in ms since 1970, UTC."""

    cluster_id: bytes
    epoch: int
    index: int
    head: bytes
    stamp: int
    envelope: bytes
    tickets: tuple[bytes, ...]
    voters: tuple[int, ...]
    signer: int
    signature: bytes
    nonce: bytes
    sha256: bytes

    @property
    def code(self) -> str:
        """The short code."""
        return short_code(self.cluster_id, self.envelope)

    @classmethod
    def parse(cls, raw: bytes) -> "Receipt":
        """Read a receipt's structure; raises ReceiptError. Whether it is true is `check_receipt`'s."""
        try:
            fields = wire.unpack_array(raw, limit=MAX_RECEIPT)
        except WireError as error:
            raise ReceiptError(f"This is not a receipt. {error}") from error
        match fields:
            case (
                int(version),
                bytes(cluster_id),
                int(epoch),
                int(index),
                bytes(head),
                int(stamp),
                bytes(envelope),
                tuple(tickets),
                tuple(voters),
                int(signer),
                bytes(signature),
                bytes(nonce),
                bytes(sha256),
            ):
                pass
            case _:
                raise ReceiptError("This is not a receipt.")
        if version != VERSION:
            raise ReceiptError("This receipt was made by a newer LMS Desktop. Update it on this machine.")
        sizes = {len(cluster_id), len(head), len(nonce), len(sha256)}
        given = tuple(ticket for ticket in tickets if isinstance(ticket, bytes))
        holders = tuple(voter for voter in voters if type(voter) is int)
        if sizes != {HASH_BYTES} or len(given) != len(tickets) or len(holders) != len(voters):
            raise ReceiptError("This is not a receipt: a field has a wrong size or type.")
        return cls(
            cluster_id, epoch, index, head, stamp, envelope, given, holders, signer, signature, nonce, sha256
        )

    def signed_part(self) -> bytes:
        """The bytes that the signer signed, tag included."""
        return _RECEIPT_TAG + wire.pack(
            (
                VERSION,
                self.cluster_id,
                self.epoch,
                self.index,
                self.head,
                self.stamp,
                self.envelope,
                self.tickets,
                self.voters,
                self.signer,
            )
        )


def sign_receipt(
    key: SigningKey,
    *,
    cluster_id: bytes,
    epoch: int,
    index: int,
    head: bytes,
    stamp: int,
    envelope: bytes,
    tickets: Sequence[bytes],
    voters: Collection[int],
    signer: int,
) -> bytes:
    """Return what a voter gives: the first eleven fields, the last of them its signature.

    Only after commit and an accepted outcome. `voters` are those known to hold the entry; `signer` is
    this machine.
    """
    fields = (
        VERSION,
        cluster_id,
        epoch,
        index,
        head,
        stamp,
        envelope,
        tuple(tickets),
        tuple(sorted(voters)),
        signer,
    )
    return wire.pack((*fields, key.sign(_RECEIPT_TAG + wire.pack(fields))))


def complete(voter_part: bytes, nonce: bytes, sha256: bytes) -> bytes:
    """Return the whole receipt: the voter's part, and what the student's app alone knows.

    Raises ReceiptError.
    """
    try:
        raw = wire.pack((*wire.unpack_array(voter_part, limit=MAX_RECEIPT), nonce, sha256))
    except WireError as error:
        raise ReceiptError(f"This is not a receipt. {error}") from error
    Receipt.parse(raw)
    return raw


# --- verification ----------------------------------------------------------------------------------------


class State(StrEnum):
    """What a checked receipt amounts to."""

    SAFE = "safe"
    ACCEPTED = "accepted"
    FALSE = "false"


@dataclass(frozen=True, slots=True)
class Submission:
    """What the envelope's body says, read by whoever knows the school's commands."""

    commitment: bytes
    machine: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that the receipt says. `holds` is None where this machine cannot tell."""

    name: str
    holds: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Each statement of a receipt with its truth, and what they amount to."""

    state: State
    statements: tuple[Statement, ...]
    keepers: tuple[int, ...]  # whose valid tickets count: not the submitting machine's


@dataclass(frozen=True, slots=True)
class Place:
    """What the verifier's ledger has at the receipt's index; `envelope` is H(envelope), `code` its
    outcome.
    """

    head: bytes
    stamp: int
    code: int
    envelope: bytes


@dataclass(frozen=True, slots=True)
class Known:
    """What the verifier's own ledger says of what a receipt names.

    `keys(principal)`: every Ed25519 key that the principal ever had, retired ones included. `machines`:
    every machine ever enrolled. `voters`: those at the receipt's index, then those of each later
    configuration; the signer spoke under one of them. `place` is None where the ledger does not reach the
    receipt.
    """

    cluster_id: bytes
    keys: Callable[[int], Sequence[bytes]]
    machines: Collection[int]
    voters: Sequence[Collection[int]]
    place: Place | None


def check_receipt(
    receipt: Receipt,
    known: Known,
    read_submission: Callable[[Envelope], Submission | None],
    *,
    with_file: bool = True,
) -> Verdict:
    """Check a receipt against the verifier's own ledger, with no network.

    `read_submission` decodes the body; None for another kind of command. Without `with_file` the nonce
    and hash are left out, which a node that gets a voter's part does not know.
    """
    statements: list[Statement] = []

    def state(name: str, holds: bool | None, true: str, false: str) -> None:
        statements.append(Statement(name, holds, false if holds is False else true))

    state(
        "school",
        receipt.cluster_id == known.cluster_id,
        "It is of this school.",
        "It is of another school.",
    )
    author, submission = _read_envelope(receipt, known.keys, read_submission)
    state(
        "author",
        author and submission is not None,
        "The author's key signed the submission.",
        "The author did not sign this submission: it was altered.",
    )
    if with_file:
        state(
            "file",
            submission is not None and submission.commitment == file_commitment_of(receipt),
            "The submission is of exactly the file with this SHA-256.",
            "The submission is not of the file with this SHA-256.",
        )
    signed = receipt.signed_part()
    state(
        "voter",
        any(receipt.signer in voters for voters in known.voters)
        and any(verify(key, signed, receipt.signature) for key in known.keys(receipt.signer)),
        "A voter of the school signed its place, its time and its holders.",
        "No voter of the school signed this: its place, its time or its holders were altered.",
    )
    stands = Place(receipt.head, receipt.stamp, 0, envelope_hash(receipt.envelope))
    in_ledger = None if known.place is None else known.place == stands
    state(
        "ledger",
        in_ledger,
        f"The school's ledger has it at entry {receipt.index}, with this time."
        if in_ledger
        else f"This machine's ledger does not reach entry {receipt.index} yet.",
        f"The school's ledger has something else at entry {receipt.index}.",
    )
    machine = submission.machine if submission is not None else 0
    keepers, sound = _check_tickets(receipt, machine, known)
    demanded = tickets_needed(len(known.voters[0])) if known.voters else 0
    state(
        "tickets",
        sound and len(keepers) >= demanded,
        f"{len(keepers)} keepers besides the author's machine signed that they hold it.",
        "A keeper's ticket is false, or too few keepers hold it.",
    )
    if any(statement.holds is False for statement in statements):
        return Verdict(State.FALSE, tuple(statements), keepers)
    safe = any(
        is_safe(len(voters), keepers, (set(receipt.voters) & set(voters)) - {machine})
        for voters in known.voters
        if receipt.signer in voters
    )
    return Verdict(State.SAFE if safe else State.ACCEPTED, tuple(statements), keepers)


def file_commitment_of(receipt: Receipt) -> bytes:
    """Return the commitment that the receipt's nonce and SHA-256 make."""
    return file_commitment(receipt.nonce, receipt.sha256)


def _read_envelope(
    receipt: Receipt,
    keys: Callable[[int], Sequence[bytes]],
    read_submission: Callable[[Envelope], Submission | None],
) -> tuple[bool, Submission | None]:
    try:
        envelope = Envelope.parse(receipt.envelope)
    except EnvelopeError:
        return False, None
    if not any(envelope.verify(receipt.cluster_id, key) for key in keys(envelope.author)):
        return False, None
    return True, read_submission(envelope)


def _check_tickets(receipt: Receipt, machine: int, known: Known) -> tuple[tuple[int, ...], bool]:
    hash_of_envelope = envelope_hash(receipt.envelope)
    keepers: set[int] = set()
    for raw in receipt.tickets:
        try:
            ticket = Ticket.parse(raw)
        except ReceiptError:
            return (), False
        keys = known.keys(ticket.keeper) if ticket.keeper in known.machines else ()
        if not any(check_ticket(receipt.cluster_id, hash_of_envelope, ticket, key) for key in keys):
            return (), False
        keepers.add(ticket.keeper)
    return tuple(sorted(keepers - {machine})), True
