"""The machines of the school as the node's other parts need them, in the state that is applied now."""

import sqlite3
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MachineRecord:
    """An enrolled machine. Keys are 32 raw bytes; `active` is False once it was taken out of the school."""

    number: int
    signing_public: bytes
    curve_public: bytes
    name: str
    host: str
    port: int
    files_port: int
    incarnation: bytes
    hardware: bytes
    keeper: bool
    active: bool


_MACHINES = (
    "SELECT number, public, curve, name, host, port, files_port, incarnation, hardware, keeper, active"
    " FROM school_machines JOIN school_principals ON machine = number"
)


def machines(db: sqlite3.Connection) -> tuple[MachineRecord, ...]:
    """Return every machine that was ever enrolled, by number, retired ones included."""
    return tuple(_record(row) for row in db.execute(f"{_MACHINES} ORDER BY number"))


def machine(db: sqlite3.Connection, number: int) -> MachineRecord | None:
    """Return one machine, None for another kind of principal."""
    row = db.execute(f"{_MACHINES} WHERE machine = ?", (number,)).fetchone()
    return _record(row) if row else None


def token_curve_keys(db: sqlite3.Connection, stamp: int) -> tuple[tuple[int, bytes], ...]:
    """Return (principal, CURVE key) of each join token that may still be used at this stamp (ms UTC)."""
    rows = db.execute(
        "SELECT token, curve FROM school_tokens JOIN school_principals ON token = number"
        " WHERE active AND used < uses AND expires > ? ORDER BY token",
        (stamp,),
    )
    return tuple((token, curve) for token, curve in rows)


def _record(row: tuple[Any, ...]) -> MachineRecord:
    fields = (*row[:-2], bool(row[-2]), bool(row[-1]))
    return MachineRecord(*fields)
