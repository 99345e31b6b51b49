"""Sealed items open for their readers, in their place, and whole."""

import io

import pytest

from lms_desktop.trust.course_keys import Generation
from lms_desktop.trust.errors import BadKey, CannotOpen
from lms_desktop.trust.primitives import SealingKey
from lms_desktop.trust.sealing import (
    CHUNK_BYTES,
    SEALED_CHUNK_BYTES,
    SLOT_BYTES,
    Context,
    FileKey,
    commit,
    make_slot,
    new_item_key,
    open_,
    open_slot,
    seal,
)

CONTEXT = Context("submission", 10, 20, 3, bytes(16), 0)
ELSEWHERE = [
    Context("grade", 10, 20, 3, bytes(16), 0),
    Context("submission", 11, 20, 3, bytes(16), 0),
    Context("submission", 10, 21, 3, bytes(16), 0),
    Context("submission", 10, 20, 4, bytes(16), 0),
    Context("submission", 10, 20, 3, bytes([1]) * 16, 0),
    Context("submission", 10, 20, 3, bytes(16), 1),
]


def test_an_item_opens_with_its_key_in_its_place() -> None:
    key = new_item_key()
    box = seal(key, b"note", CONTEXT)
    assert open_(key, box, CONTEXT) == b"note"
    with pytest.raises(CannotOpen):
        open_(new_item_key(), box, CONTEXT)
    for context in ELSEWHERE:
        with pytest.raises(CannotOpen):
            open_(key, box, context)


def test_a_slot_opens_for_its_reader_in_its_place(alice: SealingKey, bob: SealingKey) -> None:
    key = new_item_key()
    slot = make_slot(key, alice.public, CONTEXT)
    assert len(slot) == SLOT_BYTES
    assert open_slot(slot, alice, commit(key, CONTEXT), CONTEXT) == key
    with pytest.raises(CannotOpen):
        open_slot(slot, bob, commit(key, CONTEXT), CONTEXT)
    for context in ELSEWHERE:
        with pytest.raises(CannotOpen, match="another item"):
            open_slot(slot, alice, commit(key, context), context)


def test_a_slot_with_another_key_than_was_signed_for_is_refused(alice: SealingKey) -> None:
    slot = make_slot(new_item_key(), alice.public, CONTEXT)
    with pytest.raises(CannotOpen, match="signed for"):
        open_slot(slot, alice, commit(new_item_key(), CONTEXT), CONTEXT)


def test_keys_have_32_bytes(alice: SealingKey) -> None:
    with pytest.raises(BadKey):
        commit(b"short", CONTEXT)
    with pytest.raises(BadKey):
        FileKey(b"short", CONTEXT)


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2_500_000]
)
def test_a_file_comes_back_chunk_by_chunk(size: int) -> None:
    content = bytes(range(251)) * (size // 251 + 1)
    content = content[:size]
    key = FileKey(bytes(32), CONTEXT)
    boxes = list(key.seal_stream(io.BytesIO(content)))
    assert len(boxes) == max(1, -(-size // CHUNK_BYTES))
    assert all(len(box) == SEALED_CHUNK_BYTES for box in boxes[:-1])
    assert b"".join(key.open_stream(boxes)) == content


def test_chunks_do_not_move_repeat_or_vanish() -> None:
    key = FileKey(bytes(32), CONTEXT)
    boxes = list(key.seal_stream(io.BytesIO(bytes(3 * CHUNK_BYTES))))
    for wrong in (
        boxes[:-1],
        boxes[:1],
        [],
        [boxes[1], boxes[0], boxes[2]],
        [boxes[0], boxes[0], boxes[1], boxes[2]],
        [*boxes, boxes[2]],
    ):
        with pytest.raises(CannotOpen):
            list(key.open_stream(wrong))
    with pytest.raises(CannotOpen):
        list(FileKey(bytes(32), ELSEWHERE[3]).open_stream(boxes))
    with pytest.raises(ValueError, match="at most"):
        key.seal_chunk(0, bytes(CHUNK_BYTES + 1), last=True)


def test_a_chunk_sealed_again_is_the_same_and_another_never_shares_its_nonce() -> None:
    key = FileKey(bytes(32), CONTEXT)
    box = key.seal_chunk(4, b"page", last=False)
    assert key.seal_chunk(4, b"page", last=False) == box
    nonces = {
        box[:24],
        key.seal_chunk(4, b"pagf", last=False)[:24],
        key.seal_chunk(5, b"page", last=False)[:24],
        key.seal_chunk(4, b"page", last=True)[:24],
        FileKey(bytes([1]) * 32, CONTEXT).seal_chunk(4, b"page", last=False)[:24],
    }
    assert len(nonces) == 5


def test_course_keys_open_for_staff_and_recovery_and_reach_back(
    cluster_id: bytes, alice: SealingKey, bob: SealingKey
) -> None:
    recovery = SealingKey.generate()
    first, first_key = Generation.create(cluster_id, 50, 1)
    slot = first.slot(first_key, alice.public)
    assert first.open_slot(slot, alice).seed == first_key.seed
    assert first.open_slot(first.slot(first_key, recovery.public), recovery).seed == first_key.seed
    with pytest.raises(CannotOpen):
        first.open_slot(slot, bob)

    second, second_key = Generation.create(cluster_id, 50, 2)
    carried = second.carry(second_key, first_key)
    assert second.open_predecessor(carried, second_key, first.public).seed == first_key.seed
    with pytest.raises(CannotOpen):
        second.open_predecessor(carried, first_key, first.public)
    with pytest.raises(CannotOpen):
        second.open_slot(slot, alice)


def test_a_course_key_is_the_one_that_was_published(cluster_id: bytes, alice: SealingKey) -> None:
    real, real_key = Generation.create(cluster_id, 50, 1)
    slot = real.slot(real_key, alice.public)
    for wrong in (
        Generation(cluster_id, 51, 1, real.public),
        Generation(cluster_id, 50, 2, real.public),
        Generation(bytes(32), 50, 1, real.public),
        Generation(cluster_id, 50, 1, alice.public),
    ):
        with pytest.raises(CannotOpen):
            wrong.open_slot(slot, alice)
    second, second_key = Generation.create(cluster_id, 50, 2)
    carried = second.carry(second_key, SealingKey.generate())
    with pytest.raises(CannotOpen, match="published"):
        second.open_predecessor(carried, second_key, real.public)
