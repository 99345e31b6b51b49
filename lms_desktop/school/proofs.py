"""What a new key signs to show that its holder chose to use it here."""

from lms_desktop.trust.primitives import hash_

_ACCEPTANCE = b"LMS/v1/accept\0"
_JOIN = b"LMS/v1/join\0"


def acceptance(cluster_id: bytes, person: int, signing: bytes, sealing: bytes, wrapped: bytes) -> bytes:
    """The message that a person's new signing key signs in `InvitationAccept`."""
    return hash_(_ACCEPTANCE, cluster_id, person.to_bytes(8, "big"), signing, sealing, wrapped)


def join(
    cluster_id: bytes, token: int, signing: bytes, curve: bytes, hardware: bytes, incarnation: bytes
) -> bytes:
    """The message that a machine's key signs in `MachineJoin`; every part has a fixed length."""
    return hash_(_JOIN, cluster_id, token.to_bytes(8, "big"), signing, curve, hardware, incarnation)
