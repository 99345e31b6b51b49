"""Who a machine is: kept over restarts, counted, never lost in silence, never shared by a copied disk."""

import os
import stat
from pathlib import Path

import pytest

from lms_desktop.node import identity
from lms_desktop.node.errors import IdentityUnreadable

HERE = (b"a" * 32, b"b" * 32)


def test_keys_stay_and_each_start_is_counted(tmp_path: Path) -> None:
    first = identity.start(tmp_path, HERE)
    second = identity.start(tmp_path, HERE)
    assert (first.boot, second.boot) == (1, 2)
    assert first.nonce != second.nonce
    assert first.signing.seed == second.signing.seed
    assert first.curve.public == second.curve.public
    assert first.incarnation == second.incarnation
    assert first.hardware == second.hardware
    assert len({first.signing.seed, first.curve.seed}) == 2


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_the_node_may_read_the_key(tmp_path: Path) -> None:
    identity.start(tmp_path, HERE)
    path = tmp_path / identity.FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    identity.start(tmp_path, HERE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_copied_disk_on_other_hardware_becomes_another_machine(tmp_path: Path) -> None:
    original = identity.start(tmp_path, HERE)
    clone = identity.start(tmp_path, (b"c" * 32,))
    assert clone.signing.seed != original.signing.seed
    assert clone.curve.seed != original.curve.seed
    assert clone.incarnation != original.incarnation
    assert clone.boot == 1
    assert list(tmp_path.glob("machine.key.other-hardware-*"))
    assert identity.start(tmp_path, (b"c" * 32,)).signing.seed == clone.signing.seed


def test_a_changed_network_card_does_not_make_another_machine(tmp_path: Path) -> None:
    original = identity.start(tmp_path, HERE)
    assert identity.start(tmp_path, (b"b" * 32, b"d" * 32)).signing.seed == original.signing.seed
    assert identity.start(tmp_path, ()).signing.seed == original.signing.seed


def test_a_new_incarnation_keeps_the_keys_and_is_durable(tmp_path: Path) -> None:
    first = identity.start(tmp_path, HERE)
    renewed = identity.renew_incarnation(tmp_path, first)
    assert renewed.incarnation != first.incarnation
    assert (renewed.signing, renewed.boot, renewed.nonce) == (first.signing, first.boot, first.nonce)
    assert identity.start(tmp_path, HERE).incarnation == renewed.incarnation


@pytest.mark.parametrize("damage", [b"", b"{", b"{}", b"[]", b'{"version": 2}', b"\xff" * 100])
def test_a_damaged_key_is_refused_and_left_alone(tmp_path: Path, damage: bytes) -> None:
    identity.start(tmp_path, HERE)
    path = tmp_path / identity.FILE
    path.write_bytes(damage)
    with pytest.raises(IdentityUnreadable) as failure:
        identity.start(tmp_path, HERE)
    assert str(path) in str(failure.value)
    assert path.read_bytes() == damage


def test_traits_of_this_computer_are_hashes() -> None:
    traits = identity.hardware_traits()
    assert traits == identity.hardware_traits()
    assert all(len(trait) == 32 for trait in traits)
