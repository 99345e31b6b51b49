"""What a machine knows of its school outside the ledger: kept whole, and never guessed."""

from pathlib import Path

import pytest

from lms_desktop.node.errors import SchoolFileUnreadable
from lms_desktop.node.school_file import FILE, School, load, save
from lms_desktop.node.transport import Peer
from lms_desktop.trust.primitives import CurveKeys

SCHOOL = School(
    bytes(range(32)),
    1,
    4,
    {2: Peer(CurveKeys.generate().public, "10.0.0.2", 47400, 47401), 9: Peer(b"k" * 40, "pc-9.lab", 1, 2)},
)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    save(tmp_path, SCHOOL)
    assert load(tmp_path) == SCHOOL


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b'{"version": 9}', b"\xff\xfe"])
def test_a_damaged_one_is_named_and_left_alone(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / FILE).write_bytes(damage)
    with pytest.raises(SchoolFileUnreadable) as failure:
        load(tmp_path)
    assert FILE in str(failure.value)
    assert failure.value.next_step
    assert (tmp_path / FILE).read_bytes() == damage
