"""A course's key generations: the sealing key pair that its staff share, renewed when somebody leaves.

    place       = cluster_id + strict encoding of [course, number, public]        number counts from 1
    slot        = sealed box of  seed (32) + BLAKE2b("LMS/v1/course-slot\\0" + place)        112 bytes
                  one for each member of the staff, one for the school's recovery key
    predecessor = XChaCha20-Poly1305(BLAKE2b("LMS/v1/predecessor-key\\0" + seed), the previous seed,
                      associated = "LMS/v1/predecessor\\0" + place)        72 bytes; none in generation 1

Who opens one generation opens all before it, and none after: a leaving instructor keeps what was already
shown, a newcomer reads the past, and with the recovery kit an administrator can appoint a substitute.
"""

from dataclasses import dataclass

from lms_desktop.trust import wire
from lms_desktop.trust.errors import CannotOpen
from lms_desktop.trust.primitives import (
    SEED_BYTES,
    SealingKey,
    decrypt,
    encrypt,
    hash_,
    seal_box,
    tag,
)

_SLOT_TAG = tag("course-slot")
_PREDECESSOR_TAG = tag("predecessor")
_PREDECESSOR_KEY_TAG = tag("predecessor-key")


@dataclass(frozen=True, slots=True)
class Generation:
    """Which generation of which course in which school, by its published X25519 key."""

    cluster_id: bytes
    course: int
    number: int
    public: bytes

    @classmethod
    def create(cls, cluster_id: bytes, course: int, number: int) -> tuple["Generation", SealingKey]:
        """Make the key pair of a course's generation `number`."""
        key = SealingKey.generate()
        return cls(cluster_id, course, number, key.public), key

    def slot(self, key: SealingKey, recipient_public: bytes) -> bytes:
        """Seal the generation's key pair for one of the staff, or for the recovery key; raises BadKey."""
        assert key.public == self.public
        return seal_box(recipient_public, key.seed + hash_(_SLOT_TAG, self._place()))

    def open_slot(self, slot: bytes, opener: SealingKey) -> SealingKey:
        """Return the generation's key pair by a slot and the key it was made for; raises CannotOpen."""
        plain = opener.open_box(slot)
        seed, place = plain[:SEED_BYTES], plain[SEED_BYTES:]
        if place != hash_(_SLOT_TAG, self._place()):
            raise CannotOpen("This course key slot was made for another course or generation.")
        return _expect(seed, self.public)

    def carry(self, key: SealingKey, previous: SealingKey) -> bytes:
        """Seal the previous generation's key pair for who holds this one."""
        assert key.public == self.public
        associated = _PREDECESSOR_TAG + self._place()
        return encrypt(hash_(_PREDECESSOR_KEY_TAG, key.seed), previous.seed, associated)

    def open_predecessor(self, box: bytes, key: SealingKey, previous_public: bytes) -> SealingKey:
        """Return the previous generation's key pair, given this one's; raises CannotOpen."""
        seed = decrypt(hash_(_PREDECESSOR_KEY_TAG, key.seed), box, _PREDECESSOR_TAG + self._place())
        return _expect(seed, previous_public)

    def _place(self) -> bytes:
        return self.cluster_id + wire.pack((self.course, self.number, self.public))


def _expect(seed: bytes, public: bytes) -> SealingKey:
    if len(seed) == SEED_BYTES:
        key = SealingKey(seed)
        if key.public == public:
            return key
    raise CannotOpen("This course key is not the one that was published.")
