"""What every rule works with: the place in the ledger, the answer, and who may do what."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from lms_desktop.school.changes import Changes
from lms_desktop.school.commands import Command, Role
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.references import reference
from lms_desktop.school.schema import Value
from lms_desktop.school.tables import PrincipalKind

RULES_VERSION = 1
"""The newest version of the rules that this program knows; it covers the set of kinds."""

Effects = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who may sign. ``public`` is none for a person who has not signed in yet."""

    number: int
    kind: PrincipalKind
    public: bytes | None
    active: bool


@dataclass(frozen=True, slots=True)
class Context:
    """A command's place in the ledger, and what the ledger found out about it.

    ``stamp`` is the entry's. ``tickets`` are (machine, time) of each machine that gave a valid one, by
    machine; ``voters`` counts the voters of the configuration at ``index``; ``signer`` is the author, where
    the caller has looked it up already.
    """

    index: int
    stamp: int
    author: int
    lane: bytes
    seq: int
    cluster_id: bytes
    tickets: tuple[tuple[int, int], ...] = ()
    voters: int = 1
    signer: Principal | None = None

    @property
    def reference(self) -> int:
        """The reference of what this command makes."""
        return reference(self.author, self.lane, self.seq)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a command. ``effects`` is the kind's positional array, empty for a refusal."""

    code: int
    effects: Effects
    changes: Changes


@dataclass(frozen=True, slots=True)
class Done:
    """An accepted command: its effects, what changed, and what the audit says of it."""

    effects: Effects
    changes: Changes
    course: int | None = None
    person: int | None = None
    count: int | None = None
    subject: str = ""
    audited: bool = True


class Refused(Exception):
    """A rule's refusal; raised before its first write, and never outside `rules.apply`."""

    def __init__(self, code: Outcome) -> None:
        super().__init__(code.sentence)
        self.code = code


Run = Callable[[sqlite3.Connection, Any, Context], Done]


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of command is judged and applied; ``signers`` may sign it."""

    command: type[Command]
    signers: frozenset[PrincipalKind]
    run: Run


C = TypeVar("C", bound=Command)


class Rules:
    """A set of rules, filled by decorating functions."""

    def __init__(self) -> None:
        self.by_kind: dict[int, Rule] = {}

    def rule(
        self, command: type[C], *signers: PrincipalKind
    ) -> Callable[[Callable[[sqlite3.Connection, C, Context], Done]], Run]:
        """Registers a function as the rule of a command; persons sign unless others are named."""

        def register(run: Callable[[sqlite3.Connection, C, Context], Done]) -> Run:
            self.by_kind[command.KIND] = Rule(
                command, frozenset(signers) or frozenset({PrincipalKind.PERSON}), run
            )
            return run

        return register


def refuse_unless(condition: object, code: Outcome) -> None:
    """Raises `Refused` with the code unless the condition holds."""
    if not condition:
        raise Refused(code)


def principal(db: sqlite3.Connection, number: int) -> Principal | None:
    """The principal of a number, by which the ledger checks signatures; none if there is none."""
    row = db.execute(
        "SELECT kind, public, active FROM school_principals WHERE number = ?", (number,)
    ).fetchone()
    return None if row is None else Principal(number, PrincipalKind(row[0]), row[1], bool(row[2]))


def new_principal(db: sqlite3.Connection, kind: PrincipalKind, public: bytes | None) -> int:
    """Counts a principal in. Numbers begin at 1 and are never reused."""
    cursor = db.execute(
        "INSERT INTO school_principals (number, kind, public, active) "
        "VALUES ((SELECT coalesce(max(number), 0) + 1 FROM school_principals), ?, ?, 1)",
        (kind, public),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def refuse_taken_key(db: sqlite3.Connection, public: bytes) -> None:
    """A signing key stands for one principal, for ever."""
    taken = db.execute(
        "SELECT 1 FROM school_principals WHERE public = :key "
        "UNION ALL SELECT 1 FROM school_person_keys WHERE signing = :key",
        {"key": public},
    ).fetchone()
    refuse_unless(taken is None, Outcome.KEY_TAKEN)


def role_of(db: sqlite3.Connection, person: int) -> Role:
    """A person's role. Refuses for an unknown person."""
    row = db.execute("SELECT role FROM school_people WHERE person = ?", (person,)).fetchone()
    refuse_unless(row is not None, Outcome.UNKNOWN_PERSON)
    return Role(row[0])


def require_administrator(db: sqlite3.Connection, ctx: Context) -> None:
    """Refuses unless the author is an administrator."""
    refuse_unless(role_of(db, ctx.author) is Role.ADMINISTRATOR, Outcome.NOT_ADMINISTRATOR)


def is_staff(db: sqlite3.Connection, course: int, person: int) -> bool:
    """Whether a person holds the course's current key generation."""
    return (
        db.execute(
            "SELECT 1 FROM school_staff_slots s JOIN school_courses c "
            "ON c.course = s.course AND c.generation = s.generation WHERE s.course = ? AND s.person = ?",
            (course, person),
        ).fetchone()
        is not None
    )


def require_staff(db: sqlite3.Connection, course: int, ctx: Context) -> None:
    """Refuses unless the author is staff of the course."""
    refuse_unless(is_staff(db, course, ctx.author), Outcome.NOT_STAFF)


def require_staff_or_administrator(db: sqlite3.Connection, course: int, ctx: Context) -> None:
    """Refuses unless the author is staff of the course or an administrator."""
    allowed = is_staff(db, course, ctx.author) or role_of(db, ctx.author) is Role.ADMINISTRATOR
    refuse_unless(allowed, Outcome.NOT_STAFF)


def is_enrolled(db: sqlite3.Connection, course: int, student: int) -> bool:
    """Whether a student attends the course now."""
    return (
        db.execute(
            "SELECT 1 FROM school_enrolments WHERE course = ? AND student = ? AND active", (course, student)
        ).fetchone()
        is not None
    )


def open_course(db: sqlite3.Connection, course: int) -> None:
    """Refuses unless the course exists and is not archived."""
    row = db.execute("SELECT archived FROM school_courses WHERE course = ?", (course,)).fetchone()
    refuse_unless(row is not None, Outcome.UNKNOWN_COURSE)
    refuse_unless(not row[0], Outcome.COURSE_ARCHIVED)


def require_new(db: sqlite3.Connection, table: str, key: str, ctx: Context) -> int:
    """The reference of what the command makes. Refuses if another thing of the table bears it."""
    made = ctx.reference
    taken = db.execute(f"SELECT 1 FROM {table} WHERE {key} = ?", (made,)).fetchone()
    refuse_unless(taken is None, Outcome.ALREADY_EXISTS)
    return made


def is_stale_revision(
    db: sqlite3.Connection, table: str, key: str, thing: int, replaces: int, current: int
) -> bool:
    """Whether a revision was made from one that is no longer current. Refuses if there never was one."""
    if replaces == current:
        return False
    row = db.execute(f"SELECT 1 FROM {table} WHERE revision = ? AND {key} = ?", (replaces, thing)).fetchone()
    refuse_unless(row is not None, Outcome.UNKNOWN_REVISION)
    return True
