"""The school's rules: what a command does to the tables, or why it does nothing.

`apply` judges by the state at the command's place in the ledger, checks everything before its first
write, takes time from the entry's stamp alone, and answers the same on every replica.
"""

import sqlite3

from lms_desktop.school.changes import Changes
from lms_desktop.school.commands import CommandError, Role, RulesRaise
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.rules import courses, grades, machines, people, questions, school, tutor, work
from lms_desktop.school.rules.base import (
    RULES_VERSION,
    Context,
    Done,
    Principal,
    Refused,
    Rule,
    Verdict,
    principal,
    role_of,
)
from lms_desktop.school.rules.founding import check_genesis, found
from lms_desktop.school.tables import PrincipalKind

_RULES: dict[int, Rule] = {
    kind: rule
    for area in (people, machines, courses, work, grades, school, tutor, questions)
    for kind, rule in area.RULES.by_kind.items()
}

_INACTIVE = {
    PrincipalKind.PERSON: Outcome.AUTHOR_INACTIVE,
    PrincipalKind.MACHINE: Outcome.MACHINE_RETIRED,
    PrincipalKind.INVITATION: Outcome.INVITATION_USED,
    PrincipalKind.TOKEN: Outcome.TOKEN_REVOKED,
}


def apply(db: sqlite3.Connection, kind: int, body: tuple[object, ...], ctx: Context) -> Verdict:
    """Applies a verified command inside the caller's transaction; a refusal is a `Verdict` too.

    The author's signature, lane and seq are the ledger's to check. The audit row is written here.
    """
    try:
        done = _run(db, kind, body, ctx)
    except CommandError:
        return refused(db, ctx, kind, Outcome.INVALID)
    except Refused as refusal:
        return refused(db, ctx, kind, refusal.code)
    if not done.audited:
        return Verdict(Outcome.ACCEPTED, done.effects, done.changes)
    _audit(db, ctx, kind, Outcome.ACCEPTED, done)
    return Verdict(Outcome.ACCEPTED, done.effects, done.changes | Changes.AUDIT)


def _run(db: sqlite3.Connection, kind: int, body: tuple[object, ...], ctx: Context) -> Done:
    rule = _RULES.get(kind)
    if rule is None:
        raise Refused(Outcome.UNKNOWN_KIND)
    author = ctx.signer or principal(db, ctx.author)
    if author is None:
        raise Refused(Outcome.UNKNOWN_AUTHOR)
    if author.kind not in rule.signers:
        raise Refused(Outcome.WRONG_AUTHOR)
    if not author.active:
        raise Refused(_INACTIVE[author.kind])
    return rule.run(db, rule.command.from_body(body), ctx)


def refused(db: sqlite3.Connection, ctx: Context, kind: int, code: int) -> Verdict:
    """Puts a refusal, the ledger's own included, into the audit."""
    _audit(db, ctx, kind, code, Done((), Changes.NOTHING))
    return Verdict(code, (), Changes.AUDIT)


def _audit(db: sqlite3.Connection, ctx: Context, kind: int, code: int, done: Done) -> None:
    db.execute(
        "INSERT INTO school_audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            ctx.index,
            ctx.stamp,
            ctx.author,
            kind,
            code,
            done.course,
            done.person,
            done.count,
            done.subject,
        ),
    )


def needs_newer(db: sqlite3.Connection, author: int, kind: int, body: tuple[object, ...]) -> bool:
    """Whether the node must stop before this verified command and ask to be updated: an administrator raises
    the rules to a version that it lacks."""
    if kind != RulesRaise.KIND:
        return False
    signer = principal(db, author)
    if signer is None or not signer.active or signer.kind is not PrincipalKind.PERSON:
        return False
    try:
        version = RulesRaise.from_body(body).version
    except CommandError:
        return False
    follows = version == school.version_in_force(db) + 1
    return follows and version > RULES_VERSION and role_of(db, author) is Role.ADMINISTRATOR


def foresee(db: sqlite3.Connection, kind: int, body: tuple[object, ...], ctx: Context) -> int:
    """The outcome that a verified command would have as things stand: asked before its file is kept, with no
    tickets and a single voter in the context, so that only tickets are left to judge."""
    db.execute("SAVEPOINT foresight")
    try:
        return apply(db, kind, body, ctx).code
    finally:
        db.execute("ROLLBACK TO foresight")
        db.execute("RELEASE foresight")


__all__ = [
    "RULES_VERSION",
    "Context",
    "Principal",
    "Verdict",
    "apply",
    "check_genesis",
    "foresee",
    "found",
    "needs_newer",
    "principal",
    "refused",
]
