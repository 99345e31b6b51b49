"""The rules for machines: tokens admit them, administrators tag and retire them."""

import sqlite3

from lms_desktop.school import proofs
from lms_desktop.school.changes import Changes
from lms_desktop.school.commands import MachineAddress, MachineJoin, MachineSet, TokenAdd, TokenRevoke
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.rules.base import (
    Context,
    Done,
    Rules,
    new_principal,
    refuse_taken_key,
    refuse_unless,
    require_administrator,
)
from lms_desktop.school.tables import PrincipalKind
from lms_desktop.trust.primitives import verify

RULES = Rules()

FIRST_KEEPERS = 3
"""The first machines to join are keepers until an administrator says otherwise."""


def _refuse_taken_curve(db: sqlite3.Connection, curve: bytes) -> None:
    taken = db.execute(
        "SELECT 1 FROM school_machines WHERE curve = :key UNION ALL "
        "SELECT 1 FROM school_tokens WHERE curve = :key",
        {"key": curve},
    ).fetchone()
    refuse_unless(taken is None, Outcome.KEY_TAKEN)


@RULES.rule(TokenAdd)
def _token_add(db: sqlite3.Connection, command: TokenAdd, ctx: Context) -> Done:
    """Effects: [token]."""
    require_administrator(db, ctx)
    refuse_unless(command.expires > ctx.stamp, Outcome.TOKEN_EXPIRED)
    refuse_taken_key(db, command.signing)
    _refuse_taken_curve(db, command.curve)
    token = new_principal(db, PrincipalKind.TOKEN, command.signing)
    db.execute(
        "INSERT INTO school_tokens VALUES (?, ?, ?, ?, 0, ?, ?, ?)",
        (token, command.label, command.curve, command.uses, command.expires, ctx.author, ctx.stamp),
    )
    return Done((token,), Changes.MACHINES, count=command.uses, subject=command.label)


@RULES.rule(TokenRevoke)
def _token_revoke(db: sqlite3.Connection, command: TokenRevoke, ctx: Context) -> Done:
    """Effects: [token]."""
    require_administrator(db, ctx)
    row = db.execute("SELECT label FROM school_tokens WHERE token = ?", (command.token,)).fetchone()
    refuse_unless(row is not None, Outcome.UNKNOWN_TOKEN)
    db.execute("UPDATE school_principals SET active = 0 WHERE number = ?", (command.token,))
    return Done((command.token,), Changes.MACHINES, subject=row[0])


@RULES.rule(MachineJoin, PrincipalKind.TOKEN)
def _machine_join(db: sqlite3.Connection, command: MachineJoin, ctx: Context) -> Done:
    """Effects: [machine, keeper]."""
    uses, used, expires = db.execute(
        "SELECT uses, used, expires FROM school_tokens WHERE token = ?", (ctx.author,)
    ).fetchone()
    refuse_unless(ctx.stamp <= expires, Outcome.TOKEN_EXPIRED)
    refuse_unless(used < uses, Outcome.TOKEN_SPENT)
    refuse_taken_key(db, command.signing)
    _refuse_taken_curve(db, command.curve)
    message = proofs.join(
        ctx.cluster_id, ctx.author, command.signing, command.curve, command.hardware, command.incarnation
    )
    refuse_unless(verify(command.signing, message, command.proof), Outcome.BAD_KEY_PROOF)
    db.execute("UPDATE school_tokens SET used = used + 1 WHERE token = ?", (ctx.author,))
    (machines,) = db.execute("SELECT count(*) FROM school_machines").fetchone()
    keeper = machines < FIRST_KEEPERS
    machine = new_principal(db, PrincipalKind.MACHINE, command.signing)
    db.execute(
        "INSERT INTO school_machines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
        (
            machine,
            command.name,
            command.curve,
            command.host,
            command.port,
            command.files_port,
            command.hardware,
            command.incarnation,
            keeper,
            ctx.author,
            ctx.stamp,
        ),
    )
    return Done((machine, keeper), Changes.MACHINES, subject=command.name)


@RULES.rule(MachineSet)
def _machine_set(db: sqlite3.Connection, command: MachineSet, ctx: Context) -> Done:
    """Effects: [machine, keeper, GPU host, active]."""
    require_administrator(db, ctx)
    row = db.execute(
        "SELECT m.name, m.keeper, m.gpu_host, q.active FROM school_machines m "
        "JOIN school_principals q ON q.number = m.machine WHERE m.machine = ?",
        (command.machine,),
    ).fetchone()
    refuse_unless(row is not None, Outcome.UNKNOWN_MACHINE)
    name, was_keeper, gpu_host, active = row[0], bool(row[1]), bool(row[2]), bool(row[3])
    refuse_unless(active, Outcome.MACHINE_RETIRED)
    keeper = not command.retire and (was_keeper if command.keeper is None else command.keeper)
    if was_keeper and not keeper:
        (keepers,) = db.execute("SELECT count(*) FROM school_machines WHERE keeper").fetchone()
        refuse_unless(keepers > 1, Outcome.LAST_KEEPER)
    gpu_host = not command.retire and (gpu_host if command.gpu_host is None else command.gpu_host)
    name = name if command.name is None else command.name
    db.execute(
        "UPDATE school_machines SET name = ?, keeper = ?, gpu_host = ? WHERE machine = ?",
        (name, keeper, gpu_host, command.machine),
    )
    if command.retire:
        db.execute("UPDATE school_principals SET active = 0 WHERE number = ?", (command.machine,))
    return Done((command.machine, keeper, gpu_host, not command.retire), Changes.MACHINES, subject=name)


@RULES.rule(MachineAddress, PrincipalKind.MACHINE)
def _machine_address(db: sqlite3.Connection, command: MachineAddress, ctx: Context) -> Done:
    """Effects: [machine]."""
    db.execute(
        "UPDATE school_machines SET host = ?, port = ?, files_port = ?, incarnation = ? WHERE machine = ?",
        (command.host, command.port, command.files_port, command.incarnation, ctx.author),
    )
    subject = f"{command.host}, ports {command.port} and {command.files_port}"
    return Done((ctx.author,), Changes.MACHINES, subject=subject)
