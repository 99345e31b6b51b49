"""The cryptographic primitives: the only module that imports `nacl`.

Ed25519 signatures, X25519 sealed boxes, XChaCha20-Poly1305 and Argon2id are libsodium's, by PyNaCl; BLAKE2b
and SHA-256 are hashlib's. There is one Ed25519 implementation in the whole system, so that no two replicas
can disagree about a signature.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

import nacl.bindings as sodium
from nacl.exceptions import CryptoError

from lms_desktop.trust.errors import BadKey, CannotOpen, WeakParameters

HASH_BYTES: Final = 32
KEY_BYTES: Final = 32
SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 24
SEAL_OVERHEAD: Final = NONCE_BYTES + 16  # what `encrypt` adds
BOX_OVERHEAD: Final = 48  # what `seal_box` adds: an ephemeral public key and a tag

_ANY_SCALAR = bytes([1]) * KEY_BYTES
_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def tag(name: str) -> bytes:
    """Return the domain tag `b"LMS/v1/<name>\\0"`."""
    return b"LMS/v1/" + name.encode("ascii") + b"\0"


def hash_(domain: bytes, *parts: bytes) -> bytes:
    """Return BLAKE2b-256 of the tag and the parts, joined.

    Parts must be of fixed length, but for the last one: nothing marks where one ends.
    """
    return hashlib.blake2b(domain + b"".join(parts), digest_size=HASH_BYTES).digest()


def keyed_hash(key: bytes, domain: bytes, *parts: bytes) -> bytes:
    """Return BLAKE2b-256 keyed with up to 64 bytes: without the key nobody can confirm a guess."""
    return hashlib.blake2b(domain + b"".join(parts), digest_size=HASH_BYTES, key=key).digest()


def sha256(data: bytes) -> bytes:
    """Return SHA-256: for what people compare with other tools, the hash of a whole file."""
    return hashlib.sha256(data).digest()


def random_bytes(count: int) -> bytes:
    """Return that many bytes from the system's generator."""
    return secrets.token_bytes(count)


class SigningKey:
    """An Ed25519 key pair, from a 32-byte seed. Never shown by repr, never pickled."""

    __slots__ = ("_secret", "public", "seed")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise BadKey(f"A signing key's seed has {SEED_BYTES} bytes, not {len(seed)}.")
        self.seed = seed
        self.public, self._secret = sodium.crypto_sign_seed_keypair(seed)

    @classmethod
    def generate(cls) -> "SigningKey":
        """Make a new key pair."""
        return cls(random_bytes(SEED_BYTES))

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of the message; the caller puts the domain tag in front of it."""
        return sodium.crypto_sign(message, self._secret)[:SIGNATURE_BYTES]

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public.hex()})"

    def __reduce__(self) -> str:
        raise TypeError("A private key is not pickled.")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether the Ed25519 signature is right; False too for a key or a signature of the wrong size."""
    if len(public) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        sodium.crypto_sign_open(signature + message, public)
    except CryptoError:
        return False
    return True


class SealingKey:
    """An X25519 key pair for sealed boxes, from a 32-byte seed. Never shown by repr, never pickled."""

    __slots__ = ("public", "seed")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise BadKey(f"A sealing key's seed has {SEED_BYTES} bytes, not {len(seed)}.")
        self.seed = seed
        self.public = sodium.crypto_scalarmult_base(seed)

    @classmethod
    def generate(cls) -> "SealingKey":
        """Make a new key pair."""
        return cls(random_bytes(SEED_BYTES))

    def open_box(self, box: bytes) -> bytes:
        """Return what `seal_box` sealed for this key; raises CannotOpen."""
        if len(box) < BOX_OVERHEAD:
            raise CannotOpen("A sealed box is too short: it was cut off.")
        try:
            return sodium.crypto_box_seal_open(box, self.public, self.seed)
        except CryptoError as error:
            raise CannotOpen("A sealed box is for another key, or was altered.") from error

    def __repr__(self) -> str:
        return f"SealingKey(public={self.public.hex()})"

    def __reduce__(self) -> str:
        raise TypeError("A private key is not pickled.")


def can_seal_to(public: bytes) -> bool:
    """Tell whether `seal_box` takes this key: not one of small order, whose every secret everyone knows."""
    if len(public) != KEY_BYTES:
        return False
    try:
        sodium.crypto_scalarmult(_ANY_SCALAR, public)
    except CryptoError:
        return False
    return True


def seal_box(public: bytes, plaintext: bytes) -> bytes:
    """Seal for the holder of an X25519 key: 48 bytes longer than the plaintext; raises BadKey."""
    if len(public) != KEY_BYTES:
        raise BadKey(f"A sealing key has {KEY_BYTES} bytes, not {len(public)}.")
    try:
        return sodium.crypto_box_seal(plaintext, public)
    except CryptoError as error:
        raise BadKey("This public key can seal nothing: it is of small order.") from error


