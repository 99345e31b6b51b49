"""What lets somebody in once: a person's invitation on paper, a machine's token in its provisioning file.

    invitation's key = Ed25519 from the seed BLAKE2b("LMS/v1/invitation\\0" + cluster_id + "word word ...")
    token's keys     = Ed25519 from the seed BLAKE2b("LMS/v1/join-signing\\0" + token),
                       CURVE from the seed BLAKE2b("LMS/v1/join-curve\\0" + token)

An invitation can do one thing, publish the keys that the person's own app has made; then it is dead. Six
words are 77 bits. Publishing needs both signatures: the invitation's on the envelope, the new key's as
proof that its maker holds it.
"""

from typing import Final

from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.primitives import CurveKeys, SigningKey, hash_, random_bytes, tag
from lms_desktop.trust.words import new_words, read_words

INVITATION_WORDS: Final = 6
TOKEN_BYTES: Final = 32

_INVITATION_TAG = tag("invitation")
_JOIN_SIGNING_TAG = tag("join-signing")
_JOIN_CURVE_TAG = tag("join-curve")


class InvitationError(TrustError):
    """Words that cannot be an invitation."""


def new_invitation() -> str:
    """Return six words for a printed slip."""
    return new_words(INVITATION_WORDS)


def invitation_key(cluster_id: bytes, words: str) -> SigningKey:
    """Return the key that the words stand for in this school; case, blanks and hyphens do not matter.

    Raises UnknownWord, and InvitationError for more or fewer than six words.
    """
    typed = read_words(words)
    if len(typed) != INVITATION_WORDS:
        raise InvitationError(f"An invitation has {INVITATION_WORDS} words; {len(typed)} were typed.")
    return SigningKey(hash_(_INVITATION_TAG, cluster_id, " ".join(typed).encode("ascii")))


def new_token() -> bytes:
    """Return a new join token for a provisioning file."""
    return random_bytes(TOKEN_BYTES)


def token_keys(token: bytes) -> tuple[SigningKey, CurveKeys]:
    """Return the two key pairs with which the token's holder may join, and do nothing else."""
    if len(token) != TOKEN_BYTES:
        raise InvitationError(f"A join token has {TOKEN_BYTES} bytes, not {len(token)}. Ask for a new file.")
    return SigningKey(hash_(_JOIN_SIGNING_TAG, token)), CurveKeys(hash_(_JOIN_CURVE_TAG, token))
