"""The primitives against published vectors, and every refusal of theirs."""

import pickle

import pytest

from lms_desktop.trust.errors import BadKey, CannotOpen, WeakParameters
from lms_desktop.trust.primitives import (
    CurveKeys,
    KdfParams,
    SealingKey,
    SigningKey,
    decrypt,
    derive_key,
    encrypt,
    hash_,
    keyed_hash,
    seal_box,
    sha256,
    tag,
    verify,
    z85_decode,
    z85_encode,
)


def test_ed25519_agrees_with_rfc_8032() -> None:
    key = SigningKey(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    assert key.public.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    expected = (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert key.sign(b"\x72").hex() == expected
    assert verify(key.public, b"\x72", bytes.fromhex(expected))


def test_x25519_agrees_with_rfc_7748() -> None:
    key = SealingKey(bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    assert key.public.hex() == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"


def test_z85_agrees_with_zeromq_rfc_32() -> None:
    raw = bytes.fromhex("8E0BDD697628B91D8F245587EE95C5B04D48963F79259877B49CD9063AEAD3B7")
    text = b"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
    assert z85_encode(raw) == text
    assert z85_decode(text) == raw


@pytest.mark.parametrize("text", [b"", b"JTKVSB", b"~" * 40, b"#" * 40, b"\xff" * 40])
def test_z85_refuses_what_is_not_a_key(text: bytes) -> None:
    with pytest.raises(BadKey):
        z85_decode(text)


def test_hashes_are_blake2b_256_with_the_tag_in_front() -> None:
    assert tag("cmd") == b"LMS/v1/cmd\0"
    assert hash_(tag("a"), b"b") != hash_(tag("b"), b"a")
    assert hash_(b"", b"").hex() == "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
    assert keyed_hash(b"k" * 64, b"", b"x") != keyed_hash(b"j" * 64, b"", b"x")
    assert sha256(b"").hex().startswith("e3b0c44298fc1c14")


def test_a_signature_holds_for_its_bytes_and_key_only(signer: SigningKey) -> None:
    signature = signer.sign(b"message")
    assert verify(signer.public, b"message", signature)
    assert not verify(signer.public, b"messagf", signature)
    assert not verify(SigningKey.generate().public, b"message", signature)
    assert not verify(signer.public, b"message", bytes([signature[0] ^ 1]) + signature[1:])
    assert not verify(signer.public, b"message", signature[:-1])
    assert not verify(signer.public[:-1], b"message", signature)
    assert not verify(bytes(32), b"message", bytes(64)), "a key of small order signs nothing"


def test_a_box_opens_for_its_recipient_only(alice: SealingKey, bob: SealingKey) -> None:
    box = seal_box(alice.public, b"secret")
    assert alice.open_box(box) == b"secret"
    for wrong in (box[:-1], b"", bytes([box[0] ^ 1]) + box[1:]):
        with pytest.raises(CannotOpen):
            alice.open_box(wrong)
    with pytest.raises(CannotOpen):
        bob.open_box(box)
    with pytest.raises(BadKey):
        seal_box(b"short", b"secret")


def test_sealing_binds_key_place_and_bytes() -> None:
    key = bytes(32)
    box = encrypt(key, b"secret", b"here")
    assert decrypt(key, box, b"here") == b"secret"
    assert encrypt(key, b"secret", b"here") != box, "nonces are random"
    for wrong_key, wrong_box, place in (
        (bytes([1]) * 32, box, b"here"),
        (key, box, b"there"),
        (key, box[:-1] + bytes([box[-1] ^ 1]), b"here"),
        (key, box[:30], b"here"),
    ):
        with pytest.raises(CannotOpen):
            decrypt(wrong_key, wrong_box, place)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_has_32_bytes(seed: bytes) -> None:
    for maker in (SigningKey, SealingKey, CurveKeys):
        with pytest.raises(BadKey):
            maker(seed)


def test_private_keys_are_not_shown_nor_pickled() -> None:
    for key in (SigningKey(bytes([9]) * 32), SealingKey(bytes([9]) * 32), CurveKeys(bytes([9]) * 32)):
        assert "09090909" not in repr(key)
        with pytest.raises(TypeError):
            pickle.dumps(key)


def test_a_curve_key_pair_is_zeromqs() -> None:
    keys = CurveKeys(bytes([5]) * 32)
    assert z85_decode(keys.public) == keys.public_raw
    assert z85_decode(keys.secret) == keys.seed
    zmq = pytest.importorskip("zmq")
    assert zmq.curve_public(keys.secret) == keys.public


@pytest.mark.parametrize(
    "params",
    [KdfParams(64 * 1024, 3), KdfParams(256 * 1024, 2), KdfParams(8, 1), KdfParams(1 << 40, 3)],
)
def test_a_lowered_or_absurd_cost_is_refused_before_anything_is_computed(params: KdfParams) -> None:
    with pytest.raises(WeakParameters):
        derive_key(b"passphrase", bytes(16), params)


def test_a_salt_has_16_bytes() -> None:
    with pytest.raises(BadKey):
        derive_key(b"passphrase", bytes(15), KdfParams())
