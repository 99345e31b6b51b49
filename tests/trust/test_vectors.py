"""Frozen bytes: what these formats were when they froze. A change here breaks every school that exists.

`vectors.json` holds hex. Deterministic formats must come out the same; sealed ones, which are random, must
open.
"""

import json
from pathlib import Path

import pytest

from lms_desktop.trust import (
    answers,
    asks,
    chain,
    course_keys,
    invites,
    keyring,
    manifest,
    orders,
    receipts,
    recovery,
    sealing,
    wire,
)
from lms_desktop.trust.envelope import Envelope, envelope_hash, make_payload, payload_hash
from lms_desktop.trust.genesis import Genesis
from lms_desktop.trust.primitives import CurveKeys, KdfParams, SealingKey, SigningKey, hash_, sha256

CLUSTER = bytes(range(32))
LANE = bytes(range(16))
KEY = SigningKey(bytes([1]) * 32)
READER = SealingKey(bytes([2]) * 32)
RECOVERY = recovery.RecoveryKey(bytes(range(16)))
CONTEXT = sealing.Context("submission", 10, 20, 3, LANE, 0)
ITEM_KEY = bytes([6]) * 32
NONCE = bytes([7]) * 32
FILE = sha256(b"file")
BODY: tuple[wire.Packable, ...] = (1, -1, 1 << 40, "ä", b"\0\xff", None, True, False, (1, ("x",)))

VECTORS: dict[str, str] = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="ascii"))


def vector(name: str) -> bytes:
    return bytes.fromhex(VECTORS[name])


def deterministic() -> dict[str, bytes]:
    """Every format whose bytes follow from its inputs."""
    envelope = Envelope.sign(CLUSTER, KEY, author=3, lane=LANE, seq=7, kind=100, body=BODY)
    ticket = receipts.make_ticket(CLUSTER, envelope.raw, 2, 1_700_000_000_000, KEY)
    payload = make_payload(envelope.raw, [ticket])
    voter_part = receipts.sign_receipt(
        KEY,
        cluster_id=CLUSTER,
        epoch=1,
        index=5,
        head=bytes([9]) * 32,
        stamp=1_700_000_000_000,
        envelope=envelope.raw,
        tickets=[ticket],
        voters=[5, 2],
        signer=2,
    )
    signing, curve = invites.token_keys(bytes([4]) * 32)
    file_key = sealing.FileKey(ITEM_KEY, CONTEXT)
    listed = manifest.Manifest(1_500_000, 1_048_616, (bytes([1]) * 32, bytes([2]) * 32)).encode()
    order = orders.Order.sign(CLUSTER, KEY, author=3, machine=2, nonce=LANE, verb="stop")
    ask = asks.Ask.sign(
        CLUSTER,
        KEY,
        author=3,
        course=10,
        assignment=20,
        ask_id=LANE,
        time_ms=1_700_000_000_000,
        text="Why?",
        history=[("What is a mole?", "A number of particles.")],
        confirmed=True,
    )
    answer = answers.Answer.sign(
        CLUSTER,
        KEY,
        machine=2,
        ask_digest=ask.digest(CLUSTER),
        time_ms=1_700_000_001_000,
        verdict=answers.Verdict.ANSWERED,
        score=431,
        reason="",
        engine="extractive",
        text="To count by weighing.",
        sources=[answers.Source(50, 3, "It counts particles by weighing.", 712)],
        unsupported=[(0, 2)],
    )
    return {
        "ask": ask.encode(),
        "ask_digest": ask.digest(CLUSTER),
        "answer": answer.encode(),
        "chunk_name": manifest.chunk_hash(b"chunk"),
        "manifest": listed,
        "manifest_hash": manifest.manifest_hash(listed),
        "order": order.encode(),
        "curve_public": CurveKeys(bytes([3]) * 32).public,
        "wire": wire.pack(BODY),
        "envelope": envelope.raw,
        "envelope_hash": envelope_hash(envelope.raw),
        "stub": envelope.stub,
        "ticket": ticket,
        "payload": payload,
        "payload_hash": payload_hash(1, payload),
        "payload_hash_opaque": payload_hash(0, b"noop"),
        "head": chain.entry_head(chain.ZERO, 2, 3, 1, 1_700_000_000_000, payload),
        "effects_hash": chain.effects_hash((1, "x"), envelope.signature),
        "digest": chain.next_digest(chain.ZERO, 2, -1, bytes([5]) * 32),
        "receipt": receipts.complete(voter_part, NONCE, FILE),
        "short_code": receipts.short_code(CLUSTER, envelope.raw).encode("ascii"),
        "file_commitment": receipts.file_commitment(NONCE, FILE),
        "item_commitment": sealing.commit(ITEM_KEY, CONTEXT),
        "chunk": file_key.seal_chunk(3, b"page", last=True),
        "invitation_public": invites.invitation_key(CLUSTER, "tidal wafer abacus zoom yield urban").public,
        "token_signing_public": signing.public,
        "token_curve_public": curve.public,
        "recovery_text": RECOVERY.text.encode("ascii"),
        "recovery_public": RECOVERY.sealing.public,
    }


@pytest.mark.parametrize("name", sorted(deterministic()))
def test_the_format_is_frozen(name: str) -> None:
    assert deterministic()[name].hex() == VECTORS[name]


def test_a_frozen_sealed_item_and_slot_still_open() -> None:
    key = sealing.open_slot(vector("slot"), READER, sealing.commit(ITEM_KEY, CONTEXT), CONTEXT)
    assert key == ITEM_KEY
    assert sealing.open_(key, vector("sealed"), CONTEXT) == b"note"


def test_frozen_course_keys_still_open() -> None:
    public = SealingKey(bytes([8]) * 32).public
    generation = course_keys.Generation(CLUSTER, 50, 2, public)
    key = generation.open_slot(vector("course_slot"), READER)
    previous = SealingKey(bytes([9]) * 32)
    assert generation.open_predecessor(vector("predecessor"), key, previous.public).seed == previous.seed


def test_frozen_wrapped_keys_still_open() -> None:
    """Wrapped by the real Argon2id."""
    keys = keyring.unwrap(vector("wrapped"), "a passphrase", cluster_id=CLUSTER, person=3)
    assert (keys.signing.seed, keys.sealing.seed) == (KEY.seed, READER.seed)


def test_a_frozen_secret_key_still_mixes_in() -> None:
    def cheap(passphrase: bytes, salt: bytes, params: KdfParams) -> bytes:
        return hash_(b"test", salt, passphrase)

    keys = keyring.unwrap(
        vector("wrapped_secret"), "chosen", cluster_id=CLUSTER, person=3, secret_key=LANE, derive=cheap
    )
    assert keys.signing.seed == KEY.seed


def test_a_frozen_genesis_still_parses() -> None:
    genesis = Genesis.parse(vector("genesis"))
    assert genesis.cluster_id == vector("cluster_id")
    assert genesis.school == "Hill School"
