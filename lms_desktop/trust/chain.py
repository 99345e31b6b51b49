"""The two hash chains that run beside the log.

    head_i       = BLAKE2b("LMS/v1/head\\0" + head_{i-1} + index u64 + term u64 + type u8 + stamp i64 +
                           H(payload))
    digest_i     = BLAKE2b("LMS/v1/digest\\0" + digest_{i-1} + index u64 + code i64 + effects hash)
    effects hash = BLAKE2b, keyed with the envelope's signature, of "LMS/v1/effects\\0" + strict encoding

Hashes are 32 bytes, integers big-endian. The head proves what was ordered; the digest what it did. Both start
from 32 zeros. The signature keys the effects hash so that, once an envelope is erased, nobody can confirm a
guess of what it did.
"""

import struct
from collections.abc import Sequence
from typing import Final

from lms_desktop.trust import wire
from lms_desktop.trust.envelope import payload_hash
from lms_desktop.trust.primitives import HASH_BYTES, hash_, keyed_hash, tag
from lms_desktop.trust.wire import Packable

ZERO: Final = bytes(HASH_BYTES)

_HEAD_TAG = tag("head")
_DIGEST_TAG = tag("digest")
_EFFECTS_TAG = tag("effects")
_place = struct.Struct(">QQBq").pack
_outcome = struct.Struct(">Qq").pack


def next_head(
    head: bytes, index: int, term: int, entry_type: int, stamp: int, hash_of_payload: bytes
) -> bytes:
    """Return the head after this entry; `stamp` is in ms since 1970, UTC."""
    return hash_(_HEAD_TAG, head, _place(index, term, entry_type, stamp), hash_of_payload)


def entry_head(head: bytes, index: int, term: int, entry_type: int, stamp: int, payload: bytes) -> bytes:
    """Return `next_head` of an entry whose payload is at hand: the chain function that Raft is given."""
    return next_head(head, index, term, entry_type, stamp, payload_hash(entry_type, payload))


def effects_hash(effects: Sequence[Packable], key: bytes = b"") -> bytes:
    """Return the hash of what a command did; `key` is its envelope's signature, nothing for other entries."""
    return keyed_hash(key, _EFFECTS_TAG, wire.pack(tuple(effects)))


def next_digest(digest: bytes, index: int, code: int, hash_of_effects: bytes) -> bytes:
    """Return the verdict digest after the entry at this index got this outcome code and these effects."""
    return hash_(_DIGEST_TAG, digest, _outcome(index, code), hash_of_effects)
