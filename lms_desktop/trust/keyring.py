"""A person's keys, wrapped by a passphrase so that they can be replicated and unwrapped at any seat.

    wrapped = [1, memory KiB, passes, salt (16), secret key used (bool), box]
    key     = BLAKE2b("LMS/v1/wrapping-key\\0" + Argon2id(passphrase, salt) + secret key (16, or nothing))
    box     = XChaCha20-Poly1305(key, signing seed (32) + sealing seed (32),
                 associated = "LMS/v1/wrapped-keys\\0" + cluster_id + strict encoding of
                              [person, 1, memory KiB, passes, salt, secret key used])

The cost is authenticated by the box and checked against a floor before anything is computed, so that nobody
can lower it and have the passphrase guessed cheaply.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from lms_desktop.trust import wire
from lms_desktop.trust.derive import derive_in_child
from lms_desktop.trust.errors import BadKey, CannotOpen, TrustError
from lms_desktop.trust.primitives import (
    SALT_BYTES,
    SEED_BYTES,
    KdfParams,
    SealingKey,
    SigningKey,
    decrypt,
    encrypt,
    hash_,
    random_bytes,
    tag,
)
from lms_desktop.trust.words import all_known, new_words, split_words

VERSION: Final = 1
STUDENT_WORDS: Final = 4
STAFF_WORDS: Final = 6
SECRET_KEY_BYTES: Final = 16
MAX_WRAPPED: Final = 512
MAX_PASSPHRASE: Final = 1024  # bytes of UTF-8

_KEY_TAG = tag("wrapping-key")
_BOX_TAG = tag("wrapped-keys")

Derive: TypeAlias = Callable[[bytes, bytes, KdfParams], bytes]


class WrongPassphrase(TrustError):
    """The passphrase (or the secret key beside it) does not open these keys."""


class SecretKeyNeeded(TrustError):
    """These keys open only with the secret key of the person's kit, beside the passphrase."""


class KeyringError(TrustError):
    """Bytes that are not wrapped keys, or a passphrase that cannot be used."""


@dataclass(frozen=True, slots=True, repr=False)
class PersonKeys:
    """A person's two key pairs. Only the person's own app ever holds them."""

    signing: SigningKey
    sealing: SealingKey

    @classmethod
    def generate(cls) -> "PersonKeys":
        """Make the keys of a person who signs in for the first time."""
        return cls(SigningKey.generate(), SealingKey.generate())

    def __repr__(self) -> str:
        return f"PersonKeys({self.signing!r}, {self.sealing!r})"


def new_passphrase(words: int) -> str:
    """Return a generated passphrase: four words for a student, six for staff."""
    return new_words(words)


def normalise(passphrase: str) -> bytes:
    """Return the bytes that are derived from: words of the list in any case and spacing, else the text in
    NFKC.

    Raises KeyringError for an empty or overlong passphrase.
    """
    words = split_words(passphrase)
    text = " ".join(words) if len(words) >= STUDENT_WORDS and all_known(words) else passphrase.strip()
    try:
        data = unicodedata.normalize("NFKC", text).encode()
    except UnicodeEncodeError as error:
        raise KeyringError("This passphrase holds a character that cannot be used.") from error
    if not 0 < len(data) <= MAX_PASSPHRASE:
        raise KeyringError(f"A passphrase has 1 to {MAX_PASSPHRASE} characters.")
    return data


def wrap(
    keys: PersonKeys,
    passphrase: str,
    *,
    cluster_id: bytes,
    person: int,
    secret_key: bytes = b"",
    derive: Derive = derive_in_child,
) -> bytes:
    """Return the wrapped keys of this person (a principal's number) of this school.

    Takes about half a second. Raises KeyringError for an unusable passphrase, DeriveFailed.
    """
    params, salt = KdfParams(), random_bytes(SALT_BYTES)
    header = (VERSION, params.memory_kib, params.passes, salt, bool(secret_key))
    key = _wrapping_key(passphrase, salt, params, secret_key, derive)
    box = encrypt(key, keys.signing.seed + keys.sealing.seed, _associated(cluster_id, person, header))
    return wire.pack((*header, box))


def unwrap(
    wrapped: bytes,
    passphrase: str,
    *,
    cluster_id: bytes,
    person: int,
    secret_key: bytes = b"",
    derive: Derive = derive_in_child,
) -> PersonKeys:
    """Return the keys; takes about half a second.

    Raises WrongPassphrase, SecretKeyNeeded, WeakParameters (before deriving), KeyringError, DeriveFailed.
    """
    match wire.unpack(wrapped, limit=MAX_WRAPPED):
        case (int(version), int(memory_kib), int(passes), bytes(salt), bool(with_secret), bytes(box)):
            pass
        case _:
            raise KeyringError("These are not wrapped keys: the copy on this machine is damaged.")
    if version != VERSION:
        raise KeyringError("These keys were wrapped by a newer LMS Desktop. Update it on this machine.")
    params = KdfParams(memory_kib, passes)
    params.check()
    if with_secret and not secret_key:
        raise SecretKeyNeeded("Enter the secret key of your kit beside your passphrase.")
    header = (VERSION, memory_kib, passes, salt, with_secret)
    key = _wrapping_key(passphrase, salt, params, secret_key if with_secret else b"", derive)
    try:
        seeds = decrypt(key, box, _associated(cluster_id, person, header))
    except CannotOpen as error:
        raise WrongPassphrase("This passphrase does not open your keys. Check it and try again.") from error
    if len(seeds) != 2 * SEED_BYTES:
        raise KeyringError("These are not wrapped keys: the copy on this machine is damaged.")
    return PersonKeys(SigningKey(seeds[:SEED_BYTES]), SealingKey(seeds[SEED_BYTES:]))


def _wrapping_key(
    passphrase: str, salt: bytes, params: KdfParams, secret_key: bytes, derive: Derive
) -> bytes:
    if secret_key and len(secret_key) != SECRET_KEY_BYTES:
        raise BadKey(f"A secret key has {SECRET_KEY_BYTES} bytes, not {len(secret_key)}.")
    return hash_(_KEY_TAG, derive(normalise(passphrase), salt, params), secret_key)


def _associated(cluster_id: bytes, person: int, header: tuple[int, int, int, bytes, bool]) -> bytes:
    return _BOX_TAG + cluster_id + wire.pack((person, *header))
