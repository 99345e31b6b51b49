"""The tables that are a view of the ledger: made, dropped, compared. The log itself is not among them."""

import sqlite3
from typing import Final

from lms_desktop.node.lanes import SCHEMA as LANES_SCHEMA
from lms_desktop.school import tables
from lms_desktop.trust import wire
from lms_desktop.trust.chain import ZERO
from lms_desktop.trust.primitives import hash_, tag

_SCHEMA: Final = (
    """CREATE TABLE ledger_state (
        id INTEGER PRIMARY KEY CHECK (id = 1), applied INTEGER NOT NULL, head BLOB NOT NULL,
        digest BLOB NOT NULL, stamp INTEGER NOT NULL, genesis BLOB) STRICT""",
    """CREATE TABLE ledger_voters (idx INTEGER PRIMARY KEY, voters BLOB NOT NULL) STRICT""",
    *LANES_SCHEMA,
)
_OURS: Final = "(name GLOB 'ledger_*' OR name GLOB 'school_*')"
_TAG: Final = tag("tables")


def create(db: sqlite3.Connection) -> None:
    """Make the empty tables, as before the first entry."""
    for statement in _SCHEMA:
        db.execute(statement)
    db.execute("INSERT INTO ledger_state VALUES (1, 0, ?, ?, 0, NULL)", (ZERO, ZERO))
    tables.create(db)


def drop(db: sqlite3.Connection) -> None:
    """Remove them all, whichever version of this program made them."""
    for name in _names(db):
        db.execute(f"DROP TABLE {name}")


def are_current(db: sqlite3.Connection) -> bool:
    """Tell whether the tables are there and as this version makes them."""
    scratch = sqlite3.connect(":memory:")
    try:
        create(scratch)
        return _shape(scratch) == _shape(db)
    finally:
        scratch.close()


def content_hash(db: sqlite3.Connection) -> bytes:
    """Return one hash over every row, in an order that does not depend on how the rows came in."""
    parts = []
    for name in _names(db):
        columns = len(db.execute(f"SELECT * FROM {name} LIMIT 0").description)
        order = ", ".join(str(column + 1) for column in range(columns))
        digest = hash_(_TAG, name.encode("ascii"))
        for row in db.execute(f"SELECT * FROM {name} ORDER BY {order}"):
            digest = hash_(_TAG, digest, wire.pack(row))
        parts.append(digest)
    return hash_(_TAG, *parts)


def _names(db: sqlite3.Connection) -> list[str]:
    rows = db.execute(f"SELECT name FROM sqlite_master WHERE type = 'table' AND {_OURS} ORDER BY name")
    return [name for (name,) in rows]


def _shape(db: sqlite3.Connection) -> list[tuple[str, str | None]]:
    return db.execute(f"SELECT name, sql FROM sqlite_master WHERE {_OURS} ORDER BY name").fetchall()
