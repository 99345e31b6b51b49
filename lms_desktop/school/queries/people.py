"""People, invitations, machines and tokens."""

from __future__ import annotations

from dataclasses import dataclass

from lms_desktop.school.queries.rows import Database, Row, rows


@dataclass(frozen=True, slots=True)
class SchoolRow(Row):
    """The school itself."""

    cluster_id: bytes
    name: str
    zone: str
    recovery: bytes
    rules_version: int
    stamp: int


@dataclass(frozen=True, slots=True)
class PersonRow(Row):
    """A person. ``key`` counts their keys (0: none yet); ``invitation`` is the open one, if any."""

    person: int
    name: str
    username: str
    role: int
    active: bool
    key: int
    invitation: int | None
    stamp: int


@dataclass(frozen=True, slots=True)
class KeysRow(Row):
    """What a person signs in with, and what others seal to."""

    person: int
    name: str
    username: str
    role: int
    active: bool
    key: int
    signing: bytes | None
    sealing: bytes | None
    wrapped: bytes | None


@dataclass(frozen=True, slots=True)
class InvitationRow(Row):
    """An invitation. ``state``: 0 open, 1 used, 2 replaced (`tables.InvitationState`)."""

    invitation: int
    person: int
    name: str
    username: str
    role: int
    public: bytes
    state: int
    author: int
    stamp: int
    ended: int | None


@dataclass(frozen=True, slots=True)
class MachineRow(Row):
    """A machine; ``active`` is false once it is retired."""

    machine: int
    name: str
    signing: bytes
    curve: bytes
    host: str
    port: int
    files_port: int
    hardware: bytes
    incarnation: bytes
    keeper: bool
    gpu_host: bool
    active: bool
    token: int | None
    stamp: int


@dataclass(frozen=True, slots=True)
class TokenRow(Row):
    """A provisioning token; ``active`` is false once it is revoked."""

    token: int
    label: str
    signing: bytes
    curve: bytes
    uses: int
    used: int
    expires: int
    active: bool
    author: int
    stamp: int


@dataclass(frozen=True, slots=True)
class SigningKeyRow(Row):
    """An Ed25519 public key."""

    public: bytes


def school(db: Database) -> list[SchoolRow]:
    """The school: one row."""
    return rows(
        SchoolRow,
        db.execute("SELECT cluster_id, name, zone, recovery, rules_version, stamp FROM school_school"),
    )


_PEOPLE = """
SELECT p.person, p.name, p.username, p.role, q.active, p.key,
    (SELECT max(i.invitation) FROM school_invitations i WHERE i.person = p.person AND i.state = 0), p.stamp
FROM school_people p JOIN school_principals q ON q.number = p.person
"""


def people(db: Database) -> list[PersonRow]:
    """Everyone, by name."""
    return rows(PersonRow, db.execute(_PEOPLE + "ORDER BY p.name, p.person"))


def person(db: Database, number: int) -> list[PersonRow]:
    """One person, or nothing."""
    return rows(PersonRow, db.execute(_PEOPLE + "WHERE p.person = ?", (number,)))


_KEYS = """
SELECT p.person, p.name, p.username, p.role, q.active, p.key, q.public, p.sealing, p.wrapped
FROM school_people p JOIN school_principals q ON q.number = p.person
"""


def sign_in(db: Database, username: str) -> list[KeysRow]:
    """The keys behind a login, or nothing."""
    return rows(KeysRow, db.execute(_KEYS + "WHERE p.username = ?", (username,)))


def keys(db: Database, number: int) -> list[KeysRow]:
    """One person's keys, or nothing."""
    return rows(KeysRow, db.execute(_KEYS + "WHERE p.person = ?", (number,)))


_INVITATIONS = """
SELECT i.invitation, i.person, p.name, p.username, p.role, q.public, i.state, i.author, i.stamp, i.ended
FROM school_invitations i JOIN school_people p ON p.person = i.person
JOIN school_principals q ON q.number = i.invitation
"""


def invitations(db: Database) -> list[InvitationRow]:
    """Every invitation, the newest first."""
    return rows(InvitationRow, db.execute(_INVITATIONS + "ORDER BY i.invitation DESC"))


def invitation(db: Database, public: bytes) -> list[InvitationRow]:
    """The invitation of a public key (that the six words derive), or nothing."""
    return rows(InvitationRow, db.execute(_INVITATIONS + "WHERE q.public = ? AND q.kind = 3", (public,)))


def machines(db: Database) -> list[MachineRow]:
    """Every machine, retired ones included: a receipt of one of them stays true."""
    return rows(
        MachineRow,
        db.execute(
            "SELECT m.machine, m.name, q.public, m.curve, m.host, m.port, m.files_port, m.hardware, "
            "m.incarnation, m.keeper, m.gpu_host, q.active, m.token, m.stamp "
            "FROM school_machines m JOIN school_principals q ON q.number = m.machine ORDER BY m.machine"
        ),
    )


def tokens(db: Database) -> list[TokenRow]:
    """Every provisioning token, the newest first."""
    return rows(
        TokenRow,
        db.execute(
            "SELECT t.token, t.label, q.public, t.curve, t.uses, t.used, t.expires, q.active, "
            "t.author, t.stamp FROM school_tokens t JOIN school_principals q ON q.number = t.token "
            "ORDER BY t.token DESC"
        ),
    )


def signing_keys(db: Database, principal: int) -> list[SigningKeyRow]:
    """Every key that a principal ever signed with, by which old receipts are checked."""
    return rows(
        SigningKeyRow,
        db.execute(
            "SELECT public FROM school_principals WHERE number = :principal AND public IS NOT NULL "
            "UNION SELECT signing FROM school_person_keys WHERE person = :principal",
            {"principal": principal},
        ),
    )
