"""How a school begins: the genesis makes the administrator (1) and the first machine (2)."""

import sqlite3
from dataclasses import dataclass

from lms_desktop.school import tables
from lms_desktop.school.commands import MachineJoin, PersonAdd, Role
from lms_desktop.school.rules.base import RULES_VERSION, new_principal
from lms_desktop.school.rules.people import give_keys
from lms_desktop.school.schema import CommandError, Name, Record, SealingPublic, Zone
from lms_desktop.school.tables import PrincipalKind
from lms_desktop.trust.genesis import Genesis

_NO_PROOF = bytes(64)


@dataclass(frozen=True, slots=True)
class _School(Record):
    school_name: Name
    zone: Zone
    recovery_key: SealingPublic
    sealing_key: SealingPublic


def check_genesis(genesis: Genesis) -> None:
    """Holds the names and keys of a genesis to the limits of the commands that add people and machines.

    Raises `CommandError`. Asked by the app before it signs a genesis, and by a node before it takes one.
    """
    if genesis.rules_version > RULES_VERSION:
        raise CommandError("rules_version", "is newer than this LMS Desktop. Update it on this machine")
    person, machine = genesis.administrator, genesis.machine
    PersonAdd(person.name, person.login, Role.ADMINISTRATOR, person.signing_public).body()
    MachineJoin(
        machine.name,
        machine.signing_public,
        machine.curve_public,
        machine.host,
        machine.port,
        machine.files_port,
        machine.hardware,
        machine.incarnation,
        _NO_PROOF,
    ).body()
    _School(genesis.school, genesis.zone, genesis.recovery_public, person.sealing_public).body()


def found(db: sqlite3.Connection, genesis: Genesis, stamp: int) -> None:
    """Applies the genesis, entry 1, to an empty database inside the caller's transaction.

    The administrator's wrapped keys come with their first command. Raises `CommandError`.
    """
    check_genesis(genesis)
    tables.create(db)
    db.execute(
        "INSERT INTO school_school VALUES (1, ?, ?, ?, ?, ?, ?)",
        (
            genesis.cluster_id,
            genesis.school,
            genesis.zone,
            genesis.recovery_public,
            genesis.rules_version,
            stamp,
        ),
    )
    administrator, machine = genesis.administrator, genesis.machine
    person = new_principal(db, PrincipalKind.PERSON, None)
    db.execute(
        "INSERT INTO school_people VALUES (?, ?, ?, ?, 0, NULL, NULL, ?)",
        (person, administrator.name, administrator.login, Role.ADMINISTRATOR, stamp),
    )
    give_keys(db, person, administrator.signing_public, administrator.sealing_public, stamp)
    number = new_principal(db, PrincipalKind.MACHINE, machine.signing_public)
    db.execute(
        "INSERT INTO school_machines VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, 0, NULL, ?)",
        (
            number,
            machine.name,
            machine.curve_public,
            machine.host,
            machine.port,
            machine.files_port,
            machine.hardware,
            machine.incarnation,
            stamp,
        ),
    )
