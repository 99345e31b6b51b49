"""The genesis names a school by its hash and is its administrator's."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_desktop.trust import wire
from lms_desktop.trust.genesis import FirstAdministrator, FirstMachine, Genesis, GenesisError, cluster_id
from lms_desktop.trust.primitives import SealingKey, SigningKey

ADMIN = SigningKey(bytes([1]) * 32)
ADMINISTRATOR = FirstAdministrator("admin", "Ada Admin", ADMIN.public, SealingKey(bytes([2]) * 32).public)
MACHINE = FirstMachine(
    SigningKey(bytes([3]) * 32).public,
    SealingKey(bytes([4]) * 32).public,
    "lab-01",
    "127.0.0.1",
    47400,
    47401,
    bytes(16),
    bytes(32),
)


def found(
    key: SigningKey = ADMIN,
    school: str = "Hill School",
    administrator: FirstAdministrator = ADMINISTRATOR,
    machine: FirstMachine = MACHINE,
    recovery: bytes = bytes([5]) * 32,
) -> Genesis:
    return Genesis.create(
        key,
        rules_version=1,
        school=school,
        zone="Europe/Oslo",
        administrator=administrator,
        machine=machine,
        recovery_public=recovery,
    )


def test_a_genesis_comes_back_and_its_hash_is_the_school() -> None:
    genesis = found()
    again = Genesis.parse(genesis.raw)
    assert again == genesis
    assert again.cluster_id == cluster_id(genesis.raw)
    assert (again.school, again.zone, again.administrator, again.machine) == (
        "Hill School",
        "Europe/Oslo",
        ADMINISTRATOR,
        MACHINE,
    )
    assert found().cluster_id != genesis.cluster_id, "two schools of the same name differ"


def test_only_its_administrator_signs_it() -> None:
    with pytest.raises(GenesisError, match="not signed"):
        found(key=SigningKey.generate())
    fields = wire.unpack_array(found().raw)
    renamed = wire.pack((*fields[:3], "Other School", *fields[4:]))
    with pytest.raises(GenesisError, match="not signed"):
        Genesis.parse(renamed)


@pytest.mark.parametrize(
    ("machine", "match"),
    [
        (replace(MACHINE, port=0), "out of range"),
        (replace(MACHINE, files_port=70000), "out of range"),
        (replace(MACHINE, incarnation=b"short"), "wrong size"),
        (replace(MACHINE, curve_public=b"short"), "wrong size"),
        (replace(MACHINE, name=""), "1 to 200"),
        (replace(MACHINE, host="h" * 201), "1 to 200"),
    ],
)
def test_fields_out_of_bounds_are_refused(machine: FirstMachine, match: str) -> None:
    with pytest.raises(GenesisError, match=match):
        found(machine=machine)


def test_another_version_or_shape_is_refused() -> None:
    fields = wire.unpack_array(found().raw)
    with pytest.raises(GenesisError, match="newer"):
        Genesis.parse(wire.pack((2, *fields[1:])))
    with pytest.raises(GenesisError):
        Genesis.parse(wire.pack(fields[:-1]))
    with pytest.raises(GenesisError):
        Genesis.parse(b"\xc1")


@given(st.data())
def test_no_altered_bit_passes(data: st.DataObject) -> None:
    raw = bytearray(found().raw)
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(GenesisError):
        Genesis.parse(bytes(raw))
