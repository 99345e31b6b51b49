"""The log and hard state in SQLite: together or not at all, found again, and never silently damaged."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lms_desktop.node.errors import DiskFull, NewerDatabase
from lms_desktop.node.raft.types import Entry, HardState, Pair
from lms_desktop.node.storage import FILE, Storage

LIFE = b"i" * 16
STATE = HardState(term=3, vote=2, commit=1, own=Pair(3, 2), pairs=((2, 3, 2), (5, 3, 1)))


@pytest.fixture(autouse=True)
def _close_databases(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tests leave as a kill does, but Python 3.13 warns of databases that nobody closed."""
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def noted(*arguments: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", noted)
    yield
    for db in opened:
        db.close()


def entry(index: int, term: int = 1, size: int = 10) -> Entry:
    return Entry(index, term, 1, 1000 + index, bytes([index % 256]) * size, index.to_bytes(32, "big"))


def reopened(storage: Storage) -> Storage:
    """As after a kill: without closing, so that only what was committed is there."""
    storage.db.close()
    return Storage.open(storage.path.parent)


def test_term_vote_and_log_are_found_again(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    assert storage.incarnation is None
    assert storage.hard_state() == HardState()
    storage.adopt(LIFE)
    storage.write(STATE, None, [entry(1), entry(2)])
    storage.commit()
    again = reopened(storage)
    assert again.incarnation == LIFE
    assert again.hard_state() == STATE
    assert again.last_index == 2
    assert again.entries(1, 3, 1 << 20) == [entry(1), entry(2)]
    assert again.head_at(2) == entry(2).head


def test_what_was_not_committed_is_gone_as_a_whole(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    storage.write(STATE, None, [entry(1)])
    storage.commit()
    storage.write(HardState(term=9, vote=1, commit=1), None, [entry(2)])
    storage.db.execute("CREATE TABLE rows (n INTEGER)")
    again = reopened(storage)
    assert again.hard_state() == STATE
    assert again.last_index == 1
    with pytest.raises(sqlite3.OperationalError):
        again.db.execute("SELECT * FROM rows")


def test_a_conflicting_suffix_is_replaced(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    storage.write(None, None, [entry(index) for index in range(1, 6)])
    storage.commit()
    storage.write(None, 3, [entry(3, term=2)])
    assert storage.last_index == 3
    assert storage.entries(1, 9, 1 << 20) == [entry(1), entry(2), entry(3, term=2)]
    storage.commit()
    assert reopened(storage).entries(1, 9, 1 << 20) == [entry(1), entry(2), entry(3, term=2)]


def test_entries_are_cut_by_size_but_never_to_nothing(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    storage.write(None, None, [entry(index, size=100) for index in range(1, 11)])
    assert len(storage.entries(1, 11, 250)) == 3
    assert len(storage.entries(1, 11, 1)) == 1
    storage.commit()
    assert len(reopened(storage).entries(1, 11, 250)) == 3


def test_configurations_are_found_among_commands(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    genesis = entry(1)._replace(type=3)
    change = entry(5)._replace(type=2)
    storage.write(None, None, [genesis, entry(2), entry(3), entry(4), change, entry(6)])
    assert storage.of_types(2, 3) == [genesis, change]
    assert storage.entry(7) is None
    assert storage.entry(5) == change


def test_another_life_starts_without_votes_or_acknowledgements(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    storage.adopt(LIFE)
    storage.write(STATE, None, [entry(1), entry(2)])
    storage.adopt(b"j" * 16)
    again = reopened(storage)
    assert again.incarnation == b"j" * 16
    assert again.hard_state() == HardState(term=3, commit=1)
    assert again.last_index == 2


def test_a_full_disk_takes_nothing_back_and_loses_nothing(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    storage.write(STATE, None, [entry(1)])
    storage.commit()
    (pages,) = storage.db.execute("PRAGMA page_count").fetchone()
    storage.db.execute("COMMIT")
    storage.db.execute(f"PRAGMA max_page_count={pages + 2}")
    storage.db.execute("BEGIN IMMEDIATE")
    with pytest.raises(DiskFull) as failure:
        storage.write(None, None, [entry(index, size=3000) for index in range(2, 1000)])
    assert str(tmp_path) in str(failure.value)
    assert storage.last_index == 1
    storage.db.execute("COMMIT")
    storage.db.execute("PRAGMA max_page_count=1000000")
    storage.db.execute("BEGIN IMMEDIATE")
    storage.write(None, None, [entry(2)])
    storage.commit()
    assert reopened(storage).entries(1, 3, 1 << 20) == [entry(1), entry(2)]


@pytest.mark.parametrize("damage", ["header", "page", "text"])
def test_a_damaged_database_is_set_aside_not_deleted(tmp_path: Path, damage: str) -> None:
    storage = Storage.open(tmp_path)
    storage.write(STATE, None, [entry(index, size=500) for index in range(1, 100)])
    storage.commit()
    storage.close()
    path = tmp_path / FILE
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[:16] = bytes(16)
    elif damage == "page":
        content[4096 * 3 : 4096 * 3 + 2000] = b"\xff" * 2000
    else:
        content = bytearray(b"this is no database" * 500)
    path.write_bytes(content)
    again = Storage.open(tmp_path)
    assert again.set_aside is not None
    assert again.set_aside.read_bytes() == bytes(content)
    assert again.hard_state() == HardState()
    assert again.incarnation is None
    again.close()


def test_a_newer_database_is_refused_untouched(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    storage.db.execute("UPDATE raft_meta SET format = 99")
    storage.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(NewerDatabase, match="99"):
        Storage.open(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before
