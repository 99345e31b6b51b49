"""Sealed items: what only the named readers open, and only in the place for which it was sealed.

    context    = strict encoding of [type, course, assignment, author, lane, seq]: where the item belongs
    item key   = 32 random bytes, one per item
    sealed     = XChaCha20-Poly1305(item key, plaintext, associated = "LMS/v1/item\\0" + context)
    commitment = BLAKE2b("LMS/v1/item-key\\0" + item key + context)            in the signed body
    slot       = sealed box of  item key (32) + BLAKE2b("LMS/v1/slot\\0" + context) (32)      112 bytes
    file key   = BLAKE2b("LMS/v1/file-key\\0" + item key + context)
    chunk      = XChaCha20-Poly1305(file key, up to 1 MiB, associated = "LMS/v1/sealed-chunk\\0" + place)
      place    = number u64 + (1 for the last chunk, else 0) u8
      nonce    = the first 24 bytes of BLAKE2b, keyed with the file key, of "LMS/v1/chunk-nonce\\0" + place +
                 plaintext: the same chunk always seals to the same bytes, another never under the same nonce

A reader recomputes the context from the signed envelope. A sealed item and its slots, copied into another's
submission, then fail three times: the slot names another context, the key does not match the commitment,
and the associated data differ. The commitment also forbids one ciphertext that opens differently for two
readers.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from lms_desktop.trust import wire
from lms_desktop.trust.errors import BadKey, CannotOpen
from lms_desktop.trust.primitives import (
    BOX_OVERHEAD,
    HASH_BYTES,
    KEY_BYTES,
    NONCE_BYTES,
    SEAL_OVERHEAD,
    SealingKey,
    decrypt,
    encrypt,
    hash_,
    keyed_hash,
    random_bytes,
    seal_box,
    tag,
)

CHUNK_BYTES: Final = 1024 * 1024  # of plaintext
SEALED_CHUNK_BYTES: Final = CHUNK_BYTES + SEAL_OVERHEAD
SLOT_BYTES: Final = KEY_BYTES + HASH_BYTES + BOX_OVERHEAD

_ITEM_TAG = tag("item")
_COMMIT_TAG = tag("item-key")
_SLOT_TAG = tag("slot")
_FILE_TAG = tag("file-key")
_CHUNK_TAG = tag("sealed-chunk")
_NONCE_TAG = tag("chunk-nonce")
_chunk_place = struct.Struct(">QB").pack


@dataclass(frozen=True, slots=True)
class Context:
    """Where a sealed item belongs. `author`, `lane` and `seq` are those of the envelope that carries it."""

    type: str
    course: int
    assignment: int
    author: int
    lane: bytes
    seq: int

    def encode(self) -> bytes:
        """The bytes that are bound into the item."""
        return wire.pack((self.type, self.course, self.assignment, self.author, self.lane, self.seq))


def new_item_key() -> bytes:
    """Return a random item key. Never derived from content: that would let others confirm a guess."""
    return random_bytes(KEY_BYTES)


def seal(key: bytes, plaintext: bytes, context: Context) -> bytes:
    """Return the sealed item, 40 bytes longer than the plaintext."""
    return encrypt(key, plaintext, _ITEM_TAG + context.encode())


def open_(key: bytes, box: bytes, context: Context) -> bytes:
    """Return what `seal` sealed in this context; raises CannotOpen."""
    return decrypt(key, box, _ITEM_TAG + context.encode())


def commit(key: bytes, context: Context) -> bytes:
    """Return the 32 bytes by which the signed body names its item key without telling it."""
    if len(key) != KEY_BYTES:
        raise BadKey(f"An item key has {KEY_BYTES} bytes, not {len(key)}.")
    return hash_(_COMMIT_TAG, key, context.encode())


def make_slot(key: bytes, recipient_public: bytes, context: Context) -> bytes:
    """Seal the item key for one reader: 112 bytes; raises BadKey."""
    return seal_box(recipient_public, key + hash_(_SLOT_TAG, context.encode()))


def open_slot(slot: bytes, sealing_key: SealingKey, commitment: bytes, context: Context) -> bytes:
    """Return the item key; raises CannotOpen: another's slot, another context, or a key not committed to."""
    plain = sealing_key.open_box(slot)
    key, place = plain[:KEY_BYTES], plain[KEY_BYTES:]
    if place != hash_(_SLOT_TAG, context.encode()):
        raise CannotOpen("This key slot was made for another item: it may have been copied.")
    if commit(key, context) != commitment:
        raise CannotOpen("This key slot holds another key than its author signed for.")
    return key


def sealed_size(size: int) -> int:
    """Return how many bytes a file of that size has once it is sealed."""
    return size + max(1, -(-size // CHUNK_BYTES)) * SEAL_OVERHEAD


class FileKey:
    """Seals and opens one file, chunk by chunk; a chunk opens only at its place, and the last only as last.

    Sealing the same chunk again gives the same bytes, so that an upload resumes without keeping them.
    """

    __slots__ = ("_key",)

    def __init__(self, item_key: bytes, context: Context) -> None:
        if len(item_key) != KEY_BYTES:
            raise BadKey(f"An item key has {KEY_BYTES} bytes, not {len(item_key)}.")
        self._key = hash_(_FILE_TAG, item_key, context.encode())

    def seal_chunk(self, number: int, plaintext: bytes, *, last: bool) -> bytes:
        """Seal up to 1 MiB; `number` counts from 0."""
        if len(plaintext) > CHUNK_BYTES:
            raise ValueError(f"a chunk holds at most {CHUNK_BYTES} bytes, not {len(plaintext)}")
        place = _chunk_place(number, last)
        nonce = keyed_hash(self._key, _NONCE_TAG, place, plaintext)[:NONCE_BYTES]
        return encrypt(self._key, plaintext, _CHUNK_TAG + place, nonce)

    def open_chunk(self, number: int, box: bytes, *, last: bool) -> bytes:
        """Return the plaintext; raises CannotOpen, also when the file was cut off here or goes on."""
        return decrypt(self._key, box, _CHUNK_TAG + _chunk_place(number, last))

    def seal_stream(self, source: BinaryIO) -> Iterator[bytes]:
        """Read a file to its end and yield its sealed chunks; an empty file has one, empty."""
        plaintext, number = source.read(CHUNK_BYTES), 0
        while True:
            following = source.read(CHUNK_BYTES) if len(plaintext) == CHUNK_BYTES else b""
            yield self.seal_chunk(number, plaintext, last=not following)
            if not following:
                return
            plaintext, number = following, number + 1

    def open_stream(self, boxes: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the plaintext of each chunk in order; raises CannotOpen, also for a file without its end."""
        held: bytes | None = None
        number = 0
        for box in boxes:
            if held is not None:
                yield self.open_chunk(number, held, last=False)
                number += 1
            held = box
        if held is None:
            raise CannotOpen("A sealed file has no chunks: it was cut off.")
        yield self.open_chunk(number, held, last=True)
