"""Signed orders to one node, such as to stop: given over the local link, never entered in the ledger.

An order is `pack([author, machine, nonce, verb, signature])`; the nonce is the node's own, new at each
start of it, so that an order can neither be kept for later nor carried to another machine.
"""

from dataclasses import dataclass

from lms_desktop.trust import TrustError, wire
from lms_desktop.trust.primitives import SigningKey, tag, verify

ORDER_TAG = tag("order")
NONCE_BYTES = 16


class OrderError(TrustError):
    """Bytes that are not an order."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a person (`author`, a principal's number) asks of one `machine`, good only for its present
    `nonce`.
    """

    author: int
    machine: int
    nonce: bytes
    verb: str
    signature: bytes

    @classmethod
    def sign(
        cls, cluster_id: bytes, key: SigningKey, *, author: int, machine: int, nonce: bytes, verb: str
    ) -> "Order":
        """An order signed with the person's key."""
        return cls(author, machine, nonce, verb, key.sign(_signed(cluster_id, author, machine, nonce, verb)))

    def encode(self) -> bytes:
        """The order's bytes for the local link."""
        return wire.pack([self.author, self.machine, self.nonce, self.verb, self.signature])

    @classmethod
    def decode(cls, raw: bytes) -> "Order":
        """Read an order; raises OrderError for anything else. Nothing is believed before `is_signed_by`."""
        try:
            fields = wire.unpack(raw, limit=1024)
        except wire.WireError as error:
            raise OrderError(f"This is not an order: {error}") from error
        match fields:
            case (int(author), int(machine), bytes(nonce), str(verb), bytes(signature)):
                return cls(author, machine, nonce, verb, signature)
        raise OrderError("This is not an order.")

    def is_signed_by(self, cluster_id: bytes, public: bytes) -> bool:
        """Whether the holder of `public` signed exactly this order, in this school."""
        return verify(
            public, _signed(cluster_id, self.author, self.machine, self.nonce, self.verb), self.signature
        )


def _signed(cluster_id: bytes, author: int, machine: int, nonce: bytes, verb: str) -> bytes:
    return ORDER_TAG + cluster_id + wire.pack([author, machine, nonce, verb])
