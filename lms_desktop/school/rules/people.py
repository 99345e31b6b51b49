"""The rules for people: who is added, and how their keys come and change."""

import sqlite3

from lms_desktop.school import proofs
from lms_desktop.school.changes import Changes
from lms_desktop.school.commands import (
    InvitationAccept,
    PersonAdd,
    PersonInvite,
    PersonSetActive,
    Role,
    WrappedKeysSet,
)
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.rules.base import (
    Context,
    Done,
    Rules,
    new_principal,
    refuse_taken_key,
    refuse_unless,
    require_administrator,
    role_of,
)
from lms_desktop.school.tables import InvitationState, PrincipalKind
from lms_desktop.trust.primitives import verify

RULES = Rules()


def _require_active(db: sqlite3.Connection, person: int) -> None:
    (active,) = db.execute("SELECT active FROM school_principals WHERE number = ?", (person,)).fetchone()
    refuse_unless(active, Outcome.PERSON_INACTIVE)


def _invite(db: sqlite3.Connection, person: int, public: bytes, ctx: Context) -> int:
    invitation = new_principal(db, PrincipalKind.INVITATION, public)
    db.execute(
        "INSERT INTO school_invitations VALUES (?, ?, ?, ?, ?, NULL)",
        (invitation, person, InvitationState.OPEN, ctx.author, ctx.stamp),
    )
    return invitation


def _end_invitations(
    db: sqlite3.Connection, person: int, state: InvitationState, ctx: Context
) -> tuple[int, ...]:
    ended = db.execute(
        "SELECT invitation FROM school_invitations WHERE person = ? AND state = ? ORDER BY invitation",
        (person, InvitationState.OPEN),
    ).fetchall()
    for (invitation,) in ended:
        db.execute(
            "UPDATE school_invitations SET state = ?, ended = ? WHERE invitation = ?",
            (state, ctx.stamp, invitation),
        )
        db.execute("UPDATE school_principals SET active = 0 WHERE number = ?", (invitation,))
    return tuple(invitation for (invitation,) in ended)


@RULES.rule(WrappedKeysSet)
def _wrapped_keys_set(db: sqlite3.Connection, command: WrappedKeysSet, ctx: Context) -> Done:
    """Effects: [person]."""
    db.execute("UPDATE school_people SET wrapped = ? WHERE person = ?", (command.wrapped, ctx.author))
    return Done((ctx.author,), Changes.PEOPLE)


@RULES.rule(PersonAdd)
def _person_add(db: sqlite3.Connection, command: PersonAdd, ctx: Context) -> Done:
    """Effects: [person, invitation]."""
    require_administrator(db, ctx)
    taken = db.execute("SELECT 1 FROM school_people WHERE username = ?", (command.username,)).fetchone()
    refuse_unless(taken is None, Outcome.USERNAME_TAKEN)
    refuse_taken_key(db, command.invitation)
    person = new_principal(db, PrincipalKind.PERSON, None)
    db.execute(
        "INSERT INTO school_people VALUES (?, ?, ?, ?, 0, NULL, NULL, ?)",
        (person, command.name, command.username, command.role, ctx.stamp),
    )
    invitation = _invite(db, person, command.invitation, ctx)
    return Done((person, invitation), Changes.PEOPLE, person=person, subject=command.username)


@RULES.rule(PersonInvite)
def _person_invite(db: sqlite3.Connection, command: PersonInvite, ctx: Context) -> Done:
    """Effects: [invitation, [invitations replaced]]."""
    role = role_of(db, command.person)
    if role_of(db, ctx.author) is not Role.ADMINISTRATOR:
        teaches = db.execute(
            "SELECT 1 FROM school_enrolments e JOIN school_courses c ON c.course = e.course "
            "JOIN school_staff_slots s ON s.course = c.course AND s.generation = c.generation "
            "WHERE e.student = ? AND e.active AND s.person = ?",
            (command.person, ctx.author),
        ).fetchone()
        refuse_unless(role is Role.STUDENT and teaches is not None, Outcome.NOT_ADMINISTRATOR)
    _require_active(db, command.person)
    refuse_taken_key(db, command.invitation)
    replaced = _end_invitations(db, command.person, InvitationState.REPLACED, ctx)
    invitation = _invite(db, command.person, command.invitation, ctx)
    return Done((invitation, replaced), Changes.PEOPLE, person=command.person)


@RULES.rule(InvitationAccept, PrincipalKind.INVITATION)
def _invitation_accept(db: sqlite3.Connection, command: InvitationAccept, ctx: Context) -> Done:
    """Effects: [person, the count of their keys]."""
    (person,) = db.execute(
        "SELECT person FROM school_invitations WHERE invitation = ?", (ctx.author,)
    ).fetchone()
    refuse_unless(person == command.person, Outcome.INVITATION_NOT_FOR_PERSON)
    _require_active(db, person)
    refuse_taken_key(db, command.signing)
    message = proofs.acceptance(ctx.cluster_id, person, command.signing, command.sealing, command.wrapped)
    refuse_unless(verify(command.signing, message, command.proof), Outcome.BAD_KEY_PROOF)
    _end_invitations(db, person, InvitationState.USED, ctx)
    key = give_keys(db, person, command.signing, command.sealing, ctx.stamp)
    db.execute("UPDATE school_people SET wrapped = ? WHERE person = ?", (command.wrapped, person))
    return Done((person, key), Changes.PEOPLE, person=person)


def give_keys(db: sqlite3.Connection, person: int, signing: bytes, sealing: bytes, stamp: int) -> int:
    """Makes new keys a person's own; answers the count of their keys."""
    (count,) = db.execute("SELECT key FROM school_people WHERE person = ?", (person,)).fetchone()
    key = int(count) + 1
    db.execute("UPDATE school_principals SET public = ? WHERE number = ?", (signing, person))
    db.execute("UPDATE school_people SET key = ?, sealing = ? WHERE person = ?", (key, sealing, person))
    db.execute(
        "INSERT INTO school_person_keys VALUES (?, ?, ?, ?, ?)", (person, key, signing, sealing, stamp)
    )
    return key


@RULES.rule(PersonSetActive)
def _person_set_active(db: sqlite3.Connection, command: PersonSetActive, ctx: Context) -> Done:
    """Effects: [person, active]."""
    require_administrator(db, ctx)
    if role_of(db, command.person) is Role.ADMINISTRATOR and not command.active:
        (others,) = db.execute(
            "SELECT count(*) FROM school_people p JOIN school_principals q ON q.number = p.person "
            "WHERE p.role = ? AND p.key > 0 AND q.active AND p.person <> ?",
            (Role.ADMINISTRATOR, command.person),
        ).fetchone()
        refuse_unless(others, Outcome.LAST_ADMINISTRATOR)
    db.execute("UPDATE school_principals SET active = ? WHERE number = ?", (command.active, command.person))
    return Done(
        (command.person, command.active),
        Changes.PEOPLE,
        person=command.person,
        subject="on" if command.active else "off",
    )
