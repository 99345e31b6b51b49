"""The genesis: the first entry's payload, which says what school this is. Its hash names the school.

    genesis       = [1, rules version, 32 random bytes, school name, time zone, administrator, machine,
                     recovery public, signature]
    administrator = [login, name, signing public, sealing public]               becomes principal 1
    machine       = [signing public, CURVE public (32 raw bytes), name, host, port, files port,
                     incarnation (16), hardware (32)]                           becomes principal 2
    signature     = Ed25519 by the administrator over "LMS/v1/genesis-signature\\0" + the first eight, encoded
    cluster_id    = BLAKE2b("LMS/v1/genesis\\0" + genesis)

Texts have 1 to 200 characters. Every other key of the school is vouched for, in the end, by these.
"""

from dataclasses import dataclass
from typing import Final

from lms_desktop.trust import wire
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.primitives import KEY_BYTES, SigningKey, hash_, random_bytes, tag, verify
from lms_desktop.trust.wire import WireError

VERSION: Final = 1
MAX_GENESIS: Final = 4096
MAX_TEXT: Final = 200  # characters of any one text in it
INCARNATION_BYTES: Final = 16
ADMINISTRATOR: Final = 1  # the numbers of the principals that the genesis makes
FIRST_MACHINE: Final = 2

_GENESIS_TAG = tag("genesis")
_SIGNATURE_TAG = tag("genesis-signature")


class GenesisError(TrustError):
    """Bytes that are not the genesis of a school, or one that its administrator did not sign."""


@dataclass(frozen=True, slots=True)
class FirstAdministrator:
    """The person who creates the school."""

    login: str
    name: str
    signing_public: bytes
    sealing_public: bytes


@dataclass(frozen=True, slots=True)
class FirstMachine:
    """The machine on which the school is created: its sole voter and first keeper at the start."""

    signing_public: bytes
    curve_public: bytes
    name: str
    host: str
    port: int
    files_port: int
    incarnation: bytes
    hardware: bytes


@dataclass(frozen=True, slots=True)
class Genesis:
    """A school's founding record; `raw` are its exact bytes, `cluster_id` their hash."""

    rules_version: int
    salt: bytes
    school: str
    zone: str
    administrator: FirstAdministrator
    machine: FirstMachine
    recovery_public: bytes
    signature: bytes
    raw: bytes

    @property
    def cluster_id(self) -> bytes:
        """The school's identity, which every signature in it covers."""
        return cluster_id(self.raw)

    @classmethod
    def create(
        cls,
        key: SigningKey,
        *,
        rules_version: int,
        school: str,
        zone: str,
        administrator: FirstAdministrator,
        machine: FirstMachine,
        recovery_public: bytes,
    ) -> "Genesis":
        """Found a school; `key` is the administrator's. Raises GenesisError for what `parse` refuses."""
        person, first = administrator, machine
        fields = (
            VERSION,
            rules_version,
            random_bytes(32),
            school,
            zone,
            (person.login, person.name, person.signing_public, person.sealing_public),
            (
                first.signing_public,
                first.curve_public,
                first.name,
                first.host,
                first.port,
                first.files_port,
                first.incarnation,
                first.hardware,
            ),
            recovery_public,
        )
        signature = key.sign(_SIGNATURE_TAG + wire.pack(fields))
        return cls.parse(wire.pack((*fields, signature)))

    @classmethod
    def parse(cls, raw: bytes) -> "Genesis":
        """Read a genesis and check its signature; raises GenesisError."""
        try:
            fields = wire.unpack_array(raw, limit=MAX_GENESIS)
        except WireError as error:
            raise GenesisError(f"This is not a school's genesis. {error}") from error
        match fields:
            case (
                int(version),
                int(rules_version),
                bytes(salt),
                str(school),
                str(zone),
                (str(login), str(name), bytes(signing), bytes(sealing)),
                (
                    bytes(machine_signing),
                    bytes(curve),
                    str(machine_name),
                    str(host),
                    int(port),
                    int(files_port),
                    bytes(incarnation),
                    bytes(hardware),
                ),
                bytes(recovery),
                bytes(signature),
            ):
                pass
            case _:
                raise GenesisError("This is not a school's genesis.")
        if version != VERSION:
            raise GenesisError("This school was made by a newer LMS Desktop. Update it on this machine.")
        keys = (salt, signing, sealing, machine_signing, curve, recovery, hardware)
        texts = (school, zone, login, name, machine_name, host)
        if any(len(key) != KEY_BYTES for key in keys) or len(incarnation) != INCARNATION_BYTES:
            raise GenesisError("This school's genesis holds a key of a wrong size.")
        if any(not text or len(text) > MAX_TEXT for text in texts):
            raise GenesisError(f"A school's names have 1 to {MAX_TEXT} characters each.")
        if rules_version < 1 or not (0 < port < 65536 and 0 < files_port < 65536):
            raise GenesisError("This school's genesis holds a number out of range.")
        if not verify(signing, _SIGNATURE_TAG + wire.pack(fields[:-1]), signature):
            raise GenesisError("This school's genesis is not signed by its administrator.")
        administrator = FirstAdministrator(login, name, signing, sealing)
        machine = FirstMachine(
            machine_signing, curve, machine_name, host, port, files_port, incarnation, hardware
        )
        return cls(rules_version, salt, school, zone, administrator, machine, recovery, signature, raw)


def cluster_id(genesis_raw: bytes) -> bytes:
    """Return H(genesis)."""
    return hash_(_GENESIS_TAG, genesis_raw)