def encrypt(key: bytes, plaintext: bytes, associated: bytes, nonce: bytes | None = None) -> bytes:
    """Return `nonce (24) + ciphertext + tag (16)` of XChaCha20-Poly1305; the nonce is random unless given."""
    nonce = random_bytes(NONCE_BYTES) if nonce is None else nonce
    return nonce + sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, associated, nonce, key)


def decrypt(key: bytes, box: bytes, associated: bytes) -> bytes:
    """Return what `encrypt` sealed; raises CannotOpen for another key or place, or altered bytes."""
    if len(box) < SEAL_OVERHEAD:
        raise CannotOpen("A sealed item is too short: it was cut off.")
    nonce, ciphertext = box[:NONCE_BYTES], box[NONCE_BYTES:]
    try:
        return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, associated, nonce, key)
    except CryptoError as error:
        raise CannotOpen("A sealed item does not open: other key, other place, or altered.") from error


@dataclass(frozen=True, slots=True)
class KdfParams:
    """Argon2id's cost. A stated cost is checked against floor and ceiling before anything is computed."""

    memory_kib: int = 256 * 1024
    passes: int = 3

    FLOOR_MEMORY_KIB = 256 * 1024
    FLOOR_PASSES = 3
    CEILING_MEMORY_KIB = 1024 * 1024
    CEILING_PASSES = 16

    def check(self) -> None:
        """Raise WeakParameters unless within bounds: a lowered cost is how a hostile copy gets guessed."""
        memory_fits = self.FLOOR_MEMORY_KIB <= self.memory_kib <= self.CEILING_MEMORY_KIB
        if not (memory_fits and self.FLOOR_PASSES <= self.passes <= self.CEILING_PASSES):
            raise WeakParameters(
                f"These keys ask for {self.memory_kib} KiB and {self.passes} passes of Argon2id, which is "
                "outside what LMS Desktop accepts. The copy on this machine may have been altered: "
                "tell your administrator."
            )


def derive_key(passphrase: bytes, salt: bytes, params: KdfParams) -> bytes:
    """Return the 32-byte Argon2id key (0.4 s and 269 MB of memory: run it in a child, see `derive`).

    Raises WeakParameters, and BadKey for a salt that is not 16 bytes.
    """
    params.check()
    if len(salt) != SALT_BYTES:
        raise BadKey(f"A salt has {SALT_BYTES} bytes, not {len(salt)}.")
    return sodium.crypto_pwhash_alg(
        KEY_BYTES,
        passphrase,
        salt,
        params.passes,
        params.memory_kib * 1024,
        sodium.crypto_pwhash_ALG_ARGON2ID13,
    )


class CurveKeys:
    """A CURVE key pair for ZeroMQ, from a 32-byte seed: `public` and `secret` as ZeroMQ's Z85 text."""

    __slots__ = ("public", "public_raw", "secret", "seed")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise BadKey(f"A CURVE key's seed has {SEED_BYTES} bytes, not {len(seed)}.")
        self.seed = seed
        self.public_raw = sodium.crypto_scalarmult_base(seed)
        self.public = z85_encode(self.public_raw)
        self.secret = z85_encode(seed)

    @classmethod
    def generate(cls) -> "CurveKeys":
        """Make a new key pair."""
        return cls(random_bytes(SEED_BYTES))

    def __repr__(self) -> str:
        return f"CurveKeys(public={self.public.decode('ascii')})"

    def __reduce__(self) -> str:
        raise TypeError("A private key is not pickled.")


def z85_encode(key: bytes) -> bytes:
    """Return a 32-byte key as ZeroMQ's 40 characters of Z85 (RFC 32 of ZeroMQ)."""
    if len(key) != KEY_BYTES:
        raise BadKey(f"A CURVE key has {KEY_BYTES} bytes, not {len(key)}.")
    text = []
    for start in range(0, KEY_BYTES, 4):
        value = int.from_bytes(key[start : start + 4], "big")
        text.append("".join(_Z85[value // 85**power % 85] for power in (4, 3, 2, 1, 0)))
    return "".join(text).encode("ascii")


def z85_decode(text: bytes) -> bytes:
    """Return the 32 bytes of a key in Z85; raises BadKey."""
    if len(text) != KEY_BYTES * 5 // 4:
        raise BadKey(f"A CURVE key has 40 characters, not {len(text)}.")
    key = b""
    for start in range(0, len(text), 5):
        value = 0
        for byte in text[start : start + 5]:
            digit = _Z85.find(chr(byte))
            if digit < 0:
                raise BadKey("A CURVE key has a character that Z85 does not have.")
            value = value * 85 + digit
        if value >= 1 << 32:
            raise BadKey("A CURVE key is not valid Z85.")
        key += value.to_bytes(4, "big")
    return key
