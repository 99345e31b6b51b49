"""Orders and manifests: what one node obeys, and what names a file."""

from dataclasses import replace

import pytest

from lms_desktop.trust import wire
from lms_desktop.trust.manifest import MAX_CHUNK_BYTES, Manifest, ManifestError, manifest_hash
from lms_desktop.trust.orders import Order, OrderError
from lms_desktop.trust.primitives import SigningKey


def test_an_order_is_its_authors_for_one_machine_and_one_start_of_it(
    cluster_id: bytes, signer: SigningKey
) -> None:
    order = Order.sign(cluster_id, signer, author=3, machine=2, nonce=bytes(16), verb="stop")
    again = Order.decode(order.encode())
    assert again == order
    assert again.is_signed_by(cluster_id, signer.public)
    assert not again.is_signed_by(bytes(32), signer.public)
    assert not again.is_signed_by(cluster_id, SigningKey.generate().public)
    for other in (
        replace(order, author=4),
        replace(order, machine=3),
        replace(order, nonce=bytes([1]) * 16),
        replace(order, verb="wipe"),
    ):
        assert not other.is_signed_by(cluster_id, signer.public)


@pytest.mark.parametrize("raw", [b"", b"\xc1", wire.pack(()), wire.pack((3, 2, b"", 5, bytes(64)))])
def test_what_is_not_an_order_is_refused(raw: bytes) -> None:
    with pytest.raises(OrderError):
        Order.decode(raw)


def test_a_manifest_comes_back_and_says_the_size_of_each_chunk() -> None:
    manifest = Manifest(2_500, 1_000, (bytes(32), bytes([1]) * 32, bytes([2]) * 32))
    raw = manifest.encode()
    assert Manifest.decode(raw) == manifest
    assert len(manifest_hash(raw)) == 32
    assert [manifest.size_of(position) for position in range(3)] == [1_000, 1_000, 500]
    with pytest.raises(IndexError):
        manifest.size_of(3)


@pytest.mark.parametrize(
    "fields",
    [
        (1, 2_500, 1_000, (bytes(32),)),
        (1, 500, 1_000, (bytes(31),)),
        (1, 500, 0, (bytes(32),)),
        (1, 500, MAX_CHUNK_BYTES + 1, (bytes(32),)),
        (1, -1, 1_000, ()),
        (1, True, 1_000, (bytes(32),)),
        (1, 500, 1_000, ("x" * 32,)),
        (2, 500, 1_000, (bytes(32),)),
        (1, 500, 1_000),
    ],
)
def test_what_is_not_a_manifest_is_refused(fields: tuple[wire.Value, ...]) -> None:
    with pytest.raises(ManifestError):
        Manifest.decode(wire.pack(fields))


def test_a_manifest_has_a_longest_length() -> None:
    many = 2_000
    with pytest.raises(ManifestError, match="more than a manifest may list"):
        Manifest(many, 1, tuple(number.to_bytes(32, "big") for number in range(many))).encode()
