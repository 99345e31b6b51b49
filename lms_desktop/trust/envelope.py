"""The signed envelope: how every command travels and is stored, byte for byte, for ever.

    envelope = [version, author, lane, seq, kind, body, signature]      at most 64 KiB
      version    int, 1
      author     int, the principal's number (from 1)
      lane       16 random bytes, made at each sign-in
      seq        int, counts from 0 in the lane
      kind       int, which command
      body       bin: the strict encoding of a positional array; looked at only after the signature
      signature  64 bytes: Ed25519 over  "LMS/v1/cmd\\0" + cluster_id (32) + the envelope's exact bytes
                 before this element: the array's head (0x97) and the first six

    payload  = [envelope (bin), [ticket (bin), ...]]                    a log entry's payload
    stub     = [version, author, lane, seq, kind]                       what an erasure keeps
    H(payload) = BLAKE2b("LMS/v1/payload\\0" + H(stub) + H(envelope) + H(tickets))

so that an erased entry (stub and two hashes) still proves its place in the chain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lms_desktop.trust import wire
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.primitives import HASH_BYTES, SIGNATURE_BYTES, SigningKey, hash_, tag, verify
from lms_desktop.trust.wire import Packable, Value, WireError

VERSION: Final = 1
LANE_BYTES: Final = 16
MAX_ENVELOPE: Final = 64 * 1024
MAX_TICKETS: Final = 16
MAX_TICKET: Final = 128
MAX_PAYLOAD: Final = MAX_ENVELOPE + MAX_TICKETS * (MAX_TICKET + 3) + 16
COMMAND: Final = 1  # the entry type whose payload is `[envelope, tickets]`; others are hashed whole

_COMMAND_TAG = tag("cmd")
_STUB_TAG = tag("stub")
_ENVELOPE_TAG = tag("envelope")
_TICKETS_TAG = tag("tickets")
_PAYLOAD_TAG = tag("payload")
_OPAQUE_TAG = tag("opaque")

_SEVEN = b"\x97"  # an array of seven, and of five: msgpack's first byte
_FIVE = b"\x95"
_SIGNATURE_HEAD = b"\xc4\x40"  # bin, 64 bytes
_SIGNATURE_TAIL = len(_SIGNATURE_HEAD) + SIGNATURE_BYTES


class EnvelopeError(TrustError):
    """Bytes that are not an envelope or a payload."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One signed command: `raw` its exact bytes, `body` still encoded. `parse` proves structure only."""

    version: int
    author: int
    lane: bytes
    seq: int
    kind: int
    body: bytes
    signature: bytes
    raw: bytes

    @classmethod
    def sign(
        cls,
        cluster_id: bytes,
        key: SigningKey,
        *,
        author: int,
        lane: bytes,
        seq: int,
        kind: int,
        body: Sequence[Packable],
    ) -> "Envelope":
        """Make an envelope; raises EnvelopeError over 64 KiB, WireError for a body the wire cannot carry."""
        packed_body = wire.pack(tuple(body))
        first_six = wire.pack((VERSION, author, lane, seq, kind, packed_body))[1:]
        signature = key.sign(_COMMAND_TAG + cluster_id + _SEVEN + first_six)
        return cls.parse(_SEVEN + first_six + _SIGNATURE_HEAD + signature)

    @classmethod
    def parse(cls, raw: bytes) -> "Envelope":
        """Read the structure, in its one encoding; raises EnvelopeError. The signature is `verify`'s."""
        try:
            fields = wire.unpack(raw, limit=MAX_ENVELOPE)
        except WireError as error:
            raise EnvelopeError(f"This is not an envelope. {error}") from error
        if type(fields) is not tuple or len(fields) != 7:
            raise EnvelopeError("An envelope is an array of seven.")
        version, author, lane, seq, kind, body, signature = fields
        if not (type(version) is int and type(author) is int and type(seq) is int and type(kind) is int):
            raise EnvelopeError("An envelope's version, author, seq and kind are integers.")
        if version < 1 or author < 1 or seq < 0 or kind < 0:
            raise EnvelopeError("An envelope's version and author count from 1, its seq and kind from 0.")
        if not (type(lane) is bytes and len(lane) == LANE_BYTES):
            raise EnvelopeError(f"An envelope's lane has {LANE_BYTES} bytes.")
        if not (type(body) is bytes and type(signature) is bytes and len(signature) == SIGNATURE_BYTES):
            raise EnvelopeError("An envelope ends with a body and a signature of 64 bytes.")
        return cls(version, author, lane, seq, kind, body, signature, raw)

    def verify(self, cluster_id: bytes, public: bytes) -> bool:
        """Tell whether the holder of this key signed exactly these bytes, for this school."""
        return verify(public, _COMMAND_TAG + cluster_id + self.raw[:-_SIGNATURE_TAIL], self.signature)

    def decode_body(self) -> tuple[Value, ...]:
        """Return the body's array; only after `verify`. Raises WireError."""
        return wire.unpack_array(self.body)

    @property
    def stub(self) -> bytes:
        """The strict encoding of `[version, author, lane, seq, kind]`: what is kept of an erased envelope."""
        length = len(self.body)
        header = 2 if length < 1 << 8 else 3 if length < 1 << 16 else 5
        return _FIVE + self.raw[1 : -_SIGNATURE_TAIL - header - length]


