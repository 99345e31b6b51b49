"""The rules for the school itself."""

import sqlite3

from lms_desktop.school.changes import Changes
from lms_desktop.school.commands import RulesRaise, Void
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.rules.base import Context, Done, Rules, refuse_unless, require_administrator
from lms_desktop.school.tables import PrincipalKind

RULES = Rules()


@RULES.rule(Void, *PrincipalKind)
def _void(db: sqlite3.Connection, command: Void, ctx: Context) -> Done:
    """Effects: []."""
    return Done((), Changes.NOTHING)


@RULES.rule(RulesRaise)
def _rules_raise(db: sqlite3.Connection, command: RulesRaise, ctx: Context) -> Done:
    """Effects: [version]."""
    require_administrator(db, ctx)
    refuse_unless(command.version == version_in_force(db) + 1, Outcome.RULES_NOT_RAISED)
    db.execute("UPDATE school_school SET rules_version = ?", (command.version,))
    return Done((command.version,), Changes.NOTHING, count=command.version)


def version_in_force(db: sqlite3.Connection) -> int:
    """The version of the rules that the school works by."""
    (current,) = db.execute("SELECT rules_version FROM school_school").fetchone()
    return int(current)
