"""Every replica, and every rebuild, gets the same tables, effects and verdicts."""

import sqlite3

from lms_desktop.school import rules
from lms_desktop.school.commands import GradeCorrect, WrappedKeysSet
from lms_desktop.trust import wire
from tests.school.test_queries import InUse
from tests.school.world import Class, World, sealed


def _replay(world: World) -> World:
    """The same commands, as they come off the wire, on an empty database."""
    copy = World(genesis=world.genesis)
    for said in world.said:
        body = wire.unpack(wire.pack(said.command.body()))
        assert isinstance(body, tuple)
        verdict = rules.apply(copy.db, said.command.KIND, body, said.context)
        assert verdict == said.verdict
        assert wire.unpack(wire.pack(verdict.effects)) == verdict.effects
    return copy


def test_the_same_commands_give_the_same_tables_and_effects() -> None:
    school = InUse()
    world = school.world
    world.refusal(
        school.bo, GradeCorrect(school.assignment, school.bo, school.graded, None, sealed(student=1))
    )
    world.refusal(999, WrappedKeysSet(b"x"))
    copy = _replay(world)
    assert copy.tables() == world.tables()
    assert "\n".join(copy.db.iterdump()) == "\n".join(world.db.iterdump())


def test_other_databases_of_the_same_school_agree_after_a_crash_in_between(class_: Class) -> None:
    world = class_.world
    copy = World(genesis=world.genesis, db=sqlite3.connect(":memory:", isolation_level=None))
    for said in world.said:
        for attempt in ("lost", "kept"):
            copy.db.execute("BEGIN")
            rules.apply(copy.db, said.command.KIND, said.command.body(), said.context)
            copy.db.execute("ROLLBACK" if attempt == "lost" else "COMMIT")
    assert copy.tables() == world.tables()