def envelope_hash(raw: bytes) -> bytes:
    """Return H(envelope): what tickets name."""
    return hash_(_ENVELOPE_TAG, raw)


def make_payload(envelope_raw: bytes, tickets: Sequence[bytes] = ()) -> bytes:
    """Return a log entry's payload; raises EnvelopeError when `split_payload` would refuse it."""
    if len(envelope_raw) > MAX_ENVELOPE:
        raise EnvelopeError(f"An envelope of {len(envelope_raw)} bytes is over the limit of {MAX_ENVELOPE}.")
    if len(tickets) > MAX_TICKETS or any(len(ticket) > MAX_TICKET for ticket in tickets):
        raise EnvelopeError(f"A payload carries at most {MAX_TICKETS} tickets of {MAX_TICKET} bytes.")
    return wire.pack((envelope_raw, tuple(tickets)))


def split_payload(payload: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Return (envelope's bytes, tickets); raises EnvelopeError."""
    try:
        fields = wire.unpack(payload, limit=MAX_PAYLOAD)
    except WireError as error:
        raise EnvelopeError(f"This is not a command's payload. {error}") from error
    if type(fields) is not tuple or len(fields) != 2:
        raise EnvelopeError("A command's payload is an array of two.")
    raw, tickets = fields
    if type(raw) is not bytes or len(raw) > MAX_ENVELOPE or type(tickets) is not tuple:
        raise EnvelopeError("A command's payload is an envelope and tickets.")
    if len(tickets) > MAX_TICKETS:
        raise EnvelopeError(f"A command carries at most {MAX_TICKETS} tickets.")
    checked = tuple(ticket for ticket in tickets if type(ticket) is bytes and len(ticket) <= MAX_TICKET)
    if len(checked) != len(tickets):
        raise EnvelopeError(f"A ticket is at most {MAX_TICKET} bytes.")
    return raw, checked


def payload_hash(entry_type: int, payload: bytes) -> bytes:
    """Return H(payload), for any bytes: what is not a command's payload is hashed whole, by its own tag."""
    if entry_type == COMMAND:
        try:
            raw, tickets = split_payload(payload)
            stub = Envelope.parse(raw).stub
        except EnvelopeError:
            return hash_(_OPAQUE_TAG, payload)
        return command_hash(hash_(_STUB_TAG, stub), envelope_hash(raw), tickets_hash(tickets))
    return hash_(_OPAQUE_TAG, payload)


def stub_hash(stub: bytes) -> bytes:
    """Return H(stub)."""
    return hash_(_STUB_TAG, stub)


def tickets_hash(tickets: Sequence[bytes]) -> bytes:
    """Return H(tickets)."""
    return hash_(_TICKETS_TAG, wire.pack(tuple(tickets)))


def command_hash(hash_of_stub: bytes, hash_of_envelope: bytes, hash_of_tickets: bytes) -> bytes:
    """Return H(payload) of a command from its three hashes: all that an erased entry keeps."""
    assert len(hash_of_stub) == len(hash_of_envelope) == len(hash_of_tickets) == HASH_BYTES
    return hash_(_PAYLOAD_TAG, hash_of_stub, hash_of_envelope, hash_of_tickets)
