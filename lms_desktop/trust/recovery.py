"""The school's recovery key, as an administrator keeps it on paper.

The secret is 128 random bits, X25519's own strength; the key pair's seed is BLAKE2b("LMS/v1/recovery\\0" +
secret). On paper: seven groups of five characters of Crockford's base32. The first four of each group are
28 characters: the secret (128 bits) and a checksum of it (12 bits). The fifth checks the group and its
place, so that a mistyped or misplaced group is named.
"""

from typing import Final

from lms_desktop.trust import crockford
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.primitives import SealingKey, hash_, random_bytes, tag

SECRET_BYTES: Final = 16
GROUPS: Final = 7
GROUP: Final = 5

_KEY_TAG = tag("recovery")
_CHECK_TAG = tag("recovery-check")
_GROUP_TAG = tag("recovery-group")


class RecoveryKeyError(TrustError):
    """A recovery key that was not typed as it is printed; the message names the group."""


class RecoveryKey:
    """The key that opens every course's keys. Made once, at the school's founding, and kept offline."""

    __slots__ = ("_secret", "sealing")

    def __init__(self, secret: bytes) -> None:
        assert len(secret) == SECRET_BYTES
        self._secret = secret
        self.sealing = SealingKey(hash_(_KEY_TAG, secret))

    @classmethod
    def generate(cls) -> "RecoveryKey":
        """Make a school's recovery key; its `sealing.public` goes into the genesis."""
        return cls(random_bytes(SECRET_BYTES))

    @property
    def text(self) -> str:
        """The key as it is printed: `XXXXX-XXXXX-...`, seven groups."""
        number = int.from_bytes(self._secret, "big") << 12 | _checksum(self._secret)
        characters = crockford.encode(number, GROUPS * (GROUP - 1))
        groups = (characters[start : start + GROUP - 1] for start in range(0, len(characters), GROUP - 1))
        return "-".join(group + _check_character(place, group) for place, group in enumerate(groups, 1))

    @classmethod
    def parse(cls, typed: str) -> "RecoveryKey":
        """Read a typed key, in any case and spacing; raises RecoveryKeyError."""
        text = crockford.clean(typed)
        if len(text) != GROUPS * GROUP:
            raise RecoveryKeyError(
                f"A recovery key has {GROUPS} groups of {GROUP} characters; {len(text)} were typed."
            )
        data = ""
        for place in range(1, GROUPS + 1):
            group = text[(place - 1) * GROUP : place * GROUP]
            if not set(group) <= set(crockford.ALPHABET) or _check_character(place, group[:-1]) != group[-1]:
                raise RecoveryKeyError(f"Group {place} of the recovery key, “{group}”, is mistyped.")
            data += group[:-1]
        number = crockford.decode(data)
        secret = (number >> 12).to_bytes(SECRET_BYTES, "big")
        if number & 0xFFF != _checksum(secret):
            raise RecoveryKeyError("The recovery key is mistyped. Compare each group with the paper.")
        return cls(secret)

    def __repr__(self) -> str:
        return f"RecoveryKey({self.sealing!r})"

    def __reduce__(self) -> str:
        raise TypeError("A private key is not pickled.")


def _checksum(secret: bytes) -> int:
    return int.from_bytes(hash_(_CHECK_TAG, secret)[:2], "big") >> 4


def _check_character(place: int, group: str) -> str:
    return crockford.ALPHABET[hash_(_GROUP_TAG, bytes([place]), group.encode("ascii"))[0] & 31]
